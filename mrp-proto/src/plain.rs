//! Signatures of messages that travel in clear (protocol A10): what a relay shows is checked against what the sender signed.
//!
//! Three metadata entries carry it. Signed is `mrp-msg-v1\n` and the canonical JSON (RFC 8785) of
//! `{id,to,content_type,thread_id,in_reply_to,sent_at,body,attachments}`, where `attachments` is the list of blob ids, and an
//! absent thread, reply reference or body is `null` (so an explicit `null` body and none are one). `id` and `sent_at` are the
//! texts of the metadata as they stand. Other metadata, sizes, file names and the expiry are not covered.

use crate::base64url::DecodeError;
use crate::envelope::Outgoing;
use crate::id::EnvelopeId;
use crate::json::{NotIJson, canonical_form, parse_i_json};
use crate::key::{PublicKey, SecretKey, Signature};
use crate::message::{Attachment, Metadata};
use crate::time::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Metadata entry: the sender's id of the message.
pub const METADATA_ID: &str = "mrp-id";
/// Metadata entry: the signature.
pub const METADATA_SIGNATURE: &str = "mrp-sig";
/// Metadata entry: when the message was made.
pub const METADATA_SENT_AT: &str = "mrp-sent-at";

/// What begins every signed text, so that no signature of another kind can be taken for one.
const DOMAIN: &str = "mrp-msg-v1\n";

/// A message in clear as it was received: everything of it that the signature covers, and its metadata.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// Media type.
    pub content_type: &'a str,
    /// The body's bytes.
    pub body: Option<&'a RawValue>,
    /// Attachments, of which the blob ids are signed.
    pub attachments: &'a [Attachment],
    /// Thread.
    pub thread_id: Option<&'a str>,
    /// What it answers.
    pub in_reply_to: Option<&'a str>,
    /// Where the signature is looked for.
    pub metadata: &'a Metadata,
}

/// What a message in clear proves about its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It has no signature: it shows as not verified, and an `mrp-id` in it means nothing.
    Unsigned,
    /// The sender signed exactly this, for this recipient.
    Verified {
        /// The sender's name for it: by it copies are told apart.
        id: EnvelopeId,
        /// When it was made. Hold it against [`crate::envelope::is_within_copy_memory`].
        sent_at: Timestamp,
    },
    /// It claims a signature that does not hold: the message is refused.
    Bad(BadPlain),
}

/// Why the signature of a message in clear does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPlain {
    /// There is a signature, but an entry that it needs is absent.
    #[error("signed, but without the metadata {name:?}")]
    Missing {
        /// Name of the entry.
        name: &'static str,
    },
    /// The id is not a ULID.
    #[error("the metadata {METADATA_ID:?} is not a ULID")]
    Id,
    /// The time is not RFC 3339.
    #[error("the metadata {METADATA_SENT_AT:?} is not an RFC 3339 time")]
    SentAt,
    /// The signature is not 86 characters of canonical base64url.
    #[error("the metadata {METADATA_SIGNATURE:?}: {0}")]
    Encoding(DecodeError),
    /// The body has no canonical form, so nobody can have signed it.
    #[error("signed, but the body is not I-JSON: {0}")]
    NotIJson(NotIJson),
    /// Someone else signed, or something else was signed, or it was meant for someone else.
    #[error("the signature does not match the message, its sender and its recipient")]
    Signature,
}

/// Signs a message in clear: returns the metadata entries to add to it.
///
/// # Errors
/// [`NotIJson`] if the body has no canonical form. Such a message is sent without these entries, and never counts as verified.
pub fn sign(
    sender: &SecretKey,
    recipient: &PublicKey,
    message: &Outgoing<'_>,
) -> Result<[(&'static str, String); 3], NotIJson> {
    let id = message.id.to_string();
    let sent_at = message.sent_at.to_string();
    let covered = Received {
        content_type: message.content_type,
        body: message.body,
        attachments: message.attachments,
        thread_id: message.thread_id,
        in_reply_to: message.in_reply_to,
        metadata: &Metadata::new(),
    };
    let signature = sender.sign(&signed_bytes(recipient, &id, &sent_at, &covered)?);
    Ok([
        (METADATA_ID, id),
        (METADATA_SENT_AT, sent_at),
        (METADATA_SIGNATURE, signature.to_string()),
    ])
}

/// A message's metadata without the pairs that carry its signature: those are no content.
pub fn without_signature(mut metadata: Metadata) -> Metadata {
    for carrier in [METADATA_ID, METADATA_SIGNATURE, METADATA_SENT_AT] {
        metadata.remove(carrier);
    }
    metadata
}

/// Holds a message in clear against its signature.
pub fn verify(sender: &PublicKey, recipient: &PublicKey, message: &Received<'_>) -> Verdict {
    let Some(signature) = message.metadata.get(METADATA_SIGNATURE) else {
        return Verdict::Unsigned;
    };
    match check(sender, recipient, message, signature) {
        Ok((id, sent_at)) => Verdict::Verified { id, sent_at },
        Err(bad) => Verdict::Bad(bad),
    }
}

fn check(
    sender: &PublicKey,
    recipient: &PublicKey,
    message: &Received<'_>,
    signature: &str,
) -> Result<(EnvelopeId, Timestamp), BadPlain> {
    let entry = |name: &'static str| message.metadata.get(name).ok_or(BadPlain::Missing { name });
    let (id_text, sent_at_text) = (entry(METADATA_ID)?, entry(METADATA_SENT_AT)?);
    let id = id_text.parse().map_err(|_| BadPlain::Id)?;
    let sent_at = sent_at_text.parse().map_err(|_| BadPlain::SentAt)?;
    let signature: Signature = signature.parse().map_err(BadPlain::Encoding)?;
    let bytes =
        signed_bytes(recipient, id_text, sent_at_text, message).map_err(BadPlain::NotIJson)?;
    sender
        .verify(&bytes, &signature)
        .map_err(|_| BadPlain::Signature)?;
    Ok((id, sent_at))
}

fn signed_bytes(
    recipient: &PublicKey,
    id: &str,
    sent_at: &str,
    message: &Received<'_>,
) -> Result<Vec<u8>, NotIJson> {
    let body = match message.body {
        Some(body) => parse_i_json(body.get())?,
        None => Value::Null,
    };
    let blob_ids: Vec<&str> = message
        .attachments
        .iter()
        .map(|attachment| attachment.blob_id.as_str())
        .collect();
    let covered = json!({
        "id": id,
        "to": recipient,
        "content_type": message.content_type,
        "thread_id": message.thread_id,
        "in_reply_to": message.in_reply_to,
        "sent_at": sent_at,
        "body": body,
        "attachments": blob_ids,
    });
    Ok([DOMAIN.as_bytes(), canonical_form(&covered).as_bytes()].concat())
}
