//! The relay's description of itself: OpenAPI 3.1, made from the routes that it serves and the types that it reads and writes.
//!
//! A handler says what is its own: parameters, bodies, and the error codes that only it has. What all requests of a class share,
//! such as refused signatures, is added to each operation in one place ([`complete`]).

mod complete;
mod params;

pub(super) use params::{
    AclPath, AclQuery, AgentPath, BlobPath, Bytes, DiscoverQuery, MessagePath, PageQuery,
    PollQuery, ThreadPath,
};

use super::etag;
use crate::app::App;
use crate::config::Config;
use axum::extract::{Request, State};
use axum::response::Response;
use mrp_proto::code::Code;
use mrp_proto::code::ErrorBody;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use utoipa::OpenApi;

/// The name of the extension that lists error codes: of an operation's own, before it is completed, and of each response, after.
const ERROR_CODES: &str = "x-error-codes";

/// What the document begins as: what no route brings along.
#[derive(OpenApi)]
#[openapi(components(schemas(ErrorBody)))]
pub(super) struct Base;

/// A relay's document, made when somebody first asks for it, and again when the limits in it have changed.
#[derive(Debug, Default)]
pub(crate) struct Description(Mutex<Option<Arc<Served>>>);

#[derive(Debug)]
struct Served {
    lifetimes: (Duration, Duration),
    json: bytes::Bytes,
    etag: http::HeaderValue,
}

impl Description {
    fn of(&self, config: &Config) -> Arc<Served> {
        let lifetimes = (config.limits.ttl_default, config.limits.ttl_max);
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(served) = made.as_ref().filter(|made| made.lifetimes == lifetimes) {
            return Arc::clone(served);
        }
        let json = bytes::Bytes::from(document(config));
        let etag = etag::of(&json);
        let served = Served {
            lifetimes,
            json,
            etag,
        };
        Arc::clone(made.insert(Arc::new(served)))
    }
}

/// The document of a relay with this configuration, for people and programs to read.
pub fn document(config: &Config) -> String {
    let document = complete::complete(super::described(), config);
    let mut text = serde_json::to_string_pretty(&document).expect("a JSON value can be written");
    text.push('\n');
    text
}

/// `GET /v1/openapi.json`
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "get_openapi",
    tag = "Health",
    summary = "This document",
    security(()),
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the copy one has")),
    responses(
        (status = 200, description = "The document", body = Object, headers(("ETag" = String, description = "Changes with the document"))),
        (status = 304, description = "The copy that `If-None-Match` names is current", headers(("ETag" = String))),
    ),
)]
pub(super) async fn show(State(app): State<Arc<App>>, request: Request) -> Response {
    let served = app.description.of(&app.config);
    let json = served.json.clone();
    std::future::ready(etag::answer(request.headers(), &served.etag, json)).await
}

/// Codes as the annotations of handlers list them.
pub(super) fn codes(codes: &[Code]) -> Vec<&'static str> {
    codes.iter().map(|code| code.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_made_once_and_again_when_its_limits_change() {
        let (description, mut config) = (Description::default(), Config::default());
        let first = description.of(&config);
        assert!(Arc::ptr_eq(&first, &description.of(&config)));
        config.limits.ttl_max *= 2;
        assert_ne!(description.of(&config).etag, first.etag);
    }
}
