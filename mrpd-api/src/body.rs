//! What the routes take and give, beside messages.

pub mod archive;
pub mod blobs;
pub mod dead;
pub mod doctor;
pub mod hooks;
pub mod inbox;
pub mod outbox;
pub mod relays;
pub mod sending;
pub mod services;
pub mod signing;
pub mod timed;

use crate::message::{Direction, Kind, State, Trust};
use mrp_proto::key::PublicKey;
use mrp_proto::message::Metadata;
use mrp_proto::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How far a sent message has come. Each stage includes the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Stage {
    /// Durable in the outbox.
    Queued,
    /// Durable at the relay.
    Accepted,
    /// Taken over by the recipient.
    Delivered,
    /// Answered by the recipient.
    Replied,
    /// Given up; the entry says why.
    Failed,
}

/// Whether a message is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Sealing {
    /// As the contact or the agent's configuration says; by default sealed.
    #[default]
    Default,
    /// Sealed, whatever they say.
    Always,
    /// In clear, unless the configuration forbids it.
    Plain,
}

/// `POST /v1/send`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Send {
    /// Local agent to send as; the default one where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Contact name, key, `ed25519:` key, `mrp:` card, unique key prefix of at least 8 characters among contacts, or `me`.
    pub to: String,
    /// Any JSON, sent byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::any_json))]
    pub body: Option<Box<RawValue>>,
    /// Media type; `application/json` where absent.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// What it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Text pairs.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Seconds it lives once a relay has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
    /// Files that travel along, at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<blobs::Attach>,
    /// Whether it is sealed.
    pub sealing: Sealing,
    /// Relay to send by; the card's or contact's hint, else the agent's first, where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// Time before which it is not sent; a time that has passed is now. Not together with `delay_ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How long it is held, in milliseconds. Not together with `at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Stage to wait for before answering; [`Stage::Queued`] where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Stage>,
    /// How long to wait for it, in milliseconds; 10,000 where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// The answer to a send: the message is durable in the outbox, at least.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sent {
    /// The outbox's name for it, `out_…`.
    pub id: String,
    /// The relay's name for it, `msg_…`, once it was accepted.
    pub message_id: Option<String>,
    /// How far it has come.
    pub stage: Stage,
    /// The key it goes to.
    #[serde(with = "mrp_proto::key::checked")]
    pub to: PublicKey,
    /// Whether it is sealed.
    pub encrypted: bool,
    /// When it may be sent first, if it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// What the sender should know, a sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The last failure, where there was one.
    #[serde(default)]
    pub error: Option<crate::error::ErrorDetail>,
}

/// An entry of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutboxEntry {
    /// `out_…`.
    pub id: String,
    /// Local agent.
    pub agent: String,
    /// Relay it goes by.
    pub relay: String,
    /// The key it goes to.
    pub to: PublicKey,
    /// How far it has come.
    pub stage: Stage,
    /// The relay's name for it, once it was accepted.
    pub message_id: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was put into the outbox.
    pub created_at: Timestamp,
    /// When it will be tried again.
    pub next_attempt_at: Option<Timestamp>,
    /// When it may be sent first, if it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// From when on it is of no use any more and is given up, if it was sent with a time to live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub useless_at: Option<Timestamp>,
    /// Whether the relay may have it, although it did not say so; then it cannot be cancelled.
    #[serde(default)]
    pub perhaps_sent: bool,
    /// When the recipient took it over, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// When the recipient answered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replied_at: Option<Timestamp>,
    /// The last failure.
    pub error: Option<crate::error::ErrorDetail>,
}

/// Query of `GET /v1/messages`; every filter that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams, utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
pub struct MessageQuery {
    /// Only messages behind this `seq`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Only messages stored at or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Only the last so many of those that match (before following).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// End after so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// `1`: go on with messages as they come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 0, maximum = 1))]
    pub follow: Option<u8>,
    /// Contact name or key of the other end, or a `@group` of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Local agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// What it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Media type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Which way it went; both where absent and `all` is 1, else `in`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<Direction>,
    /// `1`: both ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 0, maximum = 1))]
    pub all: Option<u8>,
    /// `1`: only what came in and nothing was done with; the same as `state=new`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 0, maximum = 1))]
    pub unread: Option<u8>,
    /// Where it stands locally. What is held is not here but at `/v1/pending`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// Which come first; [`Order::Ascending`] where absent. Newest first there is no following.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Only messages before this `seq`: newest first, where the page before has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// An expression over the message object, such as `body.event == "build.passed"`.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Words, all of which occur in the text or in a text of the body, in either case of their letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// In which order messages are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Order {
    /// Oldest first.
    #[default]
    #[serde(rename = "asc")]
    Ascending,
    /// Newest first.
    #[serde(rename = "desc")]
    Descending,
}

