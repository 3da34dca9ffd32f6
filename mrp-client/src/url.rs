//! Where a relay is: `http` or `https`, a host, perhaps a port, and nothing else.

use mrp_proto::relay_api::path;
use std::fmt;
use std::str::FromStr;
use url::{Host, Url};

/// Why a text is not a relay's URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL at all.
    #[error(
        "{text:?} is not a URL ({cause}); a relay's looks like https://relay.example or http://127.0.0.1:8080"
    )]
    Syntax {
        /// What was given.
        text: String,
        /// What the URL standard objects to.
        cause: url::ParseError,
    },
    /// Neither `http` nor `https`. A host and port without a scheme end here too.
    #[error("{text:?} does not begin with http:// or https://; write one of them in front")]
    Scheme {
        /// What was given.
        text: String,
    },
    /// A user name or password before the host: an agent is known by its key.
    #[error(
        "a relay's URL has no user name or password; an agent is known by its key: leave them out"
    )]
    Credentials,
    /// Port 0 is no port to connect to.
    #[error("a relay's URL cannot have port 0; write the port on which the relay listens")]
    Port,
    /// Something after the host and port.
    #[error("a relay's URL ends after its host and port; leave out {excess:?}")]
    Excess {
        /// The path, query or fragment.
        excess: String,
    },
}

/// A relay's address: its origin in the sense of RFC 6454, always in its one normal spelling.
///
/// ```
/// use mrp_client::RelayUrl;
/// let url: RelayUrl = "HTTPS://Relay.Example:443/".parse()?;
/// assert_eq!(url.to_string(), "https://relay.example");
/// assert_eq!(url.websocket(), "wss://relay.example/v1/ws");
/// # Ok::<(), mrp_client::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayUrl {
    url: Url,
    origin: String,
}

impl RelayUrl {
    /// Reads a URL of the form `http[s]://host[:port][/]`.
    ///
    /// # Errors
    /// A [`UrlError`] that names the part that is wrong.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let url = Url::parse(text).map_err(|cause| match cause {
            url::ParseError::RelativeUrlWithoutBase => UrlError::Scheme {
                text: text.to_owned(),
            },
            cause => UrlError::Syntax {
                text: text.to_owned(),
                cause,
            },
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError::Scheme {
                text: text.to_owned(),
            });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        if url.port() == Some(0) {
            return Err(UrlError::Port);
        }
        let excess = &url[url::Position::BeforePath..];
        if excess != "/" {
            return Err(UrlError::Excess {
                excess: excess.to_owned(),
            });
        }
        let origin = url.origin().ascii_serialization();
        Ok(Self { url, origin })
    }

    /// The origin: scheme, host, and the port where it is not the scheme's own.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The origin without its scheme: what a bound signature calls the relay (RFC 9421 section 2.2.3).
    pub(crate) fn authority(&self) -> &str {
        let (_, authority) = self.origin.split_once("://").unwrap_or_default();
        authority
    }

    /// The address of the WebSocket endpoint: `ws://` or `wss://`, and its path.
    pub fn websocket(&self) -> String {
        let scheme = if self.is_encrypted() { "wss" } else { "ws" };
        let authority = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        format!("{scheme}://{authority}{}", path::WEBSOCKET)
    }

    /// Whether connections are made over TLS.
    pub fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host, an IPv6 address without its brackets.
    pub(crate) fn host(&self) -> String {
        match self.url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => String::new(),
        }
    }

    /// The port, the scheme's own where none is written.
    pub(crate) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(80)
    }

    /// The URL of a request target on this relay, or `None` where URL normalisation would change the target: what is signed must
    /// be what is sent.
    pub(crate) fn at(&self, target: &str) -> Option<Url> {
        let url = Url::parse(&format!("{}{target}", self.origin)).ok()?;
        (&url[url::Position::BeforePath..] == target).then_some(url)
    }
}

impl FromStr for RelayUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.origin)
    }
}

impl fmt::Debug for RelayUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RelayUrl({})", self.origin)
    }
}

mrp_proto::serde_as_text!(RelayUrl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_relay_has_one_spelling() {
        for (given, origin, websocket) in [
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080",
                "ws://127.0.0.1:8080/v1/ws",
            ),
            (
                "http://[::1]:8080/",
                "http://[::1]:8080",
                "ws://[::1]:8080/v1/ws",
            ),
            (
                "https://Relay.Example:443",
                "https://relay.example",
                "wss://relay.example/v1/ws",
            ),
            (
                "https://bücher.example:8443",
                "https://xn--bcher-kva.example:8443",
                "wss://xn--bcher-kva.example:8443/v1/ws",
            ),
        ] {
            let url = RelayUrl::parse(given).unwrap();
            assert_eq!(url.to_string(), origin);
            assert_eq!(url.origin(), origin);
            assert!(origin.ends_with(&format!("//{}", url.authority())));
            assert_eq!(url.websocket(), websocket);
            assert_eq!(RelayUrl::parse(origin).unwrap(), url);
        }
    }

    #[test]
    fn host_and_port_are_ready_to_connect_to() {
        let url = RelayUrl::parse("http://[::1]").unwrap();
        assert_eq!((url.host().as_str(), url.port()), ("::1", 80));
        let url = RelayUrl::parse("https://relay.example").unwrap();
        assert_eq!((url.host().as_str(), url.port()), ("relay.example", 443));
    }

    #[test]
    fn each_mistake_is_named() {
        let error = |text: &str| RelayUrl::parse(text).unwrap_err();
        for text in [
            "127.0.0.1:8080",
            "localhost:8080",
            "relay.example",
            "ws://relay.example",
            "",
        ] {
            assert_eq!(error(text), UrlError::Scheme { text: text.into() });
        }
        assert!(matches!(
            error("http://127.0.0.1:99999"),
            UrlError::Syntax { .. }
        ));
        assert!(matches!(error("https://"), UrlError::Syntax { .. }));
        assert_eq!(error("https://me@relay.example"), UrlError::Credentials);
        assert_eq!(error("https://:pw@relay.example"), UrlError::Credentials);
        assert_eq!(error("http://127.0.0.1:0"), UrlError::Port);
        for excess in ["/v1", "/?a=b", "/#top"] {
            assert_eq!(
                error(&format!("https://relay.example{excess}")),
                UrlError::Excess {
                    excess: excess.into()
                }
            );
        }
    }

    #[test]
    fn a_target_that_would_be_rewritten_has_no_url() {
        let url = RelayUrl::parse("http://127.0.0.1:8080").unwrap();
        let target = "/v1/messages/threads/conv%2F1%20%C3%BC%3Fx?limit=5&cursor=a%2Bb";
        assert_eq!(
            url.at(target).unwrap().as_str(),
            format!("http://127.0.0.1:8080{target}")
        );
        for target in [
            "/v1/messages/threads/..",
            "/v1/messages/threads/.",
            "/v1/a b",
            "/v1/ü",
        ] {
            assert_eq!(url.at(target), None, "{target}");
        }
    }
}
