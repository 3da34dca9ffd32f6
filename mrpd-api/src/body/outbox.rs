//! What became of what went out, and how much may go.

use super::Stage;
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
