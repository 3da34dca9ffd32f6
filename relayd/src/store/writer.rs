//! The thread that writes.
//!
//! It takes what waits, and carries it out as one group: however many wait, they share one write to the disk. An operation checks
//! everything before it writes anything, so that one that is refused leaves nothing behind in the transaction it shares.
//!
//! The transaction with the [`Pen`] ends when somebody wants to read, when the journal has grown long, or when nothing comes any
//! more.
//!
//! When the disk fails, what was in hand is answered with "unknown", the database is closed and opened again.

use super::engine::{self, Opener, Shared};
use super::error::Fatal;
use super::failure::Failure;
use super::pen::{Batch, Lost, PanicAlarm, Pen};
use super::queue::{Command, Operation, left};
use mrp_journal::Journal;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Operations of one group, at most.
const BATCH_OPERATIONS: usize = 1_000;
/// Bytes of messages of one group, at most (and one message more).
const BATCH_BYTES: usize = 4 << 20;
/// How long nothing must be written until the database is brought up to date on disk.
const QUIET: Duration = Duration::from_secs(1);
/// How often it is looked whether somebody else waits for the disk.
const WATCH: Duration = Duration::from_millis(20);
/// How long a new database, and the journal's first file, wait for somebody who needs them on disk: meanwhile a relay has other things to
/// do.
const SETTLED: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long readers may take to let go of a database that is to be closed.
const READERS_LEAVE: Duration = Duration::from_secs(5);

/// The writer's own state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    pen: Arc<Mutex<Pen>>,
    commands: Receiver<Command>,
    opener: Opener,
    /// For messages.
    path: PathBuf,
    /// How long the database may fail to open again.
    give_up_after: Duration,
    /// A command that was taken from the queue and not looked at yet.
    next: Option<Command>,
    /// Whose threads may write, too; `None` where they may not.
    workers: Option<Handle>,
}

