//! The one thread that writes: it gathers what waits into one transaction, and answers after the commit.

use super::examine::Suspicion;
use super::schema::{self, Counter, FORGET, META};
use super::timings::Timings;
use super::{Compaction, SharedDatabase, StageChange, StoreError, disk, open_database};
use crate::crash::crash_point;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, WriteTransaction};
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// Operations that share a commit, at most.
const BATCH: usize = 256;
/// Pauses between attempts to open a failed store.
const REOPEN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// How often operations are answered while the store is being opened anew.
const TICK: Duration = Duration::from_millis(20);
/// How long those who read are waited for before the file is made small; they are short.
const READERS: Duration = Duration::from_millis(200);

/// Bytes that must have been freed for it to be worth while.
const LEAST_GAIN: u64 = 32 << 20;
/// Bytes of messages up to which the file is made small while the daemon runs: moving them takes seconds.
const MOST_MOVED: u64 = 512 << 20;

type Compacting = (Duration, oneshot::Sender<Result<Compaction, StoreError>>);

/// What the writer is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// Do this.
    Run(Operation),
    /// Make the file small, if nothing was written for so long.
    Compact {
        quiet: Duration,
        answer: oneshot::Sender<Result<Compaction, StoreError>>,
    },
    /// End.
    Close(oneshot::Sender<()>),
}

type Work = Box<dyn FnOnce(&Transaction) -> Result<Finish, redb::Error> + Send>;
/// Gives the answer, once the commit has succeeded.
type Finish = Box<dyn FnOnce() + Send>;
type Fail = Box<dyn FnOnce(StoreError) + Send>;

/// One operation and who waits for it.
pub(crate) struct Operation {
    work: Work,
    fail: Fail,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Operation(..)")
    }
}

impl Operation {
    /// Wraps work, and the way to its answer.
    pub(crate) fn new<T: Send + 'static>(
        work: impl FnOnce(&Transaction) -> Result<T, redb::Error> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (answer, receiver) = oneshot::channel();
        let answer = Arc::new(std::sync::Mutex::new(Some(answer)));
        let for_failure = Arc::clone(&answer);
        let give = |slot: &std::sync::Mutex<Option<oneshot::Sender<_>>>, result| {
            let sender = slot
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .take();
            if let Some(sender) = sender {
                // Whoever asked may have gone; what was done stays done.
                let _ = sender.send(result);
            }
        };
        let work: Work = Box::new(move |transaction| {
            let value = work(transaction)?;
            let finish: Finish = Box::new(move || give(&answer, Ok(value)));
            Ok(finish)
        });
        let fail: Fail = Box::new(move |error| give(&for_failure, Err(error)));
        (Self { work, fail }, receiver)
    }
}

/// A transaction in the making, and what is to be announced once it is on the disk.
pub(crate) struct Transaction {
    tables: WriteTransaction,
    notes: Notes,
}

/// What a transaction has in it.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    touched: Cell<bool>,
    newest: Cell<Option<u64>>,
    outbox: Cell<bool>,
    received: Cell<bool>,
    enqueued: Cell<bool>,
    recorded: Cell<bool>,
    stages: RefCell<Vec<StageChange>>,
    ready: Cell<bool>,
    due: Cell<bool>,
}

impl Transaction {
    /// Begins one that nobody hears of.
    pub(super) fn begin(database: &Database) -> Result<Self, redb::Error> {
        Ok(Self {
            tables: database.begin_write()?,
            notes: Notes::default(),
        })
    }

    /// Puts what was begun with [`begin`](Self::begin) on the disk.
    pub(super) fn commit(self) -> Result<(), redb::Error> {
        self.tables.commit()?;
        Ok(())
    }

    /// The tables, to read them.
    pub(super) fn read_tables(&self) -> &WriteTransaction {
        &self.tables
    }

    /// Says that a message can be claimed again.
    pub(super) fn note_ready(&self) {
        self.notes.ready.set(true);
    }

