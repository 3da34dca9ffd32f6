//! Uploads on their way in: written to a file of their own while they are hashed, gone if they come to nothing.

use crate::data_dir::private_file;
use crate::disk::{Room, Volume};
use crate::store::BlobHash;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::fs::{DirBuilder, File};
use std::io::{self, IoSlice, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Bytes that are written before the disk is told to take them, while more come: at the end it has little left to take.
const STEP: u64 = 8 << 20;
/// Uploads for which the disk does that at a time; others go on without. Nobody knows yet whether they are good.
const STEPS: usize = 4;

/// Why an upload was not taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// The disk is nearly full.
    #[error("the disk is nearly full")]
    Full,
    /// The disk failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Where uploads wait to be judged.
#[derive(Debug)]
pub(super) struct Spool {
    /// None keeps them in memory.
    directory: Option<PathBuf>,
    next: AtomicU64,
    /// None where what is here does not stay on this disk.
    steps: Option<Arc<Semaphore>>,
}

/// An upload of which bytes are still coming.
#[derive(Debug)]
pub(crate) struct Spooling {
    sink: Sink,
    hasher: Sha256,
    size: u64,
    steps: Option<Arc<Semaphore>>,
    /// What the disk was told to take so far, and its answer.
    told: u64,
    taking: Option<JoinHandle<io::Result<()>>>,
}

/// An upload that is there whole. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Spooled {
    pub(super) sink: Sink,
    pub(crate) hash: BlobHash,
    pub(crate) size: u64,
}

#[derive(Debug)]
pub(super) enum Sink {
    File(SpoolFile),
    Memory(Vec<u8>),
}

/// A file that is removed when it is dropped, unless it was moved.
#[derive(Debug)]
pub(super) struct SpoolFile {
    pub(super) file: File,
    path: PathBuf,
    moved: bool,
}

impl Spool {
    pub(super) fn in_memory() -> Self {
        Self {
            directory: None,
            next: AtomicU64::new(0),
            steps: None,
        }
    }

    /// Makes the directory, or empties it: what is in it was left by a process that ended in the middle. `stays` says whether uploads
    /// are kept on this disk.
    pub(super) fn open(directory: &Path, stays: bool) -> io::Result<Self> {
        private_directory(directory)?;
        for entry in std::fs::read_dir(directory)? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(Self {
            directory: Some(directory.to_owned()),
            next: AtomicU64::new(0),
            steps: stays.then(|| Arc::new(Semaphore::new(STEPS))),
        })
    }

    pub(super) async fn begin(&self) -> Result<Spooling, SpoolError> {
        let Some(directory) = self.directory.clone() else {
            return Ok(Spooling::new(Sink::Memory(Vec::new()), None));
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let steps = self.steps.clone();
        blocking(move || {
            if Volume::of(&directory)?.room() > Room::Ample {
                return Err(SpoolError::Full);
            }
            let path = directory.join(format!("{number}.part"));
            let file = private_file().create_new(true).open(&path)?;
            let file = SpoolFile {
                file,
                path,
                moved: false,
            };
            Ok(Spooling::new(Sink::File(file), steps))
        })
        .await
    }
}

impl Spooling {
    fn new(sink: Sink, steps: Option<Arc<Semaphore>>) -> Self {
        Self {
            sink,
            hasher: Sha256::new(),
            size: 0,
            steps,
            told: 0,
            taking: None,
        }
    }

    /// Takes more bytes, on a thread that may block. An upload that fails is gone.
    pub(crate) async fn write(mut self, parts: Vec<Bytes>) -> Result<Self, SpoolError> {
        let written = blocking(move || {
            if let Sink::File(file) = &self.sink
                && Volume::of(&file.path)?.room() > Room::Ample
            {
                return Err(SpoolError::Full);
            }
            for part in &parts {
                self.hasher.update(part);
                self.size += part.len() as u64;
            }
            match &mut self.sink {
                Sink::File(file) => write_all(&mut file.file, &parts).map_err(full_or_failed)?,
                Sink::Memory(bytes) => parts.iter().for_each(|part| bytes.extend_from_slice(part)),
            }
            Ok(self)
        });
        let mut written: Self = written.await?;
        if written.size - written.told >= STEP {
            written.tell_disk().await?;
        }
        Ok(written)
    }

    /// Has the disk take what is written. What it said to the last time is heard first, since it says that something failed only once.
    async fn tell_disk(&mut self) -> Result<(), SpoolError> {
        self.hear_disk().await?;
        let step = self.steps.clone().map(Semaphore::try_acquire_owned);
        if let (Sink::File(SpoolFile { file, .. }), Some(Ok(step))) = (&self.sink, step) {
            let file = file.try_clone()?;
            self.told = self.size;
            self.taking = Some(tokio::task::spawn_blocking(move || {
                let taken = file.sync_data();
                drop(step);
                taken
            }));
        }
        Ok(())
    }

    async fn hear_disk(&mut self) -> Result<(), SpoolError> {
        match self.taking.take() {
            Some(taking) => outcome(taking).await.map_err(full_or_failed),
            None => Ok(()),
        }
    }

