//! The relay's HTTP interface: paths, header names and the bodies of answers.

use crate::agent::CapabilityList;
use crate::id::{BlobId, MessageId};
use crate::key::PublicKey;
use crate::message::{Message, Status};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

mod webhook;

pub use webhook::*;

/// Header: who signed, 43 characters.
pub const PUBLIC_KEY_HEADER: &str = "x-m2m-public-key";
/// Header: when it was signed, RFC 3339.
pub const TIMESTAMP_HEADER: &str = "x-m2m-timestamp";
/// Header: the signature, 86 characters.
pub const SIGNATURE_HEADER: &str = "x-m2m-signature";
/// Header of every answer: the id that the relay's log has for the request.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// Header of a send: the same key is accepted once (protocol A1.8).
pub const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";
/// Header of an answer that was given before.
pub const IDEMPOTENCY_REPLAYED_HEADER: &str = "idempotency-replayed";
/// Header: requests allowed in the window.
pub const RATE_LIMIT_HEADER: &str = "x-ratelimit-limit";
/// Header: requests left in the window.
pub const RATE_REMAINING_HEADER: &str = "x-ratelimit-remaining";
/// Header: when the window ends, Unix seconds.
pub const RATE_RESET_HEADER: &str = "x-ratelimit-reset";
/// Header of answers about blobs: the SHA-256 of the bytes, hexadecimal (protocol A5).
pub const BLOB_HASH_HEADER: &str = "x-m2m-blob-hash";
/// Header of answers about blobs: bytes that the caller's blobs take.
pub const STORAGE_USED_HEADER: &str = "x-m2m-storage-used";
/// Header of answers about blobs: bytes that the caller's blobs may take; absent where there is no limit.
pub const STORAGE_LIMIT_HEADER: &str = "x-m2m-storage-limit";

/// Longest idempotency key, in visible ASCII characters.
pub const MAX_IDEMPOTENCY_KEY: usize = 64;
/// Most items of a page.
pub const MAX_PAGE: usize = 100;
/// Items of a page of messages that names no number.
pub const DEFAULT_MESSAGE_PAGE: usize = 50;
/// Items of a page of agents that names no number.
pub const DEFAULT_AGENT_PAGE: usize = 20;
/// Values of a repeatable filter of discovery, at most.
pub const MAX_FILTER_VALUES: usize = 10;
/// Characters of the words that discovery looks for, at most.
pub const MAX_WORDS_LENGTH: usize = 256;
/// Words that discovery looks for at once, at most.
pub const MAX_WORDS: usize = 16;
/// Tags that the list of capabilities has, at most: the most used ones.
pub const MAX_CAPABILITY_COUNTS: usize = 1_000;
/// Longest time that a poll may wait, in seconds.
pub const MAX_WAIT_SECONDS: u64 = 30;

/// Paths, as they are signed. What comes from outside is percent-encoded here and nowhere else.
pub mod path {
    use crate::id::{BlobId, MessageId};
    use crate::key::PublicKey;

    /// Health, with the features of the relay.
    pub const HEALTH: &str = "/v1/health";
    /// Sending and polling.
    pub const MESSAGES: &str = "/v1/messages";
    /// Uploading blobs.
    pub const BLOBS: &str = "/v1/blobs";
    /// Finding agents.
    pub const DISCOVER: &str = "/v1/discover";
    /// What agents can do, by tag.
    pub const CAPABILITIES: &str = "/v1/capabilities";
    /// The WebSocket.
    pub const WEBSOCKET: &str = "/v1/ws";

    /// An agent's profile.
    pub fn agent(key: &PublicKey) -> String {
        format!("/v1/agents/{key}")
    }

    /// An agent's webhook.
    pub fn webhook(key: &PublicKey) -> String {
        format!("/v1/agents/{key}/webhook")
    }

    /// An agent's access list; the query `type=allow` or `type=block` narrows it.
    pub fn acl(owner: &PublicKey) -> String {
        format!("/v1/agents/{owner}/acl")
    }

    /// What an agent's access list says about a peer.
    pub fn acl_entry(owner: &PublicKey, peer: &PublicKey) -> String {
        format!("/v1/agents/{owner}/acl/{peer}")
    }

