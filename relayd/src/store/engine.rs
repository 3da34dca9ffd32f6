//! The database itself: how it is opened, and what its users share.

use super::clock::Clock;
use super::directory::Recency;
use super::error::{Fatal, OpenError};
use super::failure::Failure;
use super::memory::ActiveAgents;
use super::recent::Recent;
use super::tables::{self, LAYOUT, Written};
use super::timings::{PutOff, TimedFile, Timings};
use super::{Counters, StoreError};
use crate::data_dir::private_file;
use crate::metrics::Histogram;
use mrp_journal::{Journal, Visibility};
use redb::{Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase as _};
use std::fs::{File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Notify, Semaphore, watch};

/// Readers at a time. More wait: each may hold a page of messages in memory.
const READERS: usize = 32;

/// How the journal is kept. What a start has to apply at most takes about a second, and a checkpoint a tenth of one, in which nobody is
/// answered. Nor is anybody while a file is filled for the first time, so files are short.
const JOURNAL: mrp_journal::Options = mrp_journal::Options {
    segment_bytes: 8 << 20,
    checkpoint_bytes: 32 << 20,
    checkpoint_rows: 256 << 10,
};

/// How the database is opened, at first and after each failure.
pub(super) struct Opener {
    open: Box<dyn Fn() -> Result<Made, DatabaseError> + Send>,
    /// The directory of the journal; a database in memory has none.
    journal: Option<PathBuf>,
}

impl Opener {
    /// Without a journal: each group of operations is a transaction of its own.
    pub(super) fn unjournaled(
        open: impl Fn() -> Result<Database, DatabaseError> + Send + 'static,
    ) -> Self {
        Self {
            open: Box::new(move || open().map(Made::from)),
            journal: None,
        }
    }

    /// With a journal in a directory.
    #[cfg(test)]
    pub(super) fn journaled(
        open: impl Fn() -> Result<Database, DatabaseError> + Send + 'static,
        directory: PathBuf,
    ) -> Self {
        Self {
            open: Box::new(move || open().map(Made::from)),
            journal: Some(directory),
        }
    }

    pub(super) fn journal(&self) -> Option<&Path> {
        self.journal.as_deref()
    }
}

/// A database that was opened, or made.
struct Made {
    database: Database,
    unsettled: Option<Unsettled>,
}

impl From<Database> for Made {
    fn from(database: Database) -> Self {
        Self {
            database,
            unsettled: None,
        }
    }
}

/// A new database that is neither on disk yet nor has its own name: nobody was promised anything that is in it. A start finds it as if
/// it had never been.
#[derive(Debug)]
pub(super) struct Unsettled {
    syncs: PutOff,
    path: PathBuf,
}

impl Unsettled {
    /// Has all of it on disk, and then gives it its name. That is on disk with the first file of the journal beside it, which comes
    /// before the first record.
    fn settle(self) -> io::Result<()> {
        let synced = self.syncs.end();
        let settled = synced.and_then(|()| std::fs::rename(made_as(&self.path), &self.path));
        settled.inspect_err(|_| discard(&self.path))
    }
}

/// Opens a file, or makes it. Only its owner may read it, from its first moment.
pub(super) fn file_opener(path: PathBuf, cache_bytes: usize, timings: &Timings) -> Opener {
    let sync = timings.sync.clone();
    let journal = Some(path.with_extension("journal"));
    let open = move || {
        let mut builder = Database::builder();
        builder.set_cache_size(cache_bytes);
        builder.set_repair_callback(|repair| {
            let done = repair.progress();
            tracing::warn!(done, "the database was not closed properly; checking it");
        });
        // A link is followed, and not replaced, wherever it leads.
        if std::fs::symlink_metadata(&path)
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            return make(&builder, &path, &sync);
        }
        // Of one that came to nothing, if this one was put back later.
        discard(&path);
        let file = private_file().create(true).truncate(false).open(&path)?;
        let file = TimedFile::new(file, &path, sync.clone())?;
        builder.create_with_backend(file).map(Made::from)
    };
    Opener {
        open: Box::new(open),
        journal,
    }
}

/// Makes a database under another name, with none of its steps on disk for certain: a start need not wait for the disk at all. What is
/// there under that name came to nothing, unless somebody has it.
fn make(builder: &Builder, path: &Path, sync: &Histogram) -> Result<Made, DatabaseError> {
    let made_as = made_as(path);
    let file = private_file()
        .create(true)
        .truncate(false)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(&made_as)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(DatabaseError::DatabaseAlreadyOpen),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    // It may have been given its name before it was locked here.
    if path.exists() || !is_named(&file, &made_as) {
        return Err(DatabaseError::DatabaseAlreadyOpen);
    }
    make_in(file, builder, path, sync).inspect_err(|_| discard(path))
}

