//! What a message from a relay is worth to its recipient: opened, checked, and named so that copies of it are known (protocol A10).
//!
//! A message that is sealed goes to [`open`], or to [`unopened`] where the recipient's key is not at hand; any other to [`verify`].

use crate::base64url;
use crate::content::{Kind, classify};
use crate::envelope::{
    self, COPY_MEMORY, CopyId, Envelope, OpenError, OpenedMessage, Outer, SEALED_CONTENT_TYPE,
    Sealed, is_within_copy_memory,
};
use crate::key::{PublicKey, SecretKey};
use crate::message::{Attachment, Message};
use crate::plain::{self, BadPlain, Verdict};
use crate::time::Timestamp;
use serde_json::value::RawValue;

/// Why a message is not shown, and not kept either: somebody tampered with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The relay handed out somebody else's message.
    #[error("it is addressed to {}, not to this agent", recipient.short())]
    NotOurs {
        /// Whose it is.
        recipient: PublicKey,
    },
    /// It claims a signature that does not hold.
    #[error("its signature does not hold: {0}")]
    BadSignature(#[from] BadPlain),
    /// It was sealed for something else than it is shown as.
    #[error("it was replayed or moved: {0}")]
    Moved(OpenError),
    /// It is older than copies are remembered, so it may be one.
    #[error("it was sent at {sent_at}, longer ago than copies are remembered")]
    TooOld {
        /// When its sender made it.
        sent_at: Timestamp,
    },
}

/// What a message says, and what it proves.
#[derive(Debug)]
pub struct Content {
    /// What it is.
    pub kind: Kind,
    /// Media type, of the content where it was sealed.
    pub content_type: String,
    /// The body's bytes as the sender wrote them, those of a binary one as base64url.
    pub body: Option<Box<RawValue>>,
    /// Blobs that travel along; of a sealed message only those that were sealed with it.
    pub attachments: Vec<Attachment>,
    /// Whether it is sealed.
    pub encrypted: bool,
    /// Whether its sender is proven.
    pub verified: bool,
    /// By what copies of it are known, where its sender named it.
    pub copy: Option<Copy>,
}

/// By what copies are known, and until when.
#[derive(Debug)]
pub struct Copy {
    /// The sender's name for it: the same at every relay and however often it is handed out.
    pub id: String,
    /// Nothing: for ever, for nothing tells how old a copy is.
    pub until: Option<Timestamp>,
}

/// Whether a message is sealed.
pub fn is_sealed(message: &Message) -> bool {
    message.content_type == SEALED_CONTENT_TYPE
}

/// Opens a sealed message. The inner error is why it could not be: it is to be shown as [`unopened`], for its sender may have meant
/// something by it.
///
/// # Errors
/// A [`Refusal`] if somebody tampered with it.
pub fn open(
    recipient: &SecretKey,
    message: &Message,
    now: Timestamp,
) -> Result<Result<Content, OpenError>, Refusal> {
    let outer = Outer {
        thread_id: message.thread_id.as_deref(),
        in_reply_to: message.in_reply_to.as_deref(),
    };
    let text = message.body.as_deref().map_or("null", RawValue::get);
    let opened = Sealed::parse(text)
        .map_err(OpenError::from)
        .and_then(|sealed| envelope::open_message(recipient, &message.sender_key, outer, &sealed));
    match opened {
        Ok(opened) => opened_content(message, opened, now).map(Ok),
        Err(moved @ (OpenError::WrongRecipient { .. } | OpenError::ThreadMoved { .. })) => {
            Err(Refusal::Moved(moved))
        }
        Err(error) => Ok(Err(error)),
    }
}

/// A sealed message as it is.
pub fn unopened(message: &Message) -> Content {
    Content {
        kind: Kind::Undecryptable,
        content_type: SEALED_CONTENT_TYPE.to_owned(),
        body: message.body.clone(),
        attachments: message.attachments.clone(),
        encrypted: true,
        verified: false,
        copy: None,
    }
}

/// Checks a message that came in clear to the agent that it is addressed to.
///
/// # Errors
/// A [`Refusal`] if somebody tampered with it.
pub fn verify(message: &Message, now: Timestamp) -> Result<Content, Refusal> {
    let received = plain::Received {
        content_type: &message.content_type,
        body: message.body.as_deref(),
        attachments: &message.attachments,
        thread_id: message.thread_id.as_deref(),
        in_reply_to: message.in_reply_to.as_deref(),
        metadata: &message.metadata,
    };
    let copy = match plain::verify(&message.sender_key, &message.recipient_key, &received) {
        Verdict::Unsigned => None,
        Verdict::Bad(bad) => return Err(bad.into()),
        Verdict::Verified { id, sent_at } => {
            let copy_id = CopyId::Envelope(id);
            let until = until(&copy_id, Some(sent_at), now)?;
            Some(Copy {
                id: copy_id.to_string(),
                until,
            })
        }
    };
    Ok(Content {
        kind: classify(&message.content_type, message.body.as_deref()),
        content_type: message.content_type.clone(),
        body: message.body.clone(),
        attachments: message.attachments.clone(),
        encrypted: false,
        verified: copy.is_some(),
        copy,
    })
}

fn opened_content(
    message: &Message,
    opened: OpenedMessage,
    now: Timestamp,
) -> Result<Content, Refusal> {
    let OpenedMessage {
        envelope,
        copy_id,
        binary,
    } = opened;
    let until = until(&copy_id, envelope.sent_at, now)?;
    let Envelope {
        body,
        content_type,
        attachments,
        ..
    } = envelope;
    let (kind, body) = match binary {
        Some(bytes) => (Kind::Binary, Some(json_text(&base64url::encode(&bytes)))),
        None => (classify(&content_type, body.as_deref()), body),
    };
    Ok(Content {
        kind,
        content_type,
        body,
        attachments: attachments.unwrap_or_else(|| message.attachments.clone()),
        encrypted: true,
        verified: true,
        copy: Some(Copy {
            id: copy_id.to_string(),
            until,
        }),
    })
}

/// How long a copy's mark is kept: what is older than that memory is refused, so that forgetting is safe.
fn until(
    copy_id: &CopyId,
    sent_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    if let Some(sent_at) = sent_at
        && !is_within_copy_memory(sent_at, now)
    {
        return Err(Refusal::TooOld { sent_at });
    }
    match copy_id {
        CopyId::Envelope(_) => {
            let later = sent_at.map_or(now, |sent_at| sent_at.max(now));
            Ok(Some(later.after(COPY_MEMORY)))
        }
        CopyId::Encapsulation(_) => Ok(None),
    }
}

fn json_text(text: &str) -> Box<RawValue> {
    serde_json::value::to_raw_value(text).expect("any text is a JSON string")
}
