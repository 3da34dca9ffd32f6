//! The relay as a whole: its figures, freeing what time has passed by, and ending in order.

use super::refusal::Refusal;
use crate::app::App;
use crate::data_dir::database;
use crate::store::Holdings;
use crate::sweep;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use mrp_proto::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one request to free may take: whoever asks sees how it goes on, and asks again.
const SWEEPING: Duration = Duration::from_secs(1);

/// `GET /v1/stats`
#[derive(Debug, Serialize)]
pub(super) struct Stats {
    version: &'static str,
    pid: u32,
    timestamp: Timestamp,
    uptime_seconds: u64,
    /// Connections that are served, those with a WebSocket among them.
    connections: usize,
    /// Authenticated WebSockets.
    sockets: usize,
    #[serde(flatten)]
    holdings: Holdings,
    store: StoreFigures,
}

#[derive(Debug, Serialize)]
struct StoreFigures {
    /// Bytes of the database's file; absent where it is in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    commits: u64,
    operations: u64,
    reopened: u64,
    waiting: usize,
}

/// `GET /v1/stats`
pub(super) async fn stats(State(app): State<Arc<App>>) -> Result<Json<Stats>, Refusal> {
    // A new database has its name then; where it cannot have it there is no size. And what is read next sees everything.
    let _ = app.store.settle().await;
    let holdings = app.store.holdings().await?;
    let counters = app.store.counters();
    let file = tokio::fs::metadata(database(&app.config.data_dir)).await;
    Ok(Json(Stats {
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        timestamp: app.now(),
        uptime_seconds: app.started.elapsed().as_secs(),
        connections: app.shutdown.tracked(),
        sockets: app.hub.sockets(),
        holdings,
        store: StoreFigures {
            bytes: file.ok().map(|file| file.len()),
            commits: counters.commits,
            operations: counters.operations,
            reopened: counters.reopened,
            waiting: counters.waiting,
        },
    }))
}

/// What was freed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Freed {
    expired_messages: usize,
    removed_messages: usize,
    replay_claims: usize,
    remembered_answers: usize,
    /// Blobs whose bytes are gone.
    blobs: usize,
    /// Whether there is more to free: ask again.
    more: bool,
}

/// `POST /v1/gc`: sweeps, as the relay does by itself, until nothing is left or a second is over.
pub(super) async fn free(State(app): State<Arc<App>>) -> Result<Json<Freed>, Refusal> {
    let started = Instant::now();
    let mut freed = Freed::default();
    loop {
        let swept = sweep::batch(&app, Duration::MAX).await?;
        freed.expired_messages += swept.expired;
        freed.removed_messages += swept.removed;
        freed.replay_claims += swept.claims;
        freed.remembered_answers += swept.answers;
        freed.more = swept.more;
        if !freed.more || started.elapsed() >= SWEEPING {
            freed.blobs = collect(&app).await;
            return Ok(Json(freed));
        }
        tokio::time::sleep(sweep::BREATH).await;
    }
}

/// What cannot be removed now is tried again without being asked.
async fn collect(app: &App) -> usize {
    match app.blobs.collect(&app.store).await {
        Ok(removed) => removed,
        Err(error) => {
            tracing::warn!(%error, "bytes of blobs were not removed; it is tried again");
            0
        }
    }
}

/// `POST /v1/drain`: ends the relay as SIGTERM does.
pub(super) async fn drain(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    tracing::info!("told by the admin socket to end");
    let connections = app.shutdown.tracked();
    app.shutdown.begin();
    let answer = json!({ "draining": true, "connections": connections });
    std::future::ready((StatusCode::ACCEPTED, Json(answer))).await
}
