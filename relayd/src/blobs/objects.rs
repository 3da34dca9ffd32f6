//! Bytes in place: in a directory, in an S3-compatible bucket, or in memory, each under the hexadecimal digits of its hash.

mod s3;

use super::BlobsError;
use super::spool::{self, Sink, SpoolFile, Spooled};
use crate::config::S3Access;
use crate::store::BlobHash;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use mrp_proto::id::BlobId;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt as _};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Bytes of a file that are in memory at a time.
const READ: usize = 256 << 10;
/// Bytes of a part of a transfer to a bucket: the least that S3 takes.
const PART: usize = 5 << 20;
/// Transfers to a bucket at a time; each has one part in memory.
const TRANSFERS: usize = 8;

/// Parts of a blob, in order.
pub(crate) type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// Why bytes did not come into place, or are not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectsError {
    /// They are not there.
    #[error("the bytes are not there")]
    NotFound,
    /// The disk has no room.
    #[error("the disk is full")]
    Full,
    /// The disk failed.
    #[error("{0}")]
    Io(io::Error),
    /// The bucket did.
    #[error("{0}")]
    Store(object_store::Error),
}

impl From<io::Error> for ObjectsError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

impl From<object_store::Error> for ObjectsError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            error => Self::Store(error),
        }
    }
}

/// Where bytes are.
#[derive(Debug)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// What all names begin with.
    prefix: ObjectPath,
    /// Where files can be moved to instead of being copied.
    directory: Option<Arc<Directory>>,
    transfers: Semaphore,
}

#[derive(Debug)]
struct Directory {
    root: PathBuf,
    /// Directories, by the bytes that their names are of, whose names are on disk for certain: a process that ended may have made one and
    /// not come to that. With the first the root's own name is, and that of the directory it is in, so that a start need not wait.
    on_disk: Mutex<HashSet<[u8; 2]>>,
}

impl Objects {
    pub(super) fn in_memory() -> Self {
        Self::new(Arc::new(InMemory::new()), ObjectPath::default(), None)
    }

    pub(super) fn in_directory(root: &Path) -> io::Result<Self> {
        spool::private_directory(root)?;
        let store = LocalFileSystem::new_with_prefix(root)?.with_fsync(true);
        let directory = Arc::new(Directory {
            root: root.to_owned(),
            on_disk: Mutex::default(),
        });
        Ok(Self::new(
            Arc::new(store),
            ObjectPath::default(),
            Some(directory),
        ))
    }

    pub(super) fn in_bucket(
        bucket: &str,
        prefix: &str,
        access: &S3Access,
    ) -> Result<Self, BlobsError> {
        let setup = |cause: String| BlobsError::Setup { cause };
        let prefix = ObjectPath::parse(prefix).map_err(|error| setup(error.to_string()))?;
        let store = s3::bucket(bucket, access).map_err(setup)?;
        Ok(Self::new(Arc::new(store), prefix, None))
    }

    fn new(
        store: Arc<dyn ObjectStore>,
        prefix: ObjectPath,
        directory: Option<Arc<Directory>>,
    ) -> Self {
        Self {
            store,
            prefix,
            directory,
            transfers: Semaphore::new(TRANSFERS),
        }
    }

    /// Puts bytes where they stay, over the same ones if they are there already; they are durable then.
    pub(super) async fn put(&self, spooled: Spooled) -> Result<(), ObjectsError> {
        let Spooled { sink, hash, size } = spooled;
        match (sink, &self.directory) {
            (Sink::File(file), Some(directory)) => {
                let directory = Arc::clone(directory);
                spool::blocking(move || directory.take_in(file, &hash)).await
            }
            (Sink::File(file), None) => self.transfer(file, &hash, size).await,
            (Sink::Memory(bytes), _) => {
                self.store.put(&self.path(&hash), bytes.into()).await?;
                Ok(())
            }
        }
    }

    /// Bytes of a blob, from the first to before the last.
    pub(super) async fn read(
        &self,
        hash: &BlobHash,
        range: Range<u64>,
    ) -> Result<ByteStream, ObjectsError> {
        if range.is_empty() {
            return Ok(stream::empty().boxed());
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            ..GetOptions::default()
        };
        let found = self.store.get_opts(&self.path(hash), options).await?;
        Ok(match found.payload {
            GetResultPayload::File(file, _) => file_parts(file, range),
            GetResultPayload::Stream(parts) => {
                parts.map(|part| part.map_err(io::Error::other)).boxed()
            }
        })
    }

