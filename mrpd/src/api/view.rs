//! Messages in the contract's shape.

use crate::clock::Clocks;
use crate::contacts::Names;
use crate::store::{MessageRecord, Standing, Target};
use mrp_proto::content::one_line_text;
use mrpd_api::message::{Attachment, Direction, Kind, Lease, Message, State, VERSION};

/// A message as it is shown; `None` if its record names no keys, which no record does that was written here.
pub(crate) fn message(seq: u64, record: MessageRecord, names: &Names) -> Option<Message> {
    let text = text(&record);
    let standing = record.standing;
    let attachments = attachments(&record);
    Some(Message {
        v: VERSION,
        seq,
        id: record.id,
        dir: record.dir,
        agent: record.agent,
        relay: record.relay,
        from: names.peer(&record.from)?,
        to: names.key(&record.to)?,
        kind: record.kind,
        content_type: record.content_type,
        text,
        body: record.body,
        thread: record.thread,
        reply_to: record.reply_to,
        attachments,
        metadata: record.metadata,
        encrypted: record.encrypted,
        verified: record.verified,
        state: match record.dir {
            Direction::In => standing.state,
            Direction::Out => State::Sent,
        },
        attempt: standing.attempt,
        lease: lease(seq, standing),
        created_at: record.created_at,
        received_at: record.received_at,
        expires_at: record.expires_at,
    })
}

/// One line of text, for kinds that have one.
pub(super) fn text(record: &MessageRecord) -> Option<String> {
    match record.kind {
        Kind::Undecryptable | Kind::Binary => None,
        _ => one_line_text(&record.content_type, record.body.as_deref()),
    }
}

fn lease(seq: u64, standing: Standing) -> Option<Lease> {
    let until = standing
        .until
        .filter(|_| standing.state == State::Claimed)?;
    Some(Lease {
        token: token(seq, standing.attempt),
        until: Clocks::read().to_wall(until),
    })
}

/// A lease's name: which message, and which of its claims.
pub(super) fn token(seq: u64, attempt: u32) -> String {
    format!("lease_{seq}_{attempt}")
}

/// What a lease's name means.
pub(super) fn lease_named(token: &str) -> Option<Target> {
    let (seq, attempt) = token.strip_prefix("lease_")?.split_once('_')?;
    Some(Target::Lease {
        seq: seq.parse().ok()?,
        attempt: attempt.parse().ok()?,
    })
}

fn attachments(record: &MessageRecord) -> Vec<Attachment> {
    let places = record.downloads.iter().cloned().map(Some);
    let places = places.chain(std::iter::repeat(None));
    let both = record.attachments.iter().cloned().zip(places);
    both.map(|(blob, download)| {
        let download = download.unwrap_or_default();
        Attachment {
            blob,
            state: download.state,
            path: download.path,
            error: download.error,
        }
    })
    .collect()
}
