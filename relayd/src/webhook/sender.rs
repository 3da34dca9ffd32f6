//! Posting one delivery to one address: no redirects, no proxies, no decompression, and never more of an answer than is needed.

use super::target::Target;
use crate::store::Fault;
use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

/// Bytes of an answer's head, at most.
const MOST_HEAD: usize = 16 << 10;
/// Headers of an answer, at most.
const MOST_HEADERS: usize = 64;
/// Bytes of an answer's body that are read, at most. Nothing in them matters: a receiver that is still writing should not find its
/// connection broken.
const MOST_BODY: usize = 64 << 10;
/// How long that may take.
const BODY_TIME: Duration = Duration::from_secs(1);

/// What a receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// How long it wants to be left alone.
    pub(super) retry_after: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Sender {
    /// For all addresses of a receiver together.
    connect: Duration,
    /// Made at the first need: a relay whose webhooks are all http needs no certificates.
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Sender {
    pub(super) fn new(connect: Duration) -> Self {
        let tls = OnceCell::new();
        Self { connect, tls }
    }

    /// Opens a connection to an address, which must be one of the receiver's that were judged; a part of the time for connecting
    /// is for it.
    pub(super) async fn connect(
        &self,
        address: SocketAddr,
        addresses: usize,
    ) -> Result<TcpStream, Fault> {
        let share = u32::try_from(addresses.max(1)).unwrap_or(u32::MAX);
        let connecting = TcpStream::connect(address);
        match tokio::time::timeout(self.connect / share, connecting).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(_)) | Err(_) => Err(Fault::Unreachable),
        }
    }

    /// Posts over a connection. The caller says how long it may take.
    pub(super) async fn post(
        &self,
        stream: TcpStream,
        target: &Target,
        request: Request<Full<Bytes>>,
    ) -> Result<Reply, Fault> {
        stream.set_nodelay(true).map_err(|_| Fault::Unreachable)?;
        if !target.is_encrypted() {
            return exchange(stream, request).await;
        }
        let name = target.server_name().ok_or(Fault::Tls)?;
        let stream = self.tls().await?.connect(name, stream).await;
        exchange(stream.map_err(|_| Fault::Tls)?, request).await
    }

    async fn tls(&self) -> Result<TlsConnector, Fault> {
        let make = || async {
            // Reads the system's certificates.
            let made = tokio::task::spawn_blocking(client_config).await;
            made.map_err(|_| Fault::Tls)?.map_err(|error| {
                tracing::error!(
                    %error,
                    "TLS cannot be set up for webhooks; they need the system's CA certificates (package ca-certificates)"
                );
                Fault::Tls
            })
        };
        let config = self.tls.get_or_try_init(make).await?;
        Ok(TlsConnector::from(Arc::clone(config)))
    }
}

fn client_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Reply, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MOST_HEAD)
        .max_header_size(MOST_HEAD)
        .max_headers(MOST_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| Fault::BadReply)?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let response = sender.send_request(request).await;
    let response = response.map_err(|_| Fault::BadReply)?;
    let reply = Reply {
        status: response.status().as_u16(),
        retry_after: retry_after(response.headers()),
    };
    // The status says it all; how the body ends does not matter.
    let _ = tokio::time::timeout(BODY_TIME, drain(response.into_body())).await;
    Ok(reply)
}

async fn drain(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read >= MOST_BODY {
            return;
        }
    }
}

/// Seconds, or a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests;