    /// A message.
    pub fn message(id: &MessageId) -> String {
        format!("{MESSAGES}/{id}")
    }

    /// Where a message stands.
    pub fn message_status(id: &MessageId) -> String {
        format!("{MESSAGES}/{id}/status")
    }

    /// Taking a message over.
    pub fn message_ack(id: &MessageId) -> String {
        format!("{MESSAGES}/{id}/ack")
    }

    /// The messages of a thread.
    pub fn thread(thread_id: &str) -> String {
        format!("{MESSAGES}/threads/{}", encode_segment(thread_id))
    }

    /// A blob.
    pub fn blob(id: &BlobId) -> String {
        format!("{BLOBS}/{id}")
    }

    /// Percent-encodes everything but unreserved characters (RFC 3986 section 2.3); good for a path segment and a query value.
    pub fn encode_segment(text: &str) -> String {
        let mut encoded = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                encoded.push(char::from(byte));
            } else {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                encoded.push('%');
                encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
                encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
        encoded
    }
}

/// What a relay can do beyond the published interface; listed by [`Health::features`] (protocol A11).
pub mod feature {
    /// `Idempotency-Key` on sends.
    pub const IDEMPOTENCY: &str = "idempotency";
    /// `POST /v1/messages/{id}/ack` and polls with `ack=manual`.
    pub const ACK: &str = "ack";
    /// Polls with `wait`.
    pub const WAIT: &str = "wait";
    /// Requests signed by [`bound`](crate::bound).
    pub const RFC9421: &str = "rfc9421";
    /// The second version of WebSocket authentication, which is bound too.
    pub const WS_AUTH_2: &str = "ws-auth-2";
}

/// How the relay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// It serves.
    Ok,
    /// It serves some of what it should.
    Degraded,
}

/// `GET /v1/health`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// How it is.
    pub status: HealthStatus,
    /// Its version.
    pub version: String,
    /// Its clock.
    pub timestamp: Timestamp,
    /// What it can do beyond the published interface.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true, extensions(("x-mrp-extension" = json!(true)))))]
    pub features: Vec<String>,
}

/// The 202 of a send; the same values are in `send_result`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Accepted {
    /// The message's name.
    pub message_id: MessageId,
    /// Always `sent`.
    pub status: Status,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// `GET /v1/messages/{id}/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageStatus {
    /// Where it stands.
    pub status: Status,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it was taken over, if it was.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub delivered_at: Option<Timestamp>,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// The 201 of `POST /v1/blobs`; times and type are the owner's own (protocol A5.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlobInfo {
    /// The blob's name.
    pub blob_id: BlobId,
    /// SHA-256 of the bytes, hexadecimal, without a prefix.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub hash: String,
    /// Bytes.
    pub size: u64,
    /// Media type, as the owner gave it.
    pub content_type: String,
    /// When the owner uploaded it first.
    pub created_at: Timestamp,
    /// Until when the owner has it, unless it is attached or uploaded again meanwhile.
    pub expires_at: Timestamp,
}

/// A page of messages, from a poll or a thread.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessagePage {
    /// The messages, oldest first. Other relays write `null` for none; a page without the field is no page.
    #[serde(deserialize_with = "crate::message::null_to_default")]
    pub messages: Vec<Message>,
    /// Whether there is more behind the cursor.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub has_more: bool,
    /// Where to go on; null on the last page.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub next_cursor: Option<String>,
}

/// What `GET /v1/discover` is asked; all filters hold at once, and absent ones do not count (protocol A3.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiscoverQuery {
    /// Each is a tag of a capability.
    pub tags: Vec<String>,
    /// Words that all occur in names, descriptions and tags of capabilities or in the display name.
    pub words: Option<String>,
    /// A part of the display name.
    pub name: Option<String>,
    /// Active at this time or later.
    pub active_since: Option<Timestamp>,
    /// Agents of a page, 1 to [`MAX_PAGE`]; [`DEFAULT_AGENT_PAGE`] where absent.
    pub limit: Option<usize>,
    /// Where to go on: the last page's `next_cursor`.
    pub cursor: Option<String>,
}

