//! Messages from unknown senders that wait for the user's word. They get their number, and become visible, when they are let in.

use super::inbox::{remember, take_in};
use super::record::{MessageRecord, decode, encode};
use super::schema::{Counter, HELD, LET_IN};
use super::transaction::Transaction;
use super::{Incoming, Store, StoreError, Stored, Submitted};
use redb::{ReadableTable as _, ReadableTableMetadata as _};
use std::collections::{HashMap, VecDeque};

/// Messages that are held, at most: a stranger must not fill the disk. The oldest give way.
const LIMIT: u64 = 10_000;
/// Bytes of their records, at most. The oldest of the sender that has most give way.
const MOST_BYTES: u64 = 64 << 20;
/// What is left of them then: so that not every message makes one go.
const BYTES_LEFT: u64 = MOST_BYTES / 10 * 9;
/// Messages that one operation lets in or drops, at most.
const BATCH: usize = 100;
/// Bytes of records that one page takes, at most (but one record always fits).
const PAGE_BYTES: usize = 256 << 10;

/// Which held messages are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldBy {
    /// All of these senders.
    Senders(Vec<String>),
    /// Those with these ids.
    Ids(Vec<String>),
}

impl HeldBy {
    fn covers(&self, message: &MessageRecord) -> bool {
        match self {
            Self::Senders(senders) => senders.contains(&message.from),
            Self::Ids(ids) => ids.contains(&message.id),
        }
    }
}

/// Some held messages, and where to go on.
#[derive(Debug, Clone)]
pub struct HeldPage {
    /// The messages, oldest first.
    pub messages: Vec<MessageRecord>,
    /// The place of the last one.
    pub reached: u64,
}

impl Store {
    /// Submits a message from an unknown sender: it is held, unless its sender is let in.
    pub async fn accept_from_stranger(&self, incoming: Incoming) -> Submitted<Stored> {
        self.submit(move |transaction| hold(transaction, incoming))
            .await
    }

    /// Held messages behind a place, as many as fit a page.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn held(&self, after: u64) -> Result<HeldPage, StoreError> {
        self.read(move |transaction| {
            let held = transaction.open_table(HELD)?;
            let mut page = HeldPage {
                messages: Vec::new(),
                reached: after,
            };
            let mut bytes = 0;
            for entry in held.range(after.saturating_add(1)..)? {
                if bytes >= PAGE_BYTES {
                    break;
                }
                let (place, value) = entry?;
                bytes += value.value().len();
                page.reached = place.value();
                page.messages.push(decode(value.value())?);
            }
            Ok(page)
        })
        .await
    }

    /// Lets senders in from now on.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn let_in(&self, senders: Vec<String>) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut let_in = transaction.tables().open_table(LET_IN)?;
            for sender in &senders {
                let_in.insert(sender.as_str(), ())?;
            }
            Ok(())
        })
        .await
    }

    /// Makes held messages visible, in their order; says how many. Zero when there are none left.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn release(&self, which: HeldBy) -> Result<usize, StoreError> {
        self.write(move |transaction| {
            let taken = take(transaction, |message| which.covers(message), BATCH)?;
            for message in &taken {
                take_in(transaction, message)?;
            }
            Ok(taken.len())
        })
        .await
    }

    /// Drops held messages; says how many. Zero when there are none left.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn drop_held(&self, which: HeldBy) -> Result<usize, StoreError> {
        self.write(move |transaction| {
            let taken = take(transaction, |message| which.covers(message), BATCH)?;
            Ok(taken.len())
        })
        .await
    }
}

