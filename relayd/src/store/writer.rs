//! The one thread that writes.
//!
//! It takes what waits, carries out each operation, writes down in the journal what they changed, and only then answers: however
//! many wait, they share one write to the disk. An operation checks everything before it writes anything, so that one that is
//! refused leaves nothing behind in the transaction it shares.
//!
//! The transaction stays open over many such groups: what a database pays for is pages, and those of a group are mostly those of
//! the next. It ends when somebody wants to read, when the journal has grown long, or when nothing comes any more.
//!
//! When the disk fails, what was in hand is answered with "unknown", the database is closed and opened again.

use super::engine::{self, Opener, Shared};
use super::error::Fatal;
use super::failure::Failure;
use super::queue::{Command, Effect, Operation, left};
use super::tables::{self, Noted, Tables};
use super::webhooks::Use;
use mrp_journal::{Journal, Record, Transaction};
use redb::ReadableTable as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Operations of one group, at most.
const BATCH_OPERATIONS: usize = 1_000;
/// Bytes of messages of one group, at most (and one message more).
const BATCH_BYTES: usize = 4 << 20;
/// Memory for the record of a group that is kept for the next.
const RECORD_BYTES: usize = 1 << 20;
/// How long nothing must come until the database is brought up to date on disk.
const QUIET: Duration = Duration::from_secs(1);
/// How long the journal's first file waits for somebody who needs it: meanwhile a relay has other things to do on the disk.
const SETTLED: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long readers may take to let go of a database that is to be closed.
const READERS_LEAVE: Duration = Duration::from_secs(5);

type Batch = Vec<Box<dyn Operation>>;

/// The writer's own state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    commands: Receiver<Command>,
    /// `None` for a database in memory, and while there is no database.
    journal: Option<Journal>,
    record: Record,
    opener: Opener,
    /// For messages.
    path: PathBuf,
    /// How long the database may fail to open again.
    give_up_after: Duration,
    /// A command that was taken from the queue and not looked at yet.
    next: Option<Command>,
}

/// What the writer is to do next.
enum Next {
    Command(Command),
    /// Nothing came for long enough.
    Quiet,
    /// Nobody is left who could ask for anything.
    Gone,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Readers see it; what is on disk is the journal.
    Shown,
    /// It is on disk, and the journal is not needed for it any more.
    Checkpoint,
}

