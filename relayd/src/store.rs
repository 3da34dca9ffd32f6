//! Where the relay keeps what it must not forget: agents, messages, replay claims and remembered answers.
//!
//! The store speaks the domain. One operation is one whole transaction, and its answer means that the effect is on disk. One at a
//! time writes, mostly a thread that does nothing else (`pen`, `writer`); what waits for it is written to the journal together, so
//! that many senders share one write to the disk, and the database follows in larger steps. Readers have their own view of the
//! database, with everything in it that was answered before they began, and wait for nobody else. No type of the engine is seen
//! outside.
//!
//! It knows no status codes, no sockets and no clock: the time comes in with each operation. Its own time never goes back, so
//! that a clock that is set back never revives mail.

mod accept;
mod acl;
mod agents;
mod ahead;
mod answers;
mod blobs;
mod claims;
mod clock;
mod directory;
mod engine;
mod error;
mod failure;
#[cfg(test)]
mod fixture;
mod holdings;
mod import;
mod inbox;
mod ledger;
#[cfg(test)]
mod leftovers;
mod memory;
mod page;
mod pair;
mod pen;
mod pressure;
mod queue;
mod quota;
mod read;
mod recent;
mod record;
mod removal;
mod snapshot;
mod sweep;
mod tables;
mod timings;
mod webhooks;
mod writer;

pub use accept::{AcceptError, Acceptance, Replayed, Submission};
pub use acl::AclError;
pub use agents::{Activity, ActivityError, AgentLine, AgentsPage, ChangeError, NewAgents, Scheme};
pub use blobs::{
    BlobError, BlobHash, BlobLimit, BlobQuotaExceeded, BlobQuotas, BlobUpload, BlobUsage,
    OwnedBlob, ReadableBlob,
};
pub use claims::{Proof, ReplayClaim};
pub use directory::{Effort, Found, Listed, Place, Search, TagCount, words};
pub use error::{Fatal, OpenError, StoreError};
pub use holdings::{AgentHoldings, Holdings};
pub use inbox::{MarkError, Marked, Marking, Page, Poll, PollError, Room, Sequence, Stored};
pub use quota::{InboxLimit, Quotas};
pub(crate) use snapshot::{LoadError, Loaded, Snapshot, load};
pub use sweep::Swept;
pub(crate) use tables::LAYOUT;
pub(crate) use timings::Timings;
pub use webhooks::{
    Aftermath, Delivery, DueWebhook, DueWebhooks, FailedAttempt, Fault, NextDelivery, Removal,
    Ticket, WebhookSchedule,
};

use engine::{Opened, Opener, Shared, View};
use failure::{Failure, Stop};
use pen::Pen;
use queue::{Admission, Command, Queue};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tables::{META, Tables, meta};
use tokio::runtime;
use tokio::sync::oneshot;
use writer::Writer;

/// How long the database may fail to open again before the store gives up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

/// How much may wait for the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Sends that wait, at most. Other operations, which free room, may wait in twice that number.
    pub operations: usize,
    /// Bytes of waiting messages, at most.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            operations: 10_000,
            bytes: 256 << 20,
        }
    }
}

/// How a store is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Memory for pages of the database. The engine takes about twice as much in all.
    pub cache_bytes: usize,
    /// Memory for messages that came lately for agents that are connected.
    pub recent_bytes: usize,
    /// How much may wait for the writer.
    pub queue: QueueLimits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 32 << 20,
            recent_bytes: 16 << 20,
            queue: QueueLimits::default(),
        }
    }
}

/// What the store has done since it was opened; for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Groups of operations that were written to the disk.
    pub commits: u64,
    /// Operations in them.
    pub operations: u64,
    /// Times the database had to be opened again.
    pub reopened: u64,
    /// Operations that wait now.
    pub waiting: usize,
    /// Bytes of the messages among them.
    pub waiting_bytes: usize,
}

/// The store. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Store(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    queue: Queue,
}

