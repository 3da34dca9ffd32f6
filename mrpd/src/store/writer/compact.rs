//! Giving the room of what was removed back to the file system.

use super::Writer;
use crate::store::schema::{Counter, META};
use crate::store::{Compaction, StoreError};
use redb::{Database, ReadableDatabase as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long those who read are waited for before the file is made small; they are short.
const READERS: Duration = Duration::from_millis(200);

/// Bytes that must have been freed for it to be worth while.
const LEAST_GAIN: u64 = 32 << 20;
/// Bytes of messages up to which the file is made small while the daemon runs: moving them takes seconds.
const MOST_MOVED: u64 = 512 << 20;

impl Writer {
    /// Gives free room back to the file system. An error means that nobody knows what state the file is in.
    pub(super) fn compact(&mut self, quiet: Duration) -> Result<Compaction, StoreError> {
        if self.written.elapsed() < quiet {
            return Ok(Compaction::Busy);
        }
        // The file is made small as it is on the disk, and nothing may be open in it.
        self.checkpoint()?;
        let begun = Instant::now();
        let compacted = self.database.alone(READERS, |database| {
            if !is_worth_compacting(database, &self.path)? {
                return Ok(Compaction::Needless);
            }
            database.compact()?;
            Ok(Compaction::Done)
        });
        let Some(compacted) = compacted else {
            return Ok(Compaction::Busy);
        };
        let compacted = compacted.map_err(|error: redb::Error| self.fail(&error))?;
        if compacted == Compaction::Done {
            self.note_nothing_freed()?;
        }
        tracing::info!(outcome = ?compacted, took = ?begun.elapsed(), "compaction");
        Ok(compacted)
    }

    /// With a checkpoint, since what the engine has made last would have to be looked at as a whole after a crash.
    fn note_nothing_freed(&mut self) -> Result<(), StoreError> {
        let (operation, _) = super::Operation::new(|transaction| transaction.zero(Counter::Freed));
        self.settle(vec![operation])?;
        self.checkpoint()
    }
}

/// Whether the room that messages have left is a large part of the file, so that making it small is worth that nobody can write
/// meanwhile; and whether what would be moved is little enough for that not to take long.
fn is_worth_compacting(database: &Database, path: &Path) -> Result<bool, redb::Error> {
    let transaction = database.begin_read()?;
    let meta = transaction.open_table(META)?;
    let size = std::fs::metadata(path).map_err(redb::Error::Io)?.len();
    let freed = Counter::Freed.of(&meta)?;
    let kept = Counter::Bytes.of(&meta)?;
    Ok(freed >= LEAST_GAIN && freed >= size / 4 && kept <= MOST_MOVED)
}
