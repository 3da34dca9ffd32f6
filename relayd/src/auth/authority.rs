//! By which names a relay is asked: what a bound signature must have been made for (protocol A11).
//!
//! The configured names hold wherever a request comes in. Those of the machine itself, such as `localhost:8080`, every machine has:
//! they hold for clients on this one, on a listener that no other reaches. What `Host` says only chooses among these.

use crate::config::{Config, ListenAddress};
use std::net::SocketAddr;

/// The listener that a request came in by, as far as it gives the relay a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// One that only this machine reaches.
    Loopback(SocketAddr),
    /// A Unix socket.
    Unix,
    /// Any other, or none.
    Elsewhere,
}

impl Entrance {
    /// Of a bound listener, with the port that it was given.
    pub(crate) fn of(listener: &ListenAddress) -> Self {
        match listener {
            ListenAddress::Tcp(address) if listener.is_local() => Self::Loopback(*address),
            ListenAddress::Tcp(_) => Self::Elsewhere,
            ListenAddress::Unix(_) => Self::Unix,
        }
    }

    /// Whether this is a name that the listener has by itself.
    fn has(self, authority: &str) -> bool {
        match self {
            Self::Elsewhere => false,
            Self::Unix => authority == "localhost",
            Self::Loopback(address) => {
                let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                let port = format!(":{}", address.port());
                let host = authority.strip_suffix(&port).or_else(|| {
                    let is_default = matches!(address.port(), 80 | 443);
                    (is_default && !has_port(authority)).then_some(authority)
                });
                let own = address.to_string();
                host.is_some_and(|host| {
                    matches!(host, "127.0.0.1" | "localhost" | "[::1]")
                        || own.strip_suffix(&port) == Some(host)
                })
            }
        }
    }
}

/// The names that the configuration gives the relay, each as a client signs it: in lower case, without a default port.
#[derive(Debug)]
pub(super) struct Authorities {
    configured: Vec<String>,
}

impl Authorities {
    pub(super) fn new(config: &Config) -> Self {
        let public_url = config.public_url.as_deref().and_then(|url| {
            let (scheme, authority) = split_origin(url.trim_end_matches('/'))?;
            Some(without_port(authority, scheme.default_port()).to_ascii_lowercase())
        });
        // A name without a scheme may stand for either.
        let names = config.names.iter().map(|name| {
            let name = name.to_ascii_lowercase();
            without_port(without_port(&name, ":443"), ":80").to_owned()
        });
        let mut configured: Vec<String> = public_url.into_iter().chain(names).collect();
        configured.dedup();
        Self { configured }
    }

    /// The names under which a request may be signed: that in its `Host` (in lower case) first, if it is one of them.
    pub(super) fn of_request<'a>(
        &'a self,
        entrance: Entrance,
        host: Option<&'a str>,
    ) -> impl Iterator<Item = &'a str> {
        let host = host.filter(|host| self.include(entrance, host));
        let others = self.configured.iter().map(String::as_str);
        host.into_iter()
            .chain(others.filter(move |name| Some(*name) != host))
    }

    /// Whether this origin, as a WebSocket's audience has it, is the relay's.
    pub(super) fn include_origin(&self, entrance: Entrance, origin: &str) -> bool {
        split_origin(origin).is_some_and(|(scheme, authority)| {
            !authority.ends_with(scheme.default_port()) && self.include(entrance, authority)
        })
    }

    /// Whether a client that asks by this name, or by none, could sign for the relay.
    pub(super) fn are_known(&self, entrance: Entrance, host: Option<&str>) -> bool {
        match host {
            Some(host) => self.include(entrance, host),
            None => entrance != Entrance::Elsewhere || !self.configured.is_empty(),
        }
    }

    fn include(&self, entrance: Entrance, authority: &str) -> bool {
        self.configured.iter().any(|name| name == authority) || entrance.has(authority)
    }
}

#[derive(Debug, Clone, Copy)]
enum HttpScheme {
    Http,
    Https,
}

impl HttpScheme {
    fn default_port(self) -> &'static str {
        match self {
            Self::Http => ":80",
            Self::Https => ":443",
        }
    }
}

fn split_origin(origin: &str) -> Option<(HttpScheme, &str)> {
    let (scheme, authority) = match origin.strip_prefix("https://") {
        Some(authority) => (HttpScheme::Https, authority),
        None => (HttpScheme::Http, origin.strip_prefix("http://")?),
    };
    Some((scheme, authority))
}

fn without_port<'a>(authority: &'a str, port: &str) -> &'a str {
    authority.strip_suffix(port).unwrap_or(authority)
}

