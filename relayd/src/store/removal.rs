//! How messages end: they expire, are shown without their body for a day, and go; or their recipient was deleted, and they go at
//! once (protocol A3.6, A4.8).

use super::blobs;
use super::clock::to_millis;
use super::failure::Failure;
use super::record::{
    AgentKey, AgentStart, Content, Entry, Head, RowState, agent_start, head_id_number,
};
use super::sweep::{Budget, Swept};
use super::tables::{Index, Tables};
use mrp_proto::time::Timestamp;
use redb::ReadableTable as _;
use std::time::Duration;

/// How long a message is shown as expired.
const SHOWN_EXPIRED: Duration = Duration::from_secs(24 * 3_600);

/// When an expired message goes.
pub(super) fn gone_at(expires: Timestamp) -> Timestamp {
    expires.after(SHOWN_EXPIRED)
}

/// Does what is due: first for messages whose time is over, then for deleted agents' inboxes.
pub(super) fn sweep(
    tables: &mut Tables<'_>,
    now: Timestamp,
    budget: &mut Budget,
    swept: &mut Swept,
) -> Result<(), Failure> {
    while !budget.is_spent() {
        let first = tables.due.first()?.map(|(key, _)| key.value());
        let Some((time, sequence)) = first.filter(|(time, _)| *time <= to_millis(now)) else {
            break;
        };
        tables.due.remove((time, sequence))?;
        let bytes = attend(tables, sequence, swept)?;
        budget.spend(bytes);
    }
    while !budget.is_spent() {
        let first = tables.purges.first()?.map(|(agent, below)| {
            let agent: AgentKey = *agent.value();
            (agent, below.value())
        });
        let Some((agent, below)) = first else {
            break;
        };
        let (removed, is_empty) = purge_inbox(tables, &agent, below, budget)?;
        swept.removed += removed;
        if is_empty && purge_written(tables, &agent, below, budget)? {
            tables.purges.remove(&agent)?;
            budget.spend(0);
        }
    }
    Ok(())
}

/// Takes the body of a live message, removes an expired one; the answer is how many bytes that was.
fn attend(tables: &mut Tables<'_>, sequence: u64, swept: &mut Swept) -> Result<usize, Failure> {
    let (found, bytes) = match tables.messages.get(sequence)? {
        None => return Ok(0),
        Some(row) => (parse(row.value()), row.value().len()),
    };
    match found {
        Ok((head, content)) if head.state == RowState::Live => {
            expire(tables, sequence, head, content)?;
            swept.expired += 1;
        }
        Ok((head, _)) => {
            remove(tables, sequence, &head)?;
            swept.removed += 1;
        }
        // It is left where it is, and not met again: a damaged record must not stop the sweep for ever.
        Err(damage) => tracing::error!(%damage, sequence, "a message cannot be swept"),
    }
    Ok(bytes)
}

fn parse(row: &[u8]) -> Result<(Head, Content), Failure> {
    let (head, content) = Head::read(row)?;
    Ok((head, Content::decode(content)?))
}

fn expire(
    tables: &mut Tables<'_>,
    sequence: u64,
    mut head: Head,
    mut content: Content,
) -> Result<(), Failure> {
    if let Some(entry) = withdraw(tables, sequence, &head)? {
        head.delivered = entry.delivered;
        let place = (&head.recipient, sequence);
        tables.expired.insert(place, &entry.to_bytes())?;
    }
    tables.ledger.freed(&head.sender, head.size)?;
    if !content.attachments.is_empty() {
        blobs::release(tables, sequence, &head)?;
    }
    head.state = RowState::Expired;
    content.body = None;
    let mut row = vec![0; Head::LENGTH];
    head.write(&mut row);
    row.extend(content.encode());
    tables.messages.insert(sequence, row.as_slice())?;
    let gone = to_millis(gone_at(head.expires));
    tables.due.insert((gone, sequence), ())?;
    Ok(())
}

