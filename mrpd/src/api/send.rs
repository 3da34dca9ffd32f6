//! `POST /v1/send`.

use super::error::parse;
use super::openapi::codes;
use super::{Api, ApiError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use mrpd_api::body::{Send, Sent};
use mrpd_api::error::Code;
use mrpd_api::route::IDEMPOTENCY_KEY_HEADER;

/// Puts a message into the outbox, and answers how far it has come in the time that was given.
#[utoipa::path(
    post,
    path = "/v1/send",
    operation_id = "send",
    tag = "Sending",
    summary = "Sends a message",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters: the same key is sent once in 24 hours")),
    request_body = Send,
    responses((status = 200, description = "It is durable in the outbox, at least; `stage` says how far it came in the time that was given", body = Sent)),
    extensions(("x-error-codes" = json!(codes(&[Code::InvalidRequest, Code::EncryptionRequired, Code::IdempotencyMismatch, Code::UnknownRecipient, Code::AmbiguousRecipient, Code::UnknownAgent, Code::UnknownRelay, Code::NoAgent, Code::TryAgain, Code::Refused])))),
)]
pub(super) async fn send(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Sent>, ApiError> {
    let send: Send = parse(&body?)?;
    if api.context.stop.is_cancelled() {
        return Err(ApiError::new(
            Code::ShuttingDown,
            "the daemon is going away",
        ));
    }
    let key = idempotency_key(&headers)?;
    Ok(Json(api.context.outbox.send(send, key).await?))
}

/// The key under which the same is sent once.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    match headers
        .get(IDEMPOTENCY_KEY_HEADER)
        .map(|value| value.to_str())
    {
        Some(Ok(key)) => Ok(Some(key.to_owned())),
        Some(Err(_)) => {
            let message = "the idempotency key must have visible ASCII characters";
            Err(ApiError::new(Code::InvalidRequest, message))
        }
        None => Ok(None),
    }
}
