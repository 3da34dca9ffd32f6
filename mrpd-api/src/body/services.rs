//! Topics, subscriptions and the spool folder.

use super::Sealing;
use crate::error::ErrorDetail;
use mrp_proto::key::PublicKey;
use mrp_proto::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A topic of a local agent: an entry of `GET /v1/topics`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// The local agent whose topic it is; `null` if there is none of the name that the configuration has.
    pub agent: Option<String>,
    /// Who may subscribe.
    pub allow: Vec<String>,
    /// How many have subscribed.
    pub subscribers: u64,
    /// How many may.
    pub max_subscribers: u64,
}

/// An entry of `GET /v1/topics/{topic}/subscribers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Subscriber {
    /// Its address.
    pub key: PublicKey,
    /// The contact's name, if it is one.
    pub name: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Messages to it that were given up and still lie in the outbox.
    pub failed: u64,
    /// Why the last of them was.
    pub error: Option<ErrorDetail>,
}

/// `POST /v1/publish/{topic}`. Without a `type` the content goes out as an event that bears the topic's name:
/// `{"event": topic, "data": body}`; with one, it goes out as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Publish {
    /// Text, in place of a body: the body is `{"text": ...}` then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Any JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::any_json))]
    pub body: Option<Box<RawValue>>,
    /// Media type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Seconds it lives once a relay has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
    /// Whether it is sealed.
    pub sealing: Sealing,
}

/// The answer to a publication: it is durable, and goes to everybody who had subscribed by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Published {
    /// The topic.
    pub topic: String,
    /// How many get it; `null` where the same was published before under the same idempotency key.
    pub subscribers: Option<u64>,
}

/// `POST /v1/subscriptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Subscribe {
    /// Contact name, key or card of the publisher.
    pub who: String,
    /// The topic; absent where the publisher's only one is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Local agent that subscribes; the default one where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// How a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SubscriptionState {
    /// Asked for; the publisher has not answered.
    Requested,
    /// The publisher has agreed.
    Active,
    /// The publisher has refused.
    Refused,
}

/// A subscription of a local agent: an entry of `GET /v1/subscriptions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Subscription {
    /// The local agent.
    pub agent: String,
    /// The publisher.
    pub key: PublicKey,
    /// The contact's name, if it is one.
    pub name: Option<String>,
    /// The topic; absent where the publisher's only one is meant.
    pub topic: Option<String>,
    /// How it stands.
    pub state: SubscriptionState,
    /// The outbox's name for the request, `out_…`.
    pub request: String,
    /// When it was asked for.
    pub since: Timestamp,
    /// What the publisher said, if it refused.
    pub refusal: Option<String>,
}

/// `GET /v1/spool`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Spool {
    /// The folder; `null` where none is configured.
    pub dir: Option<String>,
    /// Files that wait to be sent.
    pub waiting: Vec<SpoolFile>,
    /// Files that could not be sent.
    pub failed: Vec<SpoolFile>,
}

/// A file in the spool folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpoolFile {
    /// The folder that it lies in: who is to get it.
    pub to: String,
    /// Its name.
    pub name: String,
    /// Why it could not be sent.
    pub error: Option<String>,
}
