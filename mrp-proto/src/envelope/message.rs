//! The envelope inside a sealed message (protocol A10), and what is read where a client of another kind sealed.

use super::{ENVELOPE_CONTENT_TYPE, OpenError, Sealed, open, seal};
use crate::base64url;
use crate::id::EnvelopeId;
use crate::json::{self, check_structure, excerpt};
use crate::key::{PublicKey, SecretKey};
use crate::message::{Attachment, DEFAULT_CONTENT_TYPE, MAX_REFERENCE, present};
use crate::time::Timestamp;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;
use std::time::Duration;

/// How long a receiver remembers the ids of what it has verified, and so how old a message may be that it still takes.
pub const COPY_MEMORY: Duration = Duration::from_secs(45 * 24 * 3600);

/// Whether an id sent at that time would still be known if it had come before: what is older is refused, or a relay could bring it
/// back once it is forgotten. A record keeps an id for [`COPY_MEMORY`] after the later of `sent_at` and its arrival.
pub fn is_within_copy_memory(sent_at: Timestamp, now: Timestamp) -> bool {
    now.since(sent_at) <= COPY_MEMORY
}

/// A message of ours on its way out: what [`seal_message`] seals and [`crate::plain::sign`] signs. The thread fields outside must
/// be the same.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The sender's name for it, fresh.
    pub id: &'a EnvelopeId,
    /// Any JSON, byte for byte.
    pub body: Option<&'a RawValue>,
    /// Media type of the body.
    pub content_type: &'a str,
    /// Sealed: with their names, sizes, hashes and wrapped keys. The relay sees only the blob ids.
    pub attachments: &'a [Attachment],
    /// Thread.
    pub thread_id: Option<&'a str>,
    /// What it answers.
    pub in_reply_to: Option<&'a str>,
    /// When it was made.
    pub sent_at: Timestamp,
}

/// What the relay shows around a sealed message, held against what is sealed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outer<'a> {
    /// Thread.
    pub thread_id: Option<&'a str>,
    /// What it answers.
    pub in_reply_to: Option<&'a str>,
}

/// A message as its sender sealed it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Any JSON, byte for byte. Text of a type that is not JSON is a JSON string. From the published SDK a `null` counts as absent.
    pub body: Option<Box<RawValue>>,
    /// Media type of the body.
    pub content_type: String,
    /// Attachments with their sealed details. `None` where no envelope was sealed: only then do those count that the relay shows,
    /// for it could add to an empty list.
    pub attachments: Option<Vec<Attachment>>,
    /// The sender's name for the message; absent from other clients than ours, like the next four.
    pub id: Option<EnvelopeId>,
    /// The recipient, checked.
    pub to: Option<PublicKey>,
    /// Thread, checked.
    pub thread_id: Option<String>,
    /// What it answers, checked.
    pub in_reply_to: Option<String>,
    /// When it was made. Hold it against [`is_within_copy_memory`].
    pub sent_at: Option<Timestamp>,
}

/// What [`open_message`] found.
#[derive(Debug, Clone)]
pub struct OpenedMessage {
    /// The message.
    pub envelope: Envelope,
    /// By what to recognise a copy of it.
    pub copy_id: CopyId,
    /// What was sealed where it is neither JSON nor text. The envelope then has no body.
    pub binary: Option<Vec<u8>>,
}

/// By what copies of one message are told from two messages of one sender (protocol A10).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CopyId {
    /// The sender's id. To be recorded only once what carries it was verified.
    Envelope(EnvelopeId),
    /// The encapsulated key, base64url: fresh for each sealing. To be remembered as long as the inbox exists.
    Encapsulation(String),
}

impl fmt::Display for CopyId {
    /// A ULID has 26 characters and an encapsulated key 43, so that the two never meet.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envelope(id) => id.fmt(formatter),
            Self::Encapsulation(encapsulated) => formatter.pad(encapsulated),
        }
    }
}

/// Seals a message with its envelope.
pub fn seal_message(
    sender: &SecretKey,
    recipient: &PublicKey,
    message: &Outgoing<'_>,
    rng: &mut impl CryptoRng,
) -> Sealed {
    let members = Written {
        body: message.body,
        content_type: message.content_type,
        attachments: message.attachments,
        id: message.id,
        to: recipient,
        thread_id: message.thread_id,
        in_reply_to: message.in_reply_to,
        sent_at: message.sent_at,
    };
    let plaintext =
        serde_json::to_vec(&members).expect("an envelope has text keys and no fallible parts");
    seal(sender, recipient, &plaintext, ENVELOPE_CONTENT_TYPE, rng)
}

/// Opens a sealed message, whichever client sealed it, and checks what its envelope binds.
///
/// Ours is recognised by its members `id`, `to` and `sent_at`, whatever type the relay shows. Without them it is read as the
/// published SDK does: an envelope of the envelope type, JSON where the type says so, else text. What cannot be JSON after
/// all is text, and what cannot be text is [`OpenedMessage::binary`].
///
/// # Errors
/// An [`OpenError`]. Nothing of the message may be used then.
pub fn open_message(
    recipient: &SecretKey,
    sender: &PublicKey,
    outer: Outer<'_>,
    sealed: &Sealed,
) -> Result<OpenedMessage, OpenError> {
    let opened = open(recipient, sender, sealed)?;
    let is_envelope = opened.content_type == ENVELOPE_CONTENT_TYPE;
    let by_encapsulation = CopyId::Encapsulation(base64url::encode(sealed.encapsulated()));
    let text = match String::from_utf8(opened.plaintext) {
        Ok(text) => text,
        Err(error) if !is_envelope => {
            return Ok(OpenedMessage {
                envelope: bare(None, opened.content_type),
                copy_id: by_encapsulation,
                binary: Some(error.into_bytes()),
            });
        }
        Err(_) => return Err(malformed("not UTF-8")),
    };
    let (envelope, copy_id) = match json::from_object::<Read>(&text) {
        Ok(read) if read.is_ours(is_envelope) => {
            let (envelope, id) = read.check(&recipient.public(), outer)?;
            (envelope, CopyId::Envelope(id))
        }
        Ok(read) if is_envelope => (read.into_foreign()?, by_encapsulation),
        Err(error) if is_envelope => return Err(malformed(&json::describe(&error))),
        _ => (bare_body(text, opened.content_type)?, by_encapsulation),
    };
    Ok(OpenedMessage {
        envelope,
        copy_id,
        binary: None,
    })
}

