//! What waits for the writer: operations, each with the way back to who asked for it, bounded in number and bytes.

use super::engine::Shared;
use super::failure::{Failure, Stop};
use super::pen::{self, Pen};
use super::tables::Tables;
use super::{QueueLimits, StoreError};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use tokio::sync::oneshot;

/// Something for the writer to do.
pub(super) enum Command {
    Run(Box<dyn Operation>),
    /// Have readers see what is on disk, and say so.
    Show(oneshot::Sender<()>),
    /// Somebody else writes, or has written: see what that leaves to do.
    LookAtPen,
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
    pub(super) pen: Arc<Mutex<Pen>>,
}

/// What an operation asks of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// A send of this size. Its sender has no other under way if it `is_alone`.
    Send { bytes: usize, is_alone: bool },
    /// Anything else: it frees room rather than taking it, so it is refused later.
    Other,
}

impl Queue {
    /// Puts an operation in, if there is room. Where nobody else writes, a send is carried out before this returns.
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
        let (bytes, is_alone, most) = match admission {
            Admission::Send { bytes, is_alone } => (bytes, is_alone, self.limits.operations),
            Admission::Other => (0, false, self.limits.operations.saturating_mul(2)),
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
        let operation: Box<dyn Operation> = Box::new(job);
        let operation = if is_alone && operations == 0 {
            pen::write_at_once(&self.pen, &self.commands, operation)
        } else {
            Some(operation)
        };
        let Some(operation) = operation else {
            left(shared, bytes);
            return Ok(answer);
        };
        self.commands.send(Command::Run(operation)).map_err(|_| {
            left(shared, bytes);
            StoreError::Unavailable
        })?;
        Ok(answer)
    }
}

pub(super) fn left(shared: &Shared, bytes: usize) {
    shared.waiting.operations.fetch_sub(1, Ordering::Relaxed);
    shared.waiting.bytes.fetch_sub(bytes, Ordering::Relaxed);
}
