//! The message object: one JSON line of `mrpctl tail`, of the local interface's streams, and of a hook's standard input.
//!
//! Within `v: 1` fields are only ever added.

use mrp_proto::key::PublicKey;
use mrp_proto::message::{Attachment as Blob, Metadata};
use mrp_proto::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use mrp_proto::content::Kind;

/// Version of the message object.
pub const VERSION: u32 = 1;

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Direction {
    /// It came to one of the local agents.
    In,
    /// One of the local agents sent it.
    Out,
}

/// How far a peer is trusted, by the user's own word.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Trust {
    /// No contact.
    #[default]
    Unknown,
    /// A contact.
    Known,
    /// A contact that was marked so.
    Trusted,
}

/// The other end of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Peer {
    /// Its address.
    pub key: PublicKey,
    /// The local contact's name, never one that the peer chose.
    pub name: Option<String>,
    /// The first eight characters of the key.
    pub short: String,
    /// How far it is trusted.
    pub trust: Trust,
}

/// Where a message stands locally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum State {
    /// Came in, nothing done with it yet; or given back, to be taken again.
    New,
    /// Was read.
    Read,
    /// Was put away.
    Archived,
    /// Somebody works on it, under a lease.
    Claimed,
    /// Somebody who worked on it is done with it.
    Done,
    /// Somebody who worked on it has given up, and nobody shall try again.
    Dead,
    /// Came from an unknown sender, and waits for the user's word. It has no `seq` yet (0).
    Held,
    /// Sent by a local agent and accepted by a relay.
    Sent,
}

/// For how long a message belongs to whoever claimed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lease {
    /// Its name, to settle exactly this claim of the message and no later one.
    pub token: String,
    /// When it ends; the message can be claimed by others then.
    pub until: Timestamp,
}

/// Where an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum AttachmentState {
    /// With the relay. It is read from there when it is asked for.
    #[default]
    Remote,
    /// With the relay, and on its way here.
    Waiting,
    /// Here, at its `path`.
    Saved,
    /// Not here, and it will not come: its `error` says why.
    Failed,
}

/// A blob that travels with a message, and where it is. Of one that was sent, only the relay has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = MessageAttachment))]
pub struct Attachment {
    /// What the sender says of it.
    #[serde(flatten)]
    pub blob: Blob,
    /// Where it is.
    #[serde(default)]
    pub state: AttachmentState,
    /// The file, once it is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Why it is not here, where something went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A message, opened and checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// [`VERSION`].
    pub v: u32,
    /// Local, gap-free order; the cursor.
    pub seq: u64,
    /// The relay's name for it, `msg_…`.
    pub id: String,
    /// Which way it went.
    pub dir: Direction,
    /// The local agent's name.
    pub agent: String,
    /// The relay's local name.
    pub relay: String,
    /// Who sent it.
    pub from: Peer,
    /// Who was to get it.
    pub to: PublicKey,
    /// What it is.
    pub kind: Kind,
    /// Media type, of the content where it was sealed.
    #[serde(rename = "type")]
    pub content_type: String,
    /// One line of text, for kinds that have a sensible one.
    pub text: Option<String>,
    /// The body's bytes as the sender wrote them; null where there is none.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::any_json))]
    pub body: Option<Box<RawValue>>,
    /// Thread.
    pub thread: Option<String>,
    /// What it answers.
    pub reply_to: Option<String>,
    /// Blobs that travel along.
    pub attachments: Vec<Attachment>,
    /// Text pairs beside the body, without the ones that carry a signature.
    pub metadata: Metadata,
    /// Whether it was sealed end to end.
    pub encrypted: bool,
    /// Whether the sender is proven (by the seal or by a signature), not only the relay's word.
    pub verified: bool,
    /// Where it stands locally.
    pub state: State,
    /// How often it was claimed; for a hook, how often that hook was tried on it.
    pub attempt: u32,
    /// The lease, of a message that is claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// When the relay accepted it.
    pub created_at: Timestamp,
    /// When it was stored here.
    pub received_at: Timestamp,
    /// When the relay drops it.
    pub expires_at: Timestamp,
}
