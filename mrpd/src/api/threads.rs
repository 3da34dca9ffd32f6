//! `GET /v1/threads`, `GET /v1/threads/{id}`, `GET /v1/search`.

use super::messages::{names, stream_plan};
use super::name::Name;
use super::openapi::codes;
use super::query::plan;
use super::{Api, ApiError, view};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mrpd_api::body::inbox::{Thread, ThreadQuery};
use mrpd_api::body::{MessageQuery, Order};
use mrpd_api::error::Code;
use mrpd_api::message::Message;

/// Threads of one answer, where nothing else is said, and at most.
const THREADS: (u64, u64) = (100, 1000);
/// Messages that a search finds, where nothing else is said.
const FOUND: u64 = 100;

#[utoipa::path(
    get,
    path = "/v1/threads",
    operation_id = "list_threads",
    tag = "Messages",
    summary = "Threads, the latest first",
    params(ThreadQuery),
    responses((status = 200, description = "The threads", body = Vec<Thread>)),
)]
pub(super) async fn list(
    State(api): State<Api>,
    query: Result<Query<ThreadQuery>, QueryRejection>,
) -> Result<Json<Vec<Thread>>, ApiError> {
    let Query(query) = query?;
    let limit = query.limit.unwrap_or(THREADS.0);
    if limit > THREADS.1 {
        let message = format!("limit: must be at most {} (given: {limit})", THREADS.1);
        return Err(ApiError::new(Code::InvalidRequest, message)
            .with_hint("go on with before=<seq of the last one>"));
    }
    let before = query.before.unwrap_or(u64::MAX);
    let count = usize::try_from(limit).unwrap_or(usize::MAX);
    let threads = api.context.store.threads(before, count).await?;
    let names = names(&api);
    let shown = threads.into_iter().filter_map(|thread| {
        let mut last = view::message(thread.newest, thread.message, &names)?;
        last.body = None;
        Some(Thread {
            thread: thread.id,
            count: thread.count,
            seq: thread.newest,
            last,
        })
    });
    Ok(Json(shown.collect()))
}

/// A thread's messages, both ways and oldest first unless the query says otherwise.
#[utoipa::path(
    get,
    path = "/v1/threads/{id}",
    operation_id = "show_thread",
    tag = "Messages",
    summary = "A thread, both ways and in order",
    description = "Filters are those of `/v1/messages`.",
    params(("id" = String, Path, description = "The thread's id"), MessageQuery),
    responses((status = 200, description = "A message a line", content((Message = "application/x-ndjson"), (String = "text/event-stream")))),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownRecipient, Code::AmbiguousRecipient, Code::UnknownAgent, Code::NoAgent])))),
)]
pub(super) async fn one(
    State(api): State<Api>,
    Name(id): Name,
    RawQuery(raw): RawQuery,
    query: Result<Query<MessageQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(mut query) = query?;
    query.thread = Some(id);
    query.all = query.all.or(Some(1));
    let plan = plan(&api, raw.as_deref(), query, &headers)?;
    stream_plan(api, plan, &headers).await
}

/// Messages with words in them, both ways and newest first unless the query says otherwise.
#[utoipa::path(
    get,
    path = "/v1/search",
    operation_id = "search_messages",
    tag = "Messages",
    summary = "Messages with words in them, newest first",
    description = "All words of `text` occur, in either case of their letters, in the text or in a text of the body. 100 where `limit` is absent; go on with `before`, the `seq` of the last one.",
    params(MessageQuery),
    responses((status = 200, description = "A message a line", content((Message = "application/x-ndjson"), (String = "text/event-stream")))),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownRecipient, Code::AmbiguousRecipient, Code::UnknownAgent, Code::NoAgent])))),
)]
pub(super) async fn search(
    State(api): State<Api>,
    RawQuery(raw): RawQuery,
    query: Result<Query<MessageQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(mut query) = query?;
    if query.text.is_none() {
        let message = "text: is missing; write the words to look for, as text=two+words";
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    query.all = query.all.or(Some(1));
    query.order = query.order.or(Some(Order::Descending));
    query.limit = query.limit.or(Some(FOUND));
    let plan = plan(&api, raw.as_deref(), query, &headers)?;
    stream_plan(api, plan, &headers).await
}
