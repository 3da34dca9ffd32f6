//! One request: checked, made into a message, and durable before it is answered.

use super::content::{self, ContentError, Posted};
use super::proof::{self, ProofError};
use crate::api::ApiError;
use crate::clock;
use crate::config::{Ingress, To};
use crate::context::Context;
use crate::store::Fanned;
use axum::Json;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use mrp_proto::base64url;
use mrpd_api::body::Send;
use mrpd_api::error::Code;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// How long a request's body may take.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// After how many seconds it may be tried again where it could not be taken.
const AGAIN: &str = "10";

/// Takes one request.
///
/// # Errors
/// A refusal, as the answer.
pub(super) async fn deliver(
    context: &Context,
    ingress: &Ingress,
    request: Request,
) -> Result<Response, Refusal> {
    if request.method() != Method::POST {
        let what = format!("{} takes POST, not {}", ingress.path, request.method());
        return Err(Refusal::new(Code::MethodNotAllowed, what));
    }
    let (parts, body) = request.into_parts();
    let body = take_body(body, ingress.max_body).await?;
    proof::check(&ingress.proof, &parts.headers, &body, clock::now())?;
    let posted = Posted {
        ingress: &ingress.name,
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body: &body,
    };
    let send = Send {
        agent: ingress.agent.clone(),
        body: Some(content::message_body(&posted, ingress.template.as_ref())?),
        content_type: ingress.content_type.clone(),
        ..Send::default()
    };
    let key = delivery(ingress, &parts.headers)?;
    let answer = match &ingress.to {
        To::One(to) => {
            let send = Send {
                to: to.clone(),
                ..send
            };
            let sent = context.outbox.send(send, key).await?;
            json!({ "id": sent.id, "recipients": 1 })
        }
        To::Group(group) => {
            let own = context.own_key(send.agent.as_deref());
            let (keys, missing) = group.members(&context.contacts.book(), own);
            if !missing.is_empty() {
                tracing::warn!(
                    ingress = ingress.name,
                    ?missing,
                    "no contacts have these names"
                );
            }
            if keys.is_empty() {
                let what = "none of those who are to get it are contacts";
                return Err(Refusal::new(Code::UnknownRecipient, what));
            }
            let subject = format!("ingress {}", ingress.name);
            let keys = keys.iter().map(ToString::to_string).collect();
            match context.fanout.submit(subject, send, keys, key).await? {
                Fanned::New(recipients) => json!({ "recipients": recipients }),
                Fanned::Before => json!({ "repeated": true }),
                Fanned::Mismatch => {
                    let what = "another request had the same delivery id within 24 hours";
                    return Err(Refusal::new(Code::IdempotencyMismatch, what));
                }
                Fanned::Full => return Err(Refusal::new(Code::TryAgain, "too much waits")),
            }
        }
    };
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// Why a request was not taken. What it says goes to whoever posted, so it names no file and no person.
#[derive(Debug)]
pub(super) struct Refusal {
    answer: Box<ApiError>,
    cause: String,
}

impl Refusal {
    fn new(code: Code, what: impl Into<String>) -> Self {
        let cause = what.into();
        Self {
            answer: Box::new(ApiError::new(code, cause.clone())),
            cause,
        }
    }

    fn hidden(code: Code, shown: &str, cause: String) -> Self {
        Self {
            answer: Box::new(ApiError::new(code, shown)),
            cause,
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.cause)
    }
}

impl axum::response::IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = self.answer.code();
        let mut response = self.answer.into_response();
        let headers = response.headers_mut();
        match code {
            Code::NotPermitted => *response.status_mut() = StatusCode::UNAUTHORIZED,
            Code::MethodNotAllowed => {
                headers.insert(header::ALLOW, header::HeaderValue::from_static("POST"));
            }
            _ if code.is_retryable() => {
                headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static(AGAIN));
            }
            _ => {}
        }
        response
    }
}

impl From<ProofError> for Refusal {
    fn from(error: ProofError) -> Self {
        let cause = error.to_string();
        match error {
            ProofError::Refused(_) | ProofError::Page => Self::new(Code::NotPermitted, cause),
            ProofError::Secret { .. } => Self::hidden(
                Code::TryAgain,
                "the secret cannot be used; the log says why",
                cause,
            ),
        }
    }
}

impl From<ContentError> for Refusal {
    fn from(error: ContentError) -> Self {
        let code = match error {
            ContentError::Malformed(_) => Code::InvalidJson,
            ContentError::Type(_)
            | ContentError::Empty
            | ContentError::Template(_)
            | ContentError::NotJson(_) => Code::InvalidRequest,
        };
        Self::new(code, error.to_string())
    }
}

impl<E: Into<ApiError> + std::fmt::Display> From<E> for Refusal
where
    E: Outgoing,
{
    fn from(error: E) -> Self {
        let cause = error.to_string();
        let answer: ApiError = error.into();
        let shown = match answer.code() {
            Code::TooLarge => "it makes a message that is too large",
            Code::IdempotencyMismatch => "another request had the same delivery id within 24 hours",
            _ => "it cannot be sent; the log says why",
        };
        Self::hidden(answer.code(), shown, cause)
    }
}

/// Failures on the way out, which are none of the poster's business.
pub(super) trait Outgoing {}
impl Outgoing for crate::outbox::SendError {}
impl Outgoing for crate::store::StoreError {}

async fn take_body(body: axum::body::Body, limit: u64) -> Result<Bytes, Refusal> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let collected = Limited::new(body, limit).collect();
    match tokio::time::timeout(BODY_PATIENCE, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let what = format!("the body has more than {limit} bytes");
            Err(Refusal::new(Code::TooLarge, what))
        }
        Ok(Err(error)) => Err(Refusal::new(Code::InvalidRequest, error.to_string())),
        Err(_) => {
            let seconds = BODY_PATIENCE.as_secs();
            let what = format!("the body did not come within {seconds} s");
            Err(Refusal::new(Code::InvalidRequest, what))
        }
    }
}

/// The idempotency key of a delivery that names itself. One that should and does not is sent each time.
fn delivery(ingress: &Ingress, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(name) = &ingress.delivery_header else {
        return Ok(None);
    };
    let Some(value) = headers.get(name) else {
        let what = format!("the header {name} is missing, which names the delivery");
        return Err(Refusal::new(Code::InvalidRequest, what));
    };
    let digest = Sha256::digest([ingress.name.as_bytes(), b"\n", value.as_bytes()].concat());
    Ok(Some(format!("ingress-{}", base64url::encode(&digest))))
}
