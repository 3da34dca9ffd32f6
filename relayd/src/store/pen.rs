//! What is written with: the transaction that is open, and the journal that makes its changes last.
//!
//! Whoever has the pen carries out a group of operations, writes down in the journal what they changed, and only then answers. Mostly
//! that is the writer. But a short send may be written by whoever asks for it, on the spot, where nobody else has sent anything for a
//! moment and the disk is quick: two changes of threads cost as much as half a write to the disk. With several senders the writer is
//! faster, whose groups they share.
//!
//! The transaction stays open over many groups: what a database pays for is pages, and those of a group are mostly those of the next.

use super::engine::{self, Opened, Opener, Shared, Unsettled};
use super::error::{Fatal, OpenError};
use super::failure::Failure;
use super::queue::{Command, Effect, Operation};
use super::tables::{self, Noted, Tables};
use super::webhooks::Use;
use mrp_journal::{Journal, Record, Transaction};
use redb::ReadableTable as _;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Memory for the record of a group that is kept for the next.
const RECORD_BYTES: usize = 1 << 20;
/// A group that takes less than this does not keep a thread waiting that has other things to do. Most take a tenth.
const QUICK: Duration = Duration::from_millis(2);
/// How long no two sends must have shared a group for a sender to be alone.
const ALONE: Duration = Duration::from_millis(10);
/// Bytes of a message that are looked through, copied and written without others having to wait.
const SHORT: usize = 64 << 10;

pub(super) type Batch = Vec<Box<dyn Operation>>;

pub(super) struct Pen {
    shared: Arc<Shared>,
    /// A new database that has to be on disk before anything in it is promised.
    unsettled: Option<Unsettled>,
    /// `None` for a database in memory, and while there is no database.
    journal: Option<Journal>,
    open: Option<Open>,
    record: Record,
    /// When a group was last written down.
    written: Instant,
    /// How long it took, with what was read for it.
    took: Duration,
    /// When several sends were last in one group.
    crowded: Option<Instant>,
    /// Whether there is another thread to serve while one writes.
    has_others: bool,
    /// What the writer has to see to before anything else is written.
    lost: Option<(Batch, Lost)>,
}

/// Why a group came to nothing.
pub(super) enum Lost {
    /// For one operation's sake, which had begun to write: the others may be tried without it.
    One { position: usize, failure: Failure },
    /// The engine or the journal failed: what became of the group is not known.
    All(Failure),
}

impl<E: Into<Failure>> From<E> for Lost {
    fn from(error: E) -> Self {
        Self::All(error.into())
    }
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Readers see it; what is on disk is the journal.
    Shown,
    /// It is on disk, and the journal is not needed for it any more.
    Checkpoint,
}

/// What the tables of a transaction borrow from.
struct Begun {
    transaction: Transaction,
    shared: Arc<Shared>,
}

self_cell::self_cell!(
    /// A transaction with its tables, which any thread may go on with.
    struct Open {
        owner: Begun,
        #[not_covariant]
        dependent: Tables,
    }
);

impl std::fmt::Debug for Pen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pen").finish_non_exhaustive()
    }
}

impl Pen {
    pub(super) fn new(
        shared: Arc<Shared>,
        unsettled: Option<Unsettled>,
        journal: Option<Journal>,
        has_others: bool,
    ) -> Self {
        Self {
            shared,
            unsettled,
            journal,
            open: None,
            record: Record::default(),
            written: Instant::now(),
            took: Duration::ZERO,
            crowded: None,
            has_others,
            lost: None,
        }
    }

    /// Carries out a group and has it on disk; then it is answered, and `batch` empty. Where it is lost, what is left of it is not
    /// answered.
    pub(super) fn write(&mut self, batch: &mut Batch) -> Result<(), Lost> {
        let started = Instant::now();
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        let effect =
            open.with_dependent_mut(|begun, tables| carry_out(&begun.transaction, tables, batch))?;
        if effect == Effect::Written {
            match self.journal {
                Some(_) => {
                    open.with_dependent_mut(|begun, tables| {
                        self.write_down(begun, tables, batch.len())
                    })?;
                    self.open = Some(open);
                    self.took = started.elapsed();
                }
                None => {
                    let noted = open.with_dependent_mut(|_, tables| tables.settle())?;
                    self.end(open, Ending::Shown)?;
                    note(&self.shared, noted, batch.len());
                    self.shared.visible.show();
                }
            }
        } else if self.is_behind() {
            self.open = Some(open);
        }
        answer(&self.shared, batch);
        Ok(())
    }

