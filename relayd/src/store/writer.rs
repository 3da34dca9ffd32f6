//! The one thread that writes.
//!
//! It takes what waits, carries out each operation in one write transaction, commits once, and only then answers: however many
//! wait, they share one write to the disk. An operation checks everything before it writes anything, so that one that is refused
//! leaves nothing behind in the transaction it shares.
//!
//! When the disk fails, what was in hand is answered with "unknown", the database is closed and opened again.

use super::engine::{self, Opener, Shared};
use super::error::Fatal;
use super::failure::{Failure, Stop};
use super::tables::Tables;
use super::{QueueLimits, StoreError};
use redb::Durability;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Operations of one commit, at most.
const BATCH_OPERATIONS: usize = 1_000;
/// Bytes of messages of one commit, at most (and one message more).
const BATCH_BYTES: usize = 16 << 20;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long readers may take to let go of a database that is to be closed.
const READERS_LEAVE: Duration = Duration::from_secs(5);

/// Something for the writer to do.
pub(super) enum Command {
    Run(Box<dyn Operation>),
    /// A reader saw the engine fail, under this generation of the database.
    Suspect {
        generation: u64,
    },
    Close(oneshot::Sender<()>),
}

/// An operation that waits, its types hidden.
pub(super) trait Operation: Send {
    /// Bytes that it keeps waiting.
    fn bytes(&self) -> usize;
    /// Checks and carries out. A failure means that the whole transaction must be dropped; the operation may then be applied to
    /// another.
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<Effect, Failure>;
    /// Tells the caller: what [`Operation::apply`] came to, or that it came to nothing.
    fn answer(self: Box<Self>, lost: Option<StoreError>);
}

/// Whether there is something to commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Written,
    Refused,
}

/// An operation as it is made: its work, and who waits for the outcome.
struct Job<F, T, E> {
    bytes: usize,
    work: F,
    outcome: Option<Result<T, E>>,
    caller: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Operation for Job<F, T, E>
where
    F: Fn(&mut Tables<'_>) -> Result<T, Stop<E>> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<Effect, Failure> {
        let (outcome, effect) = match (self.work)(tables) {
            Ok(value) => (Ok(value), Effect::Written),
            Err(Stop::Refused(refusal)) => (Err(refusal), Effect::Refused),
            Err(Stop::Failed(Failure::Refused(error))) => (Err(error.into()), Effect::Refused),
            Err(Stop::Failed(failure)) => return Err(failure),
        };
        self.outcome = Some(outcome);
        Ok(effect)
    }

    fn answer(self: Box<Self>, lost: Option<StoreError>) {
        let outcome = match (lost, self.outcome) {
            (Some(error), _) => Err(error.into()),
            (None, Some(outcome)) => outcome,
            (None, None) => Err(StoreError::Unavailable.into()),
        };
        // Who does not wait any more does not need the answer.
        let _ = self.caller.send(outcome);
    }
}

/// The handles' end of the writer's queue.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) limits: QueueLimits,
}

/// What an operation asks of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// A send of this size.
    Send { bytes: usize },
    /// Anything else: it frees room rather than taking it, so it is refused later.
    Other,
}

impl Queue {
    /// Puts an operation in, if there is room.
    pub(super) fn submit<F, T, E>(
        &self,
        shared: &Shared,
        admission: Admission,
        work: F,
    ) -> Result<oneshot::Receiver<Result<T, E>>, StoreError>
    where
        F: Fn(&mut Tables<'_>) -> Result<T, Stop<E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        shared.database()?;
        let (bytes, most) = match admission {
            Admission::Send { bytes } => (bytes, self.limits.operations),
            Admission::Other => (0, self.limits.operations.saturating_mul(2)),
        };
        let operations = shared.waiting.operations.fetch_add(1, Ordering::Relaxed);
        let waiting = shared.waiting.bytes.fetch_add(bytes, Ordering::Relaxed);
        if operations >= most || (bytes > 0 && waiting + bytes > self.limits.bytes) {
            left(shared, bytes);
            return Err(StoreError::Overloaded);
        }
        let (caller, answer) = oneshot::channel();
        let job = Job {
            bytes,
            work,
            outcome: None,
            caller,
        };
        self.commands
            .send(Command::Run(Box::new(job)))
            .map_err(|_| {
                left(shared, bytes);
                StoreError::Unavailable
            })?;
        Ok(answer)
    }
}

