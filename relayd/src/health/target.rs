//! Which relay is asked, and how it is reached.

use crate::config::{Config, ListenAddress};
use mrp_proto::relay_api::path;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use url::Url;

/// A relay to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(super) place: Place,
    pub(super) tls: Option<Tls>,
    /// As the header `Host` has it.
    pub(super) host: String,
    pub(super) path: String,
}

/// Where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// How to connect with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tls {
    /// The name that is asked for.
    pub(super) name: String,
    pub(super) trust: Trust,
}

/// Whom to believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Whom this machine believes: for a URL that somebody named.
    Platform,
    /// Whoever answers at the listener of our own configuration. Nothing is given away to it, and its certificate may be from an
    /// authority of the operator's own, or not there yet.
    OwnListener,
}

/// What was named is nothing to connect to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    #[error(
        "{0:?}: expected a URL such as http://127.0.0.1:8080, https://relay.example.net or unix:/path"
    )]
    Url(String),
    #[error(
        "the configuration names no port to connect to; give the URL, such as http://127.0.0.1:8080"
    )]
    AnyPort,
}

impl Target {
    /// Reads a URL. Without a path of its own it is asked whether it is ready.
    pub(crate) fn parse(text: &str) -> Result<Self, TargetError> {
        let refused = || TargetError::Url(text.chars().take(200).collect());
        if let Some(socket) = text.strip_prefix("unix:") {
            return Ok(Self::unix(PathBuf::from(socket)));
        }
        let url = Url::parse(text).map_err(|_| refused())?;
        let trust = match url.scheme() {
            "http" => None,
            "https" => Some(Trust::Platform),
            _ => return Err(refused()),
        };
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(refused());
        };
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let path = match (url.path(), url.query()) {
            ("/", None) => ready(),
            (path, None) => path.to_owned(),
            (path, Some(query)) => format!("{path}?{query}"),
        };
        Ok(Self {
            tls: trust.map(|trust| Tls {
                name: host.clone(),
                trust,
            }),
            host: authority(&url).ok_or_else(refused)?,
            place: Place::Tcp { host, port },
            path,
        })
    }

    /// The first listener of a configuration. With TLS it is asked for by the name that the world uses.
    pub(crate) fn of(config: &Config) -> Result<Self, TargetError> {
        let address = match config.listen.first() {
            Some(ListenAddress::Tcp(address)) => reachable(*address),
            Some(ListenAddress::Unix(path)) => return Ok(Self::unix(path.clone())),
            None => return Err(TargetError::AnyPort),
        };
        if address.port() == 0 {
            return Err(TargetError::AnyPort);
        }
        let public: Option<Url> = config.public_url.as_ref().and_then(|url| url.parse().ok());
        let tls = config.tls.is_on().then(|| Tls {
            name: public
                .as_ref()
                .and_then(Url::host_str)
                .or(config.tls.acme.domains.first().map(String::as_str))
                .map_or_else(|| address.ip().to_string(), str::to_owned),
            trust: Trust::OwnListener,
        });
        Ok(Self {
            host: public
                .as_ref()
                .and_then(authority)
                .unwrap_or_else(|| address.to_string()),
            place: Place::Tcp {
                host: address.ip().to_string(),
                port: address.port(),
            },
            tls,
            path: ready(),
        })
    }

    fn unix(path: PathBuf) -> Self {
        Self {
            place: Place::Unix(path),
            tls: None,
            host: "relayd".to_owned(),
            path: ready(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Place::Tcp { host, port } => {
                let scheme = if self.tls.is_some() { "https" } else { "http" };
                match host.parse::<IpAddr>() {
                    Ok(IpAddr::V6(_)) => write!(formatter, "{scheme}://[{host}]:{port}"),
                    _ => write!(formatter, "{scheme}://{host}:{port}"),
                }
            }
        }
    }
}

fn ready() -> String {
    format!("{}/ready", path::HEALTH)
}

fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// Where a listener on all addresses can be reached from here.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_where_how_and_what() {
        let target = Target::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!(target.to_string(), "http://127.0.0.1:8080");
        assert_eq!(
            (target.path.as_str(), target.host.as_str()),
            ("/v1/health/ready", "127.0.0.1:8080")
        );
        assert_eq!(target.tls, None);
        let target = Target::parse("https://relay.example.net/v1/health?x=1").unwrap();
        assert_eq!(target.to_string(), "https://relay.example.net:443");
        assert_eq!(
            (target.path.as_str(), target.host.as_str()),
            ("/v1/health?x=1", "relay.example.net")
        );
        assert_eq!(target.tls.unwrap().trust, Trust::Platform);
        let target = Target::parse("http://[::1]:99/").unwrap();
        assert_eq!(target.to_string(), "http://[::1]:99");
        assert_eq!(target.host, "[::1]:99");
        let target = Target::parse("unix:/run/relayd/http.sock").unwrap();
        assert_eq!(target.to_string(), "unix:/run/relayd/http.sock");
        for wrong in ["", "127.0.0.1:8080", "ftp://example.net", "http://"] {
            assert_eq!(
                Target::parse(wrong),
                Err(TargetError::Url(wrong.to_owned()))
            );
        }
    }

    fn of(assignments: &[&str]) -> Result<Target, TargetError> {
        let mut config = Config::default();
        for assignment in assignments {
            config.set(assignment).unwrap();
        }
        Target::of(&config)
    }

    #[test]
    fn a_configuration_says_where_its_relay_is() {
        assert_eq!(of(&[]).unwrap().to_string(), "http://127.0.0.1:8080");
        assert_eq!(
            of(&["listen=0.0.0.0:80"]).unwrap().to_string(),
            "http://127.0.0.1:80"
        );
        assert_eq!(
            of(&["listen=[::]:80"]).unwrap().to_string(),
            "http://[::1]:80"
        );
        assert_eq!(
            of(&["listen=unix:/run/x.sock"]).unwrap().to_string(),
            "unix:/run/x.sock"
        );
        assert_eq!(of(&["listen=127.0.0.1:0"]), Err(TargetError::AnyPort));
        let encrypted = of(&[
            "listen=0.0.0.0:443",
            "public_url=https://relay.example.net",
            "tls.cert=/c.pem",
            "tls.key=/k.pem",
        ])
        .unwrap();
        assert_eq!(encrypted.to_string(), "https://127.0.0.1:443");
        let tls = encrypted.tls.unwrap();
        assert_eq!(
            (tls.name.as_str(), tls.trust),
            ("relay.example.net", Trust::OwnListener)
        );
        assert_eq!(encrypted.host, "relay.example.net");
    }
}
