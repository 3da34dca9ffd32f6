//! The two answers of a relay that come in several forms, as they are written and read: `auth_result` and `send_result`.

use super::{AuthResult, FrameError, MAX_REASON, SendOutcome, ServerFrame, SuccessWord};
use crate::id::MessageId;
use crate::json::excerpt;
use crate::key::PublicKey;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The fields of `auth_result` in both its forms.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct AuthResultFields {
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key: Option<PublicKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

impl From<AuthResultFields> for AuthResult {
    fn from(fields: AuthResultFields) -> Self {
        if fields.status == "ok" {
            return Self::Ok {
                public_key: fields.public_key,
            };
        }
        Self::Error {
            error: fields.error.map_or_else(no_reason, |error| cut(&error)),
            code: fields.code.as_deref().map(cut),
        }
    }
}

impl From<AuthResult> for AuthResultFields {
    fn from(result: AuthResult) -> Self {
        match result {
            AuthResult::Ok { public_key } => Self {
                status: "ok".into(),
                public_key,
                ..Self::default()
            },
            AuthResult::Error { error, code } => Self {
                status: "error".into(),
                error: Some(error),
                code,
                ..Self::default()
            },
        }
    }
}

/// The fields of `send_result` in all its forms; `error` may be a text or, from other relays, an object.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct SendResultFields {
    request_id: String,
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_id: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl SendResultFields {
    pub(super) fn new(request_id: &str, outcome: SendOutcome) -> Self {
        let request_id = request_id.to_owned();
        match outcome {
            SendOutcome::Accepted {
                word,
                message_id,
                created_at,
                expires_at,
            } => Self {
                request_id,
                status: if word == SuccessWord::Ok {
                    "ok"
                } else {
                    "sent"
                }
                .to_owned(),
                message_id: Some(message_id),
                created_at,
                expires_at,
                ..Self::default()
            },
            SendOutcome::Refused {
                error,
                code,
                retry_after,
            } => Self {
                request_id,
                status: "error".to_owned(),
                error: serde_json::value::to_raw_value(&error).ok(),
                code,
                retry_after,
                ..Self::default()
            },
        }
    }

    pub(super) fn into_frame(self) -> Result<ServerFrame, FrameError> {
        let word = match self.status.as_str() {
            "ok" => Some(SuccessWord::Ok),
            "sent" => Some(SuccessWord::Sent),
            _ => None,
        };
        let outcome = match (word, self.message_id) {
            (Some(word), Some(message_id)) => SendOutcome::Accepted {
                word,
                message_id,
                created_at: self.created_at,
                expires_at: self.expires_at,
            },
            (Some(_), None) => {
                return Err(FrameError::Malformed {
                    kind: "send_result",
                    reason: "no message_id".to_owned(),
                });
            }
            (None, _) => {
                let error = self.error.map_or_else(no_reason, |raw| read_error(&raw));
                SendOutcome::Refused {
                    error,
                    code: self.code.as_deref().map(cut),
                    retry_after: self.retry_after,
                }
            }
        };
        Ok(ServerFrame::SendResult {
            request_id: self.request_id,
            outcome,
        })
    }
}

fn no_reason() -> String {
    "the relay gave no reason".to_owned()
}

fn read_error(raw: &RawValue) -> String {
    match serde_json::from_str::<String>(raw.get()) {
        Ok(text) => cut(&text),
        Err(_) => cut(raw.get()),
    }
}

/// Refusals are shown, logged and kept: a frame's worth of reasons would be too much of them.
fn cut(text: &str) -> String {
    excerpt(text, MAX_REASON)
}
