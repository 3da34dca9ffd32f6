//! Accepting connections and speaking HTTP on them.

use axum::Router;
use axum::response::IntoResponse as _;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use mrpd_api::error::Code;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::ApiError;

/// Connections that are served at once.
const CLIENTS: usize = 64;
/// Connections beyond them that are told so; further ones wait.
const TURNED_AWAY: usize = 16;
/// How long a request's head may take, and so how long a connection may be idle between requests.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait when the system has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who may connect, besides root.
#[derive(Debug, Clone)]
pub struct Permitted {
    /// The daemon's own user.
    pub own: u32,
    /// Those whom the configuration names.
    pub others: Vec<u32>,
}

impl Permitted {
    fn contains(&self, user: u32) -> bool {
        user == self.own || user == 0 || self.others.contains(&user)
    }
}

/// Serves until `stop`, then finishes what was asked.
pub async fn serve(
    listener: UnixListener,
    router: Router,
    permitted: Permitted,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    let clients = Arc::new(Semaphore::new(CLIENTS));
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY));
    let busy = Router::new().fallback(too_many);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if !is_permitted(&stream, &permitted) {
            continue;
        }
        let (router, permit) = match Arc::clone(&clients).try_acquire_owned() {
            Ok(permit) => (router.clone(), permit),
            Err(_) => match Arc::clone(&turned_away).try_acquire_owned() {
                Ok(permit) => (busy.clone(), permit),
                Err(_) => continue,
            },
        };
        connections.spawn(converse(stream, router, permit, stop.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Whether the connection's user may connect.
pub(crate) fn is_permitted(stream: &UnixStream, permitted: &Permitted) -> bool {
    match stream.peer_cred() {
        Ok(peer) if permitted.contains(peer.uid()) => true,
        Ok(peer) => {
            tracing::warn!(uid = peer.uid(), "a connection of another user was closed");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "a connection of an unknown user was closed");
            false
        }
    }
}

/// Speaks HTTP on one connection, whatever carries it, until it ends or `stop`.
pub(crate) async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    permit: OwnedSemaphorePermit,
    stop: CancellationToken,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
    drop(permit);
}

async fn too_many() -> axum::response::Response {
    let message = format!("{CLIENTS} programs are connected already");
    let refusal = ApiError::new(Code::TryAgain, message)
        .with_hint("end some of the programs that follow messages")
        .into_response();
    crate::api::signed(refusal)
}

#[cfg(test)]
mod tests;
