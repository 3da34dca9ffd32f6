//! What goes out, what was given up, and how much may go.

use super::Stage;
use crate::error::ErrorDetail;
use mrp_proto::key::PublicKey;
use mrp_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

/// `GET /v1/receipts/{id}`: what became of a message that was sent, by either of its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// `out_…`.
    pub id: String,
    /// The relay's name for it, once it was accepted.
    pub message_id: Option<String>,
    /// How far it has come.
    pub stage: Stage,
    /// When the relay accepted it.
    pub accepted_at: Option<Timestamp>,
    /// When its recipient took it over.
    pub delivered_at: Option<Timestamp>,
    /// When its recipient answered it.
    pub replied_at: Option<Timestamp>,
    /// The answer's `seq`.
    pub reply: Option<u64>,
    /// When the relay drops it.
    pub expires_at: Timestamp,
    /// Whether it has expired before its recipient took it.
    pub expired: bool,
}

/// What gave something up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DeadSource {
    /// The outbox: no relay took the message.
    Outbox,
    /// A hook: its program did not handle the message.
    Hook,
}

/// Something that was given up, until a person retries or drops it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadLetter {
    /// What gave it up.
    pub source: DeadSource,
    /// Its name for `retry` and `drop`; `out_…` for a message that was not sent.
    pub id: String,
    /// Local agent.
    pub agent: String,
    /// The other end.
    pub peer: PublicKey,
    /// The relay, of a message that was not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// The hook that gave up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
    /// The message's `seq`, of one that came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was put into the outbox, or came in.
    pub created_at: Timestamp,
    /// When it was given up.
    pub failed_at: Timestamp,
    /// Why.
    pub error: ErrorDetail,
}

/// `POST /v1/dead/retry`, `/v1/dead/drop`: which ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ids {
    /// Their names.
    pub ids: Vec<String>,
}

/// What became of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Outcomes {
    /// Those with which it was done.
    pub done: Vec<String>,
    /// Those with which it was not.
    pub refused: Vec<Refused>,
}

/// One with which it was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Refused {
    /// Its name.
    pub id: String,
    /// Why not.
    pub error: ErrorDetail,
}

/// How many sends a relay still takes from an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Allowance {
    /// Local agent.
    pub agent: String,
    /// Relay.
    pub relay: String,
    /// Sends a minute; absent where there is no limit, or none is known yet.
    pub per_minute: Option<u32>,
    /// Whether the relay says so itself; otherwise it is `[outbox] per_minute`.
    pub told: bool,
    /// How many more may be sent now.
    pub left: Option<u32>,
}
