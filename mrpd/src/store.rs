//! Inbox, outbox, cursors and what is remembered about peers: one file that only the daemon opens.
//!
//! One operation is one whole transaction, as far as its caller can tell; a single writer thread has what waits written down in a
//! [journal](mrp_journal), so that many operations share one sync of the disk. An operation has happened when its answer comes, and
//! not before. The file itself is brought up to date in larger steps, and when nobody writes; whoever reads sees all that was answered
//! before.
//!
//! After an error of the disk the file is closed and opened anew until that works; meanwhile every operation is answered with
//! [`StoreError`]. Whether the operations of a failed commit happened is unknown until then, so whoever gets the error repeats
//! what can be repeated.
//!
//! The store knows no relay and no status code.

mod backup;
mod claims;
mod copy;
mod cursors;
mod dead;
mod downloads;
mod entry;
mod examine;
mod fanout;
mod files;
mod held;
mod hooks;
mod import;
mod inbox;
mod index;
mod lock;
mod open;
mod outbox;
mod peers;
mod read;
mod record;
mod recover;
mod restore;
mod retention;
mod schema;
mod select;
mod standing;
mod threads;
mod timed;
mod timings;
mod topics;
mod tracks;
mod transaction;
mod upgrade;
mod writer;

pub use backup::{BackupError, Existing};
pub use claims::{Settled, Settlement, Target};
pub use copy::From as ReadFrom;
pub use downloads::Due;
pub use examine::{Depth, Fault, check, salvage};
pub use fanout::{Fanned, FanoutPart, FanoutRecord, Once};
pub use files::Reserved;
pub use held::{HeldBy, HeldPage};
pub use hooks::{DeadJob, HookJob, HookLogEntry, HookRecord, JobEnd, LogPage, Matched, RunEnd};
pub use import::Imported;
pub use inbox::{Copies, Counts, Incoming, Stored};
pub use index::{Field, Order};
pub use lock::{Lock, LockError, Mark};
pub use outbox::{Accepted, Enqueued, Failure, Pending, Progress, SendKey};
pub use peers::ContactExtras;
pub use record::{
    Download, FileRecord, HeldFor, MessageRecord, OutboxRecord, OutboxStage, OutgoingFile, Track,
    UploadRecord,
};
pub use recover::{
    CHECK_COMMAND, DAMAGED, LastEnd, RecoverError, SALVAGE_COMMAND, journals_set_aside,
    set_aside_before, set_aside_if_damaged,
};
pub use restore::{RestoreError, restore};
pub use retention::{Compaction, Expendable, Pruned, Unread};
pub use select::{Page, Selection};
pub use standing::Standing;
pub use threads::Thread;
pub use timed::{ExpectRecord, ScheduleRecord};
pub use topics::{Subscribed, SubscriberRecord, SubscriptionRecord};
pub use tracks::StageChange;

use crate::metrics::Metrics;
use examine::Suspicion;
use mrp_journal::{Record, Visibility};
use open::{Opened, engine, open_database};
use redb::{Database, ReadTransaction, ReadableDatabase as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use timings::Timings;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use transaction::Transaction;
use writer::{Message as WriterMessage, Operation, Writer};

/// Operations that may wait for the writer.
const QUEUE: usize = 256;

/// Stages that a slow listener may be behind; then it misses the oldest.
const STAGES_BEHIND: usize = 1024;

/// Memory that the store may keep pages in.
const CACHE_BYTES: usize = 16 << 20;

/// Bytes that must fit for the disk to count as having room again.
const ROOM_BYTES: usize = 256 << 10;

/// Why an operation did not happen, or why nobody knows whether it did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full or failing.
    #[error(
        "the store cannot be used: {0}; free space or repair the disk, mrpd goes on by itself then"
    )]
    Disk(Arc<str>),
    /// The daemon is going away.
    #[error("the store is closed, since the daemon is going away")]
    Closed,
}

