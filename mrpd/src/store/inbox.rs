//! What comes in: numbered without gaps, and never twice.

use super::record::{MessageRecord, encode};
use super::schema::{Counter, FORGET, MESSAGES, SEALERS, SEEN, SEND_KEYS, VERIFIED};
use super::transaction::Transaction;
use super::{Store, StoreError, Submitted, entry};
use mrp_proto::time::Timestamp;
use redb::{ReadableTable as _, ReadableTableMetadata as _};

/// Entries that one sweep forgets at most, so that no commit becomes long.
const SWEEP_BATCH: usize = 1000;

/// By what a copy of a message is recognised, from the weakest mark to the strongest: the relay's name for it, then the sender's.
/// Only what was verified may be recorded: a forged copy could suppress the true message otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copies(Vec<(String, u64)>);

impl Copies {
    /// Adds a mark that is stronger than those before it, to be remembered until a time, or for ever.
    pub fn add(&mut self, mark: &[&str], until: Option<Timestamp>) {
        let until = until.map_or(0, |time| u64::try_from(time.unix_millis()).unwrap_or(1));
        self.0.push((mark.join(" "), until));
    }
}

/// A message to be stored.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The message.
    pub message: MessageRecord,
    /// By what copies of it are recognised.
    pub copies: Copies,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is in the inbox under this `seq`.
    New(u64),
    /// It was there before.
    Copy,
    /// It waits for the user's word about its sender.
    Held,
}

/// Numbers of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that came in and are kept.
    pub received: u64,
    /// Messages that went out and are kept.
    pub sent: u64,
    /// Messages that came in and nothing was done with.
    pub unread: u64,
    /// Messages from unknown senders that are held.
    pub held: u64,
    /// Bytes of all messages that are kept.
    pub bytes: u64,
    /// The newest `seq`.
    pub newest: u64,
    /// Entries of the outbox that are still to be sent.
    pub queued: u64,
    /// Entries of the outbox that were given up.
    pub failed: u64,
    /// Messages that were refused.
    pub refused: u64,
}

impl Store {
    /// Submits a message; messages are numbered in the order in which they are submitted.
    pub async fn accept(&self, incoming: Incoming) -> Submitted<Stored> {
        self.submit(move |transaction| accept(transaction, incoming))
            .await
    }

    /// Counts a message that was refused; whether that succeeds makes no difference to anybody.
    pub async fn count_refused(&self) {
        let count = |transaction: &Transaction| transaction.count(Counter::Refused, 1).map(|_| ());
        drop(self.submit(count).await);
    }

    /// Forgets what need not be remembered any more; says whether there is more of it.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn sweep(&self, now: Timestamp) -> Result<bool, StoreError> {
        let now = u64::try_from(now.unix_millis()).unwrap_or(0);
        self.write(move |transaction| sweep(transaction, now)).await
    }

    /// How much there is of everything.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.read(|transaction| {
            let meta = transaction.open_table(super::schema::META)?;
            let value = |counter: Counter| counter.of(&meta);
            Ok(Counts {
                received: value(Counter::Received)?,
                sent: value(Counter::Sent)?,
                unread: value(Counter::Unread)?,
                held: value(Counter::Held)?,
                bytes: value(Counter::Bytes)?,
                newest: value(Counter::Newest)?,
                queued: value(Counter::Queued)?,
                failed: value(Counter::Failed)?,
                refused: value(Counter::Refused)?,
            })
        })
        .await
    }

    /// How many marks are remembered.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn remembered(&self) -> Result<u64, StoreError> {
        self.read(|transaction| Ok(transaction.open_table(SEEN)?.len()?))
            .await
    }
}

pub(super) fn accept(transaction: &Transaction, incoming: Incoming) -> Result<Stored, redb::Error> {
    let Incoming { message, copies } = incoming;
    let known = remember(transaction, &copies)?;
    transaction.note_received();
    if known {
        return Ok(Stored::Copy);
    }
    take_in(transaction, &message).map(Stored::New)
}

/// Makes a message visible that came in, with all that follows from it.
pub(super) fn take_in(
    transaction: &Transaction,
    message: &MessageRecord,
) -> Result<u64, redb::Error> {
    note_proofs(transaction, message)?;
    transaction.count(Counter::Received, 1)?;
    let seq = append(transaction, message)?;
    super::downloads::note(transaction, seq, message)?;
    Ok(seq)
}

/// Remembers what a message proves of its sender.
fn note_proofs(transaction: &Transaction, message: &MessageRecord) -> Result<(), redb::Error> {
    if message.verified {
        let mut verified = transaction.tables().open_table(VERIFIED)?;
        verified.insert(message.from.as_str(), ())?;
    }
    if message.encrypted && message.verified {
        let mut sealers = transaction.tables().open_table(SEALERS)?;
        sealers.insert(message.from.as_str(), ())?;
    }
    Ok(())
}

/// Says whether any of the marks is known, and remembers those that lead to what is stored.
///
/// A copy that came by another way has a weaker mark beside the known one, and both lead to the same message from now on. But a
/// known weaker mark says nothing of a stronger one: a relay that gives a new message an old one's name keeps that message from
/// the inbox, and must not keep it out where it comes by another relay as well.
pub(super) fn remember(transaction: &Transaction, copies: &Copies) -> Result<bool, redb::Error> {
    let mut seen = transaction.tables().open_table(SEEN)?;
    let mut strongest_known = None;
    for (strength, (mark, _)) in copies.0.iter().enumerate() {
        if seen.get(mark.as_str())?.is_some() {
            strongest_known = Some(strength);
        }
    }
    for (mark, until) in &copies.0[..strongest_known.unwrap_or(copies.0.len())] {
        if seen.get(mark.as_str())?.is_none() {
            seen.insert(mark.as_str(), until)?;
            transaction.forget_at(*until, mark)?;
        }
    }
    Ok(strongest_known.is_some())
}

/// Makes a message visible under the next number.
pub(super) fn append(
    transaction: &Transaction,
    message: &MessageRecord,
) -> Result<u64, redb::Error> {
    let seq = transaction.count(Counter::Newest, 1)?;
    let tables = transaction.tables();
    let bytes = encode(message)?;
    tables.open_table(MESSAGES)?.insert(seq, bytes.as_slice())?;
    entry::enter(transaction, seq, message, bytes.len())?;
    super::tracks::note_reply(transaction, message, seq)?;
    Ok(seq)
}

fn sweep(transaction: &Transaction, now: u64) -> Result<bool, redb::Error> {
    let tables = transaction.tables();
    let mut forget = tables.open_table(FORGET)?;
    let mut due = Vec::new();
    for entry in forget.range(..=(now, "\u{10ffff}"))?.take(SWEEP_BATCH) {
        let (key, ()) = {
            let (key, _) = entry?;
            let (time, mark) = key.value();
            ((time, mark.to_owned()), ())
        };
        due.push(key);
    }
    let mut seen = tables.open_table(SEEN)?;
    let mut send_keys = tables.open_table(SEND_KEYS)?;
    for (time, mark) in &due {
        forget.remove((*time, mark.as_str()))?;
        match mark.strip_prefix(super::outbox::SEND_KEY_MARK) {
            Some(key) => {
                send_keys.remove(key)?;
            }
            None => {
                seen.remove(mark.as_str())?;
            }
        }
    }
    Ok(due.len() == SWEEP_BATCH)
}
