//! Finding the daemon: a connection is tried at each place in turn, and who holds the other end is looked at.

use super::error::ClientError;
use crate::paths::{PathError, SOCKET_PATH_LIMIT, SocketCandidate, check_socket_path};
use http::Uri;
use hyper_util::rt::TokioIo;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fmt;
use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::Instant;
use tower_service::Service;

/// A Unix socket connects at once, unless its queue is full.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the daemon surely keeps a connection open on which nothing was asked yet.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// A place where the daemon was not.
#[derive(Debug)]
pub struct Attempt {
    /// The place.
    pub candidate: SocketCandidate,
    /// Why it was not there.
    pub failure: AttemptFailure,
}

/// Why a place was passed over.
#[derive(Debug)]
pub enum AttemptFailure {
    /// The operating system said so.
    Io(io::Error),
    /// The path does not fit into a socket address, or is not UTF-8.
    Unusable(String),
    /// Another user's process listens there.
    Foreign {
        /// That user's id.
        uid: u32,
    },
    /// Nobody took the connection in time.
    Deaf,
}

impl Attempt {
    /// Whether something is there that this user may not use.
    pub fn is_forbidden(&self) -> bool {
        match &self.failure {
            AttemptFailure::Io(error) => error.kind() == io::ErrorKind::PermissionDenied,
            AttemptFailure::Foreign { .. } => true,
            AttemptFailure::Unusable(_) | AttemptFailure::Deaf => false,
        }
    }
}

impl AttemptFailure {
    fn into_io(self) -> io::Error {
        match self {
            Self::Io(error) => error,
            other => io::Error::other(other.to_string()),
        }
    }
}

impl fmt::Display for AttemptFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => formatter.write_str("no such file"),
                io::ErrorKind::ConnectionRefused => formatter.write_str("nobody listens there"),
                io::ErrorKind::PermissionDenied => formatter.write_str("permission denied"),
                _ => write!(formatter, "{error}"),
            },
            Self::Unusable(text) => formatter.write_str(text),
            Self::Foreign { uid } => write!(formatter, "another user listens there, uid {uid}"),
            Self::Deaf => write!(
                formatter,
                "no answer within {} s",
                CONNECT_TIMEOUT.as_secs()
            ),
        }
    }
}

/// Connects to the first of `candidates` whose other end may be spoken to.
pub(super) async fn first_answering(
    candidates: &[SocketCandidate],
) -> Result<Connector, ClientError> {
    let mut tried = Vec::new();
    for candidate in candidates {
        match connect(candidate).await {
            Ok(stream) => return Ok(Connector::new(candidate.clone(), stream)),
            Err(failure) => tried.push(Attempt {
                candidate: candidate.clone(),
                failure,
            }),
        }
    }
    Err(ClientError::Unreachable { tried })
}

async fn connect(candidate: &SocketCandidate) -> Result<UnixStream, AttemptFailure> {
    let path = &candidate.path;
    if let Err(PathError::SocketTooLong { length, .. }) = check_socket_path(path) {
        let text = format!("the path has {length} bytes, at most {SOCKET_PATH_LIMIT} fit");
        return Err(AttemptFailure::Unusable(text));
    }
    if path.to_str().is_none() {
        return Err(AttemptFailure::Unusable("the path is not UTF-8".to_owned()));
    }
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, UnixStream::connect(path))
        .await
        .map_err(|_| AttemptFailure::Deaf)?
        .map_err(AttemptFailure::Io)?;
    let uid = stream.peer_cred().map_err(AttemptFailure::Io)?.uid();
    let own = nix::unistd::geteuid().as_raw();
    if candidate.source.is_explicit() || uid == own || uid == 0 {
        Ok(stream)
    } else {
        Err(AttemptFailure::Foreign { uid })
    }
}

/// What the HTTP client gets its connections from: first the one by which the daemon was found, then new ones, of which each is
/// looked at as that one was.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    candidate: Arc<SocketCandidate>,
    found: Arc<Mutex<Option<(UnixStream, Instant)>>>,
}

impl Connector {
    fn new(candidate: SocketCandidate, stream: UnixStream) -> Self {
        Self {
            candidate: Arc::new(candidate),
            found: Arc::new(Mutex::new(Some((stream, Instant::now())))),
        }
    }

    /// Where it connects to.
    pub(super) fn path(&self) -> &Path {
        &self.candidate.path
    }

    fn found(&self) -> Option<UnixStream> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let (stream, since) = found.take()?;
        (since.elapsed() < FRESH && is_silent(&stream)).then_some(stream)
    }
}

/// Whether the other end has neither closed it nor said anything: a request that goes into a closed one is lost.
fn is_silent(stream: &UnixStream) -> bool {
    let mut waiting = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
    poll(&mut waiting, PollTimeout::ZERO) == Ok(0)
}

impl Service<Uri> for Connector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _target: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let stream = match connector.found() {
                Some(stream) => stream,
                None => connect(&connector.candidate)
                    .await
                    .map_err(AttemptFailure::into_io)?,
            };
            Ok(TokioIo::new(stream))
        })
    }
}
