//! Reading single messages, for those who may.

use super::engine::View;
use super::failure::Failure;
use super::record::{Content, Entry, Head, id_number};
use super::removal::gone_at;
use super::tables::{DELIVERED, IDS, MESSAGES, Messages, PURGES, purged_below};
use mrp_proto::id::MessageId;
use mrp_proto::key::PublicKey;
use mrp_proto::message::{Message, Status};
use mrp_proto::relay_api::MessageStatus;
use mrp_proto::time::Timestamp;

/// Where a message stands, and since when it is delivered if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) status: Status,
    pub(super) delivered: Option<Timestamp>,
}

/// A message by its id, if the caller is sender or recipient.
pub(super) fn message(
    view: &View<'_>,
    id: &MessageId,
    caller: PublicKey,
    now: Timestamp,
) -> Result<Option<Message>, Failure> {
    let Some(sequence) = find(view, id)? else {
        return Ok(None);
    };
    let messages = view.transaction.open_table(MESSAGES)?;
    read_for(view, &messages, sequence, caller, now)
}

/// Where a message stands, if the caller is sender or recipient; its body is not read.
pub(super) fn status(
    view: &View<'_>,
    id: &MessageId,
    caller: PublicKey,
    now: Timestamp,
) -> Result<Option<MessageStatus>, Failure> {
    let Some(sequence) = find(view, id)? else {
        return Ok(None);
    };
    let messages = view.transaction.open_table(MESSAGES)?;
    let Some(row) = messages.get(sequence)? else {
        return Ok(None);
    };
    let (head, _) = Head::read(row.value())?;
    let standing = standing_for(view, sequence, &head, caller, now)?;
    Ok(standing.map(|standing| MessageStatus {
        status: standing.status,
        created_at: head.created,
        delivered_at: standing.delivered,
        expires_at: head.expires,
    }))
}

fn find(view: &View<'_>, id: &MessageId) -> Result<Option<u64>, Failure> {
    let Some(number) = id_number(id) else {
        return Ok(None);
    };
    let ids = view.transaction.open_table(IDS)?;
    Ok(ids.get(number)?.map(|sequence| sequence.value()))
}

/// A message for one who asks for it by name.
pub(super) fn read_for(
    view: &View<'_>,
    messages: &Messages,
    sequence: u64,
    caller: PublicKey,
    now: Timestamp,
) -> Result<Option<Message>, Failure> {
    let Some(row) = messages.get(sequence)? else {
        return Ok(None);
    };
    let (head, content) = Head::read(row.value())?;
    match standing_for(view, sequence, &head, caller, now)? {
        None => Ok(None),
        Some(standing) => assemble(&head, content, standing).map(Some),
    }
}

/// Where a message stands for one who asks by name; `None` if it is not theirs, or gone.
fn standing_for(
    view: &View<'_>,
    sequence: u64,
    head: &Head,
    caller: PublicKey,
    now: Timestamp,
) -> Result<Option<Standing>, Failure> {
    let caller = caller.as_bytes();
    if (caller != &head.sender && caller != &head.recipient) || now >= gone_at(head.expires) {
        return Ok(None);
    }
    let purges = view.transaction.open_table(PURGES)?;
    if sequence < purged_below(&purges, &head.recipient)? {
        return Ok(None);
    }
    let index = view.transaction.open_table(DELIVERED)?;
    let delivered = match index.get((&head.recipient, sequence))? {
        Some(entry) => Entry::from_bytes(entry.value())?.delivered,
        None => head.delivered,
    };
    let status = if head.expires <= now {
        Status::Expired
    } else if delivered.is_some() {
        Status::Delivered
    } else {
        Status::Sent
    };
    Ok(Some(Standing { status, delivered }))
}

/// A message as it is shown.
pub(super) fn assemble(
    head: &Head,
    content: &[u8],
    standing: Standing,
) -> Result<Message, Failure> {
    let content = Content::decode(content)?;
    let body = content.body.filter(|_| standing.status != Status::Expired);
    Ok(Message {
        message_id: head.message_id(),
        sender_key: PublicKey::from_stored_bytes(head.sender),
        recipient_key: PublicKey::from_stored_bytes(head.recipient),
        content_type: content.content_type,
        body,
        attachments: content.attachments,
        status: standing.status,
        thread_id: content.thread_id,
        in_reply_to: content.in_reply_to,
        metadata: content.metadata,
        created_at: head.created,
        expires_at: head.expires,
        delivered_at: standing.delivered,
    })
}