    /// Says that there is a new lease or delay.
    pub(super) fn note_due(&self) {
        self.notes.due.set(true);
    }

    /// The tables. Whoever asks for them means to change something.
    pub(crate) fn tables(&self) -> &WriteTransaction {
        self.notes.touched.set(true);
        &self.tables
    }

    /// Says that a message came in.
    pub(crate) fn note_received(&self) {
        self.notes.received.set(true);
    }

    /// Says that a draft was put into the outbox.
    pub(crate) fn note_enqueued(&self) {
        self.notes.enqueued.set(true);
        self.notes.outbox.set(true);
    }

    /// Says that the outbox has learned what became of a send.
    pub(crate) fn note_recorded(&self) {
        self.notes.recorded.set(true);
        self.notes.outbox.set(true);
    }

    /// Says that something that goes out has come further.
    pub(crate) fn note_stage(&self, change: StageChange) {
        self.notes.stages.borrow_mut().push(change);
        self.notes.outbox.set(true);
    }

    /// A counter's value.
    pub(crate) fn counter(&self, counter: Counter) -> Result<u64, redb::Error> {
        let meta = self.tables.open_table(META)?;
        let value = meta.get(counter.name())?;
        Ok(value.map_or(0, |value| value.value()))
    }

    /// Moves a counter, and gives its new value.
    pub(crate) fn count(&self, counter: Counter, by: i64) -> Result<u64, redb::Error> {
        let value = self.counter(counter)?.saturating_add_signed(by);
        let mut meta = self.tables().open_table(META)?;
        meta.insert(counter.name(), value)?;
        if counter == Counter::Newest {
            self.notes.newest.set(Some(value));
        }
        Ok(value)
    }

    /// Moves a counter up to a value, and never back.
    pub(super) fn raise(&self, counter: Counter, value: u64) -> Result<(), redb::Error> {
        if value > self.counter(counter)? {
            let mut meta = self.tables().open_table(META)?;
            meta.insert(counter.name(), value)?;
        }
        Ok(())
    }

    /// Sets a counter back.
    pub(super) fn zero(&self, counter: Counter) -> Result<(), redb::Error> {
        let mut meta = self.tables().open_table(META)?;
        meta.insert(counter.name(), 0)?;
        Ok(())
    }

    /// Notes that a key is to be forgotten at a time (milliseconds; 0 for never).
    pub(crate) fn forget_at(&self, time: u64, key: &str) -> Result<(), redb::Error> {
        if time > 0 {
            self.tables.open_table(FORGET)?.insert((time, key), ())?;
        }
        Ok(())
    }
}

/// Whether a transaction has opened a table to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Touched {
    Yes,
    No,
}

/// The thread's state.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) path: PathBuf,
    pub(crate) database: SharedDatabase,
    pub(crate) receiver: mpsc::Receiver<Message>,
    pub(crate) newest: watch::Sender<u64>,
    pub(crate) outbox: watch::Sender<u64>,
    pub(crate) ready: watch::Sender<u64>,
    pub(crate) due: watch::Sender<u64>,
    pub(crate) written: Instant,
    pub(crate) trouble: watch::Sender<Option<Arc<str>>>,
    pub(crate) timings: Timings,
    pub(crate) suspicion: Suspicion,
    pub(crate) stages: broadcast::Sender<StageChange>,
}

impl Writer {
    /// Writes until it is closed, or nobody can ask for anything any more.
    pub(crate) fn run(mut self) {
        while let Some(message) = self.receiver.blocking_recv() {
            let mut batch = Vec::new();
            let mut closing = None;
            let mut compacting = None;
            self.gather(message, &mut batch, &mut closing, &mut compacting);
            if !batch.is_empty()
                && let Err(error) = self.commit(batch)
            {
                self.reopen(&error, &mut closing);
            }
            if let Some((quiet, answer)) = compacting {
                let result = self.compact(quiet);
                if let Err(error) = &result {
                    self.reopen(error, &mut closing);
                }
                let _ = answer.send(result);
            }
            if let Some(closing) = closing {
                self.receiver.close();
                self.database.replace(None);
                let _ = closing.send(());
                return;
            }
        }
        self.database.replace(None);
    }

