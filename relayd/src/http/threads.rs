//! Threads (protocol A4.10).

use super::admission::admit;
use super::cursor::{self, Listing};
use super::error::ApiError;
use super::messages::{page_limit, to_page};
use super::openapi::{PageQuery, ThreadPath, codes};
use super::query::Query;
use super::segment::segment;
use crate::app::App;
use crate::auth::Class;
use axum::Json;
use axum::extract::{Request, State};
use http::request::Parts;
use mrp_proto::code::Code;
use mrp_proto::message::{MAX_REFERENCE, Violation};
use mrp_proto::relay_api::MessagePage;
use std::sync::Arc;

/// `GET /v1/messages/threads/{id}`
#[utoipa::path(
    get,
    path = "/v1/messages/threads/{id}",
    operation_id = "get_thread",
    tag = "Messages",
    summary = "The messages of a thread, in both directions, oldest first",
    params(ThreadPath, PageQuery),
    responses((status = 200, description = "A page", body = MessagePage)),
    extensions(("x-error-codes" = json!(codes(&[Code::ValidationFailed])))),
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<MessagePage>, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let thread = path_thread(&signed.parts)?;
    let query = Query::of(&signed.parts.uri)?;
    let limit = page_limit(&query)?;
    let after = cursor::decode(Listing::Thread, query.text("cursor")?.unwrap_or(""))?;
    let page = app
        .store
        .thread(signed.caller.key, &thread, after, limit, app.now())
        .await?;
    Ok(Json(to_page(Listing::Thread, page)))
}

fn path_thread(parts: &Parts) -> Result<String, Violation> {
    let Some(thread) = segment(parts, 3) else {
        let rule = "must be percent-encoded UTF-8 in the path";
        let allowed = "percent-encoded UTF-8";
        return Err(Violation::new("thread_id", rule, allowed, "something else"));
    };
    let length = thread.chars().count();
    if (1..=MAX_REFERENCE).contains(&length) {
        return Ok(thread);
    }
    let rule = format!("must have 1 to {MAX_REFERENCE} characters");
    Err(Violation::new("thread_id", rule, MAX_REFERENCE, length))
}
