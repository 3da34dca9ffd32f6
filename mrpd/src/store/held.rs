//! Messages from unknown senders that wait for the user's word. They get their number, and become visible, when they are let in.

use super::inbox::{remember, take_in};
use super::record::{MessageRecord, decode, encode};
use super::schema::{Counter, HELD, LET_IN};
use super::writer::Transaction;
use super::{Incoming, Store, StoreError, Stored, Submitted};
use redb::{ReadableTable as _, ReadableTableMetadata as _};

/// Messages that are held, at most: a stranger must not fill the disk. The oldest give way.
const LIMIT: u64 = 10_000;
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
    {
        let mut held = transaction.tables().open_table(HELD)?;
        held.insert(place, encode(&incoming.message)?.as_slice())?;
        while held.len()? > LIMIT {
            held.pop_first()?;
            tracing::warn!(
                limit = LIMIT,
                "too many messages are held: the oldest was dropped; see mrpctl pending"
            );
        }
    }
    recount(transaction)?;
    Ok(Stored::Held)
}

/// Takes held messages that are covered, oldest first, at most so many.
fn take(
    transaction: &Transaction,
    covers: impl Fn(&MessageRecord) -> bool,
    count: usize,
) -> Result<Vec<MessageRecord>, redb::Error> {
    let mut taken = Vec::new();
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
                places.push(place.value());
                taken.push(message);
            }
        }
        for place in places {
            held.remove(place)?;
        }
    }
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