/// Removes every trace of a message.
fn remove(tables: &mut Tables<'_>, sequence: u64, head: &Head) -> Result<(), Failure> {
    let due = match head.state {
        RowState::Live => {
            withdraw(tables, sequence, head)?;
            tables.ledger.freed(&head.sender, head.size)?;
            blobs::release(tables, sequence, head)?;
            head.expires
        }
        RowState::Expired => {
            tables.expired.remove((&head.recipient, sequence))?;
            gone_at(head.expires)
        }
    };
    tables.due.remove((to_millis(due), sequence))?;
    if let Some(thread) = &head.thread {
        tables.threads.remove((&head.sender, thread, sequence))?;
        tables.threads.remove((&head.recipient, thread, sequence))?;
    }
    tables.ids.remove(head_id_number(head))?;
    tables.messages.remove(sequence)?;
    Ok(())
}

/// Takes a live message out of the index that it is in.
fn withdraw(tables: &mut Tables<'_>, sequence: u64, head: &Head) -> Result<Option<Entry>, Failure> {
    if let Some(entry) = take(&mut tables.queued, &head.recipient, sequence)? {
        tables.left.push((head.recipient, sequence));
        tables
            .ledger
            .unqueued(&head.sender, &head.recipient, head.size)?;
        return Ok(Some(entry));
    }
    take(&mut tables.delivered, &head.recipient, sequence)
}

/// Removes an entry from an index, if it is there.
fn take(
    index: &mut Index<'_>,
    recipient: &AgentKey,
    sequence: u64,
) -> Result<Option<Entry>, Failure> {
    match index.remove((recipient, sequence))? {
        None => Ok(None),
        Some(entry) => Entry::from_bytes(entry.value()).map(Some),
    }
}

/// Messages of a deleted agent that are looked up before the first of them is removed: few, since that takes time, too.
const PURGED_TOGETHER: usize = 64;

/// Removes mail of an agent that was deleted, some at any rate; the answer is how many messages that were, and whether it was all.
fn purge_inbox(
    tables: &mut Tables<'_>,
    agent: &AgentKey,
    below: u64,
    budget: &mut Budget,
) -> Result<(usize, bool), Failure> {
    let mut found = Vec::new();
    let mut is_all = true;
    for index in [&tables.queued, &tables.delivered, &tables.expired] {
        for entry in index.range((agent, 0)..(agent, below))? {
            let (place, entry) = entry?;
            if found.len() == PURGED_TOGETHER || (!found.is_empty() && budget.is_spent()) {
                is_all = false;
                break;
            }
            let size = Entry::from_bytes(entry.value())?.size;
            budget.spend(usize::try_from(size).unwrap_or(usize::MAX));
            found.push(place.value().1);
        }
    }
    let mut removed = 0;
    for &sequence in &found {
        if removed > 0 && budget.is_over() {
            break;
        }
        removed += 1;
        let head = match tables.messages.get(sequence)? {
            Some(row) => Head::read(row.value()).map(|(head, _)| head).ok(),
            None => None,
        };
        match head {
            Some(head) => remove(tables, sequence, &head)?,
            None => {
                tracing::error!(
                    sequence,
                    "an inbox has a message that is damaged or missing"
                );
                for index in [
                    &mut tables.queued,
                    &mut tables.delivered,
                    &mut tables.expired,
                ] {
                    index.remove((agent, sequence))?;
                }
            }
        }
    }
    Ok((removed, is_all && removed == found.len()))
}

/// Forgets to whom an agent that was deleted had written, some of them at any rate; the answer is whether that was all. What it has
/// written since it came back is passed over, however much that is: otherwise it would be passed over again and again.
fn purge_written(
    tables: &mut Tables<'_>,
    agent: &AgentKey,
    below: u64,
    budget: &mut Budget,
) -> Result<bool, Failure> {
    let writer = agent_start(agent);
    let mut found: Vec<AgentStart> = Vec::new();
    let mut is_all = true;
    for entry in tables
        .written
        .range((&writer, &[0; 12])..=(&writer, &[0xff; 12]))?
    {
        let (pair, first) = entry?;
        if !found.is_empty() && budget.is_spent() {
            is_all = false;
            break;
        }
        if first.value() < below {
            budget.spend(0);
            found.push(*pair.value().1);
        }
    }
    for reader in &found {
        tables.written.remove((&writer, reader))?;
    }
    Ok(is_all)
}