/// Why a transaction came to nothing.
enum Lost {
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

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        commands: Receiver<Command>,
        journal: Option<Journal>,
        opener: Opener,
        path: PathBuf,
        give_up_after: Duration,
    ) -> Self {
        Self {
            shared,
            commands,
            journal,
            record: Record::default(),
            opener,
            path,
            give_up_after,
            next: None,
        }
    }

    /// Runs until the store is closed or its last handle is dropped.
    pub(super) fn run(mut self) {
        let _alarm = PanicAlarm(Arc::clone(&self.shared));
        // Not before: the start would wait for it, and for the disk.
        self.next = self.commands.recv_timeout(SETTLED).ok();
        if let Some(Err(error)) = self.journal.as_mut().map(Journal::prepare) {
            self.recover(&error.to_string());
        }
        loop {
            match self.next() {
                Next::Command(Command::Run(operation)) => {
                    let batch = self.gather(operation);
                    self.write(batch);
                }
                // No transaction is open here.
                Next::Command(Command::Show(done)) => {
                    let _ = done.send(());
                }
                Next::Command(Command::Suspect { generation }) => {
                    if generation == self.shared.generation.load(Ordering::Relaxed) {
                        self.recover("a reader could not read");
                    }
                }
                Next::Command(Command::Close(done)) => {
                    self.close();
                    let _ = done.send(());
                    return;
                }
                Next::Quiet => self.bring_up_to_date(),
                Next::Gone => {
                    self.close();
                    return;
                }
            }
        }
    }

    /// Waits for what is to be done; not for ever while the journal has something that the database lacks.
    fn next(&mut self) -> Next {
        if let Some(command) = self.next.take() {
            return Next::Command(command);
        }
        let received = if self.is_behind() {
            self.commands.recv_timeout(QUIET)
        } else {
            let received = self.commands.recv();
            received.map_err(|_| RecvTimeoutError::Disconnected)
        };
        match received {
            Ok(command) => Next::Command(command),
            Err(RecvTimeoutError::Timeout) => Next::Quiet,
            Err(RecvTimeoutError::Disconnected) => Next::Gone,
        }
    }

    /// Whether the journal has something that the database lacks.
    fn is_behind(&self) -> bool {
        let journal = self.journal.as_ref();
        journal.is_some_and(|journal| journal.behind() > 0)
    }

    /// What waits, up to a batch.
    fn gather(&mut self, first: Box<dyn Operation>) -> Batch {
        let mut bytes = first.bytes();
        left(&self.shared, bytes);
        let mut batch = vec![first];
        while batch.len() < BATCH_OPERATIONS && bytes < BATCH_BYTES {
            match self.commands.try_recv() {
                Ok(Command::Run(operation)) => {
                    left(&self.shared, operation.bytes());
                    bytes += operation.bytes();
                    batch.push(operation);
                }
                Ok(other) => {
                    self.next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        batch
    }

    /// Carries out a batch, and what comes behind it for as long as its transaction stays open.
    fn write(&mut self, mut batch: Batch) {
        loop {
            match self.transact(&mut batch) {
                Ok(()) => return,
                Err(Lost::One { position, failure }) => {
                    tracing::error!(%failure, "an operation cannot be carried out");
                    batch.remove(position).answer(Some(failure.to_error()));
                    if let Err(failure) = self.rewind() {
                        return self.lose(batch, &failure);
                    }
                }
                Err(Lost::All(failure)) => return self.lose(batch, &failure),
            }
            if batch.is_empty() {
                return;
            }
        }
    }

    fn lose(&mut self, batch: Batch, failure: &Failure) {
        tracing::error!(%failure, operations = batch.len(), "a transaction was lost");
        for operation in batch {
            operation.answer(Some(super::StoreError::Unavailable));
        }
        self.recover(&failure.to_string());
    }

    /// One transaction. `batch` is what is in hand and not answered.
    fn transact(&mut self, batch: &mut Batch) -> Result<(), Lost> {
        let database = self.shared.database().map_err(Failure::Refused)?;
        let shared = Arc::clone(&self.shared);
        let transaction = Transaction::new(database.begin_write()?);
        let mut tables = Tables::open(&transaction, &shared.clock)?;
        let ending = loop {
            let effect = self.carry_out(&transaction, &mut tables, batch)?;
            if effect == Effect::Refused && !self.is_behind() {
                answer(&shared, batch);
                return Ok(());
            }
            let Some(journal) = &mut self.journal else {
                break Ending::Shown;
            };
            if effect == Effect::Written {
                let noted = tables.settle()?;
                transaction.take_record(&mut self.record);
                let begun = Instant::now();
                journal
                    .append(&mut self.record)
                    .map_err(redb::Error::from)?;
                shared.timings.sync.observe(begun.elapsed());
                shared.timings.commit.observe(begun.elapsed());
                self.record.clear(RECORD_BYTES);
                remember(&shared, &tables, &noted)?;
                note(&shared, noted, batch.len());
            }
            answer(&shared, batch);
            if journal.is_checkpoint_due() {
                break Ending::Checkpoint;
            }
            match self.next() {
                Next::Command(Command::Run(operation)) => *batch = self.gather(operation),
                Next::Command(other) => {
                    self.next = Some(other);
                    break Ending::Shown;
                }
                Next::Quiet | Next::Gone => break Ending::Checkpoint,
            }
        };
        let noted = match self.journal {
            Some(_) => None,
            None => Some(tables.settle()?),
        };
        drop(tables);
        self.end(transaction.into_inner(), ending)?;
        if let Some(noted) = noted {
            note(&shared, noted, batch.len());
        }
        shared.visible.show();
        answer(&shared, batch);
        Ok(())
    }

    /// Carries out the operations of a batch. Those that are refused have changed nothing.
    fn carry_out(
        &self,
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

    fn end(&mut self, transaction: redb::WriteTransaction, ending: Ending) -> Result<(), Failure> {
        let begun = Instant::now();
        match (&mut self.journal, ending) {
            (Some(journal), Ending::Checkpoint) => {
                journal.checkpoint(transaction).map_err(redb::Error::from)?;
            }
            (Some(_), Ending::Shown) => mrp_journal::show(transaction)?,
            (None, _) => transaction.commit()?,
        }
        let timing = match self.journal {
            Some(_) => &self.shared.timings.catch_up,
            None => &self.shared.timings.commit,
        };
        timing.observe(begun.elapsed());
        Ok(())
    }

    /// Has the database on disk with everything in it.
    fn bring_up_to_date(&mut self) {
        if !self.is_behind() {
            return;
        }
        let Ok(database) = self.shared.database() else {
            return;
        };
        let begun = database.begin_write().map_err(Failure::from);
        let ended = begun.and_then(|transaction| self.end(transaction, Ending::Checkpoint));
        drop(database);
        if let Err(failure) = ended {
            self.recover(&failure.to_string());
        }
    }

    /// Ends in order: the database has everything, and the journal no file.
    fn close(&mut self) {
        self.bring_up_to_date();
        if let Some(Err(error)) = self.journal.take().map(Journal::close) {
            tracing::warn!(%error, "the journal keeps files that nobody needs");
        }
        self.release_database();
    }

    /// Undoes what was not written down: the transaction is gone, and with it what the journal has beyond the last commit.
    fn rewind(&mut self) -> Result<(), Failure> {
        let Some(directory) = self.opener.journal() else {
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

    /// Closes the database and opens it again, with pauses that grow. Gives up at last, or when it is to be closed anyway.
    fn recover(&mut self, cause: &str) {
        tracing::error!(cause, "the database is closed and opened again");
        self.release_database();
        // Who waits for anything but the end hears that it is not there.
        let next = self.next.take();
        self.next = next.and_then(|next| self.turned_away(next));
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            self.turn_away();
            if self.next.is_some() {
                return;
            }
            match engine::open(&self.opener, &self.path).and_then(engine::prepared) {
                Ok(opened) => {
                    self.shared.clock.observe(opened.written.time);
                    self.shared.recent.restart(opened.written.sequence);
                    self.shared.generation.fetch_add(1, Ordering::Relaxed);
                    self.journal = opened.journal;
                    self.shared.visible.show();
                    self.shared.install(opened.database);
                    tracing::warn!("the database is open again");
                    return;
                }
                Err(error) if started.elapsed() >= self.give_up_after => {
                    tracing::error!(%error, "the store gives up");
                    let cause = error.to_string();
                    self.shared.fatal.send_replace(Some(Fatal { cause }));
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, "the database cannot be opened; trying again");
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Withdraws the database and waits for its readers, since it can be opened again only when nobody has it.
    fn release_database(&mut self) {
        self.journal = None;
        self.record.clear(RECORD_BYTES);
        let Some(database) = self.shared.withdraw() else {
            return;
        };
        let started = Instant::now();
        while Arc::strong_count(&database) > 1 && started.elapsed() < READERS_LEAVE {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Answers what waits: it was not begun, but the caller need not know the difference.
    fn turn_away(&mut self) {
        while self.next.is_none()
            && let Ok(command) = self.commands.try_recv()
        {
            self.next = self.turned_away(command);
        }
    }

    /// Answers a command, unless it is the one to end.
    fn turned_away(&self, command: Command) -> Option<Command> {
        match command {
            Command::Run(operation) => {
                left(&self.shared, operation.bytes());
                operation.answer(Some(super::StoreError::Unavailable));
                None
            }
            // Who waits hears that it is not there.
            Command::Suspect { .. } | Command::Show(_) => None,
            close @ Command::Close(_) => Some(close),
        }
    }
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

/// Without its writer the store is dead: whoever watches it must hear of that.
struct PanicAlarm(Arc<Shared>);

impl Drop for PanicAlarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let cause = "the writer panicked".to_owned();
            self.0.fatal.send_replace(Some(Fatal { cause }));
        }
    }
}

#[cfg(test)]
mod tests;
