//! Asking a relay from outside whether it serves: what `relayd healthcheck` does, for images that have no other client.

mod target;
mod trust;

pub(crate) use target::{Target, TargetError};

use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::io;
use std::time::Duration;
use target::{Place, Tls};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer that are looked at.
const MOST: usize = 64 << 10;

/// Why a relay was not asked, or what it answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// Nobody listens there, or the connection broke.
    #[error("cannot connect: {0}")]
    Connect(#[from] io::Error),
    /// TLS cannot be set up on this machine.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// It does not speak HTTP, or broke off.
    #[error("no answer: {0}")]
    Http(#[from] hyper::Error),
    /// It says that it does not serve.
    #[error("it answers {status}{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    NotReady {
        /// Its status.
        status: StatusCode,
        /// Its own words.
        reason: Option<String>,
    },
    /// It took too long.
    #[error("it did not answer within {} s", PATIENCE.as_secs())]
    Late,
}

/// Asks once whether the relay serves.
pub(crate) async fn ask(target: &Target) -> Result<(), AskError> {
    let asking = tokio::time::timeout(PATIENCE, connect_and_ask(target));
    asking.await.map_err(|_| AskError::Late)?
}

async fn connect_and_ask(target: &Target) -> Result<(), AskError> {
    match &target.place {
        Place::Unix(path) => ask_over(UnixStream::connect(path).await?, target).await,
        Place::Tcp { host, port } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            match &target.tls {
                None => ask_over(stream, target).await,
                Some(tls) => ask_over(encrypt(stream, tls).await?, target).await,
            }
        }
    }
}

async fn encrypt(
    stream: TcpStream,
    tls: &Tls,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, AskError> {
    let name = ServerName::try_from(tls.name.clone()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(trust::client_config(tls.trust)?);
    Ok(connector.connect(name, stream).await?)
}

async fn ask_over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &Target,
) -> Result<(), AskError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(&target.path)
        .header(header::HOST, &target.host)
        .header(header::USER_AGENT, "relayd-healthcheck")
        .body(Empty::<bytes::Bytes>::new())
        .map_err(io::Error::other)?;
    // Ends with the sender, or with the other end.
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(());
    }
    let body = Limited::new(response.into_body(), MOST).collect().await;
    let reason = body.ok().and_then(|body| reason(&body.to_bytes()));
    Err(AskError::NotReady { status, reason })
}

/// What a refusal says, without what could disturb a terminal.
fn reason(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let message = body["error"]["message"].as_str()?;
    Some(
        message
            .chars()
            .filter(|found| !found.is_control())
            .take(300)
            .collect(),
    )
}