fn hold(transaction: &Transaction, incoming: Incoming) -> Result<Stored, redb::Error> {
    let sender = incoming.message.from.as_str();
    let is_let_in = {
        let let_in = transaction.tables().open_table(LET_IN)?;
        let_in.get(sender)?.is_some()
    };
    if is_let_in {
        return super::inbox::accept(transaction, incoming);
    }
    transaction.note_received();
    if remember(transaction, &incoming.copies)? {
        return Ok(Stored::Copy);
    }
    let place = transaction.count(Counter::HeldPosition, 1)?;
    let mut bytes = bytes(transaction)?;
    {
        let mut held = transaction.tables().open_table(HELD)?;
        let record = encode(&incoming.message)?;
        bytes += record.len() as u64;
        held.insert(place, record.as_slice())?;
        while held.len()? > LIMIT {
            if let Some((_, oldest)) = held.pop_first()? {
                bytes = bytes.saturating_sub(oldest.value().len() as u64);
            }
            tracing::warn!(
                limit = LIMIT,
                "too many messages are held: the oldest was dropped; see mrpctl pending"
            );
        }
    }
    if bytes > MOST_BYTES {
        bytes = make_room(transaction, BYTES_LEFT)?;
    }
    note_bytes(transaction, bytes)?;
    recount(transaction)?;
    Ok(Stored::Held)
}

/// Bytes of the records of all held messages.
fn bytes(transaction: &Transaction) -> Result<u64, redb::Error> {
    let known = transaction.counter(Counter::HeldBytes)?;
    if known > 0 {
        return Ok(known);
    }
    let held = transaction.tables().open_table(HELD)?;
    let mut bytes = 0;
    for entry in held.iter()? {
        bytes += entry?.1.value().len() as u64;
    }
    Ok(bytes)
}

fn note_bytes(transaction: &Transaction, bytes: u64) -> Result<(), redb::Error> {
    let signed = |count| i64::try_from(count).unwrap_or(i64::MAX);
    let before = transaction.counter(Counter::HeldBytes)?;
    transaction.count(Counter::HeldBytes, signed(bytes) - signed(before))?;
    Ok(())
}

/// Drops messages until no more than so many bytes are left, each time the oldest of the sender that has most. Says how many are left.
pub(super) fn make_room(transaction: &Transaction, most: u64) -> Result<u64, redb::Error> {
    let mut held = transaction.tables().open_table(HELD)?;
    let mut senders: HashMap<String, (u64, VecDeque<(u64, u64)>)> = HashMap::new();
    let mut left = 0;
    for entry in held.iter()? {
        let (place, value) = entry?;
        let size = value.value().len() as u64;
        let message: MessageRecord = decode(value.value())?;
        let (total, messages) = senders.entry(message.from).or_default();
        *total += size;
        messages.push_back((place.value(), size));
        left += size;
    }
    let mut dropped = 0;
    while left > most
        && let Some((total, messages)) = senders.values_mut().max_by_key(|(total, _)| *total)
        && let Some((place, size)) = messages.pop_front()
    {
        held.remove(place)?;
        *total -= size;
        left -= size;
        dropped += 1;
    }
    tracing::warn!(
        dropped,
        "the held messages take too much room: the oldest of those who sent most were dropped; see mrpctl pending"
    );
    Ok(left)
}

/// Takes held messages that are covered, oldest first, at most so many.
fn take(
    transaction: &Transaction,
    covers: impl Fn(&MessageRecord) -> bool,
    count: usize,
) -> Result<Vec<MessageRecord>, redb::Error> {
    let mut taken = Vec::new();
    let mut left = bytes(transaction)?;
    {
        let mut held = transaction.tables().open_table(HELD)?;
        let mut places = Vec::new();
        for entry in held.iter()? {
            if places.len() >= count {
                break;
            }
            let (place, value) = entry?;
            let message: MessageRecord = decode(value.value())?;
            if covers(&message) {
                left = left.saturating_sub(value.value().len() as u64);
                places.push(place.value());
                taken.push(message);
            }
        }
        for place in places {
            held.remove(place)?;
        }
    }
    note_bytes(transaction, left)?;
    recount(transaction)?;
    Ok(taken)
}

fn recount(transaction: &Transaction) -> Result<(), redb::Error> {
    let held = transaction.tables().open_table(HELD)?.len()?;
    let before = transaction.counter(Counter::Held)?;
    let by = i64::try_from(held).unwrap_or(i64::MAX) - i64::try_from(before).unwrap_or(i64::MAX);
    if by != 0 {
        transaction.count(Counter::Held, by)?;
    }
    Ok(())
}
