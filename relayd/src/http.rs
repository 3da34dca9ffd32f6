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
use axum::routing::MethodRouter;
use exchange::Exchange;
use mrp_proto::code::{Code, ErrorBody};
use openapi::codes;
use std::sync::Arc;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Everything there is, by path.
pub(crate) fn router(app: Arc<App>) -> Router {
    routes()
        .route_layer(map_request(note_route))
        .with_state(app)
}

/// For the log and the figures, which know a request by the path it matched.
async fn note_route(request: Request) -> Request {
    Exchange::of(request.extensions()).note_route(request.extensions());
    std::future::ready(request).await
}

/// The interface: what the router serves, and what describes it, from one list. The description is made when somebody asks for it, since
/// it takes longer than the rest of the router.
macro_rules! interface {
    ($($path:literal => { $($method:ident: $module:ident::$handler:ident),+ })+) => {
        fn routes() -> Router<Arc<App>> {
            Router::new()$(.route($path, MethodRouter::new()$(.$method($module::$handler))+))+
        }

        /// The description of each handler, which names its path and method once more.
        fn described() -> utoipa::openapi::OpenApi {
            OpenApiRouter::<Arc<App>>::with_openapi(openapi::Base::openapi())
                $($(.routes(routes!($module::$handler)))+)+
                .into_openapi()
        }

        /// Each entry of the list, and what its handler's description says by itself.
        #[cfg(test)]
        fn entries() -> Vec<(&'static str, &'static str, utoipa::openapi::OpenApi)> {
            vec![$($((
                $path,
                stringify!($method),
                OpenApiRouter::<Arc<App>>::new().routes(routes!($module::$handler)).into_openapi(),
            )),+),+]
        }
    };
}

interface! {
    "/" => { get: index::show }
    "/v1/openapi.json" => { get: openapi::show }
    "/v1/health" => { get: health::health }
    "/v1/health/ready" => { get: health::ready }
    "/v1/health/live" => { get: health::live }
    "/v1/health/details" => { get: health::details }
    "/v1/agents/{key}" => { get: agents::show, patch: agents::change, delete: agents::delete }
    "/v1/agents/{key}/capabilities" => { get: agents::capabilities }
    "/v1/agents/{key}/webhook" => { get: webhooks::show, put: webhooks::register, delete: webhooks::delete }
    "/v1/agents/{key}/acl" => { get: acl::list }
    "/v1/agents/{key}/acl/{peer}" => { get: acl::show, put: acl::put, delete: acl::delete }
    "/v1/discover" => { get: discover::find }
    "/v1/capabilities" => { get: discover::capabilities }
    "/v1/messages" => { post: messages::send, get: messages::poll }
    "/v1/messages/{id}" => { get: messages::show }
    "/v1/messages/{id}/status" => { get: messages::status }
    "/v1/messages/{id}/ack" => { post: messages::acknowledge }
    "/v1/messages/threads/{id}" => { get: threads::show }
    "/v1/blobs" => { post: blobs::upload }
    "/v1/blobs/{id}" => { get: blobs::download, delete: blobs::delete }
    "/v1/ws" => { get: self::websocket }
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

#[cfg(test)]
mod tests {
    use super::*;
    use utoipa::openapi::PathItem;

    fn methods(item: &PathItem) -> Vec<&'static str> {
        let operations = [
            ("delete", &item.delete),
            ("get", &item.get),
            ("patch", &item.patch),
            ("post", &item.post),
            ("put", &item.put),
        ];
        let present = operations.into_iter().filter(|(_, it)| it.is_some());
        present.map(|(method, _)| method).collect()
    }

    #[test]
    fn every_handler_is_served_where_its_description_says() {
        for (path, method, described) in entries() {
            let found: Vec<_> = described.paths.paths.iter().collect();
            let [(described_path, item)] = found[..] else {
                unreachable!("a handler has one path");
            };
            assert_eq!(
                (described_path.as_str(), methods(item)),
                (path, vec![method])
            );
        }
        let operations = described().paths.paths;
        let operations: usize = operations.values().map(|item| methods(item).len()).sum();
        assert_eq!(operations, entries().len(), "each once");
    }
}
