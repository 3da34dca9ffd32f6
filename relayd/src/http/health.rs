//! Whether the relay is well, and the page at its root. Nobody needs a key for these.

use super::error::ApiError;
use crate::app::App;
use crate::disk::Room;
use crate::serve::Standing;
use axum::Json;
use axum::extract::State;
use mrp_proto::relay_api::{Health, HealthStatus, feature};
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/health`
pub(super) async fn health(State(app): State<Arc<App>>) -> Json<Health> {
    let features = [feature::IDEMPOTENCY, feature::ACK, feature::WAIT];
    Json(Health {
        status: status(&app).await,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        timestamp: app.now(),
        features: features.map(str::to_owned).to_vec(),
    })
}

/// `GET /v1/health/ready`: whether requests can be served now.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    if app.shutdown.has_begun() {
        return Err(ApiError::unavailable("the relay is shutting down"));
    }
    app.store.ping().await?;
    // Without room on the disk it does not take everything, but still hands out what it has.
    Ok(Json(match app.disk.room() {
        Room::Ample => json!({ "status": "ok" }),
        room => json!({ "status": "degraded", "disk": room.word() }),
    }))
}

/// `GET /v1/health/live`: whether the process answers.
pub(super) async fn live() -> Json<Value> {
    std::future::ready(Json(json!({ "status": "ok" }))).await
}

/// `GET /v1/health/details`: the same for each part.
pub(super) async fn details(State(app): State<Arc<App>>) -> Json<Value> {
    let (status, store) = (status(&app).await, store(&app).await);
    let (disk, room) = (disk(&app), app.disk.room().word());
    Json(json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "timestamp": app.now(),
        "components": {
            "store": { "status": store },
            "disk": { "status": disk, "room": room },
            "tls": tls(&app),
            "websocket": { "status": HealthStatus::Ok, "sockets": app.hub.sockets() },
        },
    }))
}

/// The worst of what messages depend on.
async fn status(app: &App) -> HealthStatus {
    match store(app).await {
        HealthStatus::Ok => disk(app),
        degraded => degraded,
    }
}

fn disk(app: &App) -> HealthStatus {
    match app.disk.room() {
        Room::Ample => HealthStatus::Ok,
        Room::Scarce | Room::Low | Room::Critical => HealthStatus::Degraded,
    }
}

/// Null where the relay speaks plain HTTP.
fn tls(app: &App) -> Value {
    match app.certificates.standing(app.now()) {
        Standing::Off => Value::Null,
        Standing::Missing => json!({ "status": HealthStatus::Degraded }),
        Standing::Good { expires } => json!({ "status": HealthStatus::Ok, "expires_at": expires }),
        Standing::Ending { expires } => {
            json!({ "status": HealthStatus::Degraded, "expires_at": expires })
        }
    }
}

async fn store(app: &App) -> HealthStatus {
    match app.store.ping().await {
        Ok(()) => HealthStatus::Ok,
        Err(_) => HealthStatus::Degraded,
    }
}

/// `GET /`: for people who open the address in a browser.
pub(super) async fn welcome(State(app): State<Arc<App>>) -> String {
    let url = app
        .config
        .public_url
        .clone()
        .unwrap_or_else(|| "http://<this address>".to_owned());
    let limits = &app.config.limits;
    let page = format!(
        "This is a relay for the Machine Relay Protocol (relayd {version}).\n\
         \n\
         Programs reach each other through it with signed messages: a key is an address, and there is nothing to register.\n\
         \n\
         Use it:     mrpctl init --relay {url}\n\
         Health:     {url}/v1/health\n\
         Messages:   bodies up to {body} KiB, kept for up to {days} days\n",
        version = env!("CARGO_PKG_VERSION"),
        body = limits.body >> 10,
        days = limits.ttl_max.as_secs() / 86_400,
    );
    std::future::ready(page).await
}
