//! Refusals in the contract's shape. What each domain error becomes is decided here and nowhere else.

use crate::contacts::{BookError, ContactError, ResolveError};
use crate::outbox::{ChooseError, ComposeError, SendError};
use crate::store::StoreError;
use axum::Json;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mrp_proto::json::from_object;
use mrp_proto::message::DraftError;
use mrpd_api::error::{Code, ErrorBody, ErrorDetail};

/// A refusal.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: Code,
    detail: ErrorDetail,
}

impl ApiError {
    /// Of a code and a sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            detail: ErrorDetail::new(code, message, None),
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.detail.hint = Some(hint.into());
        self
    }

    /// Of what was wrong elsewhere.
    pub(super) fn from_detail(detail: ErrorDetail) -> Self {
        let code = Code::parse(&detail.code).unwrap_or(Code::Internal);
        Self { code, detail }
    }

    /// What was wrong, where it is part of an answer.
    pub(super) fn into_detail(self) -> ErrorDetail {
        self.detail
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = ErrorBody { error: self.detail };
        (status, Json(body)).into_response()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Disk(_) => Code::StorageFailed,
            StoreError::Closed => Code::ShuttingDown,
        };
        Self::new(code, error.to_string())
    }
}

impl From<ResolveError> for ApiError {
    fn from(error: ResolveError) -> Self {
        let message = error.to_string();
        match error {
            ResolveError::Unknown { hint, .. } => {
                Self::new(Code::UnknownRecipient, message).with_hint(hint)
            }
            ResolveError::Malformed { .. } => Self::new(Code::UnknownRecipient, message),
            ResolveError::Ambiguous { .. } => Self::new(Code::AmbiguousRecipient, message)
                .with_hint("write more of the key, or the contact's name"),
        }
    }
}

impl From<ContactError> for ApiError {
    fn from(error: ContactError) -> Self {
        let code = match &error {
            ContactError::Unknown { .. } => Code::UnknownContact,
            ContactError::Exists { .. } => Code::ContactExists,
            ContactError::Invalid { .. } => Code::InvalidRequest,
            ContactError::Book(BookError::Io { .. } | BookError::Damaged { .. }) => {
                Code::StorageFailed
            }
            ContactError::Store(error) => return error.clone().into(),
        };
        Self::new(code, error.to_string())
    }
}

impl From<SendError> for ApiError {
    fn from(error: SendError) -> Self {
        let message = error.to_string();
        match error {
            SendError::NoAgent => Self::new(Code::NoAgent, message)
                .with_hint("make one with: mrpctl init --name NAME; if there is one, mrpctl status says what is wrong with it"),
            SendError::UnknownAgent { .. } => Self::new(Code::UnknownAgent, message),
            SendError::UnknownRelay { .. } => Self::new(Code::UnknownRelay, message),
            SendError::Recipient(error) => error.into(),
            SendError::EncryptionRequired(_) => Self::new(Code::EncryptionRequired, message)
                .with_hint("send it sealed, or change require_encryption in mrpd.toml"),
            SendError::Compose(error) => compose(&error, message),
            SendError::Hold(_) => Self::new(Code::InvalidRequest, message),
            SendError::Cancelled => Self::new(Code::Cancelled, message),
            SendError::Choose(error) => choose(&error, message),
            SendError::InvalidKey => Self::new(Code::InvalidRequest, message),
            SendError::Mismatch => Self::new(Code::IdempotencyMismatch, message)
                .with_hint("use another --id for another message"),
            SendError::Full => Self::new(Code::TryAgain, message)
                .with_hint("see mrpctl status for what keeps the relays from taking them"),
            SendError::Store(error) => error.into(),
        }
    }
}

fn choose(error: &ChooseError, message: String) -> ApiError {
    match error {
        ChooseError::Unknown { .. } => ApiError::new(Code::BlobNotFound, message).with_hint(
            "files are kept for ten minutes until a message takes them: upload it again",
        ),
        ChooseError::Malformed { .. } => ApiError::new(Code::InvalidRequest, message),
        ChooseError::Store(error) => error.clone().into(),
    }
}

fn compose(error: &ComposeError, message: String) -> ApiError {
    match error {
        ComposeError::Draft(DraftError::BodyTooLarge { .. })
        | ComposeError::SealedTooLarge { .. } => {
            ApiError::new(Code::TooLarge, message).with_hint("split it into several messages")
        }
        ComposeError::Draft(_) => ApiError::new(Code::InvalidRequest, message),
        ComposeError::NotOurs | ComposeError::DamagedFile { .. } | ComposeError::Random(_) => {
            ApiError::new(Code::Internal, message)
        }
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(Code::InvalidRequest, rejection.body_text())
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let limit = super::BODY_LIMIT;
            return Self::new(
                Code::TooLarge,
                format!("the body has more than {limit} bytes"),
            );
        }
        Self::new(Code::InvalidRequest, rejection.body_text())
    }
}

/// Reads a JSON body, which is an object.
pub(super) fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let wrong = |error: &dyn std::fmt::Display| {
        ApiError::new(
            Code::InvalidJson,
            format!("the body is not as it should be: {error}"),
        )
    };
    let text = std::str::from_utf8(bytes).map_err(|error| wrong(&error))?;
    from_object(text).map_err(|error| wrong(&error))
}
