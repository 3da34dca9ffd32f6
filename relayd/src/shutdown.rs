//! How a relay ends: it is told once, and then it waits until everything that it tracks is over.

use std::sync::Arc;
use tokio::sync::watch;

/// Tells tasks to end and counts those that have not.
#[derive(Debug)]
pub(crate) struct Shutdown {
    begun: watch::Sender<bool>,
    tasks: Arc<watch::Sender<usize>>,
}

/// Held by a task for as long as draining must wait for it.
#[derive(Debug)]
pub(crate) struct Tracked {
    tasks: Arc<watch::Sender<usize>>,
}

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self {
            begun: watch::Sender::new(false),
            tasks: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Tells every task to end.
    pub(crate) fn begin(&self) {
        self.begun.send_replace(true);
    }

    pub(crate) fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Waits until the relay is to end.
    pub(crate) async fn begun(&self) {
        let mut begun = self.begun.subscribe();
        // The sender lives in `self`, so this ends only with the value.
        let _ = begun.wait_for(|begun| *begun).await;
    }

    /// Makes draining wait until the returned value is dropped.
    pub(crate) fn track(&self) -> Tracked {
        self.tasks.send_modify(|tasks| *tasks += 1);
        Tracked {
            tasks: Arc::clone(&self.tasks),
        }
    }

    /// Waits until nothing is tracked.
    pub(crate) async fn drained(&self) {
        let mut tasks = self.tasks.subscribe();
        let _ = tasks.wait_for(|tasks| *tasks == 0).await;
    }

    /// How many tasks are tracked.
    pub(crate) fn tracked(&self) -> usize {
        *self.tasks.borrow()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.tasks.send_modify(|tasks| *tasks -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn draining_waits_for_the_last_task() {
        let shutdown = Shutdown::new();
        shutdown.drained().await;
        let (first, second) = (shutdown.track(), shutdown.track());
        drop(first);
        assert_eq!(shutdown.tracked(), 1);
        let waited = async {
            shutdown.drained().await;
            true
        };
        let dropped = async {
            tokio::task::yield_now().await;
            drop(second);
        };
        assert!(tokio::join!(waited, dropped).0);
    }

    #[tokio::test]
    async fn a_late_listener_still_hears_the_end() {
        let shutdown = Shutdown::new();
        assert!(!shutdown.has_begun());
        shutdown.begin();
        shutdown.begun().await;
        assert!(shutdown.has_begun());
    }
}