    fn gather(
        &mut self,
        first: Message,
        batch: &mut Vec<Operation>,
        closing: &mut Option<oneshot::Sender<()>>,
        compacting: &mut Option<Compacting>,
    ) {
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Run(operation) => batch.push(operation),
                Message::Compact { quiet, answer } => {
                    *compacting = Some((quiet, answer));
                    return;
                }
                Message::Close(done) => {
                    *closing = Some(done);
                    return;
                }
            }
            next = (batch.len() < BATCH)
                .then(|| self.receiver.try_recv().ok())
                .flatten();
        }
    }

    /// Does all of it in one transaction, then answers everybody. On an error everybody is told of it.
    fn commit(&mut self, batch: Vec<Operation>) -> Result<(), StoreError> {
        let mut fails = Vec::with_capacity(batch.len());
        let result = match self.database.current() {
            Some(database) => self.transact(&database, batch, &mut fails),
            None => Err(StoreError::Closed),
        };
        match result {
            Ok((finishes, touched)) => {
                if touched == Touched::Yes {
                    self.written = Instant::now();
                }
                for finish in finishes {
                    finish();
                }
                Ok(())
            }
            Err(error) => {
                self.written = Instant::now();
                if let StoreError::Disk(cause) = &error {
                    self.trouble.send_replace(Some(Arc::clone(cause)));
                }
                for fail in fails {
                    fail(error.clone());
                }
                Err(error)
            }
        }
    }

    fn transact(
        &self,
        database: &Database,
        batch: Vec<Operation>,
        fails: &mut Vec<Fail>,
    ) -> Result<(Vec<Finish>, Touched), StoreError> {
        let mut works = Vec::with_capacity(batch.len());
        for operation in batch {
            works.push(operation.work);
            fails.push(operation.fail);
        }
        let attempt = || -> Result<(Vec<Finish>, Notes), redb::Error> {
            let transaction = Transaction::begin(database)?;
            let finishes = works
                .into_iter()
                .map(|work| work(&transaction))
                .collect::<Result<Vec<_>, _>>()?;
            let Transaction { tables, notes } = transaction;
            notes.before_commit();
            let begun = Instant::now();
            tables.commit()?;
            if notes.touched.get() {
                self.timings.committed(begun.elapsed(), finishes.len());
            }
            Ok((finishes, notes))
        };
        let (finishes, notes) = attempt().map_err(|error| {
            self.suspicion.hear(&error);
            disk(&error)
        })?;
        notes.after_commit();
        self.announce(&notes);
        let touched = match notes.touched.get() {
            true => Touched::Yes,
            false => Touched::No,
        };
        Ok((finishes, touched))
    }

    fn announce(&self, notes: &Notes) {
        // A full disk still takes a commit that changes nothing: only a real one shows that it works again.
        if notes.touched.get() && self.trouble.borrow().is_some() {
            self.trouble.send_replace(None);
        }
        if let Some(newest) = notes.newest.get() {
            self.newest.send_replace(newest);
        }
        if notes.outbox.get() {
            self.outbox.send_modify(|changes| *changes += 1);
        }
        for change in notes.stages.take() {
            // Nobody listens: nobody misses it.
            let _ = self.stages.send(change);
        }
        if notes.ready.get() {
            self.ready.send_modify(|changes| *changes += 1);
        }
        if notes.due.get() {
            self.due.send_modify(|changes| *changes += 1);
        }
    }

    /// Gives free room back to the file system. An error means that nobody knows what state the file is in.
    fn compact(&self, quiet: Duration) -> Result<Compaction, StoreError> {
        if self.written.elapsed() < quiet {
            return Ok(Compaction::Busy);
        }
        let begun = Instant::now();
        let compacted = self.database.alone(READERS, |database| {
            if !is_worth_compacting(database, &self.path)? {
                return Ok(Compaction::Needless);
            }
            database.compact()?;
            let transaction = Transaction::begin(database)?;
            transaction.zero(Counter::Freed)?;
            transaction.commit()?;
            Ok(Compaction::Done)
        });
        let Some(compacted) = compacted else {
            return Ok(Compaction::Busy);
        };
        let compacted = compacted.map_err(|error: redb::Error| disk(&error))?;
        tracing::info!(outcome = ?compacted, took = ?begun.elapsed(), "compaction");
        Ok(compacted)
    }

    /// Closes the store and opens it until that works, or until the daemon goes.
    fn reopen(&mut self, error: &StoreError, closing: &mut Option<oneshot::Sender<()>>) {
        tracing::error!(%error, "closing the store, to open it anew");
        // Readers are short, and none can begin any more: the last one of them lets go of the file.
        self.database.replace(None);
        let mut pause = REOPEN.0;
        while closing.is_none() {
            match open_database(&self.path) {
                Ok(database) => {
                    let newest = schema::newest(&database);
                    self.database.replace(Some(Arc::new(database)));
                    // What the failed commit may have brought is visible now.
                    if let Ok(newest) = newest {
                        self.newest.send_replace(newest);
                    }
                    self.outbox.send_modify(|changes| *changes += 1);
                    self.ready.send_modify(|changes| *changes += 1);
                    self.due.send_modify(|changes| *changes += 1);
                    tracing::info!("the store is open again");
                    return;
                }
                Err(error) => tracing::warn!(%error, ?pause, "the store stays closed"),
            }
            self.refuse_for(pause, closing);
            pause = (pause * 2).min(REOPEN.1);
        }
    }

    fn refuse_for(&mut self, pause: Duration, closing: &mut Option<oneshot::Sender<()>>) {
        let end = Instant::now() + pause;
        while Instant::now() < end && closing.is_none() {
            while let Ok(message) = self.receiver.try_recv() {
                match message {
                    Message::Run(operation) => {
                        let reason = self.trouble.borrow().clone();
                        (operation.fail)(StoreError::Disk(reason.unwrap_or_default()));
                    }
                    Message::Compact { answer, .. } => {
                        let _ = answer.send(Ok(Compaction::Busy));
                    }
                    Message::Close(done) => *closing = Some(done),
                }
            }
            std::thread::sleep(TICK);
        }
    }
}

