//! What is asked of relays: who is there, who may write, and how an agent shows itself.

use crate::error::ErrorDetail;
use mrp_proto::acl::{EntryType, InboxPolicy};
use mrp_proto::agent::AgentInfo;
use mrp_proto::key::PublicKey;
use mrp_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Which agent asks, and which relay is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams))]
pub struct Way {
    /// Local agent; the default one where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Relay. Where absent, the agent's first one is asked, and changes are made at all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
}

/// Query of `GET /v1/discover`; every filter that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams))]
pub struct DiscoverQuery {
    /// Local agent; the default one where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Relay; the agent's first where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// Tags of capabilities, with commas between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// A part of the display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Active at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_since: Option<Timestamp>,
    /// Agents of a page, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What an access list says about a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AclPeer {
    /// The relay whose list it is in.
    pub relay: String,
    /// The peer.
    pub key: PublicKey,
    /// Its contact name.
    pub name: Option<String>,
    /// Whether it is let in or kept out.
    #[serde(rename = "type")]
    pub entry_type: EntryType,
    /// Since when.
    pub created_at: Timestamp,
}

/// `PUT /v1/acl/{who}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AclChange {
    /// Whether to let in or to keep out.
    #[serde(rename = "type")]
    pub entry_type: EntryType,
}

/// `GET`, `PUT /v1/policy`: whose messages the inbox takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    /// Whose.
    pub policy: InboxPolicy,
}

/// What a change has come to at each relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Applied {
    /// Relays.
    pub relays: Vec<AppliedAt>,
}

/// What a change has come to at one relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AppliedAt {
    /// The relay.
    pub relay: String,
    /// Why it was not made there.
    pub error: Option<ErrorDetail>,
}

/// An agent's profile as a relay has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProfileAt {
    /// The relay.
    pub relay: String,
    /// The profile, if the relay shows it.
    pub profile: Option<AgentInfo>,
    /// Why it does not.
    pub error: Option<ErrorDetail>,
}

/// How a relay is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelayHealth {
    /// The relay.
    pub relay: String,
    /// Its version.
    pub version: Option<String>,
    /// What it can do beyond the published interface.
    #[serde(default)]
    pub features: Vec<String>,
    /// How long it took to answer, in milliseconds.
    pub round_trip_ms: Option<u64>,
    /// By how much this machine's clock is ahead of the relay's, in milliseconds.
    pub clock_ahead_ms: Option<i64>,
    /// Why it did not answer.
    pub error: Option<ErrorDetail>,
}

/// `GET /v1/limits`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    /// How many sends the relays still take.
    pub allowances: Vec<super::outbox::Allowance>,
    /// How the relays are.
    pub relays: Vec<RelayHealth>,
}

/// `PUT /v1/webhook`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookChange {
    /// Where the relay is to post.
    pub url: String,
    /// What its signatures are made with: 16 to 256 characters.
    pub secret: String,
}

impl std::fmt::Debug for WebhookChange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WebhookChange")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
