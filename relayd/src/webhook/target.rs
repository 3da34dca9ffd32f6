//! What a webhook's URL may be (protocol A7.1, A7.4).

use rustls::pki_types::ServerName;
use serde_json::Value;
use std::fmt;
use std::net::IpAddr;
use url::{Host, Position, Url};

/// Why a text is no webhook's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum UrlError {
    #[error("must be a URL, without spaces or control characters")]
    Syntax,
    #[error("must begin with https://")]
    Scheme,
    #[error("must begin with https://, since this relay's configuration does not allow http")]
    NotEncrypted,
    #[error("must not have a user name or password; the secret says who posts")]
    Credentials,
    #[error("must not have a fragment (#), which is never sent")]
    Fragment,
    #[error("must name a host that a certificate can be for")]
    Host,
    #[error("must have port 443, 80, or one from 1024 on")]
    Port,
}

impl UrlError {
    /// The part of the URL that breaks the rule; of those that may be a secret, what they are.
    pub(super) fn given(self, text: &str) -> Value {
        let url = Url::parse(text).ok();
        let url = url.as_ref();
        match self {
            Self::Syntax => "not_a_url".into(),
            Self::Scheme | Self::NotEncrypted => url.map(Url::scheme).into(),
            Self::Credentials => "credentials".into(),
            Self::Fragment => "fragment".into(),
            Self::Host => url.and_then(Url::host_str).into(),
            Self::Port => url.and_then(Url::port_or_known_default).into(),
        }
    }
}

/// Where a webhook is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Target {
    url: Url,
    host: Destination,
    port: u16,
}

/// A host as it is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    Name(String),
    Address(IpAddr),
}

impl Target {
    pub(super) fn parse(text: &str) -> Result<Self, UrlError> {
        // The URL standard would silently drop them.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(UrlError::Syntax);
        }
        let url = Url::parse(text).map_err(|_| UrlError::Syntax)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(UrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        let host = match url.host() {
            Some(Host::Ipv4(address)) => Destination::Address(address.into()),
            Some(Host::Ipv6(address)) => Destination::Address(address.into()),
            Some(Host::Domain(name)) => Destination::Name(name.to_owned()),
            None => return Err(UrlError::Host),
        };
        let port = url.port_or_known_default().ok_or(UrlError::Port)?;
        if !matches!(port, 80 | 443 | 1024..) {
            return Err(UrlError::Port);
        }
        let target = Self { url, host, port };
        target.server_name().ok_or(UrlError::Host)?;
        Ok(target)
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub(super) fn host(&self) -> &Destination {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, in one spelling: names the receiver.
    pub(super) fn receiver(&self) -> String {
        let host = &self.url[Position::BeforeHost..Position::AfterHost];
        format!("{}:{}", host.trim_end_matches('.'), self.port)
    }

    /// The `Host` header: without a port that goes without saying.
    pub(super) fn authority(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// Path and query, as the request line has them.
    pub(super) fn path(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }

    /// The name that the receiver's certificate must be for.
    pub(super) fn server_name(&self) -> Option<ServerName<'static>> {
        match &self.host {
            Destination::Address(address) => Some(ServerName::IpAddress((*address).into())),
            Destination::Name(name) => ServerName::try_from(name.clone()).ok(),
        }
    }
}

/// Paths of webhooks often are a secret in themselves.
impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Target({})", self.receiver())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_named_and_what_may_be_a_secret_is_not() {
        for (url, given) in [
            ("https://hooks.example:1/x", Value::from(1)),
            ("ftp://hooks.example/x", "ftp".into()),
            ("https://a:secret@hooks.example/", "credentials".into()),
            ("https://hooks.example/#secret", "fragment".into()),
            ("secret", "not_a_url".into()),
        ] {
            let error = Target::parse(url).unwrap_err();
            assert_eq!(error.given(url), given, "{url}");
        }
    }

    #[test]
    fn a_url_becomes_a_request() {
        let target = Target::parse("HTTPS://Hooks.Example:443/a/b%20c?d=e").unwrap();
        assert!(target.is_encrypted());
        assert_eq!(target.authority(), "hooks.example");
        assert_eq!(target.path(), "/a/b%20c?d=e");
        assert_eq!(target.receiver(), "hooks.example:443");
        assert_eq!(format!("{target:?}"), "Target(hooks.example:443)");
        let target = Target::parse("http://[2001:db8::1]:8080").unwrap();
        assert!(!target.is_encrypted());
        assert_eq!(target.authority(), "[2001:db8::1]:8080");
        assert_eq!(target.path(), "/");
        let address = "2001:db8::1".parse().unwrap();
        assert_eq!(*target.host(), Destination::Address(address));
        let dotted = Target::parse("https://hooks.example./").unwrap();
        assert_eq!(dotted.receiver(), "hooks.example:443");
    }

    #[test]
    fn what_is_no_webhook_url_is_refused() {
        for (text, error) in [
            ("", UrlError::Syntax),
            ("hooks.example/", UrlError::Syntax),
            ("https://", UrlError::Syntax),
            ("https://a b.example/", UrlError::Syntax),
            ("https://a.example/\n", UrlError::Syntax),
            (" https://a.example/", UrlError::Syntax),
            ("https://a.example/\u{0}", UrlError::Syntax),
            ("https://[::1/", UrlError::Syntax),
            ("https://999.1.1.1/", UrlError::Syntax),
            ("https://a.example:99999/", UrlError::Syntax),
            ("ftp://a.example/", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Scheme),
            ("gopher://a.example:25/", UrlError::Scheme),
            ("https://user@a.example/", UrlError::Credentials),
            ("https://:word@a.example/", UrlError::Credentials),
            ("https://a.example/#", UrlError::Fragment),
            ("https://a.example/#x", UrlError::Fragment),
            ("https://a.example:0/", UrlError::Port),
            ("https://a.example:22/", UrlError::Port),
            ("https://a.example:25/", UrlError::Port),
            ("https://a.example:1023/", UrlError::Port),
            ("https://a..example/", UrlError::Host),
        ] {
            assert_eq!(Target::parse(text).unwrap_err(), error, "{text:?}");
        }
        for text in [
            "https://a.example:1024/",
            "https://a.example:80/",
            "http://a.example:443/",
        ] {
            assert!(Target::parse(text).is_ok(), "{text:?}");
        }
    }
}
