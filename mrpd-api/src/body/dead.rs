//! What was given up, and can be tried again or dropped by hand.

use mrp_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What gave it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DeadSource {
    /// A message that could not be sent.
    Outbox,
    /// A message that a hook could not do anything with.
    Hook,
}

/// An entry of `GET /v1/dead`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadLetter {
    /// Its name: `out_…`, or `hook:<hook>:<seq>`.
    pub id: String,
    /// What gave it up.
    pub source: DeadSource,
    /// The hook, if one did.
    pub hook: Option<String>,
    /// The message's place in the inbox, if it is there.
    pub seq: Option<u64>,
    /// The relay's name for the message, if it has one.
    pub message_id: Option<String>,
    /// The key of the other end.
    pub peer: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// `POST /v1/dead/retry`, `POST /v1/dead/drop`: which, by [`DeadLetter::id`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadIds {
    /// Their names.
    pub ids: Vec<String>,
}