/// Why the store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened or made.
    #[error("the store {} cannot be opened: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file is no store, or damaged beyond what the engine repairs.
    #[error("the store {} cannot be used: {cause}; move it away to begin anew, or restore a backup", path.display())]
    Engine {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: Box<redb::Error>,
    },
    /// The journal beside it cannot be used.
    #[error("the journal of the store cannot be used: {0}")]
    Journal(#[from] mrp_journal::OpenError),
    /// A later version wrote the file.
    #[error("the store {} has version {found}, this mrpd reads up to {known}; use the newer mrpd", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The version of this program.
        known: u64,
    },
}

/// The open store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    writer: mpsc::Sender<WriterMessage>,
    database: SharedDatabase,
    visibility: Visibility,
    newest: watch::Receiver<u64>,
    outbox: watch::Receiver<u64>,
    ready: watch::Receiver<u64>,
    due: watch::Receiver<u64>,
    trouble: watch::Receiver<Option<Arc<str>>>,
    path: Arc<Path>,
    timings: Timings,
    suspicion: Suspicion,
    stages: broadcast::Sender<StageChange>,
}

/// The database, taken away while it is being opened anew.
#[derive(Debug, Clone)]
pub(crate) struct SharedDatabase(Arc<RwLock<Option<Arc<Database>>>>);

impl SharedDatabase {
    fn current(&self) -> Option<Arc<Database>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn replace(&self, database: Option<Arc<Database>>) -> Option<Arc<Database>> {
        let mut slot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *slot, database)
    }

    /// Does something with the database that nobody else may use meanwhile: others wait. `None` if those who use it do not let go
    /// of it within `patience`.
    pub(crate) fn alone<T>(
        &self,
        patience: Duration,
        work: impl FnOnce(&mut Database) -> T,
    ) -> Option<T> {
        const TICK: Duration = Duration::from_millis(1);
        let mut slot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let end = Instant::now() + patience;
        loop {
            if let Some(database) = Arc::get_mut(slot.as_mut()?) {
                return Some(work(database));
            }
            if Instant::now() >= end {
                return None;
            }
            std::thread::sleep(TICK);
        }
    }
}

