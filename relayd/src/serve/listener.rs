//! A listener and its accept loop, which nothing ends but the end of the relay.

use super::admission::{Admission, Admissions, TooMany};
use super::again::Again;
use super::answered::Answered;
use super::connection::{Connection, Stream};
use super::head::{self, NoRequest};
use super::tls::{HandshakeError, Tls};
use super::unread::Watched;
use crate::app::App;
use crate::auth::Entrance;
use crate::client_address::Peer;
use crate::config::ListenAddress;
use crate::http::error::ApiError;
use crate::http::exchange::answer;
use crate::metrics::Limit;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mrp_proto::code::Code;
use nix::errno::Errno;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::Ipv6V6Only;
use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// Requests on one connection, at most.
const MAX_REQUESTS: usize = 10_000;
/// How long a refusal may take.
const REFUSAL: Duration = Duration::from_secs(5);
/// How long the loop rests after a failed accept, so that a failure that stays does not spin.
const FAILED_PAUSE: Duration = Duration::from_millis(5);
/// How long it rests when the process has no more files to open.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// Connections that the system keeps waiting, as the library has it for its own listeners.
const BACKLOG: u32 = 1024;
/// Bytes of a Unix socket's path, at most; the system keeps one more for the end of it.
const LONGEST_PATH: usize = 107;
/// Between two lines in the log about that.
const LOG_PAUSE: Duration = Duration::from_secs(60);

/// A bound listener.
#[derive(Debug)]
pub(super) struct Listener {
    address: ListenAddress,
    socket: Socket,
    /// Absent on Unix sockets, and where there is no TLS.
    tls: Option<Tls>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds one of all the addresses that are listened on.
    pub(super) async fn bind(
        address: &ListenAddress,
        all: &[ListenAddress],
        tls: Option<&Tls>,
    ) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp(address) => {
                let listener = bind_tcp(*address, all).await?;
                let address = ListenAddress::Tcp(listener.local_addr()?);
                Ok(Self {
                    address,
                    socket: Socket::Tcp(listener),
                    tls: tls.cloned(),
                })
            }
            ListenAddress::Unix(path) => {
                let listener = bind_unix(path).await?;
                Ok(Self {
                    address: address.clone(),
                    socket: Socket::Unix(listener),
                    tls: None,
                })
            }
        }
    }

    pub(super) fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// Accepts until the relay ends. Each connection is a task of its own, which draining waits for.
    pub(super) async fn run(self, app: Arc<App>, router: Router, admissions: Arc<Admissions>) {
        let mut exhausted = Exhausted::new();
        loop {
            // Where there is no room, nothing is accepted: the system keeps those who come waiting.
            let next = async {
                let room = admissions.room().await;
                self.accept()
                    .await
                    .map(|(stream, peer)| (stream, peer, room))
            };
            let accepted = tokio::select! {
                accepted = next => accepted,
                () = app.shutdown.begun() => break,
            };
            match accepted {
                Ok((stream, peer, room)) => {
                    let context = Context {
                        app: Arc::clone(&app),
                        router: router.clone(),
                        peer,
                        entrance: Entrance::of(&self.address),
                        tls: self.tls.clone(),
                    };
                    let tracked = app.shutdown.track();
                    let admission = admissions.admit(peer);
                    tokio::spawn(async move {
                        match admission {
                            Ok(admission) => context.serve(stream, admission, room).await,
                            Err(too_many) => context.turn_away(stream, &too_many, room).await,
                        }
                        drop(tracked);
                    });
                }
                Err(error) => exhausted.handle(&error, &self).await,
            }
        }
    }

    async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // An answer is written whole: waiting to fill a packet would only delay it.
                let _ = stream.set_nodelay(true);
                Ok((
                    Stream::Tcp(stream),
                    Peer::Remote(address.ip().to_canonical()),
                ))
            }
            Socket::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), Peer::Local))
            }
        }
    }
}