fn has_port(authority: &str) -> bool {
    authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.ends_with(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorities(assignments: &[&str]) -> Authorities {
        let mut config = Config::default();
        for assignment in assignments {
            config.set(assignment).unwrap();
        }
        Authorities::new(&config)
    }

    fn entrance(listener: &str) -> Entrance {
        Entrance::of(&listener.parse().unwrap())
    }

    #[test]
    fn a_listener_has_the_names_of_the_machine_with_its_own_port() {
        let has = |listener: &str, authority: &str| entrance(listener).has(authority);
        for good in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"] {
            assert!(has("127.0.0.1:8080", good), "{good}");
            assert!(has("[::1]:8080", good), "{good}");
            assert!(has("[::ffff:127.0.0.1]:8080", good), "{good}");
        }
        assert!(has("127.0.0.9:8080", "127.0.0.9:8080"));
        for bad in [
            "127.0.0.1:8081",
            "127.0.0.1",
            "localhost",
            "127.0.0.9:8080",
            "relay.example:8080",
            "LOCALHOST:8080",
            ":8080",
            "",
        ] {
            assert!(!has("127.0.0.1:8080", bad), "{bad}");
        }
        assert!(has("127.0.0.1:80", "localhost"));
        assert!(has("[::1]:443", "[::1]"));
        assert!(!has("127.0.0.1:80", "localhost:443"));
        assert!(!has("0.0.0.0:8080", "127.0.0.1:8080"));
        assert!(!has("192.0.2.1:8080", "localhost:8080"));
        assert!(has("unix:/run/relayd.sock", "localhost"));
        assert!(!has("unix:/run/relayd.sock", "localhost:80"));
    }

    #[test]
    fn configured_names_have_no_default_port() {
        let of = |assignment: &str| authorities(&[assignment]).configured;
        assert_eq!(
            of("public_url=https://Relay.Example:443/"),
            ["relay.example"]
        );
        assert_eq!(
            of("public_url=https://relay.example:80"),
            ["relay.example:80"]
        );
        assert_eq!(of("public_url=http://relay.example:80"), ["relay.example"]);
        assert_eq!(
            of("public_url=http://[2001:db8::1]:8080"),
            ["[2001:db8::1]:8080"]
        );
        assert_eq!(
            of(r#"names=["A.example", "b.example:8443", "c.example:443"]"#),
            ["a.example", "b.example:8443", "c.example"]
        );
    }

    #[test]
    fn the_host_chooses_among_names_and_adds_none() {
        let authorities = authorities(&["public_url=https://a.example", "names=b.example"]);
        let of = |listener: &str, host: Option<&'static str>| -> Vec<String> {
            let names = authorities.of_request(entrance(listener), host);
            names.map(str::to_owned).collect()
        };
        let (near, far) = ("127.0.0.1:8080", "0.0.0.0:8080");
        assert_eq!(of(far, None), ["a.example", "b.example"]);
        assert_eq!(of(far, Some("b.example")), ["b.example", "a.example"]);
        assert_eq!(of(far, Some("evil.example")), ["a.example", "b.example"]);
        assert_eq!(of(far, Some("localhost:8080")), ["a.example", "b.example"]);
        assert_eq!(
            of(near, Some("localhost:8080")),
            ["localhost:8080", "a.example", "b.example"]
        );
    }

    #[test]
    fn an_audience_is_an_origin_of_the_relay() {
        let authorities = authorities(&["public_url=https://a.example", "names=b.example:8443"]);
        let is_ours = |origin: &str| authorities.include_origin(entrance("127.0.0.1:80"), origin);
        for good in [
            "https://a.example",
            "https://b.example:8443",
            "http://localhost",
        ] {
            assert!(is_ours(good), "{good}");
        }
        for bad in [
            "https://a.example:443",
            "https://A.example",
            "a.example",
            "wss://a.example",
            "https://b.example",
            "https://evil.example",
            "https://evil.example/a.example",
            "http://localhost:80",
            "",
        ] {
            assert!(!is_ours(bad), "{bad}");
        }
    }

    #[test]
    fn a_relay_is_known_by_a_name_or_not_at_all() {
        let (named, nameless) = (authorities(&["names=a.example"]), authorities(&[]));
        let (near, far) = (entrance("127.0.0.1:8080"), entrance("0.0.0.0:8080"));
        assert!(named.are_known(far, Some("a.example")));
        assert!(named.are_known(far, None));
        assert!(!named.are_known(far, Some("10.0.0.5:8080")));
        assert!(nameless.are_known(near, Some("localhost:8080")));
        assert!(nameless.are_known(near, None));
        assert!(!nameless.are_known(far, None));
        assert!(!nameless.are_known(far, Some("localhost:8080")));
    }
}
