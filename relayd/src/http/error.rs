//! Refusals: every error of every part becomes one [`ApiError`], and that becomes one body (protocol A2).

use crate::limits::{RateLimited, Standing};
use crate::log::Throttle;
use crate::metrics::Limit;
use crate::store::{
    AcceptError, AclError, ActivityError, ChangeError, MarkError, PollError, StoreError,
};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use mrp_proto::code::{Code, ErrorBody, ErrorDetail};
use mrp_proto::message::{DraftError, Violation};
use mrp_proto::sign::AuthError;
use mrp_proto::time::Timestamp;
use serde_json::{Value, json};

/// To an agent that the operator has suspended (protocol A1.7).
pub(crate) const SUSPENDED: &str =
    "this agent is suspended on this relay; its operator can resume it";

/// A refusal, before it knows the id of its request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) details: Option<Value>,
    /// Whole seconds after which the same request may succeed.
    pub(crate) retry_after: Option<u64>,
    /// How the caller stands with the rate that was broken.
    pub(crate) standing: Option<Standing>,
    /// The limit that was reached, for the figures.
    pub(crate) limit: Option<Limit>,
}

impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: None,
            retry_after: None,
            standing: None,
            limit: None,
        }
    }

    pub(crate) fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    pub(crate) fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(crate) fn with_limit(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Ours to mend: the cause is logged, and nothing of it leaves the relay.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        static FAILURES: Throttle = Throttle::new();
        if let Some(left_out) = FAILURES.admit() {
            tracing::error!(%cause, left_out, "a request failed");
        }
        Self::new(
            Code::Internal,
            "the relay failed; its log has the cause under this request id",
        )
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message).with_retry_after(1)
    }

    pub(crate) fn replay() -> Self {
        Self::new(
            Code::ReplayDetected,
            "this signature was used before; sign again with a fresh timestamp, or a fresh nonce where it has one",
        )
    }

    pub(crate) fn suspended(message: &'static str) -> Self {
        Self::new(Code::AgentSuspended, message)
    }

    pub(crate) fn bound_auth_required(message: &'static str) -> Self {
        Self::new(Code::BoundAuthRequired, message)
    }

    /// Of a signed claim, with the relay's clock where that is what the two disagree about.
    pub(crate) fn from_auth(error: &AuthError, now: Timestamp) -> Self {
        let refusal = Self::new(error.code(), error.to_string());
        match error {
            AuthError::Clock { .. } | AuthError::Timestamp(_) => {
                refusal.with_details(json!({ "server_time": now }))
            }
            AuthError::Missing { .. }
            | AuthError::PublicKey(_)
            | AuthError::Signature
            | AuthError::Bound(_)
            | AuthError::TwoKeys => refusal,
        }
    }

    /// The body for the wire.
    pub(crate) fn body(&self, request_id: &str) -> ErrorBody {
        ErrorBody {
            error: ErrorDetail {
                code: self.code.as_str().to_owned(),
                message: self.message.clone(),
                details: self.details.clone(),
                request_id: Some(request_id.to_owned()),
            },
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Leaves the body to the outermost layer, which knows the request's id: the error travels as an extension.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Violation> for ApiError {
    fn from(violation: Violation) -> Self {
        let details = violation.details();
        Self::new(Code::ValidationFailed, violation.to_string()).with_details(details)
    }
}

impl From<DraftError> for ApiError {
    fn from(error: DraftError) -> Self {
        let message = error.to_string();
        match error {
            DraftError::Recipient(_) => Self::new(Code::AgentNotFound, message),
            DraftError::BodyTooLarge { limit, actual } => Self::new(Code::PayloadTooLarge, message)
                .with_details(json!({ "field": "body", "limit": limit, "actual": actual }))
                .with_limit(Limit::Size),
            DraftError::Structure(_) => Self::new(Code::BadRequest, message),
            DraftError::Invalid(violation) => violation.into(),
        }
    }
}

impl From<RateLimited> for ApiError {
    fn from(limited: RateLimited) -> Self {
        let mut refusal = Self::new(Code::RateLimitExceeded, limited.to_string())
            .with_details(json!({
                "limit": limited.limit,
                "window": limited.window,
                "retry_after": limited.retry_after,
            }))
            .with_retry_after(limited.retry_after)
            .with_limit(limited.kind);
        refusal.standing = Some(limited.standing());
        refusal
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => Self::unavailable(
                "the relay cannot reach its store now; try again, with the same idempotency key if this was a send",
            ),
            StoreError::Overloaded => {
                Self::unavailable("the relay has too much to do now; try again in a second")
                    .with_limit(Limit::StoreQueue)
            }
            StoreError::Corrupt(_) => Self::internal(error),
        }
    }
}

