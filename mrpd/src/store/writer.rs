//! The one thread that writes: it gathers what waits, has its changes written down together, and answers.
//!
//! The changes are made in a transaction that stays open over many answers. It is committed without a sync when somebody wants to
//! read, and as a checkpoint of the journal when much was written, or nothing for a while: then the thread sleeps without a timer.

mod compact;
mod waiting;

use super::examine::Suspicion;
use super::open::{Opened, open_database};
use super::schema;
use super::timings::Timings;
use super::transaction::{Notes, Transaction};
use super::{Compaction, SharedDatabase, StageChange, StoreError};
use crate::crash::crash_point;
use mrp_journal::{Journal, Record, Visibility};
use redb::Database;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::vec::IntoIter;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use waiting::{Next, Waiting};

/// Operations that are written down together, at most.
const BATCH: usize = 256;
/// How long nothing is written before the file is brought up to date.
const QUIET: Duration = Duration::from_secs(1);
/// Bytes of memory that a record keeps for the next one.
const RECORD_MEMORY: usize = 64 << 10;
/// Bytes of changes of one record, at most, and one operation more.
const RECORD_BYTES: usize = 4 << 20;
/// Pauses between attempts to open a failed store.
const REOPEN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// How often operations are answered while the store is being opened anew.
const TICK: Duration = Duration::from_millis(20);

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// Do this.
    Run(Operation),
    /// Have those who begin to read see all that was answered.
    Show(Answer<()>),
    /// Make the file small, if nothing was written for so long.
    Compact {
        quiet: Duration,
        answer: Answer<Compaction>,
    },
    /// End.
    Close(oneshot::Sender<()>),
}

type Work = Box<dyn FnOnce(&Transaction) -> Result<Finish, redb::Error> + Send>;
/// Gives the answer, once the changes are written down.
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

/// The thread's state.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) path: PathBuf,
    pub(crate) database: SharedDatabase,
    /// As long as the database is there.
    pub(crate) journal: Option<Journal>,
    /// What was written down since the last commit, if anything was.
    pub(crate) transaction: Option<Transaction>,
    pub(crate) record: Record,
    pub(crate) visibility: Visibility,
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

/// What waits, as far as it is done together.
#[derive(Debug, Default)]
struct Gathered {
    operations: Vec<Operation>,
    shows: Vec<Answer<()>>,
    compacting: Option<(Duration, Answer<Compaction>)>,
    closing: Option<oneshot::Sender<()>>,
}

impl Writer {
    /// Writes until it is closed, or nobody can ask for anything any more.
    pub(crate) fn run(mut self) {
        let waiting = Waiting::on_this_thread();
        let mut closing = None;
        while closing.is_none() {
            let deadline = self.is_behind().then(|| self.written + QUIET);
            match waiting.next(&mut self.receiver, deadline) {
                Next::Message(message) => self.serve(message, &mut closing),
                Next::Deadline => {
                    if let Err(error) = self.checkpoint() {
                        self.reopen(&error, &mut closing);
                    }
                }
                Next::End => break,
            }
        }
        self.receiver.close();
        self.end();
        if let Some(closing) = closing {
            let _ = closing.send(());
        }
    }

    fn serve(&mut self, first: Message, closing: &mut Option<oneshot::Sender<()>>) {
        let gathered = self.gather(first);
        *closing = gathered.closing;
        let settled = self.settle(gathered.operations);
        let is_due = self.is_checkpoint_due();
        let result = settled.and_then(|()| match gathered.shows.is_empty() {
            _ if is_due => self.checkpoint(),
            true => Ok(()),
            false => self.show(),
        });
        for show in gathered.shows {
            let _ = show.send(result.clone());
        }
        if let Err(error) = &result {
            self.reopen(error, closing);
        }
        if let Some((quiet, answer)) = gathered.compacting {
            let result = self.compact(quiet);
            if let Err(error) = &result {
                self.reopen(error, closing);
            }
            let _ = answer.send(result);
        }
    }