/// What a database that is made is called until it is settled.
fn made_as(path: &Path) -> PathBuf {
    path.with_extension("redb.new")
}

/// Removes what was made for `path` and came to nothing: it would only take room. What went wrong is said in any case.
fn discard(path: &Path) {
    let _ = std::fs::remove_file(made_as(path));
}

/// Whether a path is that of an open file.
fn is_named(file: &File, path: &Path) -> bool {
    let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let named = std::fs::symlink_metadata(path).map(id);
    named.is_ok_and(|named| file.metadata().is_ok_and(|open| id(open) == named))
}

fn make_in(
    file: File,
    builder: &Builder,
    path: &Path,
    sync: &Histogram,
) -> Result<Made, DatabaseError> {
    file.set_len(0)?;
    let same = file.try_clone()?;
    let file = TimedFile::new(file, &made_as(path), sync.clone())?;
    let syncs = file.put_off_syncs(same);
    let database = builder.create_with_backend(file)?;
    tables::make(&database).map_err(io::Error::other)?;
    let unsettled = Unsettled {
        syncs,
        path: path.to_owned(),
    };
    Ok(Made {
        database,
        unsettled: Some(unsettled),
    })
}

pub(super) fn memory_opener(cache_bytes: usize) -> Opener {
    Opener::unjournaled(move || {
        Database::builder()
            .set_cache_size(cache_bytes)
            .create_with_backend(redb::backends::InMemoryBackend::new())
    })
}

/// An open database, its journal, and what it says of itself.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) database: Arc<Database>,
    /// Set until [`prepare`] has seen to it.
    pub(super) unsettled: Option<Unsettled>,
    pub(super) journal: Option<Journal>,
    pub(super) written: Written,
}

/// Opens the database, sees that it is one of ours, and brings it up to date with its journal. `path` is for messages.
pub(super) fn open(opener: &Opener, path: &Path) -> Result<Opened, OpenError> {
    let failed = |cause: String| OpenError::Failed {
        path: path.to_owned(),
        cause,
    };
    let Made {
        database,
        unsettled,
    } = match (opener.open)() {
        Ok(made) => made,
        Err(DatabaseError::DatabaseAlreadyOpen) => {
            let path = path.to_owned();
            return Err(OpenError::InUse { path });
        }
        Err(error) => return Err(failed(error.to_string())),
    };
    let found = tables::layout(&database).map_err(|failure| failed(failure.to_string()))?;
    if found > LAYOUT {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known: LAYOUT,
        });
    }
    let journal = match &opener.journal {
        Some(directory) => {
            if found == 0 {
                tables::make(&database).map_err(|failure| failed(failure.to_string()))?;
            }
            Some(open_journal(&database, directory)?)
        }
        None => None,
    };
    let written = tables::prepare(&database).map_err(|failure| failed(failure.to_string()))?;
    Ok(Opened {
        database: Arc::new(database),
        unsettled,
        journal,
        written,
    })
}

/// Has a new database settled, and its journal ready to be written: the disk is waited for here, and not at the start.
pub(super) fn prepare(
    unsettled: &mut Option<Unsettled>,
    journal: Option<&mut Journal>,
) -> Result<(), OpenError> {
    if let Some(unsettled) = unsettled.take() {
        let path = unsettled.path.clone();
        unsettled.settle().map_err(|error| OpenError::Failed {
            path,
            cause: error.to_string(),
        })?;
    }
    let prepared = journal.map_or(Ok(()), Journal::prepare);
    prepared.map_err(|error| OpenError::Journal(Box::new(error)))
}

/// As it was opened, and ready to be written.
pub(super) fn prepared(mut opened: Opened) -> Result<Opened, OpenError> {
    prepare(&mut opened.unsettled, opened.journal.as_mut())?;
    Ok(opened)
}

/// Opens the journal in `directory`; what it has beyond the database is in the database then.
pub(super) fn open_journal(database: &Database, directory: &Path) -> Result<Journal, OpenError> {
    let opened = Journal::open(database, directory, JOURNAL, tables::register);
    let (journal, applied) = opened.map_err(|error| OpenError::Journal(Box::new(error)))?;
    if applied > 0 {
        tracing::info!(records = applied, "the journal was applied to the database");
    }
    Ok(journal)
}