/// The envelope as it is written. Absent members are left out; `body` stands where an explicit `null` was sent.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    content_type: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    attachments: &'a [Attachment],
    id: &'a EnvelopeId,
    to: &'a PublicKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<&'a str>,
    sent_at: Timestamp,
}

/// The envelope as it is read: nothing is certain yet.
#[derive(Deserialize)]
struct Read {
    #[serde(default, deserialize_with = "present")]
    body: Option<Box<RawValue>>,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    attachments: Option<Vec<Attachment>>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    thread_id: Option<String>,
    #[serde(default)]
    in_reply_to: Option<String>,
    #[serde(default)]
    sent_at: Option<String>,
}

impl Read {
    /// Under the envelope type one of our members is enough: half a set is a fault to report. Under any other type, which the
    /// relay may have put there, it takes them all, and valid.
    fn is_ours(&self, is_envelope_type: bool) -> bool {
        if is_envelope_type {
            return self.id.is_some() || self.to.is_some() || self.sent_at.is_some();
        }
        self.content_type.is_some()
            && parsed::<EnvelopeId>(self.id.as_deref()).is_some()
            && parsed::<PublicKey>(self.to.as_deref()).is_some()
            && parsed::<Timestamp>(self.sent_at.as_deref()).is_some()
    }

    fn check(self, own: &PublicKey, outer: Outer<'_>) -> Result<(Envelope, EnvelopeId), OpenError> {
        let id: EnvelopeId = parsed(self.id.as_deref()).ok_or_else(|| malformed("no valid id"))?;
        let to: PublicKey = parsed(self.to.as_deref()).ok_or_else(|| malformed("no valid to"))?;
        let sent_at =
            parsed(self.sent_at.as_deref()).ok_or_else(|| malformed("no valid sent_at"))?;
        let content_type = self
            .content_type
            .ok_or_else(|| malformed("no content_type"))?;
        if to != *own {
            return Err(OpenError::WrongRecipient { to });
        }
        check_unmoved("thread_id", self.thread_id.as_deref(), outer.thread_id)?;
        check_unmoved(
            "in_reply_to",
            self.in_reply_to.as_deref(),
            outer.in_reply_to,
        )?;
        check_body(self.body.as_deref())?;
        let envelope = Envelope {
            body: self.body,
            content_type,
            attachments: Some(self.attachments.unwrap_or_default()),
            id: Some(id.clone()),
            to: Some(to),
            thread_id: self.thread_id,
            in_reply_to: self.in_reply_to,
            sent_at: Some(sent_at),
        };
        Ok((envelope, id))
    }

    /// The SDK's envelope always has a body and a content type. An object with neither is a bare body under a wrong label.
    fn into_foreign(self) -> Result<Envelope, OpenError> {
        if self.body.is_none() && self.content_type.is_none() {
            return Err(malformed("neither body nor content_type"));
        }
        check_body(self.body.as_deref())?;
        let content_type = self
            .content_type
            .unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned());
        let mut envelope = bare(self.body.filter(|body| body.get() != "null"), content_type);
        envelope.attachments = Some(self.attachments.unwrap_or_default());
        Ok(envelope)
    }
}

fn parsed<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}

fn check_unmoved(
    field: &'static str,
    sealed: Option<&str>,
    outer: Option<&str>,
) -> Result<(), OpenError> {
    if sealed == outer {
        return Ok(());
    }
    Err(OpenError::ThreadMoved {
        field,
        sealed: sealed.map(|text| excerpt(text, MAX_REFERENCE)),
        outer: outer.map(|text| excerpt(text, MAX_REFERENCE)),
    })
}

fn check_body(body: Option<&RawValue>) -> Result<(), OpenError> {
    match body {
        Some(body) => Ok(check_structure(
            body.get(),
            json::MAX_DEPTH,
            json::MAX_KEYS,
        )?),
        None => Ok(()),
    }
}

/// What was sealed without an envelope.
fn bare_body(text: String, content_type: String) -> Result<Envelope, OpenError> {
    if text.is_empty() {
        return Ok(bare(None, content_type));
    }
    if !content_type.contains("json") {
        return Ok(bare(Some(json_string(&text)), content_type));
    }
    match RawValue::from_string(text.clone()) {
        Ok(body) => {
            check_body(Some(&body))?;
            Ok(bare(
                Some(body).filter(|body| body.get() != "null"),
                content_type,
            ))
        }
        Err(_) => Ok(bare(Some(json_string(&text)), content_type)),
    }
}

fn bare(body: Option<Box<RawValue>>, content_type: String) -> Envelope {
    Envelope {
        body,
        content_type,
        attachments: None,
        id: None,
        to: None,
        thread_id: None,
        in_reply_to: None,
        sent_at: None,
    }
}

fn json_string(text: &str) -> Box<RawValue> {
    serde_json::value::to_raw_value(text).expect("any text is a JSON string")
}

fn malformed(reason: &str) -> OpenError {
    OpenError::MalformedEnvelope {
        reason: reason.to_owned(),
    }
}