fn left(shared: &Shared, bytes: usize) {
    shared.waiting.operations.fetch_sub(1, Ordering::Relaxed);
    shared.waiting.bytes.fetch_sub(bytes, Ordering::Relaxed);
}

/// The writer's own state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    commands: mpsc::Receiver<Command>,
    opener: Opener,
    /// For messages.
    path: PathBuf,
    /// How long the database may fail to open again.
    give_up_after: Duration,
    /// A command that was taken from the queue and not looked at yet.
    next: Option<Command>,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        commands: mpsc::Receiver<Command>,
        opener: Opener,
        path: PathBuf,
        give_up_after: Duration,
    ) -> Self {
        Self {
            shared,
            commands,
            opener,
            path,
            give_up_after,
            next: None,
        }
    }

    /// Runs until the store is closed or its last handle is dropped.
    pub(super) fn run(mut self) {
        let _alarm = PanicAlarm(Arc::clone(&self.shared));
        while let Some(command) = self.next.take().or_else(|| self.commands.recv().ok()) {
            match command {
                Command::Run(operation) => {
                    let batch = self.gather(operation);
                    self.commit(batch);
                }
                Command::Suspect { generation } => {
                    if generation == self.shared.generation.load(Ordering::Relaxed) {
                        self.recover("a reader could not read");
                    }
                }
                Command::Close(done) => {
                    self.release_database();
                    let _ = done.send(());
                    return;
                }
            }
        }
    }

    /// What waits, up to a batch.
    fn gather(&mut self, first: Box<dyn Operation>) -> Vec<Box<dyn Operation>> {
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

    fn commit(&mut self, mut batch: Vec<Box<dyn Operation>>) {
        while !batch.is_empty() {
            match transact(&self.shared, &mut batch) {
                Ok(()) => {
                    let operations = batch.len() as u64;
                    self.shared
                        .operations
                        .fetch_add(operations, Ordering::Relaxed);
                    batch.drain(..).for_each(|operation| operation.answer(None));
                }
                // One met a damaged record: the others have nothing to do with that.
                Err(Lost::One { position, failure }) => {
                    tracing::error!(%failure, "an operation cannot be carried out");
                    batch.remove(position).answer(Some(failure.to_error()));
                }
                Err(Lost::All(failure)) => {
                    tracing::error!(%failure, operations = batch.len(), "a transaction was lost");
                    for operation in batch.drain(..) {
                        operation.answer(Some(StoreError::Unavailable));
                    }
                    self.recover(&failure.to_string());
                }
            }
        }
    }

    /// Closes the database and opens it again, with pauses that grow. Gives up at last, or when it is to be closed anyway.
    fn recover(&mut self, cause: &str) {
        tracing::error!(cause, "the database is closed and opened again");
        self.release_database();
        self.turn_away();
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        while self.next.is_none() {
            match engine::open(&self.opener, &self.path) {
                Ok(opened) => {
                    self.shared.clock.observe(opened.time);
                    self.shared.generation.fetch_add(1, Ordering::Relaxed);
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
    fn release_database(&self) {
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
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Run(operation) => {
                    left(&self.shared, operation.bytes());
                    operation.answer(Some(StoreError::Unavailable));
                }
                Command::Suspect { .. } => {}
                close @ Command::Close(_) => {
                    self.next = Some(close);
                    return;
                }
            }
        }
    }
}

/// Why a transaction came to nothing.
enum Lost {
    /// For one operation's sake: the others may be tried without it.
    One { position: usize, failure: Failure },
    /// The engine failed, perhaps in the commit: what became of it is not known.
    All(Failure),
}

impl<E: Into<Failure>> From<E> for Lost {
    fn from(error: E) -> Self {
        Self::All(error.into())
    }
}

fn transact(shared: &Shared, batch: &mut [Box<dyn Operation>]) -> Result<(), Lost> {
    let database = shared.database().map_err(Failure::Refused)?;
    let mut transaction = database.begin_write()?;
    transaction
        .set_durability(Durability::Immediate)
        .map_err(redb::Error::from)?;
    let mut tables = Tables::open(&transaction, &shared.clock)?;
    let mut effect = Effect::Refused;
    for (position, operation) in batch.iter_mut().enumerate() {
        match operation.apply(&mut tables) {
            Ok(Effect::Refused) => {}
            Ok(Effect::Written) => effect = Effect::Written,
            Err(failure @ Failure::Engine(_)) => return Err(Lost::All(failure)),
            Err(failure) => return Err(Lost::One { position, failure }),
        }
    }
    if effect == Effect::Refused {
        return Ok(());
    }
    let with_webhooks = tables.webhooks.is_open();
    let noted = tables.flush()?;
    noted.moves.note_active(&shared.recency);
    let begun = Instant::now();
    transaction.commit()?;
    shared.timings.commit.observe(begun.elapsed());
    shared.timings.batch.observe_count(batch.len());
    noted.moves.note_gone(&shared.recency);
    shared.commits.fetch_add(1, Ordering::Relaxed);
    if with_webhooks {
        shared.webhook_hint.notify_one();
    }
    for (agent, active) in noted.agents {
        match active {
            Some(active) => shared.agents.note(agent, active),
            None => shared.agents.forget(&agent),
        }
    }
    Ok(())
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
mod tests {
    use super::super::fixture::*;
    use super::super::{AcceptError, Options, Store};
    use super::*;
    use std::path::Path;

    /// Keeps the writer inside an operation until the answer is dropped.
    async fn hold(store: &Store) -> mpsc::Sender<()> {
        let (release, held) = mpsc::channel::<()>();
        let (entered, inside) = oneshot::channel();
        let gate = std::sync::Mutex::new((held, Some(entered)));
        let store = store.clone();
        tokio::spawn(async move {
            let hold = store.write::<_, StoreError, _>(Admission::Other, move |_| {
                let mut gate = gate.lock().unwrap();
                gate.1.take().map(|entered| entered.send(()));
                let _ = gate.0.recv();
                Ok(())
            });
            hold.await
        });
        inside.await.unwrap();
        release
    }

    #[tokio::test]
    async fn many_senders_share_a_commit() {
        let store = empty_store();
        let before = store.counters().commits;
        let release = hold(&store).await;
        let senders: Vec<_> = (0..64)
            .map(|number| {
                let submission = send(agent(number), agent(99), "1", at(0));
                let store = store.clone();
                tokio::spawn(async move { store.accept_message(submission).await })
            })
            .collect();
        wait_until(|| store.counters().waiting == 64).await;
        drop(release);
        for sender in senders {
            sender.await.unwrap().unwrap();
        }
        assert_eq!(store.counters().commits - before, 2);
        assert_eq!(waiting(&store, agent(99), at(0)).await.len(), 64);
    }

    async fn wait_until(condition: impl Fn() -> bool) {
        let waiting = async {
            while !condition() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_full_queue_refuses_sends_first() {
        let options = Options {
            queue: QueueLimits {
                operations: 2,
                bytes: 200,
            },
            ..Options::default()
        };
        let store = Store::in_memory(options).unwrap();
        let release = hold(&store).await;
        let submit = |body: &str| {
            let (store, submission) = (store.clone(), send(agent(1), agent(2), body, at(0)));
            tokio::spawn(async move { store.accept_message(submission).await })
        };
        let overloaded = Err(AcceptError::Store(StoreError::Overloaded));
        let large = submit(&format!("\"{}\"", "x".repeat(200)));
        assert_eq!(large.await.unwrap(), overloaded);
        let first = submit("1");
        wait_until(|| store.counters().waiting == 1).await;
        let second = submit("2");
        wait_until(|| store.counters().waiting == 2).await;
        assert_eq!(submit("3").await.unwrap(), overloaded);
        // Other operations still have room, up to twice as many.
        let sweeps: Vec<_> = (0..3)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.sweep(at(0), 1).await })
            })
            .collect();
        wait_until(|| sweeps.iter().any(tokio::task::JoinHandle::is_finished)).await;
        assert_eq!(store.counters().waiting, 4);
        drop(release);
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
        let mut refused = 0;
        for sweep in sweeps {
            refused += usize::from(sweep.await.unwrap() == Err(StoreError::Overloaded));
        }
        assert_eq!(refused, 1);
        assert_eq!(store.counters().waiting, 0);
    }

    fn on(disk: &Disk) -> Store {
        let patience = Duration::from_secs(30);
        let limits = QueueLimits::default();
        Store::start(disk.opener(), Path::new("disk"), limits, patience).unwrap()
    }

    #[tokio::test]
    async fn a_store_that_cannot_come_back_says_so() {
        let disk = Disk::default();
        let limits = QueueLimits::default();
        let store = Store::start(disk.opener(), Path::new("disk"), limits, Duration::ZERO).unwrap();
        disk.fail();
        let lost = store.accept_message(send(agent(1), agent(2), "1", at(0)));
        lost.await.unwrap_err();
        let fatal = store.failed().await;
        assert!(fatal.to_string().contains("fails on command"), "{fatal}");
        assert_eq!(store.ping().await, Err(StoreError::Unavailable));
    }

    #[tokio::test]
    async fn a_failing_disk_is_said_to_be_unavailable_and_comes_back() {
        let disk = Disk::default();
        let store = on(&disk);
        let send_one = async |body: &str| {
            let sending = store.accept_message(send(agent(1), agent(2), body, at(0)));
            sending.await.map(|acceptance| acceptance.sequence.0)
        };
        send_one("0").await.unwrap();
        disk.fail();
        let lost = send(agent(1), agent(2), "1", at(0));
        let claim = lost.claim.clone();
        let unavailable = AcceptError::Store(StoreError::Unavailable);
        assert_eq!(store.accept_message(lost).await.unwrap_err(), unavailable);
        assert_eq!(send_one("2").await, Err(unavailable));
        assert!(store.ping().await.is_err());
        disk.mend();
        wait_until(|| store.counters().reopened == 1).await;
        store.ping().await.unwrap();
        // The outcome was left open: it is there whole, with its claim, or not at all.
        let again = super::super::Submission {
            claim,
            ..send(agent(1), agent(2), "1", at(0))
        };
        match store.accept_message(again).await {
            Ok(_) | Err(AcceptError::Replay) => {}
            Err(error) => panic!("{error}"),
        }
        let last = send_one("3").await.unwrap();
        let waiting = waiting(&store, agent(2), at(0)).await;
        let messages: Vec<_> = waiting.into_iter().map(|stored| stored.message).collect();
        assert_eq!(bodies(&messages), ["0", "1", "3"]);
        assert_eq!(last, 3);
    }

    #[tokio::test]
    async fn a_reader_that_meets_the_failure_has_the_database_opened_again() {
        let disk = Disk::default();
        let store = on(&disk);
        let body = format!("\"{}\"", "x".repeat(1 << 20));
        let sending = store.accept_message(send(agent(1), agent(2), &body, at(0)));
        let id = sending.await.unwrap().accepted.message_id;
        store.close().await;
        let store = on(&disk);
        disk.fail();
        let reading = store.message(&id, agent(2), at(0)).await;
        assert_eq!(reading.unwrap_err(), StoreError::Unavailable);
        disk.mend();
        wait_until(|| store.counters().reopened == 1).await;
        assert!(store.message(&id, agent(2), at(0)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn one_damaged_record_concerns_nobody_else() {
        let store = empty_store();
        let damage = store.write::<_, StoreError, _>(Admission::Other, |tables| {
            tables.agents.insert(agent(7).as_bytes(), [9].as_slice())?;
            Ok(())
        });
        damage.await.unwrap();
        let (one, other) = tokio::join!(
            store.accept_message(send(agent(1), agent(7), "1", at(0))),
            store.accept_message(send(agent(1), agent(2), "1", at(0))),
        );
        let AcceptError::Store(StoreError::Corrupt(_)) = one.unwrap_err() else {
            panic!()
        };
        assert_eq!(other.unwrap().sequence.0, 1);
    }

    #[tokio::test]
    async fn closing_finishes_what_waits_and_ends_the_other_handles() {
        let store = empty_store();
        let other = store.clone();
        let sending = tokio::spawn({
            let store = store.clone();
            async move {
                store
                    .accept_message(send(agent(1), agent(2), "1", at(0)))
                    .await
            }
        });
        wait_until(|| store.counters().operations == 1).await;
        store.close().await;
        sending.await.unwrap().unwrap();
        assert_eq!(other.ping().await, Err(StoreError::Unavailable));
        let late = other.accept_message(send(agent(1), agent(2), "1", at(0)));
        let unavailable = AcceptError::Store(StoreError::Unavailable);
        assert_eq!(late.await.unwrap_err(), unavailable);
        other.close().await;
    }
}