    fn gather(&mut self, first: Message) -> Gathered {
        let mut gathered = Gathered::default();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Run(operation) => gathered.operations.push(operation),
                Message::Show(answer) => gathered.shows.push(answer),
                Message::Compact { quiet, answer } => {
                    gathered.compacting = Some((quiet, answer));
                    break;
                }
                Message::Close(done) => {
                    gathered.closing = Some(done);
                    break;
                }
            }
            next = (gathered.operations.len() < BATCH)
                .then(|| self.receiver.try_recv().ok())
                .flatten();
        }
        gathered
    }

    /// Does all of it and has it written down, then answers everybody. On an error everybody is told of it.
    fn settle(&mut self, batch: Vec<Operation>) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut works = Vec::with_capacity(batch.len());
        let mut fails = Vec::with_capacity(batch.len());
        for operation in batch {
            works.push(operation.work);
            fails.push(operation.fail);
        }
        let (mut works, mut fails) = (works.into_iter(), fails.into_iter());
        while works.len() > 0 {
            match self.transact(&mut works) {
                Ok((finishes, notes)) => {
                    for (finish, _done) in finishes.into_iter().zip(fails.by_ref()) {
                        finish();
                    }
                    self.announce(&notes);
                }
                Err(error) => {
                    let error = self.fail(&error);
                    for fail in fails {
                        fail(error.clone());
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// What became of an error, for those who wait and for those who watch.
    fn fail(&mut self, error: &redb::Error) -> StoreError {
        self.suspicion.hear(error);
        self.written = Instant::now();
        let cause: Arc<str> = error.to_string().into();
        self.trouble.send_replace(Some(Arc::clone(&cause)));
        StoreError::Disk(cause)
    }

    /// Does the next of it, as much as goes into one record.
    fn transact(
        &mut self,
        works: &mut IntoIter<Work>,
    ) -> Result<(Vec<Finish>, Notes), redb::Error> {
        let mut transaction = match self.transaction.take() {
            Some(transaction) => transaction,
            None => Transaction::begin(&*self.open_database()?)?,
        };
        let mut finishes = Vec::with_capacity(works.len());
        for work in works.by_ref() {
            finishes.push(work(&transaction)?);
            if transaction.changes() >= RECORD_BYTES {
                break;
            }
        }
        let notes = transaction.take(&mut self.record);
        notes.before_commit();
        let is_changed = !self.record.is_empty();
        if is_changed {
            let begun = Instant::now();
            let journal = self.journal.as_mut().ok_or_else(gone)?;
            journal.append(&mut self.record)?;
            self.timings.committed(begun.elapsed(), finishes.len());
            self.record.clear(RECORD_MEMORY);
            self.visibility.settle();
        }
        notes.after_commit();
        if notes.touched.get() {
            self.written = Instant::now();
        }
        // One that has nothing in it holds up nothing.
        self.transaction = self.is_behind().then_some(transaction);
        // An operation that changes nothing succeeds on a full disk as well: only what was written down shows that it works again.
        if is_changed && self.trouble.borrow().is_some() {
            self.trouble.send_replace(None);
        }
        // Before the answers: who has one may ask for what there is up to here, and for what can be taken now.
        if let Some(newest) = notes.newest.get() {
            self.newest.send_replace(newest);
        }
        if notes.ready.get() {
            self.ready.send_modify(|changes| *changes += 1);
        }
        if notes.due.get() {
            self.due.send_modify(|changes| *changes += 1);
        }
        Ok((finishes, notes))
    }

    /// After the answers: who sends waits for one, who watches what becomes of it does not.
    fn announce(&self, notes: &Notes) {
        if notes.outbox.get() {
            self.outbox.send_modify(|changes| *changes += 1);
        }
        for change in notes.stages.take() {
            // Nobody listens: nobody misses it.
            let _ = self.stages.send(change);
        }
    }

    /// Whether something was written down that the file does not have for good.
    fn is_behind(&self) -> bool {
        self.journal
            .as_ref()
            .is_some_and(|journal| journal.behind() > 0)
    }

    fn is_checkpoint_due(&self) -> bool {
        let journal = self.journal.as_ref();
        journal.is_some_and(Journal::is_checkpoint_due)
            || (self.is_behind() && self.written.elapsed() >= QUIET)
    }

    fn open_database(&self) -> Result<Arc<Database>, redb::Error> {
        self.database.current().ok_or_else(gone)
    }

    /// Has those who begin to read see all that was written down.
    fn show(&mut self) -> Result<(), StoreError> {
        if let Some(transaction) = self.transaction.take() {
            let shown = mrp_journal::show(transaction.into_inner());
            shown.map_err(|error| self.fail(&error))?;
        }
        self.visibility.show();
        Ok(())
    }

    /// Brings the file up to date.
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.try_checkpoint().map_err(|error| self.fail(&error))
    }

    fn try_checkpoint(&mut self) -> Result<(), redb::Error> {
        if !self.is_behind() {
            self.transaction = None;
            return Ok(());
        }
        let tables = match self.transaction.take() {
            Some(transaction) => transaction.into_inner(),
            None => self.open_database()?.begin_write()?,
        };
        crash_point!("store.before-checkpoint");
        let journal = self.journal.as_mut().ok_or_else(gone)?;
        journal.checkpoint(tables)?;
        crash_point!("store.checkpointed");
        self.visibility.show();
        Ok(())
    }

    /// Leaves the file whole, if it can: otherwise the journal has what it lacks.
    fn end(&mut self) {
        if let Err(error) = self.checkpoint() {
            tracing::error!(%error, "the store could not be brought up to date; the next start does it");
        }
        self.transaction = None;
        if let Some(Err(error)) = self.journal.take().map(Journal::close) {
            tracing::warn!(%error, "the journal of the store could not be removed");
        }
        self.database.replace(None);
    }

    /// Closes the store and opens it until that works, or until the daemon goes.
    fn reopen(&mut self, error: &StoreError, closing: &mut Option<oneshot::Sender<()>>) {
        tracing::error!(%error, "closing the store, to open it anew");
        // What was answered is in the journal.
        self.transaction = None;
        self.journal = None;
        self.record = Record::default();
        // Readers are short, and none can begin any more: the last one of them lets go of the file.
        self.database.replace(None);
        let mut pause = REOPEN.0;
        while closing.is_none() {
            match open_database(&self.path) {
                Ok(Opened { database, journal }) => {
                    let newest = schema::newest(&database);
                    self.journal = Some(journal);
                    self.visibility.show();
                    self.database.replace(Some(Arc::new(database)));
                    // What the failed operations may have brought is visible now.
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
                let reason = || {
                    let reason = self.trouble.borrow().clone();
                    StoreError::Disk(reason.unwrap_or_default())
                };
                match message {
                    Message::Run(operation) => (operation.fail)(reason()),
                    Message::Show(answer) => {
                        let _ = answer.send(Err(reason()));
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

/// The store was closed over an error, and not opened again before the daemon went.
fn gone() -> redb::Error {
    redb::Error::DatabaseClosed
}
