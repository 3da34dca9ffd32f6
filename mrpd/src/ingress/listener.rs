//! One address: its connections, and how long and how many they may be.

use super::{Served, deliver};
use crate::api::ApiError;
use crate::config::Listen;
use crate::context::Context;
use crate::socket::{self, PassedError, Permitted, converse};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use mrpd_api::error::Code;
use mrpd_api::paths::create_private_dir;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections that are served at once, for each address; further ones wait.
const CONNECTIONS: usize = 64;
/// How long to wait when the system has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener at work.
#[derive(Debug)]
pub(super) struct Listener {
    served: watch::Sender<Served>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What a request meets.
#[derive(Debug, Clone)]
struct Door {
    context: Context,
    served: watch::Receiver<Served>,
}

impl Listener {
    /// Begins to listen.
    pub(super) async fn begin(
        context: Context,
        listen: &Listen,
        served: watch::Sender<Served>,
        receiver: watch::Receiver<Served>,
    ) -> Result<Self, PassedError> {
        let sockets = match listen {
            Listen::Tcp(address) => vec![Socket::Tcp(TcpListener::bind(address).await?)],
            Listen::Unix(path) => vec![bind_unix(path).await?],
            Listen::Passed(name) => take_passed(&context, name)?,
        };
        let stop = context.stop.child_token();
        let door = Door {
            context,
            served: receiver,
        };
        let router = Router::new().fallback(enter).with_state(door);
        let mut accepting = JoinSet::new();
        for socket in sockets {
            accepting.spawn(accept(socket, router.clone(), stop.clone()));
        }
        let task = tokio::spawn(async move { while accepting.join_next().await.is_some() {} });
        Ok(Self { served, stop, task })
    }

    /// Serves these from the next request on.
    pub(super) fn serve(&self, served: Served) {
        self.served.send_if_modified(|now| {
            let changed = *now != served;
            *now = served;
            changed
        });
    }

    /// Stops listening, and finishes what was begun.
    pub(super) async fn end(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

enum Socket {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        permitted: Permitted,
        /// Absent where the service manager has made it, and keeps it.
        made: Option<Made>,
    },
}

/// A place among the files that goes with its socket: the path, and the device and the inode that it has there.
struct Made(PathBuf, Option<(u64, u64)>);

impl Drop for Socket {
    fn drop(&mut self) {
        if let Self::Unix {
            made: Some(Made(path, id)),
            ..
        } = self
            && identity(path).is_some_and(|now| Some(now) == *id)
        {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = path.symlink_metadata().ok()?;
    Some((found.dev(), found.ino()))
}

/// A socket that nobody listens on is replaced; where another program does, it stays.
async fn bind_unix(path: &Path) -> io::Result<Socket> {
    if let Some(folder) = path.parent()
        && !folder.exists()
    {
        create_private_dir(folder)?;
    }
    let own = nix::unistd::geteuid().as_raw();
    match path.symlink_metadata() {
        Ok(found) if found.file_type().is_socket() && found.uid() == own => {
            match UnixStream::connect(path).await {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path)?;
                }
                _ => {
                    let what = "another program listens there";
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, what));
                }
            }
        }
        Ok(_) => {
            let what = "there is something else of that name";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    let id = identity(path);
    // Whoever is quicker than this is turned away by the check of each connection's user.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(Socket::Unix {
        listener,
        permitted: only_own_user(),
        made: Some(Made(path.to_path_buf(), id)),
    })
}

/// Whatever mode a Unix socket has: another user's program has the loopback address to post to.
fn only_own_user() -> Permitted {
    Permitted {
        own: nix::unistd::geteuid().as_raw(),
        others: Vec::new(),
    }
}

/// The sockets of that name that the service manager has passed.
fn take_passed(context: &Context, name: &str) -> Result<Vec<Socket>, PassedError> {
    let listeners = context.passed.named(name)?.into_iter();
    let sockets = listeners.map(|listener| match listener {
        socket::Listener::Tcp(listener) => {
            listener.set_nonblocking(true)?;
            Ok(Socket::Tcp(TcpListener::from_std(listener)?))
        }
        socket::Listener::Unix(listener) => {
            listener.set_nonblocking(true)?;
            Ok(Socket::Unix {
                listener: UnixListener::from_std(listener)?,
                permitted: only_own_user(),
                made: None,
            })
        }
    });
    sockets.collect()
}

async fn accept(socket: Socket, router: Router, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = stop.cancelled() => break,
        };
        let Ok(place) = place else { break };
        let stream = tokio::select! {
            stream = next(&socket) => stream,
            () = stop.cancelled() => break,
        };
        match stream {
            Ok(Some(stream)) => {
                connections.spawn(converse(stream, router.clone(), place, stop.clone()));
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(socket);
    connections.close();
    connections.wait().await;
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The next connection; `None` if it is of one who may not.
async fn next(socket: &Socket) -> io::Result<Option<Box<dyn Stream>>> {
    match socket {
        Socket::Tcp(listener) => {
            let (stream, _) = listener.accept().await?;
            Ok(Some(Box::new(stream)))
        }
        Socket::Unix {
            listener,
            permitted,
            ..
        } => {
            let (stream, _) = listener.accept().await?;
            let may = socket::is_permitted(&stream, permitted);
            Ok(may.then_some(Box::new(stream)))
        }
    }
}

async fn enter(State(door): State<Door>, request: Request) -> Response {
    let served = Arc::clone(&door.served.borrow());
    let path = request.uri().path();
    let Some(ingress) = served.iter().find(|ingress| ingress.path == path) else {
        return ApiError::new(Code::NotFound, "nothing is taken here").into_response();
    };
    match deliver::deliver(&door.context, ingress, request).await {
        Ok(response) => response,
        Err(refusal) => {
            tracing::info!(ingress = ingress.name, error = %refusal, "a request is refused");
            refusal.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_is_listened_on_stays_and_a_dead_one_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let other = UnixListener::bind(&path).unwrap();
        let refused = bind_unix(&path).await.map(drop).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        drop(other);
        let first = bind_unix(&path).await.unwrap();
        std::fs::rename(&path, dir.path().join("t")).unwrap();
        let second = bind_unix(&path).await.unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }
}
