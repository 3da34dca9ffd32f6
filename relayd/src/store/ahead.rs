//! Bringing to the disk what the engine has written, ahead of the commit that needs it there: while a commit waits for the disk, the
//! store answers nobody, and behind many changes it would wait for all of them at once.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

/// Bytes that are written before the disk is told. What it takes for them delays what else waits for the disk.
const STEP: u64 = 128 << 10;

/// A thread that tells the disk, which ends with this.
#[derive(Debug)]
pub(super) struct Ahead {
    /// Bytes written since it was last told.
    written: AtomicU64,
    tell: SyncSender<()>,
    has_failed: Arc<AtomicBool>,
}

impl Ahead {
    /// For the file at `path`, through a descriptor of its own: what goes wrong with a write is told to each descriptor once, and the
    /// commit must hear it through its own. A disk that fails to make last what it has tells only who asked, hence [`check`](Self::check).
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let (tell, told) = sync_channel(1);
        let has_failed = Arc::new(AtomicBool::new(false));
        let failed = Arc::clone(&has_failed);
        std::thread::Builder::new()
            .name("store-ahead".to_owned())
            .spawn(move || {
                while told.recv().is_ok() {
                    if let Err(error) = file.sync_data() {
                        tracing::error!(%error, "the disk does not keep what the database has written");
                        failed.store(true, Ordering::Release);
                    }
                }
            })?;
        Ok(Self {
            written: AtomicU64::new(0),
            tell,
            has_failed,
        })
    }

    /// Whether the disk may be believed when it says that all is there.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.has_failed.load(Ordering::Acquire) {
            true => Err(io::Error::other("an earlier write did not last")),
            false => Ok(()),
        }
    }

    /// So much was written.
    pub(super) fn note(&self, bytes: usize) {
        let before = self.written.fetch_add(bytes as u64, Ordering::Relaxed);
        if before + bytes as u64 >= STEP {
            self.written.store(0, Ordering::Relaxed);
            // One that waits already is enough.
            let _ = self.tell.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_hears_of_a_write_that_did_not_last() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let ahead = Ahead::of(file.path()).unwrap();
        for _ in 0..5 {
            ahead.note(usize::try_from(STEP).unwrap());
        }
        assert!(ahead.check().is_ok());
        ahead.has_failed.store(true, Ordering::Release);
        assert!(ahead.check().is_err());
    }
}
