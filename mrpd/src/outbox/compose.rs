//! From what was asked for to what is posted. A message is sealed once, here: every attempt posts the same bytes, and the id
//! inside lets its recipient know the copies that repeated attempts may make.
//!
//! Of what travels along, a sealed message names the sealed bytes, and hides their names, sizes and keys inside.

use super::files::Chosen;
use super::sealing::Seal;
use crate::clock;
use crate::roster::{Link, LocalAgent};
use crate::store::{FileRecord, MessageRecord, OutboxRecord, OutboxStage, OutgoingFile};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use mrp_proto::content::classify;
use mrp_proto::envelope::{Outgoing, SEALED_CONTENT_TYPE, seal_message};
use mrp_proto::id::EnvelopeId;
use mrp_proto::key::PublicKey;
use mrp_proto::message::{
    Attachment, DEFAULT_CONTENT_TYPE, Draft, DraftError, Limits, Metadata, SendRequest,
};
use mrp_proto::plain;
use mrp_proto::time::Timestamp;
use mrpd_api::body::Send;
use mrpd_api::message::Direction;
use serde_json::value::{RawValue, to_raw_value};

/// Why a message cannot be sent as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// A field breaks a rule.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// Sealing makes it larger than a relay takes.
    #[error("body: {actual} bytes when sealed, at most {limit} fit")]
    SealedTooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes of the sealed form.
        actual: usize,
    },
    /// The entry was not made here.
    #[error("the entry has no name of this outbox")]
    NotOurs,
    /// A file's key is not one.
    #[error("the file {id} is damaged; send it again")]
    DamagedFile {
        /// The file.
        id: String,
    },
    /// The system has no random numbers.
    #[error("no random numbers from the system: {0}")]
    Random(#[from] getrandom::Error),
}

/// What a message is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) agent: &'a LocalAgent,
    pub(super) link: &'a Link,
    pub(super) recipient: PublicKey,
    pub(super) send: &'a Send,
    pub(super) seal: Seal,
    pub(super) files: &'a [Chosen],
    pub(super) now: Timestamp,
}

/// Makes the outbox's entry.
pub(super) fn compose(parts: Parts<'_>) -> Result<OutboxRecord, ComposeError> {
    let Parts {
        agent,
        send,
        recipient,
        now,
        seal,
        files,
        ..
    } = parts;
    let to = To { agent, recipient };
    let attachments = files
        .iter()
        .map(|file| file.attachment(to.agent, &to.recipient, seal))
        .collect::<Result<Vec<_>, _>>()?;
    let asked = SendRequest {
        recipient_key: recipient.to_string(),
        body: send.body.clone(),
        content_type: send.content_type.clone(),
        attachments: Some(attachments.clone()).filter(|all| !all.is_empty()),
        thread_id: send.thread.clone(),
        in_reply_to: send.reply_to.clone(),
        expires_in: send.expires_in,
        metadata: Some(send.metadata.clone()).filter(|metadata| !metadata.is_empty()),
    };
    let draft = to.draft(asked.clone())?;
    let id = EnvelopeId::from_parts(now, clock::random_bytes()?);
    let outgoing = Outgoing {
        id: &id,
        body: draft.body.as_deref(),
        content_type: &draft.content_type,
        attachments: &attachments,
        thread_id: draft.thread_id.as_deref(),
        in_reply_to: draft.in_reply_to.as_deref(),
        sent_at: now,
    };
    let request = match parts.seal {
        Seal::Sealed => sealed(to, asked, &outgoing)?,
        Seal::Plain => signed(to, asked, &outgoing)?,
    };
    let message = record(parts, &request, draft);
    Ok(OutboxRecord {
        id: format!("out_{id}"),
        request,
        message,
        stage: OutboxStage::Queued,
        attempts: 0,
        created_at: now,
        next_attempt_at: None,
        error: None,
        due_at: None,
        held_for: Default::default(),
        useless_at: None,
        tried_since: None,
        failed_at: None,
        perhaps_sent: false,
        key: None,
        files: files
            .iter()
            .zip(&attachments)
            .map(|(file, attachment)| file.outgoing(attachment))
            .collect(),
    })
}

