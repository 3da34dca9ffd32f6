//! The HTTP interface: what is where, and what every request goes through.

mod acl;
mod admission;
mod agents;
mod blobs;
mod body;
mod cursor;
mod discover;
mod health;
mod messages;
mod older;
mod segment;
mod threads;

pub(crate) mod error;
pub(crate) mod exchange;
pub(crate) mod query;

use crate::app::App;
use crate::ws;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use exchange::Exchange;
use std::sync::Arc;

/// Everything there is, by path.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(health::welcome))
        .route("/v1/health", get(health::health))
        .route("/v1/health/ready", get(health::ready))
        .route("/v1/health/live", get(health::live))
        .route("/v1/health/details", get(health::details))
        .route(
            "/v1/agents/{key}",
            get(agents::show)
                .patch(agents::change)
                .delete(agents::delete),
        )
        .route("/v1/agents/{key}/capabilities", get(agents::capabilities))
        .route("/v1/agents/{key}/acl", get(acl::list))
        .route(
            "/v1/agents/{key}/acl/{peer}",
            get(acl::show).put(acl::put).delete(acl::delete),
        )
        .route("/v1/discover", get(discover::find))
        .route("/v1/capabilities", get(discover::capabilities))
        .route("/v1/messages", post(messages::send).get(messages::poll))
        .route("/v1/messages/{id}", get(messages::show))
        .route("/v1/messages/{id}/status", get(messages::status))
        .route("/v1/messages/{id}/ack", post(messages::acknowledge))
        .route("/v1/messages/threads/{id}", get(threads::show))
        .route("/v1/blobs", post(blobs::upload))
        .route("/v1/blobs/{id}", get(blobs::download).delete(blobs::delete))
        .route("/v1/ws", get(websocket))
        .with_state(app)
}

async fn websocket(State(app): State<Arc<App>>, request: Request) -> Response {
    let client = Exchange::of(request.extensions()).client().clone();
    ws::upgrade(app, request, client)
}
