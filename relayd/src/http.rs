//! The HTTP interface: what is where, and what every request goes through.

mod acl;
mod admission;
mod agents;
mod blobs;
mod body;
mod cursor;
mod discover;
mod etag;
mod health;
mod index;
mod messages;
mod older;
mod segment;
mod threads;
mod webhooks;

pub(crate) mod cors;
pub(crate) mod error;
pub(crate) mod exchange;
pub(crate) mod openapi;
pub(crate) mod query;

use crate::app::App;
use crate::ws;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::map_request;
use axum::response::{IntoResponse as _, Response};
use exchange::Exchange;
use mrp_proto::code::{Code, ErrorBody};
use openapi::codes;
use std::sync::Arc;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Everything there is, by path.
pub(crate) fn router(app: Arc<App>) -> Router {
    let (router, _described) = routes().split_for_parts();
    router.route_layer(map_request(note_route)).with_state(app)
}

/// For the log and the figures, which know a request by the path it matched.
async fn note_route(request: Request) -> Request {
    Exchange::of(request.extensions()).note_route(request.extensions());
    std::future::ready(request).await
}

/// The routes, each with its description: there is no other way in, so nothing is served that the document does not have.
fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::Base::openapi())
        .routes(routes!(index::show))
        .routes(routes!(openapi::show))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::live))
        .routes(routes!(health::details))
        .routes(routes!(agents::show, agents::change, agents::delete))
        .routes(routes!(agents::capabilities))
        .routes(routes!(
            webhooks::show,
            webhooks::register,
            webhooks::delete
        ))
        .routes(routes!(acl::list))
        .routes(routes!(acl::show, acl::put, acl::delete))
        .routes(routes!(discover::find))
        .routes(routes!(discover::capabilities))
        .routes(routes!(messages::send, messages::poll))
        .routes(routes!(messages::show))
        .routes(routes!(messages::status))
        .routes(routes!(messages::acknowledge))
        .routes(routes!(threads::show))
        .routes(routes!(blobs::upload))
        .routes(routes!(blobs::download, blobs::delete))
        .routes(routes!(websocket))
}

/// `GET /v1/ws`
#[utoipa::path(
    get,
    path = "/v1/ws",
    operation_id = "connect",
    tag = "WebSocket",
    summary = "Opens a WebSocket; its first frame authenticates",
    description = "Frames are JSON objects with a `type`. The first one, `auth`, carries `public_key`, `timestamp` and `signature`; the upgrade itself \
        carries no signature. After that the relay pushes `message` frames, and takes `ack` and `send`.",
    security(()),
    responses(
        (status = 101, description = "The connection is a WebSocket now"),
        (status = 426, description = "The request is no upgrade to a WebSocket of version 13: `bad_request`", body = ErrorBody,
            extensions(("x-error-codes" = json!(codes(&[Code::BadRequest]))))),
    ),
    extensions(("x-error-codes" = json!(codes(&[Code::Forbidden])))),
)]
async fn websocket(State(app): State<Arc<App>>, request: Request) -> Response {
    if let Err(refusal) = app.cors.admit_upgrade(request.headers()) {
        return refusal.into_response();
    }
    let exchange = Exchange::of(request.extensions());
    let (client, request_id) = (exchange.client().clone(), exchange.request_id().to_owned());
    ws::upgrade(app, request, client, &request_id)
}
