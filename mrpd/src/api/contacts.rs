//! `/v1/contacts`.

use super::error::parse;
use super::name::Name;
use super::openapi::codes;
use super::{Api, ApiError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use mrpd_api::body::{Contact, ContactChange, Rename};
use mrpd_api::error::Code;

#[utoipa::path(
    get,
    path = "/v1/contacts",
    operation_id = "list_contacts",
    tag = "Contacts",
    summary = "The contacts",
    responses((status = 200, description = "All of them", body = Vec<Contact>)),
)]
pub(super) async fn list(State(api): State<Api>) -> Json<Vec<Contact>> {
    Json(api.context.contacts.list())
}

#[utoipa::path(
    get,
    path = "/v1/contacts/{name}",
    operation_id = "show_contact",
    tag = "Contacts",
    summary = "One contact",
    params(("name" = String, Path, description = "The contact's name")),
    responses((status = 200, description = "The contact", body = Contact)),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownContact])))),
)]
pub(super) async fn one(
    State(api): State<Api>,
    Name(name): Name,
) -> Result<Json<Contact>, ApiError> {
    Ok(Json(api.context.contacts.find(&name)?))
}

#[utoipa::path(
    put,
    path = "/v1/contacts/{name}",
    operation_id = "put_contact",
    tag = "Contacts",
    summary = "Makes or changes a contact",
    params(("name" = String, Path, description = "The contact's name")),
    request_body = ContactChange,
    responses((status = 200, description = "The contact as it is now", body = Contact)),
    extensions(("x-error-codes" = json!(codes(&[Code::ContactExists, Code::UnknownContact])))),
)]
pub(super) async fn put(
    State(api): State<Api>,
    Name(name): Name,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Contact>, ApiError> {
    let change: ContactChange = parse(&body?)?;
    Ok(Json(api.context.contacts.put(&name, change).await?))
}

#[utoipa::path(
    delete,
    path = "/v1/contacts/{name}",
    operation_id = "remove_contact",
    tag = "Contacts",
    summary = "Removes a contact",
    params(("name" = String, Path, description = "The contact's name")),
    responses((status = 204, description = "It is gone")),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownContact])))),
)]
pub(super) async fn remove(
    State(api): State<Api>,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    api.context.contacts.remove(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    post,
    path = "/v1/contacts/{name}/rename",
    operation_id = "rename_contact",
    tag = "Contacts",
    summary = "Renames a contact",
    params(("name" = String, Path, description = "The contact's name")),
    request_body = Rename,
    responses((status = 204, description = "It has the new name")),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownContact, Code::ContactExists])))),
)]
pub(super) async fn rename(
    State(api): State<Api>,
    Name(name): Name,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let rename: Rename = parse(&body?)?;
    api.context.contacts.rename(&name, &rename.name).await?;
    Ok(StatusCode::NO_CONTENT)
}