/// Whether the room that messages have left is a large part of the file, so that making it small is worth that nobody can write
/// meanwhile; and whether what would be moved is little enough for that not to take long.
fn is_worth_compacting(database: &Database, path: &Path) -> Result<bool, redb::Error> {
    let transaction = database.begin_read()?;
    let meta = transaction.open_table(META)?;
    let value = |counter: Counter| -> Result<u64, redb::Error> {
        Ok(meta.get(counter.name())?.map_or(0, |value| value.value()))
    };
    let size = std::fs::metadata(path).map_err(redb::Error::Io)?.len();
    let freed = value(Counter::Freed)?;
    let kept = value(Counter::Bytes)?;
    Ok(freed >= LEAST_GAIN && freed >= size / 4 && kept <= MOST_MOVED)
}

impl Notes {
    fn before_commit(&self) {
        if self.received.get() {
            crash_point!("receive.before-commit");
        }
        if self.enqueued.get() {
            crash_point!("send.before-commit");
        }
        if self.recorded.get() {
            crash_point!("send.before-record");
        }
    }

    fn after_commit(&self) {
        if self.received.get() {
            crash_point!("receive.committed");
        }
        if self.enqueued.get() {
            crash_point!("send.committed");
        }
        if self.recorded.get() {
            crash_point!("send.recorded");
        }
        if self.received.get() {
            crash_point!("receive.before-publish");
        }
    }
}
