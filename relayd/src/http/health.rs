//! Whether the relay is well. Nobody needs a key for these.

use super::error::ApiError;
use crate::app::App;
use crate::disk::Room;
use crate::serve::Standing;
use axum::Json;
use axum::extract::{Request, State};
use mrp_proto::relay_api::{Health, HealthStatus, feature};
use mrp_proto::time::Timestamp;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// That something answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alive {
    status: HealthStatus,
    /// What is refused for want of room: `no_uploads` or `no_sends`.
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<&'static str>,
}

/// How the relay and its parts are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Details {
    status: HealthStatus,
    version: &'static str,
    timestamp: Timestamp,
    components: Components,
}

/// The parts of a relay.
#[derive(Debug, Serialize, ToSchema)]
struct Components {
    store: Component,
    disk: Component,
    /// Null where the relay speaks plain HTTP.
    tls: Option<Component>,
    websocket: Component,
}

/// How one part is, and its figures.
#[derive(Debug, Serialize, ToSchema)]
struct Component {
    status: HealthStatus,
    /// Of the disk: `ample`, `no_uploads` or `no_sends`.
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'static str>,
    /// Of TLS: when the certificate ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Of the WebSocket: how many are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets: Option<usize>,
}

impl Component {
    fn new(status: HealthStatus) -> Self {
        Self {
            status,
            room: None,
            expires_at: None,
            sockets: None,
        }
    }
}

/// `GET /v1/health`
#[utoipa::path(
    get,
    path = "/v1/health",
    operation_id = "get_health",
    tag = "Health",
    summary = "How the relay is, and what it can do",
    security(()),
    responses((status = 200, description = "It answers", body = Health)),
)]
pub(super) async fn health(State(app): State<Arc<App>>, request: Request) -> Json<Health> {
    Json(Health {
        status: worst(store(&app).await, disk(app.disk.room())),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        timestamp: app.now(),
        features: features(&app, &request)
            .into_iter()
            .map(str::to_owned)
            .collect(),
    })
}

/// `GET /v1/health/ready`: whether requests can be served now.
#[utoipa::path(
    get,
    path = "/v1/health/ready",
    operation_id = "get_readiness",
    tag = "Health",
    summary = "Whether requests can be served now",
    security(()),
    responses((status = 200, description = "They can", body = Alive)),
)]
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Alive>, ApiError> {
    if app.shutdown.has_begun() {
        return Err(ApiError::unavailable("the relay is shutting down"));
    }
    app.store.ping().await?;
    // Without room on the disk it does not take everything, but still hands out what it has.
    Ok(Json(match app.disk.room() {
        Room::Ample => Alive {
            status: HealthStatus::Ok,
            disk: None,
        },
        room => Alive {
            status: HealthStatus::Degraded,
            disk: Some(room.word()),
        },
    }))
}

/// `GET /v1/health/live`: whether the process answers.
#[utoipa::path(
    get,
    path = "/v1/health/live",
    operation_id = "get_liveness",
    tag = "Health",
    summary = "Whether the process answers",
    security(()),
    responses((status = 200, description = "It does", body = Alive)),
)]
pub(super) async fn live() -> Json<Alive> {
    let alive = Alive {
        status: HealthStatus::Ok,
        disk: None,
    };
    std::future::ready(Json(alive)).await
}

/// `GET /v1/health/details`: the same for each part.
#[utoipa::path(
    get,
    path = "/v1/health/details",
    operation_id = "get_health_details",
    tag = "Health",
    summary = "How each part of the relay is",
    security(()),
    responses((status = 200, description = "It answers", body = Details)),
)]
pub(super) async fn details(State(app): State<Arc<App>>) -> Json<Details> {
    // Each looked at once, so that the whole cannot contradict its parts when one changes meanwhile.
    let (store, room) = (store(&app).await, app.disk.room());
    Json(Details {
        status: worst(store, disk(room)),
        version: env!("CARGO_PKG_VERSION"),
        timestamp: app.now(),
        components: Components {
            store: Component::new(store),
            disk: Component {
                room: Some(room.word()),
                ..Component::new(disk(room))
            },
            tls: tls(&app),
            websocket: Component {
                sockets: Some(app.hub.sockets()),
                ..Component::new(HealthStatus::Ok)
            },
        },
    })
}

/// What this relay can do, for this client, beyond the published interface (protocol A11).
pub(super) fn features(app: &App, request: &Request) -> Vec<&'static str> {
    let mut features = vec![feature::IDEMPOTENCY, feature::ACK, feature::WAIT];
    if app.can_be_signed_for(request) {
        features.extend([feature::RFC9421, feature::WS_AUTH_2]);
    }
    features
}

/// The worst of what messages depend on.
fn worst(store: HealthStatus, disk: HealthStatus) -> HealthStatus {
    match store {
        HealthStatus::Ok => disk,
        degraded => degraded,
    }
}

fn disk(room: Room) -> HealthStatus {
    match room {
        Room::Ample => HealthStatus::Ok,
        Room::Scarce | Room::Low | Room::Critical => HealthStatus::Degraded,
    }
}

/// `None` where the relay speaks plain HTTP.
fn tls(app: &App) -> Option<Component> {
    let (status, expires) = match app.certificates.standing(app.now()) {
        Standing::Off => return None,
        Standing::Missing => (HealthStatus::Degraded, None),
        Standing::Good { expires } => (HealthStatus::Ok, Some(expires)),
        Standing::Ending { expires } => (HealthStatus::Degraded, Some(expires)),
    };
    Some(Component {
        expires_at: expires,
        ..Component::new(status)
    })
}

async fn store(app: &App) -> HealthStatus {
    match app.store.ping().await {
        Ok(()) => HealthStatus::Ok,
        Err(_) => HealthStatus::Degraded,
    }
}
