//! Whether the relay is well. Nobody needs a key for these.

use super::error::ApiError;
use crate::app::App;
use axum::Json;
use axum::extract::State;
use mrp_proto::relay_api::{Health, HealthStatus, feature};
use mrp_proto::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// What this relay can do beyond the published interface (protocol A11).
pub(super) const FEATURES: [&str; 3] = [feature::IDEMPOTENCY, feature::ACK, feature::WAIT];

/// That something answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alive {
    status: HealthStatus,
}

/// How the relay's parts are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Details {
    status: HealthStatus,
    version: &'static str,
    timestamp: Timestamp,
    components: BTreeMap<&'static str, Component>,
}

/// How one part is, and its figures.
#[derive(Debug, Serialize, ToSchema)]
struct Component {
    status: HealthStatus,
    /// Open WebSockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets: Option<usize>,
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
pub(super) async fn health(State(app): State<Arc<App>>) -> Json<Health> {
    Json(Health {
        status: status(&app).await,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        timestamp: app.now(),
        features: FEATURES.map(str::to_owned).to_vec(),
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
    Ok(Json(Alive {
        status: HealthStatus::Ok,
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
    let status = HealthStatus::Ok;
    std::future::ready(Json(Alive { status })).await
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
    let status = status(&app).await;
    let store = Component {
        status,
        sockets: None,
    };
    let websocket = Component {
        status: HealthStatus::Ok,
        sockets: Some(app.hub.sockets()),
    };
    Json(Details {
        status,
        version: env!("CARGO_PKG_VERSION"),
        timestamp: app.now(),
        components: BTreeMap::from([("store", store), ("websocket", websocket)]),
    })
}

async fn status(app: &App) -> HealthStatus {
    match app.store.ping().await {
        Ok(()) => HealthStatus::Ok,
        Err(_) => HealthStatus::Degraded,
    }
}
