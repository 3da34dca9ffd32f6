//! The admin socket: what an operator may ask of a running relay, by HTTP over a Unix socket in the data directory.
//!
//! The directory is the relay's own and private, and so is the socket: who can connect is the relay's user, or root. Nothing here
//! is reachable from a public listener.

mod agents;
pub(crate) mod backup;
pub(crate) mod client;
mod refusal;
mod upkeep;

use crate::app::App;
use crate::data_dir::remove_if_there;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::UnixListener;

/// The name of the socket in the data directory.
const SOCKET: &str = "admin.sock";

/// Where a relay's admin socket is.
pub(crate) fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join(SOCKET)
}

/// The bound socket. It goes when this does.
#[derive(Debug)]
pub(crate) struct AdminSocket {
    path: PathBuf,
    listener: UnixListener,
}

impl AdminSocket {
    /// Binds the socket of a data directory whose lock is held: what is there is left from a process that is gone.
    pub(crate) fn bind(data_dir: &Path) -> io::Result<Self> {
        let path = socket_path(data_dir);
        remove_if_there(&path)?;
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { path, listener })
    }

    /// Serves until the relay ends. The library's own loop will do here: only the operator can connect.
    pub(crate) async fn run(self, app: Arc<App>) {
        let Self { path, listener } = self;
        let router = router(Arc::clone(&app));
        let ended = async move { app.shutdown.begun().await };
        let serving = axum::serve(listener, router).with_graceful_shutdown(ended);
        if let Err(error) = serving.await {
            tracing::error!(%error, "the admin socket ended");
        }
        let _ = std::fs::remove_file(path);
    }
}

/// Everything there is, by path.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/ping", get(ping))
        .route("/v1/agents", get(agents::list))
        .route("/v1/agents/{key}", get(agents::show))
        .route("/v1/agents/{key}/suspend", post(agents::suspend))
        .route("/v1/agents/{key}/resume", post(agents::resume))
        .route("/v1/stats", get(upkeep::stats))
        .route("/v1/gc", post(upkeep::free))
        .route("/v1/drain", post(upkeep::drain))
        .route(backup::PATH, get(backup::snapshot))
        .route("/metrics", get(metrics))
        .with_state(app)
}

/// `GET /v1/ping`
async fn ping() -> Json<serde_json::Value> {
    Json(json!({ "version": env!("CARGO_PKG_VERSION"), "pid": std::process::id() }))
}

/// `GET /metrics`
async fn metrics(State(app): State<Arc<App>>) -> Response {
    crate::metrics::listener::respond(&app).await
}