impl Store {
    /// Opens the database, or makes it, and starts the writer. Blocks while an unclean end is repaired. A new one has its name on the
    /// disk before the first operation is answered, or a tenth of a second later; until then it is nothing that a start would find.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        let timings = Timings::default();
        let opener = engine::file_opener(path.to_owned(), options.cache_bytes, &timings);
        Self::start_timed(opener, path, options, GIVE_UP_AFTER, timings)
    }

    /// A store in memory, for tests.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn in_memory(options: Options) -> Result<Self, OpenError> {
        let opener = engine::memory_opener(options.cache_bytes);
        Self::start(opener, Path::new("(in memory)"), options, GIVE_UP_AFTER)
    }

    fn start(
        opener: Opener,
        path: &Path,
        options: Options,
        give_up_after: Duration,
    ) -> Result<Self, OpenError> {
        Self::start_timed(opener, path, options, give_up_after, Timings::default())
    }

    fn start_timed(
        opener: Opener,
        path: &Path,
        options: Options,
        give_up_after: Duration,
        timings: Timings,
    ) -> Result<Self, OpenError> {
        let Opened {
            database,
            unsettled,
            journal,
            written,
        } = engine::open(&opener, path)?;
        // Without a journal readers see a group as soon as it is answered.
        let recent_bytes = journal.as_ref().map_or(0, |_| options.recent_bytes);
        let shared = Arc::new(Shared::new(database, written, recent_bytes, timings));
        directory::load(&shared).map_err(|error| cannot_start(path, &error))?;
        // While one of them writes, another has to be there to serve.
        let workers = runtime::Handle::try_current().ok();
        let workers = workers.filter(|runtime| runtime.metrics().num_workers() > 1);
        let pen = Pen::new(Arc::clone(&shared), unsettled, journal, workers.is_some());
        let pen = Arc::new(Mutex::new(pen));
        let (commands, incoming) = mpsc::channel();
        let writer = Writer::new(
            Arc::clone(&shared),
            Arc::clone(&pen),
            incoming,
            opener,
            path.to_owned(),
            give_up_after,
            workers,
        );
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| cannot_start(path, &error))?;
        let queue = Queue {
            commands,
            limits: options.queue,
            pen,
        };
        Ok(Self(Arc::new(Handle { shared, queue })))
    }

    /// Ends the writer after what waits, and closes the database. Operations of other handles fail from then on.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        if self.0.queue.commands.send(Command::Close(done)).is_ok() {
            // The writer drops the other end only when it is gone, which is as good.
            let _ = closed.await;
        }
    }

    /// Waits until the store gives up: it cannot open its database again, or its writer is gone. A store that was closed never
    /// does.
    pub async fn failed(&self) -> Fatal {
        let mut fatal = self.0.shared.fatal.subscribe();
        let given_up = fatal.wait_for(Option::is_some).await;
        match given_up.ok().and_then(|fatal| fatal.clone()) {
            Some(fatal) => fatal,
            None => std::future::pending().await,
        }
    }

    /// Has a new database on disk, and the journal ready, if that was not done yet.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it cannot be.
    pub(crate) async fn settle(&self) -> Result<(), StoreError> {
        self.have_shown().await
    }

    /// Reads a record, to see that the store can.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|view| {
            let meta = view.transaction.open_table(META)?;
            let layout = meta.get(meta::LAYOUT)?;
            layout
                .map(|_| ())
                .ok_or_else(|| Failure::corrupt("no layout"))
        })
        .await
    }

    /// What the store has done since it was opened.
    pub fn counters(&self) -> Counters {
        self.0.shared.counters()
    }

    /// How long the store takes for what it does.
    pub(crate) fn timings(&self) -> &Timings {
        &self.0.shared.timings
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Has an operation carried out; the answer comes after the commit. `work` checks everything before it changes
    /// anything, and may be called again if the transaction was dropped.
    async fn write<T, E, F>(&self, admission: Admission, work: F) -> Result<T, E>
    where
        F: Fn(&mut Tables<'_>) -> Result<T, Stop<E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let answer = self.0.queue.submit(&self.0.shared, admission, work)?;
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable.into()))
    }

    /// Waits until readers see everything that was answered before.
    async fn show(&self) -> Result<(), StoreError> {
        if self.0.shared.visible.is_whole() {
            return Ok(());
        }
        self.have_shown().await
    }

    /// Waits until the writer has come to the end of what it was told before this.
    async fn have_shown(&self) -> Result<(), StoreError> {
        self.0.shared.database()?;
        let (done, shown) = oneshot::channel();
        // A writer that is gone, or has lost its database, drops the other end.
        let _ = self.0.queue.commands.send(Command::Show(done));
        shown.await.map_err(|_| StoreError::Unavailable)
    }

    /// Reads everything that was answered before, on a thread that may block.
    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&View<'_>) -> Result<T, Failure> + Send + 'static,
        T: Send + 'static,
    {
        let shared = Arc::clone(&self.0.shared);
        let permit = Arc::clone(&shared.readers).acquire_owned().await;
        self.show().await?;
        let generation = shared.generation.load(Ordering::Relaxed);
        let reading = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let database = shared.database().map_err(Failure::Refused)?;
            work(&View::of(&shared, &database)?)
        });
        match reading.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(failure)) => {
                if let Failure::Engine(error) = &failure {
                    tracing::error!(%error, "a read failed");
                    let suspect = Command::Suspect { generation };
                    // Without a writer there is nobody to tell.
                    let _ = self.0.queue.commands.send(suspect);
                }
                Err(failure.to_error())
            }
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(StoreError::Unavailable),
            },
        }
    }
}

fn cannot_start(path: &Path, error: &std::io::Error) -> OpenError {
    OpenError::Failed {
        path: path.to_owned(),
        cause: format!("cannot start its thread: {error}"),
    }
}
