//! Bringing to the disk what the engine has written, ahead of the commit that needs it there: while a commit waits for the disk, the
//! store answers nobody, and behind many changes it would wait for all of them at once.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

/// Bytes that are written before the disk is told.
const STEP: u64 = 8 << 20;

/// A thread that tells the disk, which ends with this.
#[derive(Debug)]
pub(super) struct Ahead {
    /// Bytes written since it was last told.
    written: AtomicU64,
    tell: SyncSender<()>,
}

impl Ahead {
    /// For the file at `path`, through a descriptor of its own: what goes wrong with a write is told to each descriptor once, and the
    /// commit must hear it through its own.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let (tell, told) = sync_channel(1);
        std::thread::Builder::new()
            .name("store-ahead".to_owned())
            .spawn(move || {
                while told.recv().is_ok() {
                    let _ = file.sync_data();
                }
            })?;
        Ok(Self {
            written: AtomicU64::new(0),
            tell,
        })
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
