//! What a message from a relay is worth: opened, checked, and marked so that copies of it are known (protocol A10).
//!
//! Nothing here touches the store or the relay: [`judge`] is a plain function of the message, the agent's key and the time.

use crate::roster::LocalAgent;
use crate::store::{Copies, Incoming, MessageRecord};
use mrp_client::RelayUrl;
use mrp_proto::base64url;
use mrp_proto::content::classify;
use mrp_proto::envelope::{
    self, COPY_MEMORY, CopyId, Envelope, OpenError, OpenedMessage, Outer, SEALED_CONTENT_TYPE,
    Sealed, is_within_copy_memory,
};
use mrp_proto::key::PublicKey;
use mrp_proto::message::{Message, Metadata};
use mrp_proto::plain::{self, BadPlain, Verdict};
use mrp_proto::time::Timestamp;
use mrpd_api::message::{Direction, Kind};
use serde_json::value::RawValue;
use std::time::Duration;

/// How long beyond its end a message's id is remembered: clocks differ.
const CLOCK_MARGIN: Duration = Duration::from_secs(24 * 3600);

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

/// Where and when a message came in.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Local name of the relay.
    pub relay: &'a str,
    /// Where the relay is.
    pub url: &'a RelayUrl,
    /// The time.
    pub now: Timestamp,
    /// How long the relay's ids are remembered at least.
    pub dedup_window: Duration,
}

/// Opens and checks a message.
///
/// One that is sealed and cannot be opened is kept as [`Kind::Undecryptable`]: its sender may have meant something by it.
///
/// # Errors
/// A [`Refusal`] if somebody tampered with it.
pub fn judge(
    agent: &LocalAgent,
    arrival: Arrival<'_>,
    message: Message,
) -> Result<Incoming, Refusal> {
    if message.recipient_key != agent.public {
        return Err(Refusal::NotOurs {
            recipient: message.recipient_key,
        });
    }
    let content = if message.content_type == SEALED_CONTENT_TYPE {
        open(agent, &message, arrival.now)?
    } else {
        verify(agent, &message, arrival.now)?
    };
    Ok(incoming(agent, arrival, message, content))
}

/// What a message says, and what it proves.
struct Content {
    kind: Kind,
    content_type: String,
    body: Option<Box<RawValue>>,
    attachments: Option<Vec<mrp_proto::message::Attachment>>,
    encrypted: bool,
    verified: bool,
    copy: Option<Copy>,
}

/// By what copies are known, and until when.
struct Copy {
    id: String,
    until: Option<Timestamp>,
}

fn open(agent: &LocalAgent, message: &Message, now: Timestamp) -> Result<Content, Refusal> {
    let outer = Outer {
        thread_id: message.thread_id.as_deref(),
        in_reply_to: message.in_reply_to.as_deref(),
    };
    let text = message.body.as_deref().map_or("null", RawValue::get);
    let opened = Sealed::parse(text)
        .map_err(OpenError::from)
        .and_then(|sealed| {
            envelope::open_message(&agent.secret, &message.sender_key, outer, &sealed)
        });
    match opened {
        Ok(opened) => opened_content(opened, now),
        Err(moved @ (OpenError::WrongRecipient { .. } | OpenError::ThreadMoved { .. })) => {
            Err(Refusal::Moved(moved))
        }
        Err(error) => {
            tracing::warn!(message_id = %message.message_id, from = %message.sender_key.short(), %error, "cannot be opened");
            Ok(Content {
                kind: Kind::Undecryptable,
                content_type: SEALED_CONTENT_TYPE.to_owned(),
                body: message.body.clone(),
                attachments: None,
                encrypted: true,
                verified: false,
                copy: None,
            })
        }
    }
}

fn opened_content(opened: OpenedMessage, now: Timestamp) -> Result<Content, Refusal> {
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
        attachments,
        encrypted: true,
        verified: true,
        copy: Some(Copy {
            id: copy_id.to_string(),
            until,
        }),
    })
}

fn verify(agent: &LocalAgent, message: &Message, now: Timestamp) -> Result<Content, Refusal> {
    let received = plain::Received {
        content_type: &message.content_type,
        body: message.body.as_deref(),
        attachments: &message.attachments,
        thread_id: message.thread_id.as_deref(),
        in_reply_to: message.in_reply_to.as_deref(),
        metadata: &message.metadata,
    };
    let copy = match plain::verify(&message.sender_key, &agent.public, &received) {
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
        attachments: None,
        encrypted: false,
        verified: copy.is_some(),
        copy,
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

fn incoming(
    agent: &LocalAgent,
    arrival: Arrival<'_>,
    message: Message,
    content: Content,
) -> Incoming {
    let own = agent.public.to_string();
    let from = message.sender_key.to_string();
    let mut copies = Copies::default();
    let window = arrival.now.after(arrival.dedup_window);
    let relay_until = window.max(message.expires_at.after(CLOCK_MARGIN));
    let relay_mark = ["r", arrival.url.origin(), &own, message.message_id.as_str()];
    copies.add(&relay_mark, Some(relay_until));
    if let Some(copy) = &content.copy {
        copies.add(&["e", &own, &from, &copy.id], copy.until);
    }
    Incoming {
        message: MessageRecord {
            id: message.message_id.to_string(),
            out_id: None,
            dir: Direction::In,
            agent: agent.config.name.clone(),
            relay: arrival.relay.to_owned(),
            from,
            to: own,
            kind: content.kind,
            content_type: content.content_type,
            body: content.body,
            thread: message.thread_id,
            reply_to: message.in_reply_to,
            attachments: content.attachments.unwrap_or(message.attachments),
            downloads: Vec::new(),
            metadata: shown(message.metadata),
            encrypted: content.encrypted,
            verified: content.verified,
            created_at: message.created_at,
            received_at: arrival.now,
            expires_at: message.expires_at,
            behind: 0,
            imported: false,
            standing: Default::default(),
        },
        copies,
    }
}

/// The pairs that carry a signature are no content.
pub(crate) fn shown(mut metadata: Metadata) -> Metadata {
    for carrier in [
        plain::METADATA_ID,
        plain::METADATA_SIGNATURE,
        plain::METADATA_SENT_AT,
    ] {
        metadata.remove(carrier);
    }
    metadata
}

fn json_text(text: &str) -> Box<RawValue> {
    serde_json::value::to_raw_value(text).expect("any text is a JSON string")
}

#[cfg(test)]
mod tests;
