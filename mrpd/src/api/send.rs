//! `POST /v1/send`.

use super::error::parse;
use super::name::Name;
use super::openapi::codes;
use super::query::flag;
use super::{Api, ApiError};
use crate::audience::{Audience, GROUP};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use mrpd_api::body::sending::{RecipientQuery, Recipients, SendMany, SendOutcome};
use mrpd_api::body::{Send, Sent};
use mrpd_api::error::Code;
use mrpd_api::route::IDEMPOTENCY_KEY_HEADER;

/// How many messages can be sent at once.
const MOST: usize = 1000;

/// Why a message is not sent.
const SEND_CODES: &[Code] = &[
    Code::InvalidRequest,
    Code::EncryptionRequired,
    Code::IdempotencyMismatch,
    Code::UnknownRecipient,
    Code::AmbiguousRecipient,
    Code::UnknownAgent,
    Code::UnknownRelay,
    Code::NoAgent,
    Code::TryAgain,
    Code::Refused,
];

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
    extensions(("x-error-codes" = json!(codes(SEND_CODES)))),
)]
pub(super) async fn send(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Sent>, ApiError> {
    let send: Send = parse(&body?)?;
    check_running(&api)?;
    let key = idempotency_key(&headers)?;
    Ok(Json(api.context.outbox.send(send, key).await?))
}

/// Puts messages into the outbox in their order, all in one go.
#[utoipa::path(
    post,
    path = "/v1/send/many",
    operation_id = "send_many",
    tag = "Sending",
    summary = "Sends messages in their order",
    request_body = SendMany,
    responses((status = 200, description = "What became of each, in their order: it is durable in the outbox, at least, or its `error` says why not", body = Vec<SendOutcome>)),
    extensions(("x-error-codes" = json!(codes(&[Code::InvalidRequest, Code::TooLarge])))),
)]
pub(super) async fn many(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Vec<SendOutcome>>, ApiError> {
    let many: SendMany = parse(&body?)?;
    if many.sends.len() > MOST {
        let message = format!(
            "sends: {} messages, at most {MOST} at once",
            many.sends.len()
        );
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    check_running(&api)?;
    let sends = many.sends.into_iter().map(|one| (one.send, one.key));
    let answers = api.context.outbox.send_all(sends.collect()).await;
    let outcome = |answer| match answer {
        Ok(sent) => SendOutcome {
            sent: Some(sent),
            error: None,
        },
        Err(error) => SendOutcome {
            sent: None,
            error: Some(ApiError::from(error).into_detail()),
        },
    };
    Ok(Json(answers.into_iter().map(outcome).collect()))
}

/// Who is meant. A group's members are those who are contacts now.
#[utoipa::path(
    get,
    path = "/v1/recipients/{to}",
    operation_id = "show_recipients",
    tag = "Sending",
    summary = "Whom a message would go to, and how",
    params(("to" = String, Path, description = "As in a send, or a `@group` of the configuration"), RecipientQuery),
    responses((status = 200, description = "One, or the members of the group; nothing is sent", body = Recipients)),
    extensions(("x-error-codes" = json!(codes(SEND_CODES)))),
)]
pub(super) async fn recipients(
    State(api): State<Api>,
    Name(to): Name,
    query: Result<Query<RecipientQuery>, QueryRejection>,
) -> Result<Json<Recipients>, ApiError> {
    let Query(query) = query?;
    flag("advice", query.advice)?;
    let (meant, missing) = match to.trim().starts_with(GROUP) {
        true => members(&api, to.trim(), query.agent.as_deref())?,
        false => (vec![to], Vec::new()),
    };
    let mut recipients = Vec::with_capacity(meant.len());
    for to in &meant {
        recipients.push(api.context.outbox.recipient(to, &query).await?);
    }
    Ok(Json(Recipients {
        recipients,
        missing,
    }))
}

/// The keys of a group's members, and the names in it that nobody has.
fn members(
    api: &Api,
    group: &str,
    agent: Option<&str>,
) -> Result<(Vec<String>, Vec<String>), ApiError> {
    let audience = named(api, group)?;
    if audience.is_everybody() {
        let message = format!("{group} is everybody; a message goes to those who are named");
        return Err(ApiError::new(Code::UnknownRecipient, message));
    }
    let own = api.context.own_key(agent);
    let (keys, missing) = audience.members(&api.context.contacts.book(), own);
    if keys.is_empty() {
        let message = format!("nobody in {group} is a contact: {}", missing.join(", "));
        return Err(ApiError::new(Code::UnknownRecipient, message));
    }
    Ok((keys.iter().map(ToString::to_string).collect(), missing))
}

/// Those whom a group of the configuration names.
pub(super) fn named(api: &Api, group: &str) -> Result<Audience, ApiError> {
    Audience::parse(&[group.to_owned()], &api.context.config().groups)
        .map_err(|error| ApiError::new(Code::UnknownRecipient, error.to_string()))
}

/// What comes while the daemon ends is refused: it could not be waited for.
fn check_running(api: &Api) -> Result<(), ApiError> {
    if api.context.stop.is_cancelled() {
        let message = "the daemon is going away";
        return Err(ApiError::new(Code::ShuttingDown, message));
    }
    Ok(())
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
