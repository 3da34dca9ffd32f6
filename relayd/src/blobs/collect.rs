//! Removing bytes that nobody owns and no message attaches any more, and those that an upload left which ended too early.

use crate::app::App;
use crate::store::{BlobHash, Store, StoreError};

use super::{Blobs, ObjectsError};

/// Hashes that are looked up at a time.
const BATCH: usize = 100;

/// Why bytes were not removed. They stay on the list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Objects(#[from] ObjectsError),
}

/// Removes, from the start on, until the relay ends.
pub(crate) async fn run(app: &App) {
    loop {
        if let Err(error) = app.blobs.collect(&app.store).await {
            tracing::warn!(%error, "bytes of blobs were not removed; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(app.config.timeouts.collect) => {}
            () = app.shutdown.begun() => return,
        }
    }
}

impl Blobs {
    /// Removes all loose bytes but those that are coming into place; the answer is how many blobs that were.
    pub(crate) async fn collect(&self, store: &Store) -> Result<usize, CollectError> {
        let mut removed = 0;
        let mut after = None;
        loop {
            let batch = store.loose_blobs(after, BATCH).await?;
            let Some(last) = batch.last() else {
                return Ok(removed);
            };
            after = Some(*last);
            for hash in &batch {
                removed += self.remove(store, hash).await?;
            }
        }
    }

    async fn remove(&self, store: &Store, hash: &BlobHash) -> Result<usize, CollectError> {
        // An upload that has them may be about to give them a record; a later round looks again.
        let Some(_removing) = self.guards.try_remove(hash) else {
            return Ok(0);
        };
        if !store.is_loose_blob(*hash).await? {
            return Ok(0);
        }
        self.objects.remove(hash).await?;
        store.forget_loose_blob(*hash).await?;
        Ok(1)
    }
}