impl DiscoverQuery {
    /// Path and query, as they are signed.
    pub fn target(&self) -> String {
        let mut target = path::DISCOVER.to_owned();
        let tags = self.tags.iter().map(|tag| ("tag", Some(tag.clone())));
        let since = self.active_since.map(|since| since.to_string());
        let limit = self.limit.map(|limit| limit.to_string());
        let others = [
            ("q", self.words.clone()),
            ("name", self.name.clone()),
            ("active_since", since),
            ("limit", limit),
            ("cursor", self.cursor.clone()),
        ];
        for (name, value) in tags.chain(others) {
            if let Some(value) = value {
                target.push(if target.contains('?') { '&' } else { '?' });
                target.push_str(name);
                target.push('=');
                target.push_str(&path::encode_segment(&value));
            }
        }
        target
    }
}

/// An agent in a [`DiscoverPage`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiscoveredAgent {
    /// Its address.
    pub public_key: PublicKey,
    /// A name that it gave itself; proves nothing.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true, max_length = 256))]
    pub display_name: Option<String>,
    /// When it was last active, to the minute.
    pub last_active_at: Timestamp,
    /// What it can do; names alone for a request in the older form (protocol A3.3).
    #[serde(default, deserialize_with = "crate::message::null_to_default")]
    #[cfg_attr(feature = "openapi", schema(required = true, schema_with = crate::openapi::shown_capabilities))]
    pub capabilities: CapabilityList,
}

/// `GET /v1/discover`: public agents, most recently active first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiscoverPage {
    /// The agents; there may be fewer than asked for although more follow.
    #[serde(deserialize_with = "crate::message::null_to_default")]
    pub agents: Vec<DiscoveredAgent>,
    /// Whether there is more behind the cursor.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub has_more: bool,
    /// Where to go on; null on the last page.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub next_cursor: Option<String>,
}

/// A tag of capabilities, and how many public agents have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CapabilityCount {
    /// The tag.
    pub tag: String,
    /// Agents.
    pub agent_count: u64,
}

/// `GET /v1/capabilities`: the most used tags first, ties by name; [`MAX_CAPABILITY_COUNTS`] at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CapabilityCounts {
    /// The tags.
    #[serde(deserialize_with = "crate::message::null_to_default")]
    pub capabilities: Vec<CapabilityCount>,
}

#[cfg(test)]
mod tests {
    use super::{DiscoverPage, DiscoverQuery, path};
    use crate::agent::CapabilityForm;

    #[test]
    fn a_thread_id_is_escaped_as_the_published_sdk_escapes_it() {
        assert_eq!(
            path::thread("conv/1 ü?x"),
            "/v1/messages/threads/conv%2F1%20%C3%BC%3Fx"
        );
    }

    #[test]
    fn a_discovery_names_what_it_asks_for() {
        assert_eq!(DiscoverQuery::default().target(), "/v1/discover");
        let query = DiscoverQuery {
            tags: vec!["text:x".to_owned(), "a".to_owned()],
            words: Some("two words&more".to_owned()),
            active_since: Some("2026-03-05T12:00:00Z".parse().unwrap()),
            limit: Some(5),
            ..DiscoverQuery::default()
        };
        assert_eq!(
            query.target(),
            "/v1/discover?tag=text%3Ax&tag=a&q=two%20words%26more&active_since=2026-03-05T12%3A00%3A00.000Z&limit=5"
        );
    }

    #[test]
    fn a_page_of_agents_is_read_in_both_forms() {
        let read = |capabilities: &str| {
            let key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
            let agent = format!(
                r#"{{"public_key":"{key}","last_active_at":"2026-03-05T12:00:00Z","capabilities":{capabilities}}}"#
            );
            let page = format!(r#"{{"agents":[{agent}],"has_more":false,"next_cursor":null}}"#);
            let mut page: DiscoverPage = serde_json::from_str(&page).unwrap();
            page.agents.remove(0).capabilities
        };
        assert_eq!(read(r#"["abc"]"#).form, CapabilityForm::Plain);
        assert_eq!(read(r#"[{"name":"abc","description":""}]"#).items.len(), 1);
        assert!(read("null").items.is_empty());
    }
}
