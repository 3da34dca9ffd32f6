//! What may go: old messages that nobody needs any more, a bounded batch at a time, and the room they leave in the file.

use super::index::{Order, Step, Terms, Walk, direction_term, state_term};
use super::record::{MessageRecord, decode};
use super::schema::{Counter, HOOK_DEAD, HOOK_JOBS, HOOKS, INDEX, MESSAGES, TIMES};
use super::transaction::Transaction;
use super::writer::Message as WriterMessage;
use super::{HookRecord, Store, StoreError, entry};
use mrp_journal::Table;
use mrp_proto::time::Timestamp;
use mrpd_api::message::{Direction, State};
use redb::ReadableTable as _;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::oneshot;

/// Messages that one step removes, at most, so that no commit becomes long.
const BATCH: usize = 500;
/// Messages that one step looks at, at most.
const SCAN: usize = 2000;

/// Whether unread messages may go as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// They stay.
    Keep,
    /// They go like the others.
    Drop,
}

/// Which messages may go.
#[derive(Debug, Clone)]
pub struct Expendable {
    /// Those stored before this time.
    pub before: Option<Timestamp>,
    /// As many of the oldest as are needed to get down to so many bytes.
    pub bytes: Option<u64>,
    /// Whether unread ones go too. Claimed ones never go.
    pub unread: Unread,
    /// Only those behind this `seq`: where the step before has ended.
    pub after: u64,
}

/// What one step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Messages that are gone.
    pub removed: usize,
    /// Everything up to this `seq` was looked at.
    pub reached: u64,
    /// Whether there is nothing more to do.
    pub end: bool,
}

/// Whether the file was made small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compaction {
    /// It was.
    Done,
    /// It was written too recently, or is being read.
    Busy,
    /// There is not enough to gain.
    Needless,
}

impl Store {
    /// Removes messages that may go, a batch of them.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn prune(&self, expendable: Expendable) -> Result<Pruned, StoreError> {
        self.write(move |transaction| prune(transaction, &expendable))
            .await
    }

    /// Gives the room of what was removed back to the file system, if nothing was written for `quiet`. Nobody can write or read
    /// meanwhile.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn compact(&self, quiet: Duration) -> Result<Compaction, StoreError> {
        let (answer, receiver) = oneshot::channel();
        let message = WriterMessage::Compact { quiet, answer };
        if self.writer.send(message).await.is_err() {
            return Err(StoreError::Closed);
        }
        receiver.await.unwrap_or(Err(StoreError::Closed))
    }
}

fn prune(transaction: &Transaction, expendable: &Expendable) -> Result<Pruned, redb::Error> {
    let mut excess = match expendable.bytes {
        Some(bytes) => transaction.counter(Counter::Bytes)?.saturating_sub(bytes),
        None => 0,
    };
    let mut pruned = Pruned {
        removed: 0,
        reached: expendable.after,
        end: false,
    };
    let needed = needed_by_hooks(transaction)?;
    let mut going = Vec::new();
    let mut looked = 0;
    {
        let mut walk = walk(transaction, expendable)?;
        for _ in 0..SCAN {
            let by_size = expendable.bytes.is_some();
            if going.len() >= BATCH {
                break;
            }
            if by_size && excess == 0 {
                pruned.end = true;
                break;
            }
            let seq = match walk.next()? {
                Step::At(seq) => seq,
                Step::Tired(seq) => {
                    pruned.reached = seq.saturating_sub(1);
                    break;
                }
                Step::End => {
                    pruned.end = true;
                    break;
                }
            };
            pruned.reached = seq;
            looked += 1;
            let Some(bytes) = walk.messages().get(seq)? else {
                continue;
            };
            let message: MessageRecord = decode(bytes.value())?;
            let is_old = expendable
                .before
                .is_none_or(|before| message.received_at < before);
            if is_old && !needed.covers(seq) {
                excess = excess.saturating_sub(bytes.value().len() as u64);
                going.push(seq);
            }
        }
    }
    // Messages lie about in the order of their times: behind so many that are not old there are only younger ones.
    pruned.end |= going.is_empty() && looked == SCAN;
    for &seq in &going {
        entry::remove(transaction, seq)?;
    }
    pruned.removed = going.len();
    if pruned.removed > 0 {
        forget_times(transaction)?;
    }
    Ok(pruned)
}

/// Messages that hooks still have to do with.
#[derive(Debug)]
struct Needed {
    /// No hook has yet to look at anything up to here.
    seen: u64,
    /// What hooks have before them, and what they have given up: that waits for the user's word. Both are bounded.
    kept: BTreeSet<u64>,
}

impl Needed {
    fn covers(&self, seq: u64) -> bool {
        seq > self.seen || self.kept.contains(&seq)
    }
}

/// A hook that is switched off, or not configured any more, does not hold up anything but what it has queued or given up.
fn needed_by_hooks(transaction: &Transaction) -> Result<Needed, redb::Error> {
    let tables = transaction.read_tables();
    let mut needed = Needed {
        seen: u64::MAX,
        kept: BTreeSet::new(),
    };
    for entry in tables.open_table(HOOKS)?.iter()? {
        let hook: HookRecord = decode(entry?.1.value())?;
        if hook.removed_at.is_none() && !hook.disabled {
            needed.seen = needed.seen.min(hook.cursor);
        }
    }
    for table in [HOOK_JOBS, HOOK_DEAD] {
        for entry in tables.open_table(table)?.iter()? {
            needed.kept.insert(entry?.0.value().1);
        }
    }
    Ok(needed)
}

type WritingWalk<'t> = Walk<Table<'t, (u64, u64), ()>, Table<'t, u64, &'static [u8]>>;

fn walk<'t>(
    transaction: &'t Transaction,
    expendable: &Expendable,
) -> Result<WritingWalk<'t>, redb::Error> {
    let states = [State::Read, State::Archived, State::Done, State::Dead];
    let mut lists: Vec<u64> = states.into_iter().map(state_term).collect();
    lists.push(direction_term(Direction::Out));
    if expendable.unread == Unread::Drop {
        lists.push(state_term(State::New));
        lists.push(super::index::delayed_term());
    }
    let mut terms = Terms::default();
    terms.demand_one_of(lists);
    let tables = transaction.read_tables();
    let bounds = (expendable.after.saturating_add(1), u64::MAX);
    Ok(Walk::new(
        tables.open_table(INDEX)?,
        tables.open_table(MESSAGES)?,
        terms,
        Order::Ascending,
        bounds,
        usize::MAX,
    ))
}

/// Drops entries of the list of times that stand for nothing that is still there.
fn forget_times(transaction: &Transaction) -> Result<(), redb::Error> {
    let tables = transaction.tables();
    let oldest = {
        let messages = tables.open_table(MESSAGES)?;
        messages.first()?.map_or(u64::MAX, |(seq, _)| seq.value())
    };
    let mut times = tables.open_table(TIMES)?;
    loop {
        let two: Vec<(u64, u64)> = times
            .iter()?
            .take(2)
            .map(|entry| entry.map(|(time, seq)| (time.value(), seq.value())))
            .collect::<Result<_, _>>()?;
        // The last one is kept: it says which time the next message has to be behind.
        match two.as_slice() {
            [(time, _), (_, next)] if *next <= oldest => times.remove(time)?,
            _ => return Ok(()),
        };
    }
}
