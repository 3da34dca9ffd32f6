//! What the tables hold, as JSON. Within a version of the schema fields are only ever added, each with a default.

use super::standing::Standing;
use mrp_proto::message::{Attachment, Metadata, SendRequest};
use mrp_proto::time::Timestamp;
use mrpd_api::error::ErrorDetail;
use mrpd_api::message::{AttachmentState, Direction, Kind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::io;

/// A message, opened and checked. Keys are texts here: to make points of them for each line that is scanned would cost more
/// than everything else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MessageRecord {
    /// The relay's name for it; empty while it is in the outbox.
    pub id: String,
    /// The outbox's name for it, if it went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_id: Option<String>,
    /// Which way it went.
    pub dir: Direction,
    /// The local agent's name.
    pub agent: String,
    /// The relay's local name.
    pub relay: String,
    /// Who sent it.
    pub from: String,
    /// Who was to get it.
    pub to: String,
    /// What it is.
    pub kind: Kind,
    /// Media type of the content.
    #[serde(rename = "type")]
    pub content_type: String,
    /// The body's bytes.
    pub body: Option<Box<RawValue>>,
    /// Thread.
    pub thread: Option<String>,
    /// What it answers.
    pub reply_to: Option<String>,
    /// Blobs that travel along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Where those blobs are, in their order; with the relay, beyond the end of this list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub downloads: Vec<Download>,
    /// Text pairs.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Whether it was sealed.
    pub encrypted: bool,
    /// Whether the sender is proven.
    pub verified: bool,
    /// When the relay accepted it.
    pub created_at: Timestamp,
    /// When it was stored here.
    pub received_at: Timestamp,
    /// When the relay drops it.
    pub expires_at: Timestamp,
    /// Of one that went out: the newest `seq` when it was put into the outbox. Answers to it come behind.
    #[serde(default)]
    pub behind: u64,
    /// Whether it came out of a file: nothing that follows what comes in is concerned with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub imported: bool,
    /// Where it stands. Kept beside the record, which is never rewritten.
    #[serde(skip)]
    pub standing: Standing,
}

impl MessageRecord {
    /// The key of the other end.
    pub fn other_end(&self) -> &str {
        match self.dir {
            Direction::In => &self.from,
            Direction::Out => &self.to,
        }
    }
}

/// How an entry of the outbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutboxStage {
    /// To be sent.
    Queued,
    /// Given up.
    Failed,
}

/// By what the time is named until which an entry is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeldFor {
    /// A time of the wall clock.
    #[default]
    Time,
    /// A span, which passes however that clock is set.
    Span,
}

/// An entry of the outbox: what is sent, byte for byte the same at each attempt, and what it says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutboxRecord {
    /// `out_…`.
    pub id: String,
    /// What is posted.
    pub request: SendRequest,
    /// What will be shown of it.
    pub message: MessageRecord,
    /// How it stands.
    pub stage: OutboxStage,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was put here.
    pub created_at: Timestamp,
    /// When it will be tried again.
    pub next_attempt_at: Option<Timestamp>,
    /// The last failure.
    pub error: Option<ErrorDetail>,
    /// When it may be sent first; at once where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// By what that was said.
    #[serde(default)]
    pub held_for: HeldFor,
    /// From when on it is of no use any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub useless_at: Option<Timestamp>,
    /// Since when it is tried; since it was due where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_since: Option<Timestamp>,
    /// When it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Timestamp>,
    /// Whether a relay may have it, although it did not say so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub perhaps_sent: bool,
    /// The idempotency key that it was put here under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Files that go to the relay before the message does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<OutgoingFile>,
}

impl OutboxRecord {
    /// Since when it is tried.
    pub fn tried_since(&self) -> Timestamp {
        let due = self.due_at.unwrap_or(self.created_at);
        self.tried_since.unwrap_or(due.max(self.created_at))
    }
}

/// What is known of a message since a relay accepted it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Track {
    /// When its recipient took it over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// When its recipient answered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replied_at: Option<Timestamp>,
    /// The answer's `seq`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<u64>,
    /// Whether it has expired at the relay before anybody took it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub expired: bool,
}

/// Where an attachment of a message is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// In a word.
    pub state: AttachmentState,
    /// Attempts that have failed.
    #[serde(default)]
    pub attempts: u32,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An attachment of a message that goes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingFile {
    /// The file here; none where the relay has it already.
    pub file: Option<String>,
    /// What the relay calls it, or is expected to: relays that name blobs by their content do.
    pub blob_id: String,
    /// When the relay last had it.
    pub uploaded_at: Option<Timestamp>,
}

/// A file that waits for its messages. On the disk it is sealed with a key of its own, whether or not they will be.
#[derive(Clone, Serialize, Deserialize)]
pub struct FileRecord {
    /// `file_…`.
    pub id: String,
    /// A name for people.
    pub filename: Option<String>,
    /// Media type.
    pub content_type: Option<String>,
    /// Bytes of the content.
    pub size: u64,
    /// SHA-256 of the content, base64url.
    pub plain_digest: String,
    /// SHA-256 of the sealed bytes, base64url.
    pub sealed_digest: String,
    /// The key, base64url.
    pub key: String,
    /// When it came.
    pub created_at: Timestamp,
    /// When a message last took it.
    pub used_at: Timestamp,
}

impl std::fmt::Debug for FileRecord {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "FileRecord({}, {} bytes)", self.id, self.size)
    }
}

/// A blob that an agent uploaded by itself, for whatever use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UploadRecord {
    /// `blob_…`.
    pub id: String,
    /// The agent's local name.
    pub agent: String,
    /// The relay's local name.
    pub relay: String,
    /// A name for people.
    pub filename: Option<String>,
    /// Media type.
    pub content_type: Option<String>,
    /// Bytes.
    pub size: u64,
    /// SHA-256, hexadecimal.
    pub hash: String,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// Until when the relay has it, unless a message carries it.
    pub expires_at: Timestamp,
}

/// Writes a record.
pub(crate) fn encode(record: &impl Serialize) -> Result<Vec<u8>, redb::Error> {
    serde_json::to_vec(record).map_err(unreadable)
}

/// Reads a record.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, redb::Error> {
    serde_json::from_slice(bytes).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> redb::Error {
    redb::Error::Io(io::Error::new(io::ErrorKind::InvalidData, error))
}