    /// Removes bytes, if they are there.
    pub(super) async fn remove(&self, hash: &BlobHash) -> Result<(), ObjectsError> {
        match self.store.delete(&self.path(hash)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks for something that nobody has put there.
    pub(super) async fn probe(&self) -> Result<(), ObjectsError> {
        match self.store.head(&self.path(&[0; 32])).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn path(&self, hash: &BlobHash) -> ObjectPath {
        let [first, second, name] = name_parts(hash);
        let parts = [first.as_str(), &second, &name];
        parts
            .into_iter()
            .fold(self.prefix.clone(), |path, part| path.join(part))
    }

    /// Copies a spooled file to the bucket, part by part.
    async fn transfer(
        &self,
        file: SpoolFile,
        hash: &BlobHash,
        size: u64,
    ) -> Result<(), ObjectsError> {
        // The semaphore is never closed.
        let _permit = self.transfers.acquire().await;
        let path = self.path(hash);
        let file = Arc::new(file);
        if size <= PART as u64 {
            let all = part_of(&file, 0..size).await?;
            self.store.put(&path, all.into()).await?;
            return Ok(());
        }
        let mut upload = self.store.put_multipart(&path).await?;
        let outcome = async {
            let mut start = 0;
            while start < size {
                let end = size.min(start + PART as u64);
                let part = part_of(&file, start..end).await?;
                upload.put_part(part.into()).await?;
                start = end;
            }
            upload.complete().await?;
            Ok(())
        };
        let outcome: Result<(), ObjectsError> = outcome.await;
        if outcome.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(%error, "parts of an upload were left in the bucket");
        }
        outcome
    }
}

impl Directory {
    /// Moves a file in; it and its name are on disk then.
    fn take_in(&self, file: SpoolFile, hash: &BlobHash) -> Result<(), ObjectsError> {
        let [first, second, name] = name_parts(hash);
        let outer = self.root.join(first);
        let inner = outer.join(second);
        {
            let mut on_disk = self.on_disk.lock().unwrap_or_else(PoisonError::into_inner);
            if !on_disk.contains(&hash[..2]) || !inner.is_dir() {
                spool::private_directory(&inner)?;
                spool::sync_directory(&outer)?;
                spool::sync_directory(&self.root)?;
                if on_disk.is_empty() {
                    for above in self.root.ancestors().skip(1).take(2) {
                        spool::sync_directory(above)?;
                    }
                }
                on_disk.insert([hash[0], hash[1]]);
            }
        }
        Ok(file.move_to(&inner.join(name))?)
    }
}

/// Two levels of directories and the name: no directory grows too long.
fn name_parts(hash: &BlobHash) -> [String; 3] {
    let name = BlobId::of_digest(hash).hex().to_owned();
    [name[..2].to_owned(), name[2..4].to_owned(), name]
}

/// A part of a spooled file, in memory.
async fn part_of(file: &Arc<SpoolFile>, range: Range<u64>) -> Result<Bytes, ObjectsError> {
    let file = Arc::clone(file);
    spool::blocking(move || {
        let mut part = vec![0; usize::try_from(range.end - range.start).unwrap_or(PART)];
        file.file.read_exact_at(&mut part, range.start)?;
        Ok(Bytes::from(part))
    })
    .await
}

/// Reads on when the last part was taken: however slow the reader is, one part waits for it.
fn file_parts(file: File, range: Range<u64>) -> ByteStream {
    let parts = stream::try_unfold((file, range), |(file, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let Range { start, end } = range;
        let (file, part) = spool::blocking(move || read_part(file, start, end - start)).await?;
        if part.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let rest = start + part.len() as u64..end;
        Ok(Some((part, (file, rest))))
    });
    parts.boxed()
}

/// As much as may be in memory, or what is `left`; the memory is not filled with zeros before.
fn read_part(mut file: File, start: u64, left: u64) -> io::Result<(File, Bytes)> {
    let size = usize::try_from(left).map_or(READ, |left| left.min(READ));
    let mut part = Vec::with_capacity(size);
    file.seek(SeekFrom::Start(start))?;
    let mut source = file.take(size as u64);
    source.read_to_end(&mut part)?;
    Ok((source.into_inner(), part.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt as _;
    use std::io::Write as _;

    async fn read(content: &[u8], range: Range<u64>) -> io::Result<Vec<Bytes>> {
        let mut file = tempfile::tempfile()?;
        file.write_all(content)?;
        file_parts(file, range).try_collect().await
    }

    #[tokio::test]
    async fn parts_are_what_is_asked_for_in_order() {
        let content: Vec<u8> = (0..=250).cycle().take(3 * READ + 1).collect();
        for range in [
            0..0,
            0..1,
            5..READ + 5,
            0..2 * READ,
            1..content.len(),
            READ - 1..READ + 1,
        ] {
            let asked = range.start as u64..range.end as u64;
            let parts = read(&content, asked).await.unwrap();
            assert_eq!(parts.len(), range.len().div_ceil(READ));
            assert!(parts.concat() == content[range.clone()], "{range:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_ends_too_soon_is_an_error() {
        let content = vec![1; READ + 1];
        for end in [READ + 2, 2 * READ, 3 * READ] {
            let error = read(&content, 0..end as u64).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