    fn begin(&self) -> Result<Open, Failure> {
        let database = self.shared.database().map_err(Failure::Refused)?;
        let begun = Begun {
            transaction: Transaction::new(database.begin_write()?),
            shared: Arc::clone(&self.shared),
        };
        Open::try_new(begun, |begun| {
            Tables::open(&begun.transaction, &begun.shared.clock)
        })
    }

    /// Has what the group changed on disk.
    fn write_down(
        &mut self,
        begun: &Begun,
        tables: &mut Tables<'_>,
        operations: usize,
    ) -> Result<(), Failure> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        let noted = tables.settle()?;
        begun.transaction.take_record(&mut self.record);
        let started = Instant::now();
        journal
            .append(&mut self.record)
            .map_err(redb::Error::from)?;
        self.written = Instant::now();
        let took = self.written - started;
        self.shared.timings.sync.observe(took);
        self.shared.timings.commit.observe(took);
        self.record.clear(RECORD_BYTES);
        remember(&self.shared, tables, &noted)?;
        note(&self.shared, noted, operations);
        Ok(())
    }

    /// Has readers see what was answered.
    pub(super) fn show(&mut self) -> Result<(), Failure> {
        if let Some(open) = self.open.take() {
            self.end(open, Ending::Shown)?;
        }
        self.shared.visible.show();
        Ok(())
    }

    /// Has the database on disk with everything in it.
    pub(super) fn bring_up_to_date(&mut self) -> Result<(), Failure> {
        let open = self.open.take();
        if !self.is_behind() {
            return Ok(());
        }
        let open = match open {
            Some(open) => open,
            None => self.begin()?,
        };
        self.end(open, Ending::Checkpoint)?;
        self.shared.visible.show();
        Ok(())
    }

    fn end(&mut self, open: Open, ending: Ending) -> Result<(), Failure> {
        let transaction = open.into_owner().transaction.into_inner();
        let begun = Instant::now();
        let timing = match (&mut self.journal, ending) {
            (Some(journal), Ending::Checkpoint) => {
                journal.checkpoint(transaction).map_err(redb::Error::from)?;
                &self.shared.timings.catch_up
            }
            (Some(_), Ending::Shown) => {
                mrp_journal::show(transaction)?;
                &self.shared.timings.catch_up
            }
            (None, _) => {
                transaction.commit()?;
                &self.shared.timings.commit
            }
        };
        timing.observe(begun.elapsed());
        Ok(())
    }

    /// Whether the journal has something that the database lacks.
    fn is_behind(&self) -> bool {
        let journal = self.journal.as_ref();
        journal.is_some_and(|journal| journal.behind() > 0)
    }

    /// Whether so much was written down that the database should be [brought up to date](Self::bring_up_to_date).
    pub(super) fn is_checkpoint_due(&self) -> bool {
        let journal = self.journal.as_ref();
        journal.is_some_and(Journal::is_checkpoint_due)
    }

    /// How much longer nothing must be written until the database is brought up to date, of `quiet` in all; `None` where it is.
    pub(super) fn patience(&self, quiet: Duration) -> Option<Duration> {
        self.is_behind()
            .then(|| quiet.saturating_sub(self.written.elapsed()))
    }

    /// Has a new database on disk, and the journal ready for the first group.
    pub(super) fn prepare(&mut self) -> Result<(), OpenError> {
        engine::prepare(&mut self.unsettled, self.journal.as_mut())
    }

    /// Whether a thread that serves others, too, may write one operation.
    fn may_be_used_at_once(&self, bytes: usize) -> bool {
        let journal = self.journal.as_ref();
        self.has_others
            && bytes <= SHORT
            && self.lost.is_none()
            && self.took < QUICK
            && self.crowded.is_none_or(|last| last.elapsed() >= ALONE)
            && journal.is_some_and(|journal| journal.has_room(2 * SHORT))
    }

    /// Several sends are about to share a group: it does not pay to write at once now.
    pub(super) fn note_crowd(&mut self) {
        self.crowded = Some(Instant::now());
    }

    /// A group that somebody else than the writer has lost.
    pub(super) fn take_lost(&mut self) -> Option<(Batch, Lost)> {
        self.lost.take()
    }

    /// Undoes what was not written down: the transaction is gone, and with it what the journal has beyond the last commit.
    pub(super) fn rewind(&mut self, opener: &Opener) -> Result<(), Failure> {
        self.open = None;
        let Some(directory) = opener.journal() else {
            return Ok(());
        };
        let database = self.shared.database().map_err(Failure::Refused)?;
        let opened = engine::open_journal(&database, directory);
        self.journal = Some(
            opened.map_err(|error| Failure::Engine(redb::Error::Corrupted(error.to_string())))?,
        );
        let written = tables::prepare(&database)?;
        self.shared.recent.restart(written.sequence);
        self.shared.visible.show();
        Ok(())
    }

    /// Lets go of the database; the answer is its journal.
    pub(super) fn release(&mut self) -> Option<Journal> {
        self.open = None;
        self.record.clear(RECORD_BYTES);
        self.journal.take()
    }

    /// Goes on with a database that was opened again.
    pub(super) fn resume(&mut self, opened: Opened) {
        self.shared.clock.observe(opened.written.time);
        self.shared.recent.restart(opened.written.sequence);
        self.shared.generation.fetch_add(1, Ordering::Relaxed);
        self.journal = opened.journal;
        self.shared.visible.show();
        self.shared.install(opened.database);
    }
}

