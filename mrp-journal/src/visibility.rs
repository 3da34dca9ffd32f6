//! How far those who read can see: what was answered and is not yet in a commit has to be brought into one before they look.

use redb::{Durability, WriteTransaction};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counted by whoever writes, looked at by everybody else.
#[derive(Debug, Clone, Default)]
pub struct Visibility(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Groups of operations that were written down.
    settled: AtomicU64,
    /// Those of them that whoever begins to read sees.
    shown: AtomicU64,
}

impl Visibility {
    /// Another group of operations will be answered now.
    pub fn settle(&self) {
        self.0.settled.fetch_add(1, Ordering::SeqCst);
    }

    /// All that was settled can be seen from now on.
    pub fn show(&self) {
        let settled = self.0.settled.load(Ordering::SeqCst);
        self.0.shown.store(settled, Ordering::SeqCst);
    }

    /// Whether all that was settled can be seen. Whoever has an answer finds its operation among what was settled.
    pub fn is_whole(&self) -> bool {
        self.0.shown.load(Ordering::SeqCst) == self.0.settled.load(Ordering::SeqCst)
    }
}

/// Commits a transaction for those who begin to read from now on. It is not on disk by this: what makes it last is the journal.
///
/// # Errors
/// As redb's.
pub fn show(mut transaction: WriteTransaction) -> Result<(), redb::Error> {
    transaction.set_durability(Durability::None)?;
    transaction.commit()?;
    Ok(())
}
