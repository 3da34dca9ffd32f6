//! How long the store takes, and the file below the engine, which knows how long the disk does.

use super::ahead::Ahead;
use crate::metrics::Histogram;
use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};
use std::io;
use std::ops::Bound;
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
    ahead: Ahead,
    sync: Histogram,
}

impl TimedFile {
    pub(super) fn new(file: FileBackend, ahead: Ahead, sync: Histogram) -> Self {
        Self { file, ahead, sync }
    }
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
        let begun = Instant::now();
        let synced = self.file.sync_data();
        self.sync.observe(begun.elapsed());
        synced.and_then(|()| self.ahead.check())
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
