//! `/v1/cursors/{name}`.

use super::error::parse;
use super::name::Name;
use super::{Api, ApiError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use mrpd_api::body::Cursor;
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

fn check_name(name: &str) -> Result<(), ApiError> {
    let length = name.chars().count();
    if (1..=NAME_LENGTH).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let message =
        format!("a cursor's name has 1 to {NAME_LENGTH} characters and no control characters");
    Err(ApiError::new(Code::InvalidRequest, message))
}
