//! From a URL to an open WebSocket: resolve, connect, TLS, upgrade.

use super::DownReason;
use super::wire::Wire;
use crate::USER_AGENT;
use crate::error::{retry_after_in, root_cause};
use crate::tls;
use crate::url::RelayUrl;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::header;
use mrp_proto::frame::MAX_FRAME;
use rustls::pki_types::ServerName;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Error as WebSocketError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// How long all of it may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// How long an address may take before the next one is tried beside it (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// An idle session holds this much for reading; larger messages make it grow for as long as they need.
const READ_BUFFER: usize = 8 << 10;

/// A connection, with or without TLS.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug {}

impl Duplex for TcpStream {}
impl Duplex for tokio_rustls::client::TlsStream<TcpStream> {}

/// Opens connections to one relay.
pub(super) struct Connector {
    url: RelayUrl,
    /// Made at the first attempt, so that a machine's missing certificates are an event and not a failure to start.
    tls: Option<TlsConnector>,
}

impl Connector {
    pub(super) fn new(url: RelayUrl) -> Self {
        Self { url, tls: None }
    }

    /// Opens one.
    ///
    /// # Errors
    /// The [`DownReason`] that says at which step it failed.
    pub(super) async fn connect(&mut self) -> Result<Wire, DownReason> {
        tokio::time::timeout(CONNECT_LIMIT, self.connect_unlimited())
            .await
            .unwrap_or(Err(DownReason::TimedOut))
    }

    async fn connect_unlimited(&mut self) -> Result<Wire, DownReason> {
        let host = self.url.host();
        let addresses = tokio::net::lookup_host((host.as_str(), self.url.port()))
            .await
            .map_err(unreachable)?;
        let tcp = dial(alternate_families(addresses))
            .await
            .map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        let stream: Box<dyn Duplex> = if self.url.is_encrypted() {
            let name = ServerName::try_from(host).map_err(|error| DownReason::Setup {
                what: format!(
                    "{} cannot be verified by its certificate: {error}",
                    self.url
                ),
            })?;
            let encrypted = self.tls()?.connect(name, tcp).await;
            Box::new(encrypted.map_err(unreachable)?)
        } else {
            Box::new(tcp)
        };
        self.upgrade(stream).await
    }

    fn tls(&mut self) -> Result<TlsConnector, DownReason> {
        if let Some(tls) = &self.tls {
            return Ok(tls.clone());
        }
        let config = tls::client_config(&self.url).map_err(|error| DownReason::Setup {
            what: error.to_string(),
        })?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(self.tls.insert(connector).clone())
    }

    async fn upgrade(&self, stream: Box<dyn Duplex>) -> Result<Wire, DownReason> {
        let nonsense = |error: WebSocketError| DownReason::Nonsense {
            what: root_cause(&error),
        };
        let mut request = self
            .url
            .websocket()
            .into_client_request()
            .map_err(nonsense)?;
        let user_agent = header::HeaderValue::from_static(USER_AGENT);
        request.headers_mut().insert(header::USER_AGENT, user_agent);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(2 * MAX_FRAME)
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(Wire::new(socket)),
            Err(WebSocketError::Http(answer)) => Err(upgrade_refused(&answer)),
            Err(WebSocketError::Io(error)) => Err(unreachable(error)),
            Err(error) => Err(nonsense(error)),
        }
    }
}

fn unreachable(error: io::Error) -> DownReason {
    DownReason::Unreachable {
        cause: root_cause(&error),
    }
}

fn upgrade_refused(answer: &Response) -> DownReason {
    DownReason::UpgradeRefused {
        status: answer.status().as_u16(),
        retry_after: retry_after_in(answer.headers()),
    }
}

/// Puts the addresses of the two families in turns, beginning with the resolver's first choice: if one family leads nowhere, the
/// second attempt is already on the other.
fn alternate_families(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut addresses = addresses.into_iter().peekable();
    let first_is_v6 = addresses.peek().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.partition(|address| address.is_ipv6() == first_is_v6);
    let mut other = other.into_iter();
    let mut turns = VecDeque::new();
    for address in preferred {
        turns.push_back(address);
        turns.extend(other.next());
    }
    turns.extend(other);
    turns
}

/// Connects to whichever address answers first, giving each a head start over the next.
async fn dial(mut addresses: VecDeque<SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host name has no addresses");
    loop {
        match addresses.pop_front() {
            Some(address) => attempts.push(TcpStream::connect(address)),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        let head_start = async {
            if addresses.is_empty() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(STAGGER).await;
        };
        tokio::select! {
            attempt = attempts.next() => match attempt {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => failure = error,
                None => {}
            },
            () = head_start => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn families_take_turns() {
        let given = [
            "[::1]:1",
            "[::2]:1",
            "[::3]:1",
            "127.0.0.1:1",
            "127.0.0.2:1",
        ]
        .map(address);
        let turns = [
            "[::1]:1",
            "127.0.0.1:1",
            "[::2]:1",
            "127.0.0.2:1",
            "[::3]:1",
        ]
        .map(address);
        assert_eq!(alternate_families(given), turns);
        let given = ["127.0.0.1:1", "[::1]:1", "[::2]:1"].map(address);
        assert_eq!(alternate_families(given), given);
        assert!(alternate_families([]).is_empty());
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_hide_one_that_answers() {
        let open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let refusing = closed.local_addr().unwrap();
        drop(closed);
        let answering = open.local_addr().unwrap();
        let stream = dial([refusing, answering].into()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), answering);
        let error = dial([refusing].into()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(dial(VecDeque::new()).await.is_err());
    }
}