/// What the writer is to do next.
enum Next {
    Command(Command),
    /// Nothing came for long enough.
    Quiet,
    /// Nobody is left who could ask for anything.
    Gone,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        pen: Arc<Mutex<Pen>>,
        commands: Receiver<Command>,
        opener: Opener,
        path: PathBuf,
        give_up_after: Duration,
        workers: Option<Handle>,
    ) -> Self {
        Self {
            shared,
            pen,
            commands,
            opener,
            path,
            give_up_after,
            next: None,
            workers,
        }
    }

    /// Runs until the store is closed or its last handle is dropped.
    pub(super) fn run(mut self) {
        let _alarm = PanicAlarm(Arc::clone(&self.shared));
        let pen = Arc::clone(&self.pen);
        // Not before: the start would wait for it, and for the disk.
        self.next = self.commands.recv_timeout(SETTLED).ok();
        let prepared = self.taken(&pen).prepare();
        if let Err(error) = prepared {
            self.recover(&mut self.taken(&pen), &error.to_string());
        }
        loop {
            let next = self.next();
            let mut pen = self.taken(&pen);
            if let Some((batch, lost)) = pen.take_lost() {
                // It waits for what becomes of the store, as everything does that waits.
                if let Next::Command(command) = next {
                    self.next = Some(command);
                }
                self.see_to(&mut pen, batch, Err(lost));
            } else if !self.carry_on(&mut pen, next) {
                return;
            }
        }
    }

    /// Does the next thing; the answer is whether there is another.
    fn carry_on(&mut self, pen: &mut Pen, next: Next) -> bool {
        match next {
            Next::Command(Command::Run(operation)) => {
                let mut batch = self.gather(operation);
                let sends = batch.iter().filter(|operation| operation.bytes() > 0);
                if sends.count() > 1 {
                    pen.note_crowd();
                }
                let written = pen.write(&mut batch);
                self.see_to(pen, batch, written);
            }
            Next::Command(Command::Show(done)) => match pen.show() {
                Ok(()) => {
                    let _ = done.send(());
                }
                // Who waits hears that it is not there.
                Err(failure) => self.recover(pen, &failure.to_string()),
            },
            Next::Command(Command::Suspect { generation }) => {
                if generation == self.shared.generation.load(Ordering::Relaxed) {
                    self.recover(pen, "a reader could not read");
                }
            }
            Next::Command(Command::LookAtPen) => self.check_length(pen),
            Next::Command(Command::Close(done)) => {
                self.close(pen);
                let _ = done.send(());
                return false;
            }
            Next::Quiet => self.bring_up_to_date(pen),
            Next::Gone => {
                self.close(pen);
                return false;
            }
        }
        true
    }

    /// Waits for what is to be done; not for ever while the journal has something that the database lacks.
    fn next(&mut self) -> Next {
        if let Some(command) = self.next.take() {
            return Next::Command(command);
        }
        loop {
            let patience = match self.pen.try_lock() {
                Ok(pen) => pen.patience(QUIET),
                Err(TryLockError::WouldBlock) => {
                    self.relieve();
                    Some(WATCH)
                }
                Err(TryLockError::Poisoned(_)) => return Next::Gone,
            };
            let received = match patience {
                Some(patience) => {
                    let look = self.workers.as_ref().map_or(patience, |_| WATCH);
                    self.commands.recv_timeout(patience.min(look))
                }
                None => {
                    let received = self.commands.recv();
                    received.map_err(|_| RecvTimeoutError::Disconnected)
                }
            };
            match received {
                Ok(command) => return Next::Command(command),
                Err(RecvTimeoutError::Timeout) if patience == Some(Duration::ZERO) => {
                    return Next::Quiet;
                }
                // Others may write meanwhile.
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Next::Gone,
            }
        }
    }

    /// The pen, as soon as nobody else has it.
    fn taken<'p>(&self, pen: &'p Mutex<Pen>) -> MutexGuard<'p, Pen> {
        match pen.try_lock() {
            Ok(pen) => pen,
            Err(error) => {
                // It may have the lock.
                drop(error);
                self.relieve();
                // What comes meanwhile is to wait as well, not to be first again and again.
                let waiting = &self.shared.waiting.operations;
                waiting.fetch_add(1, Ordering::Relaxed);
                let pen = pen.lock();
                waiting.fetch_sub(1, Ordering::Relaxed);
                pen.expect("who panics with the pen ends the store")
            }
        }
    }

    /// Somebody writes on a thread of the runtime and may wait for the disk: another is to look for what the network brings.
    fn relieve(&self) {
        if let Some(workers) = &self.workers {
            workers.spawn(std::future::ready(()));
        }
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

    /// Sees to what is left of a group that came to nothing, or to the length of the journal.
    fn see_to(&mut self, pen: &mut Pen, mut batch: Batch, mut written: Result<(), Lost>) {
        loop {
            match written {
                Ok(()) => return self.check_length(pen),
                Err(Lost::One { position, failure }) => {
                    tracing::error!(%failure, "an operation cannot be carried out");
                    batch.remove(position).answer(Some(failure.to_error()));
                    if let Err(failure) = pen.rewind(&self.opener) {
                        return self.lose(pen, batch, &failure);
                    }
                    if batch.is_empty() {
                        return;
                    }
                    written = pen.write(&mut batch);
                }
                Err(Lost::All(failure)) => return self.lose(pen, batch, &failure),
            }
        }
    }

    fn lose(&mut self, pen: &mut Pen, batch: Batch, failure: &Failure) {
        tracing::error!(%failure, operations = batch.len(), "a transaction was lost");
        for operation in batch {
            operation.answer(Some(super::StoreError::Unavailable));
        }
        self.recover(pen, &failure.to_string());
    }

    /// Has the database follow a journal that has grown long.
    fn check_length(&mut self, pen: &mut Pen) {
        if pen.is_checkpoint_due() {
            self.bring_up_to_date(pen);
        }
    }

    fn bring_up_to_date(&mut self, pen: &mut Pen) {
        if let Err(failure) = pen.bring_up_to_date() {
            self.recover(pen, &failure.to_string());
        }
    }

    /// Ends in order: the database has everything, and the journal no file.
    fn close(&mut self, pen: &mut Pen) {
        self.bring_up_to_date(pen);
        if let Some(Err(error)) = pen.release().map(Journal::close) {
            tracing::warn!(%error, "the journal keeps files that nobody needs");
        }
        self.release_database(pen);
    }

    /// Closes the database and opens it again, with pauses that grow. Gives up at last, or when it is to be closed anyway.
    fn recover(&mut self, pen: &mut Pen, cause: &str) {
        tracing::error!(cause, "the database is closed and opened again");
        self.release_database(pen);
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
                    pen.resume(opened);
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
    fn release_database(&self, pen: &mut Pen) {
        pen.release();
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
            Command::Suspect { .. } | Command::Show(_) | Command::LookAtPen => None,
            close @ Command::Close(_) => Some(close),
        }
    }
}

#[cfg(test)]
mod tests;