/// Makes what is posted anew, with the names that the relay gave to the files; the message, its id and its time stay the same.
pub(crate) fn recompose(
    agent: &LocalAgent,
    record: &OutboxRecord,
    files: &[OutgoingFile],
    known: &[Option<FileRecord>],
) -> Result<SendRequest, ComposeError> {
    let message = &record.message;
    let recipient: PublicKey = message.to.parse().map_err(DraftError::from)?;
    let to = To { agent, recipient };
    let seal = Seal::of(record);
    let attachments = files
        .iter()
        .zip(known)
        .zip(&message.attachments)
        .map(|((file, known), shown)| {
            let chosen = Chosen {
                file: known.clone(),
                blob_id: file.blob_id.clone(),
                filename: shown.filename.clone(),
                content_type: shown.content_type.clone(),
            };
            chosen.attachment(agent, &recipient, seal)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let id = record.id.trim_start_matches("out_");
    let id: EnvelopeId = id.parse().map_err(|_| ComposeError::NotOurs)?;
    let outgoing = Outgoing {
        id: &id,
        body: message.body.as_deref(),
        content_type: &message.content_type,
        attachments: &attachments,
        thread_id: message.thread.as_deref(),
        in_reply_to: message.reply_to.as_deref(),
        sent_at: message.created_at,
    };
    let asked = SendRequest {
        body: message.body.clone(),
        content_type: Some(message.content_type.clone()),
        attachments: Some(attachments.clone()),
        metadata: Some(message.metadata.clone()).filter(|metadata| !metadata.is_empty()),
        ..record.request.clone()
    };
    match seal {
        Seal::Sealed => sealed(to, asked, &outgoing),
        Seal::Plain => signed(to, asked, &outgoing),
    }
}

/// Between whom.
#[derive(Debug, Clone, Copy)]
struct To<'a> {
    agent: &'a LocalAgent,
    recipient: PublicKey,
}

impl To<'_> {
    /// Checks what is to be posted. The recipient's key is not checked again.
    fn draft(&self, request: SendRequest) -> Result<Draft, DraftError> {
        request.into_draft_with(&Limits::default(), |_| Ok(self.recipient))
    }
}

/// What the sender should know of a message in clear that could not be signed.
pub(super) fn unsigned_warning(record: &OutboxRecord) -> Option<String> {
    let signed = record.message.verified;
    (!signed).then(|| {
        "the body cannot be signed (numbers too large for a double, or a key that is there twice); it will show as not verified"
            .to_owned()
    })
}

fn sealed(
    to: To<'_>,
    asked: SendRequest,
    outgoing: &Outgoing<'_>,
) -> Result<SendRequest, ComposeError> {
    let mut rng = UnwrapErr(SysRng);
    let sealed = seal_message(&to.agent.secret, &to.recipient, outgoing, &mut rng);
    let body: Box<RawValue> = to_raw_value(&sealed).expect("a sealed body is a JSON object");
    let limit = Limits::default().body;
    if body.get().len() > limit {
        return Err(ComposeError::SealedTooLarge {
            limit,
            actual: body.get().len(),
        });
    }
    Ok(SendRequest {
        body: Some(body),
        content_type: Some(SEALED_CONTENT_TYPE.to_owned()),
        attachments: asked.attachments.map(|all| all.iter().map(bare).collect()),
        ..asked
    })
}

/// What the relay sees of a sealed message's attachment.
fn bare(attachment: &Attachment) -> Attachment {
    Attachment {
        filename: None,
        content_type: None,
        size: None,
        hash: None,
        encrypted: None,
        dek_enc: None,
        dek_ct: None,
        ..attachment.clone()
    }
}

/// What is said of an attachment in clear: the rest the relay knows by itself.
fn named(attachment: &Attachment) -> Attachment {
    Attachment {
        filename: attachment.filename.clone(),
        content_type: attachment.content_type.clone(),
        ..bare(attachment)
    }
}

fn signed(
    to: To<'_>,
    asked: SendRequest,
    outgoing: &Outgoing<'_>,
) -> Result<SendRequest, ComposeError> {
    let mut metadata = plain::without_signature(asked.metadata.clone().unwrap_or_default());
    if let Ok(entries) = plain::sign(&to.agent.secret, &to.recipient, outgoing) {
        metadata.extend(entries.map(|(name, value)| (name.to_owned(), value)));
    }
    let request = SendRequest {
        attachments: asked.attachments.map(|all| all.iter().map(named).collect()),
        metadata: Some(metadata).filter(|metadata: &Metadata| !metadata.is_empty()),
        ..asked
    };
    // The signature takes three of the entries that metadata may have.
    to.draft(request.clone())?;
    Ok(request)
}

/// What will be shown of it: the content, not its seal.
fn record(parts: Parts<'_>, request: &SendRequest, draft: Draft) -> MessageRecord {
    let encrypted = parts.seal == Seal::Sealed;
    let signature = request
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.get(plain::METADATA_SIGNATURE));
    MessageRecord {
        id: String::new(),
        out_id: None,
        dir: Direction::Out,
        agent: parts.agent.config.name.clone(),
        relay: parts.link.relay.name.clone(),
        from: parts.agent.public.to_string(),
        to: parts.recipient.to_string(),
        kind: classify(&draft.content_type, draft.body.as_deref()),
        content_type: parts
            .send
            .content_type
            .clone()
            .unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned()),
        body: draft.body,
        thread: draft.thread_id,
        reply_to: draft.in_reply_to,
        attachments: draft.attachments,
        downloads: Vec::new(),
        metadata: plain::without_signature(draft.metadata),
        encrypted,
        verified: encrypted || signature.is_some(),
        created_at: parts.now,
        received_at: parts.now,
        expires_at: parts.now.after(draft.expires_in),
        behind: 0,
        imported: false,
        standing: Default::default(),
    }
}

#[cfg(test)]
mod tests;