/// Takes the socket's name away while it still listens, so that the name of no successor is taken.
impl Drop for Listener {
    fn drop(&mut self) {
        if let ListenAddress::Unix(path) = &self.address {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Binds a TCP port. An address of IPv6 such as `[::]` stands for those of IPv4, too, unless one of these has been named for the same
/// port: the system lets only one listener have them.
async fn bind_tcp(address: SocketAddr, all: &[ListenAddress]) -> io::Result<TcpListener> {
    let is_shared = |other: &ListenAddress| matches!(other, ListenAddress::Tcp(SocketAddr::V4(other)) if other.port() == address.port());
    if address.is_ipv4() || address.port() == 0 || !all.iter().any(is_shared) {
        return TcpListener::bind(address).await;
    }
    let socket = TcpSocket::new_v6()?;
    socket.set_reuseaddr(true)?;
    setsockopt(&socket, Ipv6V6Only, &true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Binds a Unix socket. One that nobody answers at is left from a process that is gone. Everybody on this machine may connect, as
/// to a loopback port; who may not is kept out by the directory.
async fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let length = path.as_os_str().len();
    if length > LONGEST_PATH {
        let problem =
            format!("a socket's path may have {LONGEST_PATH} bytes, this one has {length}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    let is_socket =
        std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    if is_socket {
        match UnixStream::connect(path).await {
            Ok(_) => return Err(io::Error::from(io::ErrorKind::AddrInUse)),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path)?
            }
            Err(error) => return Err(error),
        }
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// What a connection's task knows.
struct Context {
    app: Arc<App>,
    router: Router,
    peer: Peer,
    entrance: Entrance,
    tls: Option<Tls>,
}

impl Context {
    async fn serve(self, stream: Stream, admission: Arc<Admission>, room: OwnedSemaphorePermit) {
        let timeouts = &self.app.config.timeouts;
        // One time for all that comes before a request: handshake and head.
        let (started, limit) = (Instant::now(), timeouts.head);
        let secured = tokio::select! {
            secured = self.secure(stream, limit) => secured,
            () = self.app.shutdown.begun() => return,
        };
        let (stream, refusal) = match secured {
            Some(Secured::Ready(stream)) => (stream, None),
            Some(Secured::Refused(stream, refusal)) => (stream, Some(refusal)),
            None => return,
        };
        let admitted = Some(Arc::clone(&admission));
        let mut connection = Connection::new(stream, admitted, room, timeouts.write);
        if let Some(refusal) = refusal {
            admission.mark_unread();
            return self.refuse(connection, &refusal).await;
        }
        let first = tokio::select! {
            first = head::read(&mut connection, started, limit) => first,
            () = self.app.shutdown.begun() => return,
        };
        match first {
            Ok(bytes) => {
                connection.put_back(bytes);
                connection.limit_heads(limit);
            }
            Err(NoRequest::Silent) => return,
            Err(NoRequest::Refused(error)) => {
                admission.mark_unread();
                self.app.metrics.refused(error.code, error.limit);
                return self.refuse(connection, &error).await;
            }
        }
        // Boxed, so that the task of a connection is no larger than it must be while its head is read.
        let app = Arc::clone(&self.app);
        Again::new(
            Box::pin(self.serve_http(connection, admission)),
            move || app.overload.is_quiet(),
        )
        .await;
    }

    /// Shakes hands where the listener speaks TLS; `None` ends a connection without an answer.
    async fn secure(&self, stream: Stream, limit: Duration) -> Option<Secured> {
        let (tls, stream) = match (&self.tls, stream) {
            (Some(tls), Stream::Tcp(stream)) => (tls, stream),
            (_, stream) => return Some(Secured::Ready(stream)),
        };
        match tokio::time::timeout(limit, tls.accept(stream)).await {
            Ok(Ok(stream)) => Some(Secured::Ready(Stream::Tls(Box::new(stream)))),
            Ok(Err(HandshakeError::Plain(stream))) => {
                let message = "this port speaks TLS; use https:// or wss://";
                let refusal = ApiError::new(Code::BadRequest, message);
                Some(Secured::Refused(Stream::Tcp(stream), Box::new(refusal)))
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake came to nothing");
                None
            }
            Err(_) => {
                tracing::debug!("a TLS handshake took too long");
                None
            }
        }
    }

    /// Tells a place that it has too many connections.
    async fn turn_away(&self, stream: Stream, too_many: &TooMany, room: OwnedSemaphorePermit) {
        let error = ApiError::new(Code::RateLimitExceeded, too_many.to_string());
        self.app
            .metrics
            .refused(error.code, Some(Limit::Connections));
        if let Some(Secured::Ready(stream)) = self.secure(stream, REFUSAL).await {
            let connection = Connection::new(stream, None, room, REFUSAL);
            self.refuse(connection, &error.with_retry_after(60)).await;
        }
    }

    /// Answers without reading any further, and closes.
    async fn refuse(&self, mut connection: Connection, error: &ApiError) {
        let answer = head::raw_response(error, self.app.cors.lines_of_early_refusals());
        let write = async {
            connection.write_all(&answer).await?;
            connection.shutdown().await
        };
        // The peer may be gone, or take nothing; it is not worth more than this.
        let _ = tokio::time::timeout(REFUSAL, write).await;
    }

    async fn serve_http(self, connection: Connection, admission: Arc<Admission>) {
        let app = Arc::clone(&self.app);
        let timeouts = &app.config.timeouts;
        let context = Arc::new(self);
        let served = Arc::new(AtomicUsize::new(0));
        let service = service_fn(move |request: Request<Incoming>| {
            let (context, admission) = (Arc::clone(&context), Arc::clone(&admission));
            let is_last = served.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_REQUESTS;
            Box::pin(async move {
                let response = context.answer(request, admission).await;
                Ok::<_, Infallible>(if is_last { closing(response) } else { response })
            })
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            // Covers the pause between two requests too: a head that trickles in holds a connection no longer than a pause may.
            .header_read_timeout(timeouts.keep_alive)
            .max_buf_size(head::MAX_HEAD)
            .max_headers(head::MAX_HEADERS)
            .serve_connection(TokioIo::new(connection), service)
            .with_upgrades();
        let mut serving = pin!(serving);
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = app.shutdown.begun() => {
                serving.as_mut().graceful_shutdown();
                match tokio::time::timeout(timeouts.drain, serving).await {
                    Ok(ended) => ended,
                    Err(_) => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended badly");
        }
    }

    async fn answer(&self, request: Request<Incoming>, admission: Arc<Admission>) -> Response {
        admission.mark_begun();
        let connection = Arc::clone(&admission);
        let mut request = request.map(|body| Body::new(Watched::new(body, Arc::clone(&admission))));
        request.extensions_mut().insert(self.entrance);
        let response = answer(&self.app, &self.router, self.peer, Some(admission), request).await;
        // After an upgrade there is no next request.
        let response = if response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
            response
        } else {
            response.map(|body| Body::new(Answered::new(body, connection)))
        };
        // Hyper says this by itself only once it has begun to close, which may be after this answer.
        if self.app.shutdown.has_begun() {
            closing(response)
        } else {
            response
        }
    }
}

/// A connection that requests can come on, or one that is told why not.
enum Secured {
    Ready(Stream),
    Refused(Stream, Box<ApiError>),
}

fn closing(mut response: Response) -> Response {
    if response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What to do when no more files can be opened: rest, so that the loop does not spin, and drop one waiting connection by means of
/// a file kept in reserve, so that its peer is not left hanging.
struct Exhausted {
    reserve: Option<File>,
    logged: Option<Instant>,
}

impl Exhausted {
    fn new() -> Self {
        Self {
            reserve: open_reserve(),
            logged: None,
        }
    }

    async fn handle(&mut self, error: &io::Error, listener: &Listener) {
        let code = error.raw_os_error().map(Errno::from_raw);
        if !matches!(code, Some(Errno::EMFILE | Errno::ENFILE)) {
            // The peer went away between its connection and our accept, or the like: the next one may be well.
            tracing::debug!(%error, "a connection was not accepted");
            return tokio::time::sleep(FAILED_PAUSE).await;
        }
        if self
            .logged
            .is_none_or(|logged| logged.elapsed() >= LOG_PAUSE)
        {
            self.logged = Some(Instant::now());
            tracing::error!(%error, "no more files can be opened; connections are dropped until some end");
        }
        self.reserve = None;
        let _ = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
        tokio::time::sleep(EXHAUSTED_PAUSE).await;
        self.reserve = open_reserve();
    }
}

fn open_reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_is_listened_on_for_both_families_by_two_addresses_or_by_one() {
        let loopback = ListenAddress::Tcp(([127, 0, 0, 1], 0).into());
        let fourth = Listener::bind(&loopback, &[], None).await.unwrap();
        let ListenAddress::Tcp(taken) = fourth.address().clone() else {
            unreachable!("it is a TCP address");
        };
        let sixth = ListenAddress::Tcp(([0_u16; 8], taken.port()).into());
        let both = [fourth.address().clone(), sixth.clone()];
        let beside = Listener::bind(&sixth, &both, None).await.unwrap();
        drop((fourth, beside));
        let _alone = Listener::bind(&sixth, std::slice::from_ref(&sixth), None)
            .await
            .unwrap();
        assert!(tokio::net::TcpStream::connect(taken).await.is_ok());
    }
}