/// Carries out an operation here and now, if it is short and its sender alone. If not, it is given back.
///
/// It waits for the disk on a thread that others need: tokio's workers look for what the network brings in turn, and the one whose turn it
/// is does not hand it on by itself. Within a few milliseconds that is nobody's harm. Where it becomes more, the writer wakes another
/// worker; so it is told in time. (`block_in_place` wakes one each time, which costs what is gained.)
pub(super) fn write_at_once(
    pen: &Mutex<Pen>,
    writer: &Sender<Command>,
    operation: Box<dyn Operation>,
) -> Option<Box<dyn Operation>> {
    let Ok(mut pen) = pen.try_lock() else {
        return Some(operation);
    };
    if !pen.may_be_used_at_once(operation.bytes()) {
        return Some(operation);
    }
    // The writer waits without a bound as long as the database is up to date. One that is gone has not released the pen.
    if !pen.is_behind() && writer.send(Command::LookAtPen).is_err() {
        return Some(operation);
    }
    let _alarm = PanicAlarm(Arc::clone(&pen.shared));
    let mut batch = vec![operation];
    match pen.write(&mut batch) {
        Err(lost) => pen.lost = Some((batch, lost)),
        Ok(()) if !pen.is_checkpoint_due() => return None,
        Ok(()) => {}
    }
    drop(pen);
    // Where it is gone, so is the store.
    let _ = writer.send(Command::LookAtPen);
    None
}

/// Carries out the operations of a batch. Those that are refused have changed nothing.
fn carry_out(
    transaction: &Transaction,
    tables: &mut Tables<'_>,
    batch: &mut Batch,
) -> Result<Effect, Lost> {
    let mut effect = Effect::Refused;
    let mut position = 0;
    while let Some(operation) = batch.get_mut(position) {
        let before = transaction.changes();
        match operation.apply(tables) {
            Ok(Effect::Refused) => {}
            Ok(Effect::Written) => effect = Effect::Written,
            Err(failure @ Failure::Engine(_)) => return Err(Lost::All(failure)),
            // It met a damaged record: the others have nothing to do with that.
            Err(failure) if transaction.changes() == before => {
                tracing::error!(%failure, "an operation cannot be carried out");
                batch.remove(position).answer(Some(failure.to_error()));
                continue;
            }
            Err(failure) => return Err(Lost::One { position, failure }),
        }
        position += 1;
    }
    Ok(effect)
}

/// A group of operations is on disk: what memory has of it is true from now on.
fn note(shared: &Shared, noted: Noted, operations: usize) {
    noted.moves.note_active(&shared.recency);
    noted.moves.note_gone(&shared.recency);
    for (agent, active) in noted.agents {
        match active {
            Some(active) => shared.agents.note(agent, active),
            None => {
                shared.agents.forget(&agent);
                shared.recent.forget(&agent);
            }
        }
    }
    shared.timings.batch.observe_count(operations);
    shared.commits.fetch_add(1, Ordering::Relaxed);
    shared.visible.settle();
    if noted.webhooks == Use::Touched {
        shared.webhook_hint.notify_one();
    }
}

/// Keeps what came for those who are connected.
fn remember(shared: &Shared, tables: &Tables<'_>, noted: &Noted) -> Result<(), Failure> {
    let row = |sequence| {
        let row = tables.messages.get(sequence)?;
        Ok(row.map(|row| Arc::from(row.value())))
    };
    let last = tables.last_sequence();
    shared.recent.settle(last, &noted.arrived, &noted.left, row)
}

fn answer(shared: &Shared, batch: &mut Batch) {
    let operations = batch.len() as u64;
    shared.operations.fetch_add(operations, Ordering::Relaxed);
    batch.drain(..).for_each(|operation| operation.answer(None));
}

/// Without its writer the store is dead, and so it is where somebody else panicked with the pen: whoever watches it must hear of that.
pub(super) struct PanicAlarm(pub(super) Arc<Shared>);

impl Drop for PanicAlarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let cause = "a writer panicked".to_owned();
            self.0.fatal.send_replace(Some(Fatal { cause }));
        }
    }
}

#[cfg(test)]
mod tests;
