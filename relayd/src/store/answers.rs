//! Answers that are given again to a send with the same idempotency key (protocol A1.8).

use super::clock::to_millis;
use super::failure::Failure;
use super::inbox::Sequence;
use super::record::{Fields, Head, TextHash, leading};
use super::sweep::Budget;
use super::tables::Tables;
use mrp_proto::id::MessageId;
use mrp_proto::key::PublicKey;
use mrp_proto::message::{Draft, Status};
use mrp_proto::relay_api::Accepted;
use mrp_proto::time::Timestamp;
use redb::ReadableTable as _;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// An answer is remembered this long, or until its message expires if that is later.
const KEPT_AT_LEAST: Duration = Duration::from_secs(24 * 3_600);

/// Names a sender's key and what was sent under it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    name: TextHash,
    digest: [u8; 32],
}

impl Question {
    pub(super) fn new(sender: &PublicKey, key: &str, draft: &Draft) -> Self {
        let name = Sha256::new()
            .chain_update(sender.as_bytes())
            .chain_update(key)
            .finalize();
        Self {
            name: leading(&name),
            digest: digest(draft),
        }
    }
}

/// What was answered before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remembered {
    /// This, to the same send.
    Same(Accepted, Sequence),
    /// Something, to another send.
    Other,
}

pub(super) fn look_up(
    tables: &Tables<'_>,
    question: &Question,
    now: Timestamp,
) -> Result<Option<Remembered>, Failure> {
    let Some(guard) = tables.answers.get(&question.name)? else {
        return Ok(None);
    };
    let answer = Answer::read(guard.value())?;
    Ok(if answer.kept_until() <= now {
        None
    } else if answer.digest == question.digest {
        Some(Remembered::Same(
            answer.accepted(),
            Sequence(answer.sequence),
        ))
    } else {
        Some(Remembered::Other)
    })
}

pub(super) fn remember(
    tables: &mut Tables<'_>,
    question: &Question,
    sequence: u64,
    head: &Head,
) -> Result<(), Failure> {
    let answer = Answer {
        digest: question.digest,
        sequence,
        random: head.random,
        created: head.created,
        expires: head.expires,
    };
    // One that is over may still lie there. Its own entry in the order of forgetting then finds the new answer, and leaves it.
    tables
        .answers
        .insert(&question.name, answer.write().as_slice())?;
    tables
        .answers_due
        .insert((to_millis(answer.kept_until()), &question.name), ())?;
    Ok(())
}

/// Forgets answers whose time is over.
pub(super) fn sweep(
    tables: &mut Tables<'_>,
    now: Timestamp,
    budget: &mut Budget,
) -> Result<usize, Failure> {
    let mut forgotten = 0;
    while !budget.is_spent() {
        let first = tables.answers_due.first()?.map(|(key, _)| {
            let (until, name) = key.value();
            (until, *name)
        });
        let Some((until, name)) = first.filter(|(until, _)| *until <= to_millis(now)) else {
            break;
        };
        tables.answers_due.remove((until, &name))?;
        let over = match tables.answers.get(&name)? {
            Some(guard) => {
                Answer::read(guard.value()).map_or(true, |answer| answer.kept_until() <= now)
            }
            None => false,
        };
        if over {
            tables.answers.remove(&name)?;
        }
        forgotten += 1;
        budget.spend(0);
    }
    Ok(forgotten)
}

struct Answer {
    digest: [u8; 32],
    sequence: u64,
    random: [u8; 6],
    created: Timestamp,
    expires: Timestamp,
}

impl Answer {
    fn write(&self) -> Vec<u8> {
        [
            self.digest.as_slice(),
            &self.sequence.to_be_bytes(),
            &self.random,
            &to_millis(self.created).to_be_bytes(),
            &to_millis(self.expires).to_be_bytes(),
        ]
        .concat()
    }

    fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let mut fields = Fields(bytes);
        Ok(Self {
            digest: fields.take()?,
            sequence: fields.count()?,
            random: fields.take()?,
            created: fields.time()?,
            expires: fields.time()?,
        })
    }

    fn kept_until(&self) -> Timestamp {
        self.expires.max(self.created.after(KEPT_AT_LEAST))
    }

    fn accepted(&self) -> Accepted {
        Accepted {
            message_id: MessageId::compose(self.created, self.random),
            status: Status::Sent,
            created_at: self.created,
            expires_at: self.expires,
        }
    }
}

/// Of the parsed fields, each with its length, so that no two drafts have the same one.
fn digest(draft: &Draft) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let mut field = |bytes: Option<&[u8]>| {
        let length = bytes.map_or(u64::MAX, |bytes| bytes.len() as u64);
        hasher.update(length.to_be_bytes());
        hasher.update(bytes.unwrap_or_default());
    };
    let attachments = serde_json::to_vec(&draft.attachments);
    let metadata = serde_json::to_vec(&draft.metadata);
    field(Some(draft.recipient.as_bytes()));
    field(draft.body.as_ref().map(|body| body.get().as_bytes()));
    field(Some(draft.content_type.as_bytes()));
    field(draft.thread_id.as_deref().map(str::as_bytes));
    field(draft.in_reply_to.as_deref().map(str::as_bytes));
    field(Some(&draft.expires_in.as_millis().to_be_bytes()));
    field(attachments.as_deref().ok());
    field(metadata.as_deref().ok());
    hasher.finalize().into()
}