impl Store {
    /// Opens the file, making it if it is not there.
    ///
    /// # Errors
    /// An [`OpenError`], which says what to do.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let Opened { database, journal } = open_database(path)?;
        let newest = schema::newest(&database).map_err(|cause| engine(path, cause))?;
        let (newest_sender, newest) = watch::channel(newest);
        let (outbox_sender, outbox) = watch::channel(0);
        let (ready_sender, ready) = watch::channel(0);
        let (due_sender, due) = watch::channel(0);
        let (trouble_sender, trouble) = watch::channel(None);
        let stages = broadcast::channel(STAGES_BEHIND).0;
        let (sender, receiver) = mpsc::channel(QUEUE);
        let timings = Timings::default();
        let suspicion = Suspicion::default();
        let shared = SharedDatabase(Arc::new(RwLock::new(Some(Arc::new(database)))));
        let visibility = Visibility::default();
        let writer = Writer {
            path: path.to_path_buf(),
            database: shared.clone(),
            journal: Some(journal),
            transaction: None,
            record: Record::default(),
            visibility: visibility.clone(),
            receiver,
            newest: newest_sender,
            outbox: outbox_sender,
            ready: ready_sender,
            due: due_sender,
            written: Instant::now(),
            trouble: trouble_sender,
            timings: timings.clone(),
            suspicion: suspicion.clone(),
            stages: stages.clone(),
        };
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run())
            .map_err(|cause| OpenError::Io {
                path: path.to_path_buf(),
                cause,
            })?;
        Ok(Self {
            writer: sender,
            database: shared,
            visibility,
            newest,
            outbox,
            ready,
            due,
            trouble,
            path: path.into(),
            timings,
            suspicion,
            stages,
        })
    }

    /// The newest `seq`, and a way to wait for newer ones.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.clone()
    }

    /// Changes whenever something in the outbox has changed.
    pub fn outbox_changes(&self) -> watch::Receiver<u64> {
        self.outbox.clone()
    }

    /// What goes out and comes further, from now on.
    pub fn stages(&self) -> broadcast::Receiver<StageChange> {
        self.stages.subscribe()
    }

    /// What is wrong with the disk at the moment.
    pub fn trouble(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.trouble.clone()
    }

    /// Whether damage was met since the store was opened: it is to be looked at as a whole before it is used again.
    pub fn has_met_damage(&self) -> bool {
        self.suspicion.is_raised()
    }

    /// Has damage that is met leave a mark for the next start, as it is met.
    pub fn mark_damage(&self, mark: Mark) {
        self.suspicion.leave(mark);
    }

    /// The file's size in bytes.
    ///
    /// # Errors
    /// What the system says.
    pub fn size(&self) -> io::Result<u64> {
        Ok(self.path.metadata()?.len())
    }

    /// Has what is measured here shown among the daemon's figures.
    pub fn register_metrics(&self, metrics: &Metrics) {
        self.timings.register(metrics);
    }

    /// Finishes what was submitted, and closes the file. Later operations are answered with [`StoreError::Closed`].
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.writer.send(WriterMessage::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }

    /// Whether an operation would happen now.
    ///
    /// # Errors
    /// A [`StoreError`] if not.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.write(|_| Ok(())).await
    }

    /// Whether the disk has room for messages again: an operation that changes nothing succeeds on a full disk as well.
    ///
    /// # Errors
    /// A [`StoreError`] if not.
    pub async fn prove_room(&self) -> Result<(), StoreError> {
        const NAME: &str = "proof";
        self.write(|transaction| {
            let mut room = transaction.tables().open_table(schema::ROOM)?;
            room.insert(NAME, [0; ROOM_BYTES].as_slice())?;
            Ok(())
        })
        .await?;
        self.write(|transaction| {
            let mut room = transaction.tables().open_table(schema::ROOM)?;
            room.remove(NAME)?;
            Ok(())
        })
        .await
    }

    /// Runs an operation and waits until it is on the disk.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.submit(work).await.wait().await
    }

    /// Puts an operation into the writer's queue; it happens after all that were submitted before it.
    pub(crate) async fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction) -> Result<T, redb::Error> + Send + 'static,
    ) -> Submitted<T> {
        let (operation, answer) = Operation::new(work);
        // A writer that is gone drops the operation, and with it the sender of the answer.
        let _ = self.writer.send(WriterMessage::Run(operation)).await;
        Submitted(answer)
    }

    /// Has everything seen that was answered before, by whoever begins to read now.
    pub(super) async fn show(&self) -> Result<(), StoreError> {
        if self.visibility.is_whole() {
            return Ok(());
        }
        let (answer, shown) = oneshot::channel();
        let _ = self.writer.send(WriterMessage::Show(answer)).await;
        shown.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Reads a consistent state, on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.show().await?;
        let database = self.database.clone();
        let suspicion = self.suspicion.clone();
        let read = move || {
            let Some(database) = database.current() else {
                return Err(StoreError::Disk("it is being opened anew".into()));
            };
            let transaction = database.begin_read().map_err(|error| disk(&error.into()))?;
            work(&transaction).map_err(|error| {
                suspicion.hear(&error);
                disk(&error)
            })
        };
        tokio::task::spawn_blocking(read)
            .await
            .unwrap_or(Err(StoreError::Closed))
    }
}

/// An operation in the writer's queue.
#[derive(Debug)]
pub struct Submitted<T>(oneshot::Receiver<Result<T, StoreError>>);

impl<T> Submitted<T> {
    /// Waits until it is on the disk.
    ///
    /// # Errors
    /// A [`StoreError`] if it did not happen, or nobody knows.
    pub async fn wait(self) -> Result<T, StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Closed))
    }
}

fn disk(error: &redb::Error) -> StoreError {
    StoreError::Disk(error.to_string().into())
}

/// The layout's version, if the file has one.
fn layout_version(database: &Database) -> Result<Option<u64>, redb::Error> {
    let transaction = database.begin_read()?;
    match transaction.open_table(schema::META) {
        Ok(meta) => Ok(meta.get(schema::SCHEMA)?.map(|value| value.value())),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