/// What the writer, the readers and the handles share.
#[derive(Debug)]
pub(super) struct Shared {
    /// `None` while it is being opened again, and after it was closed.
    database: RwLock<Option<Arc<Database>>>,
    /// How often it was opened again; a failure is reported with the number it was seen under.
    pub(super) generation: AtomicU64,
    pub(super) clock: Clock,
    pub(super) agents: ActiveAgents,
    pub(super) recency: Recency,
    pub(super) readers: Arc<Semaphore>,
    /// Whole copies that are being made: one at a time.
    pub(super) snapshots: Arc<Semaphore>,
    pub(super) commits: AtomicU64,
    pub(super) operations: AtomicU64,
    pub(super) visible: Visibility,
    pub(super) recent: Recent,
    pub(super) timings: Timings,
    pub(super) waiting: Waiting,
    pub(super) fatal: watch::Sender<Option<Fatal>>,
    /// Something was committed that has to do with webhooks.
    pub(super) webhook_hint: Notify,
}

/// What waits for the writer.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) operations: AtomicUsize,
    pub(super) bytes: AtomicUsize,
}

impl Shared {
    /// `recent_bytes` is what is kept of messages that came lately.
    pub(super) fn new(
        database: Arc<Database>,
        written: Written,
        recent_bytes: usize,
        timings: Timings,
    ) -> Self {
        Self {
            database: RwLock::new(Some(database)),
            generation: AtomicU64::new(0),
            clock: Clock::starting_at(written.time),
            agents: ActiveAgents::default(),
            recency: Recency::default(),
            readers: Arc::new(Semaphore::new(READERS)),
            snapshots: Arc::new(Semaphore::new(1)),
            commits: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            visible: Visibility::default(),
            recent: Recent::new(recent_bytes, written.sequence),
            timings,
            waiting: Waiting::default(),
            fatal: watch::Sender::new(None),
            webhook_hint: Notify::new(),
        }
    }

    /// The database as it is now.
    pub(super) fn database(&self) -> Result<Arc<Database>, StoreError> {
        let current = self.database.read().unwrap_or_else(PoisonError::into_inner);
        current.clone().ok_or(StoreError::Unavailable)
    }

    /// Whether a database is still the one in use: it may have been closed, or closed and opened again.
    pub(super) fn is_current(&self, database: &Arc<Database>) -> bool {
        self.database()
            .is_ok_and(|current| Arc::ptr_eq(&current, database))
    }

    pub(super) fn install(&self, database: Arc<Database>) {
        *self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(database);
    }

    /// Takes the database away from those who come from now on.
    pub(super) fn withdraw(&self) -> Option<Arc<Database>> {
        self.database
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            commits: self.commits.load(Ordering::Relaxed),
            operations: self.operations.load(Ordering::Relaxed),
            reopened: self.generation.load(Ordering::Relaxed),
            waiting: self.waiting.operations.load(Ordering::Relaxed),
            waiting_bytes: self.waiting.bytes.load(Ordering::Relaxed),
        }
    }
}

/// The last commit as a reader sees it.
pub(super) struct View<'a> {
    pub(super) shared: &'a Shared,
    pub(super) transaction: ReadTransaction,
}

