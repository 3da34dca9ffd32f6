//! Removing bytes that nobody owns and no message attaches any more, and those that an upload left which ended too early.

use crate::app::App;
use crate::store::{BlobHash, Store, StoreError};

use super::{Blobs, ObjectsError};
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// Hashes that are looked up at a time.
const BATCH: usize = 100;

/// Why bytes were not removed. They stay on the list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Keeps every process from removing bytes below this directory until the answer is dropped: they are about to be copied. `None`
/// without a directory. Blocks while some are being removed.
pub(crate) fn hold(directory: &Path) -> io::Result<Option<File>> {
    match File::open(directory) {
        Ok(directory) => {
            directory.lock_shared()?;
            Ok(Some(directory))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
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
            let Some(_lock) = self.lock()? else {
                return Ok(removed);
            };
            for hash in &batch {
                removed += self.remove(store, hash).await?;
            }
        }
    }

    /// `None` while somebody [holds](hold) the bytes; a later round looks again.
    fn lock(&self) -> io::Result<Option<Option<File>>> {
        let Some(directory) = &self.directory else {
            return Ok(Some(None));
        };
        let directory = File::open(directory)?;
        match directory.try_lock() {
            Ok(()) => Ok(Some(Some(directory))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::store::{BlobQuotas, BlobUpload, Options, Proof, ReplayClaim};
    use bytes::Bytes;
    use futures_util::TryStreamExt as _;
    use mrp_proto::key::{PublicKey, SecretKey, Signature};
    use mrp_proto::time::Timestamp;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::time::Duration;

    fn owner() -> PublicKey {
        SecretKey::from_seed(&[1; 32]).public()
    }

    fn now() -> Timestamp {
        Timestamp::from_unix_millis(1_772_611_200_000)
    }

    fn claim() -> ReplayClaim {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let signature = Signature::from_bytes([NEXT.fetch_add(1, Ordering::Relaxed); 64]);
        let keep_until = now().after(Duration::from_secs(600));
        ReplayClaim::new(owner(), Proof::Signature(signature), keep_until)
    }

    fn upload(spooled: &super::super::Spooled) -> BlobUpload {
        BlobUpload {
            owner: owner(),
            hash: spooled.hash,
            size: spooled.size,
            content_type: "text/plain".to_owned(),
            claim: claim(),
            quotas: BlobQuotas::default(),
            now: now(),
        }
    }

    async fn spool(blobs: &Blobs, bytes: &'static str) -> super::super::Spooled {
        let spooling = blobs.spool().await.unwrap();
        let parts = vec![Bytes::from(bytes)];
        let spooling = spooling.write(parts).await.unwrap();
        spooling.finish().await.unwrap()
    }

    async fn keep(blobs: &Blobs, store: &Store, bytes: &'static str) -> BlobHash {
        let spooled = spool(blobs, bytes).await;
        let upload = upload(&spooled);
        let placing = blobs.keep(&upload.hash).await;
        store.announce_blob(upload.clone()).await.unwrap();
        blobs.place(spooled, &placing).await.unwrap();
        store.add_blob(upload.clone()).await.unwrap();
        upload.hash
    }

    async fn read(blobs: &Blobs, hash: &BlobHash, size: u64) -> Vec<u8> {
        let parts = blobs.read(hash, 0..size).await.unwrap();
        let parts: Vec<Bytes> = parts.try_collect().await.unwrap();
        parts.concat()
    }

    fn files(directory: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(files(&path));
            } else {
                found.push(path);
            }
        }
        found
    }

    fn in_directory(directory: &Path) -> (Blobs, Store) {
        let blobs = Blobs::open(&Config::default(), directory).unwrap();
        (blobs, Store::in_memory(Options::default()).unwrap())
    }

    #[tokio::test]
    async fn bytes_are_stored_once_and_go_with_their_last_owner() {
        let home = tempfile::tempdir().unwrap();
        let (blobs, store) = in_directory(home.path());
        let hash = keep(&blobs, &store, "hello").await;
        assert_eq!(keep(&blobs, &store, "hello").await, hash);
        let hex = mrp_proto::id::BlobId::of_digest(&hash).hex().to_owned();
        let path = home
            .path()
            .join("objects")
            .join(&hex[..2])
            .join(&hex[2..4])
            .join(&hex);
        assert_eq!(files(home.path()), [path]);
        assert_eq!(blobs.collect(&store).await.unwrap(), 0);
        assert_eq!(read(&blobs, &hash, 5).await, b"hello");
        store
            .delete_blob(hash, owner(), claim(), now())
            .await
            .unwrap();
        assert_eq!(blobs.collect(&store).await.unwrap(), 1);
        assert!(files(home.path()).is_empty());
        assert!(matches!(
            blobs.read(&hash, 0..5).await,
            Err(ObjectsError::NotFound)
        ));
        assert_eq!(blobs.collect(&store).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn nothing_goes_while_it_is_copied() {
        let home = tempfile::tempdir().unwrap();
        let (blobs, store) = in_directory(home.path());
        let hash = keep(&blobs, &store, "hello").await;
        let deleting = store.delete_blob(hash, owner(), claim(), now());
        deleting.await.unwrap();
        let first = hold(home.path()).unwrap();
        let second = hold(home.path()).unwrap();
        drop(first);
        assert_eq!(blobs.collect(&store).await.unwrap(), 0);
        assert_eq!(files(home.path()).len(), 1);
        drop(second);
        assert_eq!(blobs.collect(&store).await.unwrap(), 1);
        assert!(files(home.path()).is_empty());
        assert!(hold(&home.path().join("none")).unwrap().is_none());
    }

    #[tokio::test]
    async fn bytes_without_a_record_go_but_not_while_they_come_into_place() {
        let home = tempfile::tempdir().unwrap();
        let (blobs, store) = in_directory(home.path());
        let spooled = spool(&blobs, "x").await;
        let upload = upload(&spooled);
        let placing = blobs.keep(&upload.hash).await;
        store.announce_blob(upload.clone()).await.unwrap();
        blobs.place(spooled, &placing).await.unwrap();
        assert_eq!(blobs.collect(&store).await.unwrap(), 0);
        assert_eq!(files(home.path()).len(), 1);
        // It ends before it comes to its record.
        drop(placing);
        assert_eq!(blobs.collect(&store).await.unwrap(), 1);
        assert!(files(home.path()).is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_on_record_is_in_place_however_often_it_comes_and_goes() {
        let home = tempfile::tempdir().unwrap();
        let (blobs, store) = in_directory(home.path());
        let (blobs, ended) = (Arc::new(blobs), Arc::new(tokio::sync::Notify::new()));
        let collecting = tokio::spawn({
            let (blobs, store, ended) = (Arc::clone(&blobs), store.clone(), Arc::clone(&ended));
            async move {
                let end = ended.notified();
                tokio::pin!(end);
                let mut removed = 0;
                while futures_util::poll!(&mut end).is_pending() {
                    removed += blobs.collect(&store).await.unwrap();
                    tokio::task::yield_now().await;
                }
                removed
            }
        });
        for _ in 0..60 {
            let hash = keep(&blobs, &store, "again").await;
            assert_eq!(read(&blobs, &hash, 5).await, b"again");
            store
                .delete_blob(hash, owner(), claim(), now())
                .await
                .unwrap();
            tokio::task::yield_now().await;
        }
        ended.notify_one();
        let removed = collecting.await.unwrap();
        assert!(
            removed > 0,
            "the collector never met the bytes between two uploads"
        );
        blobs.collect(&store).await.unwrap();
        assert!(files(home.path()).is_empty());
    }
}