    /// There are no more.
    pub(crate) async fn finish(mut self) -> Result<Spooled, SpoolError> {
        self.hear_disk().await?;
        Ok(Spooled {
            sink: self.sink,
            hash: self.hasher.finalize().into(),
            size: self.size,
        })
    }
}

impl SpoolFile {
    /// Moves the file to where it stays; it and its name are on disk then. The directory is there already.
    pub(super) fn move_to(mut self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.path, path)?;
        self.moved = true;
        match path.parent() {
            Some(directory) => sync_directory(directory),
            None => Ok(()),
        }
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        if !self.moved
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            // The next start removes it.
            tracing::warn!(%error, "an upload that came to nothing was not removed");
        }
    }
}

/// Makes a directory that only its owner can look into, if it is not there.
pub(super) fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes all parts as if they were one: a file system makes larger pieces of memory for longer writes.
fn write_all(file: &mut File, parts: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut left = slices.as_mut_slice();
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn full_or_failed(error: io::Error) -> SpoolError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => SpoolError::Full,
        _ => error.into(),
    }
}

/// Runs what blocks where it may.
pub(super) async fn blocking<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    outcome(tokio::task::spawn_blocking(work)).await
}

/// What work came to that was begun where it may block.
pub(super) async fn outcome<T, E: From<io::Error>>(work: JoinHandle<Result<T, E>>) -> Result<T, E> {
    match work.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(io::Error::other("the relay is ending").into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_written_one_behind_the_other_however_many() {
        let mut file = tempfile::tempfile().unwrap();
        let empty = Bytes::new;
        let few = [empty(), "ab".into(), empty(), "c".into(), empty()];
        write_all(&mut file, &few).unwrap();
        write_all(&mut file, &[empty()]).unwrap();
        // More than the system takes at a time.
        write_all(&mut file, &vec![Bytes::from("d"); 3_000]).unwrap();
        let mut all = String::new();
        io::Seek::rewind(&mut file).unwrap();
        io::Read::read_to_string(&mut file, &mut all).unwrap();
        assert_eq!(all, format!("abc{}", "d".repeat(3_000)));
    }
    use std::os::unix::fs::PermissionsExt as _;

    fn files(directory: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[tokio::test]
    async fn an_upload_is_private_and_gone_if_it_comes_to_nothing() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("spool");
        let spool = Spool::open(&directory, true).unwrap();
        let spooling = spool.begin().await.unwrap();
        let spooling = spooling.write(vec![Bytes::from("ab")]).await.unwrap();
        let path = files(&directory).pop().unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let spooled = spooling.finish().await.unwrap();
        assert_eq!(spooled.size, 2);
        assert_eq!(spooled.hash, <BlobHash>::from(Sha256::digest("ab")));
        drop(spooled);
        assert!(files(&directory).is_empty());
        let abandoned = spool.begin().await.unwrap();
        drop(abandoned);
        assert!(files(&directory).is_empty());
    }

    #[tokio::test]
    async fn an_upload_ends_with_what_the_disk_said_on_the_way() {
        let home = tempfile::tempdir().unwrap();
        let spool = Spool::open(home.path(), true).unwrap();
        let step = vec![Bytes::from(vec![7; usize::try_from(STEP).unwrap()])];
        let begin = async || {
            let spooling = spool.begin().await.unwrap();
            let spooling = spooling.write(step.clone()).await.unwrap();
            assert!(spooling.taking.is_some());
            spooling
        };
        let good = begin().await.write(vec![Bytes::from("more")]).await;
        assert_eq!(good.unwrap().finish().await.unwrap().size, STEP + 4);
        let failing = || {
            Some(tokio::task::spawn_blocking(|| {
                Err(io::ErrorKind::StorageFull.into())
            }))
        };
        let mut bad = begin().await;
        bad.taking = failing();
        assert!(matches!(bad.finish().await, Err(SpoolError::Full)));
        let mut bad = begin().await;
        bad.taking = failing();
        assert!(matches!(
            bad.write(step.clone()).await,
            Err(SpoolError::Full)
        ));
        assert!(files(home.path()).is_empty());
    }

    #[tokio::test]
    async fn the_disk_is_left_alone_by_uploads_that_do_not_stay_or_are_too_many() {
        let step = vec![Bytes::from(vec![7; usize::try_from(STEP).unwrap()])];
        let home = tempfile::tempdir().unwrap();
        let passing = Spool::open(home.path(), false).unwrap();
        let staying = Spool::open(home.path(), true).unwrap();
        let steps = staying.steps.clone().unwrap();
        let others = steps.try_acquire_many(u32::try_from(STEPS).unwrap());
        for spool in [&passing, &staying] {
            let spooling = spool.begin().await.unwrap().write(step.clone()).await;
            let spooling = spooling.unwrap();
            assert!(spooling.taking.is_none());
            assert_eq!(spooling.finish().await.unwrap().size, STEP);
        }
        drop(others);
        let spooling = staying.begin().await.unwrap().write(step).await.unwrap();
        assert!(spooling.taking.is_some());
        spooling.finish().await.unwrap();
        assert_eq!(steps.available_permits(), STEPS);
    }

    #[tokio::test]
    async fn what_a_former_process_left_is_removed_at_the_start() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("spool");
        Spool::open(&directory, true).unwrap();
        std::fs::write(directory.join("0.part"), "left").unwrap();
        let spool = Spool::open(&directory, true).unwrap();
        assert!(files(&directory).is_empty());
        spool.begin().await.unwrap();
    }
}
