//! Whom a message would go to, and many messages at once.

use super::{Sealing, Send, Sent};
use crate::error::ErrorDetail;
use mrp_proto::key::PublicKey;
use serde::{Deserialize, Serialize};

/// Query of `GET /v1/recipients/{to}`: how it would be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
pub struct RecipientQuery {
    /// Local agent to send as; the default one where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Relay to send by; as for [`Send::relay`] where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// Whether it is to be sealed; `default` where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealing: Option<Sealing>,
    /// 1: the relay is asked whether they can open what is sealed, and what makes that doubtful is among the warnings. That takes up
    /// to 2 s for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<u8>,
}

/// The answer: who is meant. Nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Recipients {
    /// One, or the members of a `@group`.
    pub recipients: Vec<Recipient>,
    /// Names in the group that no contact has.
    #[serde(default)]
    pub missing: Vec<String>,
}

/// Somebody who would get a message, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Recipient {
    /// The address.
    pub key: PublicKey,
    /// The contact's name, if it is one.
    pub name: Option<String>,
    /// The local agent it would be sent as.
    pub agent: String,
    /// The relay it would go by.
    pub relay: String,
    /// Whether it would be sealed.
    pub encrypted: bool,
    /// What the sender should know, a sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// `POST /v1/send/many`: messages that are put into the outbox in their order, all of them in one go.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SendMany {
    /// At most 1,000.
    pub sends: Vec<KeyedSend>,
}

/// One of them. What it says of waiting does not count: the answer comes when all are durable.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyedSend {
    /// Its idempotency key, 1 to 128 visible ASCII characters: the same key is sent once in 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The message.
    pub send: Send,
}

/// What became of one of them: a list of these is the answer, in the order of the messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SendOutcome {
    /// It is durable in the outbox, at least.
    pub sent: Option<Sent>,
    /// Why it is not.
    pub error: Option<ErrorDetail>,
}
