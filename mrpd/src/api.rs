//! The local interface: routes of [`mrpd_api::route`], over whatever carries HTTP (see [`crate::socket`]).
//!
//! Handlers know no tables: they ask the outbox, the contacts and the store, and put the answer into the contract's shape.

mod contacts;
mod cursors;
mod error;
mod lifecycle;
mod messages;
mod name;
mod query;
mod send;
mod spool;
mod status;
mod topics;
mod view;

pub use error::ApiError;
pub use lifecycle::Command;

use crate::context::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request};
use axum::http::{HeaderName, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use mrp_proto::time::Timestamp;
use mrpd_api::error::Code;
use mrpd_api::route;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Bytes of a request's body, at most.
const BODY_LIMIT: usize = 4 << 20;
/// How long a client may take for a request's body.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// What the handlers work with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    /// The parts that are asked.
    pub context: Context,
    /// The daemon itself.
    pub control: mpsc::Sender<Command>,
    /// Who answers.
    pub about: Arc<About>,
}

/// Who answers.
#[derive(Debug)]
pub struct About {
    /// When the daemon began.
    pub started_at: Timestamp,
    /// The socket.
    pub socket: PathBuf,
    /// The configuration file.
    pub config: PathBuf,
}

/// All routes.
pub fn router(api: Api) -> Router {
    let below = |path: &str, rest: &str| format!("{path}/{rest}");
    Router::new()
        .route(route::HEALTH, get(status::health))
        .route(route::STATUS, get(status::status))
        .route(route::AGENTS, get(status::agents))
        .route(route::RELAYS, get(status::relays))
        .route(route::OUTBOX, get(status::outbox))
        .route(route::SEND, post(send::send))
        .route(route::MESSAGES, get(messages::list))
        .route(&below(route::MESSAGES, "{id}"), get(messages::one))
        .route(route::CONTACTS, get(contacts::list))
        .route(
            &below(route::CONTACTS, "{name}"),
            get(contacts::one)
                .put(contacts::put)
                .delete(contacts::remove),
        )
        .route(
            &below(route::CONTACTS, "{name}/rename"),
            post(contacts::rename),
        )
        .route(
            &below(route::CURSORS, "{name}"),
            put(cursors::put).get(cursors::get),
        )
        .route(route::TOPICS, get(topics::list))
        .route(
            &below(route::TOPICS, "{name}/subscribers"),
            get(topics::subscribers),
        )
        .route(
            &below(route::TOPICS, "{name}/subscribers/{who}"),
            delete(topics::remove_subscriber),
        )
        .route(&below(route::PUBLISH, "{name}"), post(topics::publish))
        .route(
            route::SUBSCRIPTIONS,
            get(topics::subscriptions).post(topics::subscribe),
        )
        .route(
            &below(route::SUBSCRIPTIONS, "{who}"),
            delete(topics::unsubscribe),
        )
        .route(
            &below(route::SUBSCRIPTIONS, "{who}/{topic}"),
            delete(topics::unsubscribe),
        )
        .route(route::SPOOL, get(spool::show))
        .route(route::RELOAD, post(lifecycle::reload))
        .route(route::SHUTDOWN, post(lifecycle::shutdown))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(axum::middleware::from_fn(take_body))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(axum::middleware::map_response(sign_answer))
        .with_state(api)
}

/// Takes the whole body before anything is done: a client that stops in the middle must not keep its place for ever.
async fn take_body(request: Request, next: Next) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let taken = Bytes::from_request(Request::from_parts(parts.clone(), body), &());
    let Ok(taken) = tokio::time::timeout(BODY_PATIENCE, taken).await else {
        let seconds = BODY_PATIENCE.as_secs();
        let message = format!("the body did not come within {seconds} s");
        return Err(ApiError::new(Code::InvalidRequest, message));
    };
    let whole = Body::from(taken?);
    Ok(next.run(Request::from_parts(parts, whole)).await)
}

/// Every answer says who gives it.
async fn sign_answer(response: Response) -> Response {
    signed(response)
}

/// Puts the two headers on an answer.
pub(crate) fn signed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static(route::VERSION_HEADER),
        HeaderValue::from_static(env!("CARGO_PKG_VERSION")),
    );
    headers.insert(
        HeaderName::from_static(route::API_HEADER),
        HeaderValue::from_static(route::API_VERSION),
    );
    response
}

async fn no_such_path(uri: Uri) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is no {}", uri.path()))
        .with_hint("the paths are in the documentation of the local interface")
}

async fn no_such_method(method: Method, uri: Uri) -> ApiError {
    let message = format!("{} does not take {method}", uri.path());
    ApiError::new(Code::MethodNotAllowed, message)
}

#[cfg(test)]
mod tests;