impl From<AcceptError> for ApiError {
    fn from(error: AcceptError) -> Self {
        let message = error.to_string();
        match error {
            AcceptError::Replay => Self::replay(),
            AcceptError::IdempotencyMismatch => Self::new(
                Code::IdempotencyMismatch,
                "this idempotency key was used for another message; take a new key for a new message",
            ),
            AcceptError::Denied(policy) => Self::new(
                Code::AclDenied,
                "the recipient does not take messages from this sender",
            )
            .with_details(json!({ "inbox_policy": policy })),
            AcceptError::SenderSuspended => Self::suspended(SUSPENDED),
            AcceptError::RecipientSuspended => {
                Self::suspended("the recipient is suspended on this relay")
            }
            AcceptError::InboxFull { limit, actual, .. } => {
                Self::new(Code::InsufficientStorage, message)
                    .with_details(json!({ "limit": limit, "actual": actual }))
                    .with_limit(Limit::Inbox)
            }
            AcceptError::SenderQuota { limit, actual } => {
                Self::new(Code::InsufficientStorage, message)
                    .with_details(json!({ "limit": limit, "actual": actual }))
                    .with_limit(Limit::Sender)
            }
            AcceptError::BlobNotFound { blob_ids } => Self::new(Code::BlobNotFound, message)
                .with_details(json!({ "blob_id": blob_ids.first(), "blob_ids": blob_ids })),
            AcceptError::BlobQuota(exceeded) => exceeded.into(),
            AcceptError::Store(error) => error.into(),
        }
    }
}

impl From<ActivityError> for ApiError {
    fn from(error: ActivityError) -> Self {
        match error {
            ActivityError::NewAgentRefused => Self::new(Code::RateLimitExceeded, error.to_string()),
            ActivityError::BoundAuthRequired => Self::bound_auth_required(
                "this agent asked this relay to refuse the published scheme: sign for this relay (RFC 9421, tag \"mrp\"; on a \
                 WebSocket v 2). PATCH /v1/agents/{key} with {\"require_bound_auth\": null}, signed so, takes that back",
            ),
            ActivityError::Replay => Self::replay(),
            ActivityError::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Replay => Self::replay(),
            ChangeError::Suspended => Self::suspended(SUSPENDED),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<AclError> for ApiError {
    fn from(error: AclError) -> Self {
        let message = error.to_string();
        match error {
            AclError::Replay => Self::replay(),
            AclError::NotFound => Self::new(Code::AclEntryNotFound, message),
            AclError::Full { limit, actual } => Self::new(Code::InsufficientStorage, message)
                .with_details(json!({ "limit": limit, "actual": actual }))
                .with_limit(Limit::AccessEntries),
            AclError::Store(error) => error.into(),
        }
    }
}

impl From<PollError> for ApiError {
    fn from(error: PollError) -> Self {
        match error {
            PollError::Replay => Self::replay(),
            PollError::Store(error) => error.into(),
        }
    }
}

impl From<MarkError> for ApiError {
    fn from(error: MarkError) -> Self {
        match error {
            MarkError::Replay => Self::replay(),
            MarkError::Store(error) => error.into(),
        }
    }
}
