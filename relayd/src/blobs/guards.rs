//! Keeps bytes from being removed while they come into place: an upload of the same bytes as were just given up must not find that
//! they are gone after it has put them there.

use crate::store::BlobHash;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Locks, by the first byte of the hash. Uploads do not wait for each other, only for a removal, and removals for nobody.
#[derive(Debug)]
pub(super) struct Guards(Vec<RwLock<()>>);

/// While this lives, the bytes are not removed.
#[derive(Debug)]
pub(crate) struct Placing<'a>(#[expect(dead_code, reason = "held")] RwLockReadGuard<'a, ()>);

/// While this lives, the bytes do not come into place.
#[derive(Debug)]
pub(super) struct Removing<'a>(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'a, ()>);

impl Default for Guards {
    fn default() -> Self {
        Self((0..=u8::MAX).map(|_| RwLock::default()).collect())
    }
}

impl Guards {
    pub(super) async fn keep(&self, hash: &BlobHash) -> Placing<'_> {
        Placing(self.of(hash).read().await)
    }

    /// `None` while an upload has its bytes.
    pub(super) fn try_remove(&self, hash: &BlobHash) -> Option<Removing<'_>> {
        self.of(hash).try_write().ok().map(Removing)
    }

    fn of(&self, hash: &BlobHash) -> &RwLock<()> {
        &self.0[usize::from(hash[0])]
    }
}
