//! Relay URLs as people give them, and the short names that the configuration knows relays by.

use http::Uri;
use std::net::IpAddr;

/// The relay that its makers run.
pub(crate) const HOSTED: &str = "https://relay.mrphub.io";
/// Where `relayd` listens if nothing is said.
pub(crate) const LOCAL: &str = "http://127.0.0.1:8080";

/// A relay's URL: http or https, a host, nothing behind the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RelayUrl {
    text: String,
    host: String,
    /// Whether nobody between here and there can listen.
    is_secret: bool,
}

impl RelayUrl {
    /// Reads a URL; the slash at its end goes.
    pub(crate) fn parse(given: &str) -> Result<Self, String> {
        let text = given.trim().trim_end_matches('/');
        let wrong = |why: &str| {
            format!(
                "{given:?} is no relay's URL: {why}; expected something like {HOSTED} or {LOCAL}"
            )
        };
        let uri: Uri = text.parse().map_err(|_| wrong("it cannot be read"))?;
        let scheme = uri.scheme_str().ok_or_else(|| wrong("it has no scheme"))?;
        if !matches!(scheme, "http" | "https") {
            return Err(wrong("its scheme is neither http nor https"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it carries a user name"));
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(wrong("there is something behind its path"));
        }
        let host = authority
            .host()
            .trim_matches(['[', ']'])
            .to_ascii_lowercase();
        if host.is_empty() {
            return Err(wrong("it has no host"));
        }
        let is_secret = scheme == "https" || is_loopback(&host);
        Ok(Self {
            text: text.to_owned(),
            host,
            is_secret,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// What is to be said before it is used, if there is something.
    pub(crate) fn warning(&self) -> Option<String> {
        (!self.is_secret).then(|| {
            format!("{} is not encrypted: who is between here and there sees who writes to whom, and all that is sent --plain", self.text)
        })
    }

    /// A name for it, of its host: `relay.mrphub.io` is `mrphub`, this machine is `local`.
    pub(crate) fn short_name(&self) -> String {
        if is_loopback(&self.host) {
            return "local".to_owned();
        }
        if self.host.parse::<IpAddr>().is_ok() {
            return self
                .host
                .replace([':', '.'], "-")
                .trim_matches('-')
                .to_owned();
        }
        let labels: Vec<&str> = self
            .host
            .split('.')
            .filter(|label| !label.is_empty())
            .collect();
        let generic = ["relay", "relayd", "mrp", "www"];
        let first = labels.iter().position(|label| !generic.contains(label));
        let chosen = match first {
            Some(at) if at + 1 < labels.len() || labels.len() == 1 => labels[at],
            _ => labels.first().copied().unwrap_or("relay"),
        };
        chosen.to_owned()
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_host() {
        for (url, name) in [
            ("https://relay.mrphub.io", "mrphub"),
            ("https://relay.example.net:8443/mrp/", "example"),
            ("http://127.0.0.1:8080", "local"),
            ("http://localhost:8080/", "local"),
            ("http://[::1]:8080", "local"),
            ("https://nas", "nas"),
            ("https://relay", "relay"),
            ("https://relay.io", "relay"),
            ("http://192.168.1.5:8080", "192-168-1-5"),
            ("https://Example.ORG", "example"),
        ] {
            assert_eq!(RelayUrl::parse(url).unwrap().short_name(), name, "{url}");
        }
    }

    #[test]
    fn a_slash_at_the_end_makes_no_difference() {
        assert_eq!(
            RelayUrl::parse(" http://a/ ").unwrap(),
            RelayUrl::parse("http://a").unwrap()
        );
    }

    #[test]
    fn what_is_no_relay_is_refused_with_the_reason() {
        for (url, why) in [
            ("relay.mrphub.io", "no scheme"),
            ("ws://relay", "neither http nor https"),
            ("https://user:secret@relay", "user name"),
            ("https://relay?x=1", "behind its path"),
            ("https://relay#x", "behind its path"),
            ("", "cannot be read"),
            ("http://", "no scheme"),
        ] {
            let error = RelayUrl::parse(url).unwrap_err();
            assert!(error.contains(why), "{url}: {error}");
        }
    }

    #[test]
    fn a_relay_in_clear_beyond_this_machine_is_warned_of() {
        let warned = |url| RelayUrl::parse(url).unwrap().warning().is_some();
        assert!(warned("http://relay.example.net"));
        assert!(!warned("http://127.0.0.1:8080"));
        assert!(!warned("https://relay.example.net"));
    }
}
