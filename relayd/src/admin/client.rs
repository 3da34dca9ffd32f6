//! The other end of the admin socket, for the commands that ask a running relay.

use super::socket_path;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;

/// How long a stream may take to begin.
const BEGINS_WITHIN: Duration = Duration::from_secs(30);

/// Why a running relay was not asked, or did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Nobody listens there.
    #[error("{path}: no relay answers here: {source}; is it running, with this data directory?")]
    Absent {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the relay broke off: {0}")]
    Broken(#[from] hyper::Error),
    /// The answer took too long.
    #[error("the relay did not answer within {} s", .0.as_secs())]
    Late(Duration),
}

/// What the relay answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Asks the relay that uses a data directory.
pub(crate) async fn call(
    data_dir: &Path,
    method: Method,
    target: &str,
    body: Option<&Value>,
    patience: Duration,
) -> Result<Answer, CallError> {
    let asking = ask(socket_path(data_dir), method, target, body);
    let answered = tokio::time::timeout(patience, asking).await;
    answered.map_err(|_| CallError::Late(patience))?
}

/// Asks for a stream, and gives its parts out as they come. It is not collected, and may take as long as it does.
pub(crate) async fn open(
    data_dir: &Path,
    target: &str,
) -> Result<http::Response<Incoming>, CallError> {
    let asking = send(socket_path(data_dir), Method::GET, target, None);
    let answered = tokio::time::timeout(BEGINS_WITHIN, asking).await;
    answered.map_err(|_| CallError::Late(BEGINS_WITHIN))?
}

async fn ask(
    path: PathBuf,
    method: Method,
    target: &str,
    body: Option<&Value>,
) -> Result<Answer, CallError> {
    let response = send(path, method, target, body).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok(Answer { status, body })
}

async fn send(
    path: PathBuf,
    method: Method,
    target: &str,
    body: Option<&Value>,
) -> Result<http::Response<Incoming>, CallError> {
    let stream = UnixStream::connect(&path)
        .await
        .map_err(|source| CallError::Absent { path, source })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let body = body.map(|body| Bytes::from(body.to_string()));
    let request = Request::builder()
        .method(method)
        .uri(target)
        .header(header::HOST, "relayd")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body.unwrap_or_default()))
        .expect("the parts of a request are constants and paths of our own");
    // Ends with the sender, or with the other end.
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}
