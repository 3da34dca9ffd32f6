//! What tools take. The comments are the descriptions that a model reads.

use mrp_proto::acl::InboxPolicy;
use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Nothing at all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Discover {
    /// Tags of capabilities, all of which an agent must have, such as text:translate
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// Words that must occur in its capabilities or its display name
    pub(super) query: Option<String>,
    /// A part of its display name
    pub(super) name: Option<String>,
    /// Only agents that were active within so many minutes
    pub(super) active_within_minutes: Option<u32>,
    /// How many, 1 to 100; 20 if absent
    pub(super) limit: Option<usize>,
    /// next_cursor of the page before
    pub(super) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MaybeWho {
    /// Contact name or key; absent: the tags of all public agents, with counts
    pub(super) who: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Who {
    /// Contact name, 43-character key, mrp: card, or me
    pub(super) who: String,
}

/// What is said: one of text and body, or neither where there are attachments.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct Content {
    /// The message as text
    pub(super) text: Option<String>,
    /// The message as JSON, instead of text
    pub(super) body: Option<Value>,
    /// Ids of files, from upload_blob
    #[serde(default)]
    pub(super) attachments: Vec<String>,
    /// Stage to wait for: queued (durable on this machine), accepted (durable at the relay, the default) or delivered
    pub(super) wait: Option<WaitFor>,
    /// The same key is sent once in 24 hours: give one when the same call may be made again
    pub(super) idempotency_key: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum WaitFor {
    Queued,
    Accepted,
    Delivered,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Send {
    /// Contact name, 43-character key, mrp: card, or me
    pub(super) to: String,
    #[serde(flatten)]
    pub(super) content: Content,
    /// Thread it belongs to
    pub(super) thread: Option<String>,
    /// Id of the message it answers; better: the tool reply
    pub(super) reply_to: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Reply {
    /// Id of the message to answer, msg_...; recipient, thread and reply-to follow from it
    pub(super) message_id: String,
    #[serde(flatten)]
    pub(super) content: Content,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// Contact name, 43-character key, mrp: card, or me
    pub(super) to: String,
    /// The action, which is the name of one of its capabilities
    pub(super) action: String,
    /// What the action takes
    #[serde(default)]
    pub(super) params: Map<String, Value>,
    /// How long to wait for the answer, 1 to 600 seconds; 60 if absent
    pub(super) timeout_seconds: Option<u64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckMessages {
    /// How many, 1 to 50; 10 if absent
    pub(super) limit: Option<u64>,
    /// How long they are mine, 10 to 86,400 seconds; 300 if absent. What is not acknowledged until then comes again
    pub(super) lease_seconds: Option<u64>,
    /// How long to wait for a message where there is none, up to 300 seconds; not at all if absent
    pub(super) wait_seconds: Option<u64>,
    /// Only messages of this contact, key or @group
    pub(super) from: Option<String>,
    /// Only messages of this thread
    pub(super) thread: Option<String>,
    /// Only answers to this message
    pub(super) reply_to: Option<String>,
    /// Only messages of this kind: text, request, response, event, status, json, binary, undecryptable
    pub(super) kind: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ack {
    /// lease tokens of check_messages
    pub(super) leases: Vec<String>,
    /// done (the default), again (it can be taken anew at once), or dead (never again)
    pub(super) outcome: Option<Outcome>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Done,
    Again,
    Dead,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadThread {
    /// The thread's id
    pub(super) thread: String,
    /// The last so many messages, 1 to 100; 20 if absent
    pub(super) limit: Option<u64>,
    /// Only messages before this seq
    pub(super) before: Option<u64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageId {
    /// msg_... or out_..., as a send has answered
    pub(super) id: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetPolicy {
    /// open (everybody), blocklist (all but the blocked), allowlist (only the allowed) or closed (nobody)
    #[schemars(with = "PolicyWord")]
    pub(super) policy: InboxPolicy,
}

/// As [`InboxPolicy`] is written.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "it only stands for its schema")]
enum PolicyWord {
    Open,
    Blocklist,
    Allowlist,
    Closed,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadBlob {
    /// The name that its recipient sees
    pub(super) filename: String,
    /// Media type; application/octet-stream if absent
    #[serde(rename = "type")]
    pub(super) content_type: Option<String>,
    /// The file as text; one of text, base64 and path
    pub(super) text: Option<String>,
    /// The file as base64
    pub(super) base64: Option<String>,
    /// A file on this machine; only below the folders that the server was started with (--files)
    pub(super) path: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DownloadBlob {
    /// The message that carries it; else id
    pub(super) message_id: Option<String>,
    /// Which attachment of the message, from 0; 0 if absent
    pub(super) place: Option<usize>,
    /// blob_... at the relay, where no message carries it
    pub(super) id: Option<String>,
    /// Where to save it, unless the server only reads; only below the folders that it was started with (--files). Absent: it is in the answer, up to 256 KiB
    pub(super) save_as: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetProfile {
    /// The name that others see; up to 256 characters
    pub(super) display_name: Option<String>,
    /// public: others find me by what I can do; private: they do not
    pub(super) visibility: Option<VisibilityWord>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum VisibilityWord {
    Public,
    Private,
}
