//! The relay's description of itself: OpenAPI 3.1, made from the routes that it serves and the types that it reads and writes.
//!
//! A handler says what is its own: parameters, bodies, and the error codes that only it has. What all requests of a class share,
//! such as refused signatures, is added to each operation in one place ([`complete`]).

mod complete;
mod params;

pub(super) use params::{
    AclPath, AclQuery, AgentPath, DiscoverQuery, MessagePath, PageQuery, PollQuery, ThreadPath,
};

use super::etag;
use crate::app::App;
use crate::config::Config;
use axum::extract::{Request, State};
use axum::response::Response;
use mrp_proto::code::Code;
use mrp_proto::code::ErrorBody;
use std::sync::{Arc, OnceLock};
use utoipa::OpenApi;

/// The name of the extension that lists error codes: of an operation's own, before it is completed, and of each response, after.
const ERROR_CODES: &str = "x-error-codes";

/// What the document begins as: what no route brings along.
#[derive(OpenApi)]
#[openapi(components(schemas(ErrorBody)))]
pub(super) struct Base;

/// A relay's document, made when somebody first asks for it.
#[derive(Debug, Default)]
pub(crate) struct Description(OnceLock<Served>);

#[derive(Debug)]
struct Served {
    json: bytes::Bytes,
    etag: http::HeaderValue,
}

/// The document of a relay with this configuration, for people and programs to read.
pub fn document(config: &Config) -> String {
    let document = complete::complete(super::routes().into_openapi(), config);
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
    let served = app.description.0.get_or_init(|| {
        let json = bytes::Bytes::from(document(&app.config));
        let etag = etag::of(&json);
        Served { json, etag }
    });
    std::future::ready(etag::answer(
        request.headers(),
        &served.etag,
        served.json.clone(),
    ))
    .await
}

/// Codes as the annotations of handlers list them.
pub(super) fn codes(codes: &[Code]) -> Vec<&'static str> {
    codes.iter().map(|code| code.as_str()).collect()
}