impl<'a> View<'a> {
    pub(super) fn of(shared: &'a Shared, database: &Database) -> Result<Self, Failure> {
        let transaction = database.begin_read()?;
        Ok(Self {
            shared,
            transaction,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::queue::Admission;
    use super::super::{AcceptError, Options, Store, Submission};
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[tokio::test]
    async fn a_database_is_its_owners_and_one_process_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.redb");
        let store = Store::open(&path, Options::default()).unwrap();
        let is_in_use = || {
            let second = Store::open(&path, Options::default());
            assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
        };
        is_in_use();
        let first = send(agent(1), agent(2), "1", at(100));
        store.accept_message(first).await.unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        is_in_use();
        store.close().await;
        Store::open(&path, Options::default()).unwrap();
    }

    #[tokio::test]
    async fn a_newer_layout_is_not_touched() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.redb");
        let store = Store::open(&path, Options::default()).unwrap();
        let raising = store.write::<_, StoreError, _>(Admission::Other, |tables| {
            tables.meta.insert(tables::meta::LAYOUT, LAYOUT + 1)?;
            Ok(())
        });
        raising.await.unwrap();
        store.close().await;
        let error = Store::open(&path, Options::default()).unwrap_err();
        assert!(matches!(error, OpenError::Newer { .. }));
        let text = error.to_string();
        assert!(
            text.contains(&format!("layout {}", LAYOUT + 1))
                && text.contains(&format!("up to {LAYOUT}")),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_database_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.redb");
        std::fs::write(&path, "not a database, but long enough to look like one").unwrap();
        let error = Store::open(&path, Options::default()).unwrap_err();
        assert!(error.to_string().starts_with(&path.display().to_string()));
        assert!(matches!(error, OpenError::Failed { .. }));
        let missing = directory.path().join("no/relay.redb");
        let error = Store::open(&missing, Options::default()).unwrap_err();
        assert!(matches!(error, OpenError::Failed { .. }));
    }

    #[tokio::test]
    async fn what_was_not_made_to_its_end_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.redb");
        let unfinished = directory.path().join("relay.redb.new");
        std::fs::write(&unfinished, "the beginning of a database").unwrap();
        let store = Store::open(&path, Options::default()).unwrap();
        let first = send(agent(1), agent(2), "1", at(100));
        store.accept_message(first).await.unwrap();
        store.close().await;
        assert!(!unfinished.exists());
        let store = Store::open(&path, Options::default()).unwrap();
        assert_eq!(waiting(&store, agent(2), at(100)).await.len(), 1);
    }

    #[test]
    fn a_database_that_cannot_be_made_has_no_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.redb");
        // A name that cannot be taken away from what has it.
        std::fs::create_dir(directory.path().join("relay.redb.new")).unwrap();
        let error = Store::open(&path, Options::default()).unwrap_err();
        assert!(matches!(error, OpenError::Failed { .. }), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn what_cannot_be_given_its_name_takes_no_room_and_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.redb");
        let opener = file_opener(path.clone(), 1 << 20, &Timings::default());
        let opened = open(&opener, &path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(prepared(opened).is_err());
        assert!(!made_as(&path).exists());
        assert!(open(&opener, &path).is_err());
        std::fs::remove_dir(&path).unwrap();
        prepared(open(&opener, &path).unwrap()).unwrap();
        assert!(path.is_file());
    }

    #[test]
    fn a_database_that_was_given_its_name_meanwhile_is_not_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.redb");
        let opener = file_opener(path.clone(), 1 << 20, &Timings::default());
        drop(prepared(open(&opener, &path).unwrap()).unwrap());
        // As if it had not been there when it was looked for.
        let made = make(&Database::builder(), &path, &Timings::default().sync);
        assert!(matches!(made, Err(DatabaseError::DatabaseAlreadyOpen)));
        assert!(open(&opener, &path).is_ok());
    }

    #[test]
    fn a_link_to_what_is_not_there_stays_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.redb");
        std::os::unix::fs::symlink(directory.path().join("away/relay.redb"), &path).unwrap();
        let error = Store::open(&path, Options::default()).unwrap_err();
        assert!(matches!(error, OpenError::Failed { .. }), "{error}");
        assert!(path.is_symlink());
    }

    #[test]
    fn a_start_does_not_wait_for_the_disk_and_what_is_promised_does() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.redb");
        let timings = Timings::default();
        let opener = file_opener(path.clone(), 1 << 20, &timings);
        let opened = open(&opener, &path).unwrap();
        assert_eq!((timings.sync.count(), path.exists()), (0, false));
        let opened = prepared(opened).unwrap();
        assert_eq!((timings.sync.count(), path.exists()), (1, true));
        tables::make(&opened.database).unwrap();
        assert!(timings.sync.count() > 1);
    }

    #[tokio::test]
    async fn time_claims_and_order_survive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.redb");
        let store = Store::open(&path, Options::default()).unwrap();
        let first = send(agent(1), agent(2), "1", at(100));
        let claim = first.claim.clone();
        store.accept_message(first).await.unwrap();
        store.close().await;
        let store = Store::open(&path, Options::default()).unwrap();
        let replayed = Submission {
            claim,
            ..send(agent(1), agent(2), "1", at(100))
        };
        let replayed = store.accept_message(replayed).await;
        assert_eq!(replayed.unwrap_err(), AcceptError::Replay);
        assert_eq!(waiting(&store, agent(2), at(100)).await.len(), 1);
        store.sweep(at(1_100), 10).await.unwrap();
        store.close().await;
        let store = Store::open(&path, Options::default()).unwrap();
        assert!(waiting(&store, agent(2), at(200)).await.is_empty());
        let next = store.accept_message(send(agent(1), agent(2), "2", at(200)));
        let next = next.await.unwrap();
        assert_eq!(next.sequence.0, 2);
        assert_eq!(next.accepted.created_at, at(1_100));
    }
}
