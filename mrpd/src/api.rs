//! The local interface: routes of [`mrpd_api::route`], over whatever carries HTTP (see [`crate::socket`]).
//!
//! Handlers know no tables: they ask the outbox, the contacts and the store, and put the answer into the contract's shape.

mod archive;
mod attachments;
mod blobs;
mod claims;
mod contacts;
mod cursors;
mod dead;
mod doctor;
mod error;
mod events;
mod hooks;
mod lifecycle;
mod messages;
mod metrics;
mod name;
mod openapi;
mod outbox;
mod pending;
mod profile;
mod prune;
mod query;
mod relays;
mod routes;
mod send;
mod sign;
mod spool;
mod status;
mod threads;
mod timed;
mod topics;
pub(crate) mod view;
mod words;

pub use error::ApiError;
pub use lifecycle::Command;
pub(crate) use openapi::description;
pub use openapi::document;

use crate::context::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request};
use axum::http::{HeaderName, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
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
    /// Where the store is.
    pub state_dir: PathBuf,
}

/// The whole interface.
pub fn router(api: Api) -> Router {
    routes::whole()
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(axum::middleware::from_fn(take_body))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .merge(routes::streamed().method_not_allowed_fallback(no_such_method))
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
        .with_hint("the paths are in GET /v1/openapi.json")
}

async fn no_such_method(method: Method, uri: Uri) -> ApiError {
    let message = format!("{} does not take {method}", uri.path());
    ApiError::new(Code::MethodNotAllowed, message)
}

#[cfg(test)]
mod tests;
