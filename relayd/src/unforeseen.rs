//! Numbers for names that are given out and for pauses that are not all the same: nobody outside foresees the next, and the system need
//! not be asked for each. Not for secrets.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The count of those given out, hashed under a key that the process drew; two may be the same, as with any that are drawn.
pub(crate) fn number() -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    HASHER.hash_one(COUNT.fetch_add(1, Ordering::Relaxed))
}
