//! `/v1/cursors`, `/v1/cursors/{name}`.

use super::error::parse;
use super::name::Name;
use super::openapi::codes;
use super::{Api, ApiError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use mrpd_api::body::Cursor;
use mrpd_api::body::inbox::NamedCursor;
use mrpd_api::error::Code;

/// Characters of a cursor's name, at most.
const NAME_LENGTH: usize = 64;

#[utoipa::path(
    get,
    path = "/v1/cursors/{name}",
    operation_id = "show_cursor",
    tag = "Messages",
    summary = "Where a named reader stands",
    params(("name" = String, Path, description = "1 to 64 characters, no control characters")),
    responses((status = 200, description = "The last `seq` it is done with; 0 where it has not begun", body = Cursor)),
)]
pub(super) async fn get(
    State(api): State<Api>,
    Name(name): Name,
) -> Result<Json<Cursor>, ApiError> {
    check_name(&name)?;
    let seq = api.context.store.cursor(name).await?;
    Ok(Json(Cursor { seq }))
}

#[utoipa::path(
    put,
    path = "/v1/cursors/{name}",
    operation_id = "put_cursor",
    tag = "Messages",
    summary = "Notes where a named reader stands",
    params(("name" = String, Path, description = "1 to 64 characters, no control characters")),
    request_body = Cursor,
    responses((status = 204, description = "Noted")),
)]
pub(super) async fn put(
    State(api): State<Api>,
    Name(name): Name,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    check_name(&name)?;
    let cursor: Cursor = parse(&body?)?;
    api.context.store.put_cursor(name, cursor.seq).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    get,
    path = "/v1/cursors",
    operation_id = "list_cursors",
    tag = "Messages",
    summary = "Named readers of the inbox",
    responses((status = 200, description = "All of them, by name", body = Vec<NamedCursor>)),
)]
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<NamedCursor>>, ApiError> {
    let cursors = api.context.store.cursors().await?;
    let named = |(name, seq)| NamedCursor { name, seq };
    Ok(Json(cursors.into_iter().map(named).collect()))
}

#[utoipa::path(
    delete,
    path = "/v1/cursors/{name}",
    operation_id = "remove_cursor",
    tag = "Messages",
    summary = "Forgets a named reader",
    params(("name" = String, Path, description = "1 to 64 characters, no control characters")),
    responses((status = 204, description = "Forgotten")),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownCursor])))),
)]
pub(super) async fn remove(
    State(api): State<Api>,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    check_name(&name)?;
    if api.context.store.remove_cursor(name.clone()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let message = format!("there is no cursor {name:?}");
    Err(ApiError::new(Code::UnknownCursor, message))
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let length = name.chars().count();
    if (1..=NAME_LENGTH).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let message =
        format!("a cursor's name has 1 to {NAME_LENGTH} characters and no control characters");
    Err(ApiError::new(Code::InvalidRequest, message))
}
