//! `/v1/contacts`.

use super::error::parse;
use super::name::Name;
use super::{Api, ApiError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use mrpd_api::body::{Contact, ContactChange, Rename};

pub(super) async fn list(State(api): State<Api>) -> Json<Vec<Contact>> {
    Json(api.context.contacts.list())
}

pub(super) async fn one(
    State(api): State<Api>,
    Name(name): Name,
) -> Result<Json<Contact>, ApiError> {
    Ok(Json(api.context.contacts.find(&name)?))
}

pub(super) async fn put(
    State(api): State<Api>,
    Name(name): Name,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Contact>, ApiError> {
    let change: ContactChange = parse(&body?)?;
    Ok(Json(api.context.contacts.put(&name, change).await?))
}

pub(super) async fn remove(
    State(api): State<Api>,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    api.context.contacts.remove(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn rename(
    State(api): State<Api>,
    Name(name): Name,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let rename: Rename = parse(&body?)?;
    api.context.contacts.rename(&name, &rename.name).await?;
    Ok(StatusCode::NO_CONTENT)
}
