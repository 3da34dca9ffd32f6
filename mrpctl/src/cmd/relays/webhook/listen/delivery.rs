//! From what a relay posted to the message that a command gets, opened where its key is at hand.

use super::request::Posted;
use mrp_proto::content::one_line_text;
use mrp_proto::judge::{self, Content, Refusal};
use mrp_proto::key::SecretKey;
use mrp_proto::plain;
use mrp_proto::relay_api::Covered;
use mrp_proto::time::Timestamp;
use mrpd_api::message::{
    Attachment, AttachmentState, Direction, Kind, Message, Peer, State, Trust, VERSION,
};

/// Why no command is run for a message.
#[derive(Debug)]
pub(super) enum Refused {
    /// It is somebody else's, or sealed for another key than the one that is here.
    Foreign(Refusal),
    /// It is not what its sender wrote, or may be a copy of what was there long ago.
    Tampered(Refusal),
}

/// A message, and how copies of it are known.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) message: Message,
    name: String,
    covered: Covered,
}

impl Delivery {
    /// The same for every copy, whichever relay brings it under whichever id, where the sender has named it and it can be read; else
    /// the delivery's id.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What the command reads in this attempt.
    pub(super) fn line(&mut self, attempt: u32) -> String {
        self.message.attempt = attempt;
        serde_json::to_string(&self.message)
            .expect("text, raw JSON and maps of text can be written")
    }
}

/// Judges messages, with the key that they are sealed for if that is here.
pub(super) struct Judge {
    key: Option<SecretKey>,
    has_warned_of_copies: bool,
    has_warned_of_seals: bool,
}

impl Judge {
    pub(super) fn new(key: Option<SecretKey>) -> Self {
        Self {
            key,
            has_warned_of_copies: false,
            has_warned_of_seals: false,
        }
    }

    pub(super) fn judge(&self, posted: Posted, now: Timestamp) -> Result<Delivery, Refused> {
        let recipient = posted.message.recipient_key;
        if let Some(key) = &self.key
            && key.public() != recipient
        {
            return Err(Refused::Foreign(Refusal::NotOurs { recipient }));
        }
        let content = self.content(&posted, now).map_err(Refused::Tampered)?;
        let name = match &content.copy {
            Some(copy) => format!("{} {} {}", posted.message.sender_key, recipient, copy.id),
            None => posted.delivery_id.clone(),
        };
        Ok(Delivery {
            name,
            covered: posted.covered,
            message: message(posted.message, content, now),
        })
    }

    fn content(&self, posted: &Posted, now: Timestamp) -> Result<Content, Refusal> {
        let message = &posted.message;
        match &self.key {
            _ if !judge::is_sealed(message) => judge::verify(message, now),
            // What cannot be opened is shown as it is: its sender may have meant something by it.
            Some(key) => {
                Ok(judge::open(key, message, now)?.unwrap_or_else(|_| judge::unopened(message)))
            }
            None => Ok(judge::unopened(message)),
        }
    }

    /// What there is to say of a delivery, the first time that one is like this.
    pub(super) fn warning(&mut self, delivery: &Delivery) -> Option<&'static str> {
        let is_first = |has_warned: &mut bool| !std::mem::replace(has_warned, true);
        if delivery.covered == Covered::BodyAlone && is_first(&mut self.has_warned_of_copies) {
            return Some(
                "this relay signs the body alone: whoever saw a delivery can send it again, until the message expires",
            );
        }
        let is_closed = delivery.message.kind == Kind::Undecryptable && self.key.is_none();
        (is_closed && is_first(&mut self.has_warned_of_seals)).then_some(
            "messages come sealed, and the command gets them as they are; --key FILE opens them",
        )
    }
}

/// What only a daemon knows is empty: the number, the names of agent and relay, and who the sender is to the user.
fn message(posted: mrp_proto::message::Message, content: Content, now: Timestamp) -> Message {
    let text = match content.kind {
        Kind::Undecryptable | Kind::Binary => None,
        _ => one_line_text(&content.content_type, content.body.as_deref()),
    };
    let attachments = content.attachments.into_iter().map(|blob| Attachment {
        blob,
        state: AttachmentState::Remote,
        path: None,
        error: None,
    });
    Message {
        v: VERSION,
        seq: 0,
        id: posted.message_id.to_string(),
        dir: Direction::In,
        agent: String::new(),
        relay: String::new(),
        from: Peer {
            key: posted.sender_key,
            name: None,
            short: posted.sender_key.short(),
            trust: Trust::Unknown,
        },
        to: posted.recipient_key,
        kind: content.kind,
        content_type: content.content_type,
        text,
        body: content.body,
        thread: posted.thread_id,
        reply_to: posted.in_reply_to,
        attachments: attachments.collect(),
        metadata: plain::without_signature(posted.metadata),
        encrypted: content.encrypted,
        verified: content.verified,
        state: State::New,
        attempt: 0,
        lease: None,
        created_at: posted.created_at,
        received_at: now,
        expires_at: posted.expires_at,
    }
}
