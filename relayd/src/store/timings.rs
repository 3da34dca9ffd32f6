//! How long the store takes, and the file below the engine, which knows how long the disk does.

use super::ahead::Ahead;
use crate::metrics::Histogram;
use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What the store measures about itself.
#[derive(Debug, Clone)]
pub(crate) struct Timings {
    /// Operations of each group.
    pub(crate) batch: Histogram,
    /// Each group until it is on disk.
    pub(crate) commit: Histogram,
    /// Each time that the database followed the journal.
    pub(crate) catch_up: Histogram,
    /// Each time that the disk was told to make writes last.
    pub(crate) sync: Histogram,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            batch: Histogram::of_counts(),
            commit: Histogram::of_seconds(),
            catch_up: Histogram::of_seconds(),
            sync: Histogram::of_seconds(),
        }
    }
}

/// A file whose syncs are timed.
#[derive(Debug)]
pub(super) struct TimedFile {
    file: FileBackend,
    ahead: Arc<Ahead>,
    sync: Histogram,
    /// Whether a sync waits for the disk.
    waits: Arc<AtomicBool>,
}

impl TimedFile {
    /// For an open file and its path.
    pub(super) fn new(file: File, path: &Path, sync: Histogram) -> Result<Self, DatabaseError> {
        Ok(Self {
            file: FileBackend::new(file)?,
            ahead: Arc::new(Ahead::of(path)?),
            sync,
            waits: Arc::new(AtomicBool::new(true)),
        })
    }

    /// Has syncs return at once until the answer is told to end that: for a file that nobody counts on yet.
    pub(super) fn put_off_syncs(&self, same: File) -> PutOff {
        self.waits.store(false, Ordering::Release);
        PutOff {
            waits: Arc::clone(&self.waits),
            file: same,
            ahead: Arc::clone(&self.ahead),
            sync: self.sync.clone(),
        }
    }
}

/// Syncs that were put off.
#[derive(Debug)]
pub(super) struct PutOff {
    waits: Arc<AtomicBool>,
    file: File,
    ahead: Arc<Ahead>,
    sync: Histogram,
}

impl PutOff {
    /// Makes up for them, with all that belongs to the file; from now on each is done when it is asked for.
    pub(super) fn end(self) -> io::Result<()> {
        self.waits.store(true, Ordering::Release);
        timed(&self.sync, || self.file.sync_all()).and_then(|()| self.ahead.check())
    }
}

fn timed(times: &Histogram, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let begun = Instant::now();
    let synced = sync();
    times.observe(begun.elapsed());
    synced
}

impl StorageBackend for TimedFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if !self.waits.load(Ordering::Acquire) {
            return Ok(());
        }
        timed(&self.sync, || self.file.sync_data()).and_then(|()| self.ahead.check())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)?;
        self.ahead.note(data.len());
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