/// Query of `GET /v1/events`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
pub struct EventQuery {
    /// Only these kinds, with commas between: `message`, `stage`, `session`, `hook`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<String>,
}

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Contact {
    /// Unique whatever the case, 1 to 64 characters, no `:`.
    pub name: String,
    /// Its address.
    pub key: PublicKey,
    /// For people.
    #[serde(default)]
    pub note: Option<String>,
    /// Whether messages to it are sealed.
    #[serde(default)]
    pub encrypt: Option<Encrypt>,
    /// How far it is trusted.
    #[serde(default)]
    pub trust: Trust,
    /// Relay that its card named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
}

/// `PUT /v1/contacts/{name}`. What is absent is left alone in a contact that exists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContactChange {
    /// 43-character key, `ed25519:` key or `mrp:` card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether messages to it are sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypt: Option<Encrypt>,
    /// How far it is trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
}

/// `POST /v1/contacts/{name}/rename`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rename {
    /// The new name.
    pub name: String,
}

/// When messages are sealed, by configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Encrypt {
    /// Always. The default.
    #[default]
    Always,
    /// For peers that advertise it or were ever seen using it.
    Auto,
    /// Never.
    Never,
}

/// A local agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Agent {
    /// Local name.
    pub name: String,
    /// Its address.
    pub key: PublicKey,
    /// The first eight characters of the key.
    pub short: String,
    /// The address as a card, `mrp:…`.
    pub card: String,
    /// Whether it is the one used where none is named.
    pub default: bool,
    /// Names of its relays, in order.
    pub relays: Vec<String>,
    /// Where the key came from, such as a path; never the key.
    pub key_source: String,
}

/// A relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Relay {
    /// Local name.
    pub name: String,
    /// Its URL.
    pub url: String,
}

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SessionState {
    /// Being made.
    Connecting,
    /// Authenticated.
    Up,
    /// Down, to be tried again.
    Down,
}

/// How messages come from a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Transport {
    /// The relay pushes them over a WebSocket.
    Ws,
    /// The daemon asks for them, over HTTP.
    Poll,
}

/// One agent's session with one relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Local agent.
    pub agent: String,
    /// Relay.
    pub relay: String,
    /// How it stands.
    pub state: SessionState,
    /// How messages come, while it is up.
    #[serde(default)]
    pub transport: Option<Transport>,
    /// Since when.
    pub since: Timestamp,
    /// Why it is down.
    pub reason: Option<String>,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
}

/// `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// The socket it answers on.
    pub socket: String,
    /// Its configuration file, whether or not it exists.
    pub config: String,
    /// Local agents.
    pub agents: Vec<Agent>,
    /// Relays.
    pub relays: Vec<Relay>,
    /// Sessions.
    pub sessions: Vec<Session>,
    /// Messages in the inbox.
    pub inbox: InboxCounts,
    /// Messages on their way.
    pub outbox: OutboxCounts,
    /// How many sends the relays still take, for each agent and relay that was sent by since the daemon began.
    #[serde(default)]
    pub allowances: Vec<outbox::Allowance>,
    /// Hooks.
    #[serde(default)]
    pub hooks: hooks::HookCounts,
    /// What needs a person's attention, a sentence each.
    pub warnings: Vec<String>,
}

/// What the inbox holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InboxCounts {
    /// Messages that came in and are kept.
    pub received: u64,
    /// Messages that went out and are kept.
    pub sent: u64,
    /// The newest `seq`; 0 where there is none.
    pub newest: u64,
    /// Messages that came in and nothing was done with.
    #[serde(default)]
    pub unread: u64,
    /// Messages from unknown senders that wait for the user's word.
    #[serde(default)]
    pub held: u64,
    /// Bytes of all messages that are kept.
    #[serde(default)]
    pub bytes: u64,
}

/// What the outbox holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutboxCounts {
    /// Not yet accepted by a relay.
    pub queued: u64,
    /// Given up.
    pub failed: u64,
}

/// `GET`, `PUT /v1/cursors/{name}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cursor {
    /// The last `seq` that the reader is done with.
    pub seq: u64,
}
