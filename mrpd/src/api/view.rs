//! Messages in the contract's shape.

use crate::contacts::Names;
use crate::store::MessageRecord;
use mrp_proto::content::one_line_text;
use mrpd_api::message::{Direction, Kind, Message, State, VERSION};

/// A message as it is shown; `None` if its record names no keys, which no record does that was written here.
pub(crate) fn message(seq: u64, record: MessageRecord, names: &Names) -> Option<Message> {
    let text = match record.kind {
        Kind::Undecryptable | Kind::Binary => None,
        _ => record
            .body
            .as_deref()
            .and_then(|body| one_line_text(&record.content_type, Some(body))),
    };
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
        attachments: record.attachments,
        metadata: record.metadata,
        encrypted: record.encrypted,
        verified: record.verified,
        state: match record.dir {
            Direction::In => State::New,
            Direction::Out => State::Sent,
        },
        attempt: 0,
        created_at: record.created_at,
        received_at: record.received_at,
        expires_at: record.expires_at,
    })
}
