//! How full the writer's queue is, and whether the writer lives.

use super::failure::Stop;
use super::queue::Admission;
use super::{Store, StoreError};
use std::sync::atomic::Ordering;

impl Store {
    /// How much of the queue for sends is taken, in percent; of operations or of bytes, whichever is more.
    pub fn queue_fill(&self) -> usize {
        let (waiting, limits) = (&self.shared().waiting, self.0.queue.limits);
        let part = |actual: usize, limit: usize| actual.saturating_mul(100) / limit.max(1);
        let operations = waiting.operations.load(Ordering::Relaxed);
        let bytes = waiting.bytes.load(Ordering::Relaxed);
        part(operations, limits.operations).max(part(bytes, limits.bytes))
    }

    /// Has the writer do nothing, to see that it can. Nothing is committed for this alone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ping_writer(&self) -> Result<(), StoreError> {
        enum Nothing {
            Done,
            Failed(StoreError),
        }
        impl From<StoreError> for Nothing {
            fn from(error: StoreError) -> Self {
                Self::Failed(error)
            }
        }
        // A refusal leaves nothing to commit.
        let nothing = |_: &mut super::Tables<'_>| Err::<(), _>(Stop::Refused(Nothing::Done));
        match self.write(Admission::Other, nothing).await {
            Ok(()) | Err(Nothing::Done) => Ok(()),
            Err(Nothing::Failed(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Options;

    #[tokio::test]
    async fn a_ping_of_the_writer_commits_nothing_and_fails_without_one() {
        let store = Store::in_memory(Options::default()).unwrap();
        let before = store.counters().commits;
        assert_eq!(store.ping_writer().await, Ok(()));
        assert_eq!(store.counters().commits, before);
        assert_eq!(store.queue_fill(), 0);
        store.clone().close().await;
        assert_eq!(store.ping_writer().await, Err(StoreError::Unavailable));
    }

    #[tokio::test]
    async fn the_fill_is_that_of_the_scarcer_thing() {
        let store = Store::in_memory(Options::default()).unwrap();
        let waiting = &store.shared().waiting;
        waiting.operations.store(2_500, Ordering::Relaxed);
        assert_eq!(store.queue_fill(), 25);
        waiting.bytes.store(128 << 20, Ordering::Relaxed);
        assert_eq!(store.queue_fill(), 50);
        waiting.operations.store(10_000, Ordering::Relaxed);
        assert_eq!(store.queue_fill(), 100);
    }
}
