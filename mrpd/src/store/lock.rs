//! The lock that makes the daemon the only one of its user, and names it to others.

use super::recover::LastEnd;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another daemon holds it.
    #[error("mrpd is already running (process {}); use it, or end it with: mrpctl daemon stop", holder.as_deref().unwrap_or("unknown"))]
    Held {
        /// Its process id, if it could be read.
        holder: Option<String>,
    },
    /// The file cannot be used.
    #[error("the lock file {} cannot be used: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: Arc<Flock<File>>,
    last_end: LastEnd,
}

impl Lock {
    /// Takes the lock and writes this process's id into it.
    ///
    /// # Errors
    /// [`LockError::Held`] if there is another daemon.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let failed = |cause| LockError::Io {
            path: path.to_path_buf(),
            cause,
        };
        let file = open_private(path).map_err(failed)?;
        let mut file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((file, nix::errno::Errno::EWOULDBLOCK)) => {
                return Err(LockError::Held {
                    holder: read_holder(file),
                });
            }
            Err((_, errno)) => return Err(failed(errno.into())),
        };
        let last_end = read_last_end(&mut file);
        let lock = Self {
            file: Arc::new(file),
            last_end,
        };
        lock.name_holder().map_err(failed)?;
        // Until somebody has looked, a start after this one has to.
        if last_end == LastEnd::Suspect {
            lock.mark().leave();
        }
        Ok(lock)
    }

    /// Replaces all that the file says.
    fn name_holder(&self) -> io::Result<()> {
        let mut file: &File = &self.file;
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    }

    /// What says to the next start that the store is to be looked at as a whole. The lock is held for as long as this is there.
    pub fn mark(&self) -> Mark {
        Mark(Arc::clone(&self.file))
    }

    /// The store was looked at: what was suspected before is no reason to do it again.
    pub fn note_looked_at(&self) {
        if self.last_end == LastEnd::Suspect {
            // If it fails, it is looked at once more.
            let _ = self.name_holder();
        }
    }

    /// How the daemon before this one ended: one that was killed has left its name in the file.
    pub fn last_end(&self) -> LastEnd {
        self.last_end
    }

    /// Takes this process's id out of the file again, since the store was closed as it should be.
    pub fn note_clean_end(&self) {
        // If it fails, the store is looked at more closely at the next start.
        let _ = self.file.set_len(0);
    }
}

/// A word in the lock file, beside the process's id.
#[derive(Debug)]
pub struct Mark(Arc<Flock<File>>);

impl Mark {
    /// Leaves it.
    pub fn leave(&self) {
        // If it fails, damage shows when the daemon comes to it again.
        let mut file: &File = &self.0;
        let _ = writeln!(file, "{SUSPECT}");
    }
}

const SUSPECT: &str = "suspect";

fn read_last_end(file: &mut File) -> LastEnd {
    let mut text = String::new();
    let read = file.take(64).read_to_string(&mut text);
    if read.is_ok() && text.is_empty() {
        LastEnd::Clean
    } else if text.contains(SUSPECT) {
        LastEnd::Suspect
    } else {
        LastEnd::Unclean
    }
}

fn read_holder(file: File) -> Option<String> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    let text = text.lines().next()?.trim();
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.to_owned())
}

/// Opens a file that only its user may read, makes it so if it is missing, and follows no link.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspicion_lasts_until_somebody_has_looked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mrpd.lock");
        let last_end = || Lock::take(&path).unwrap().last_end();
        assert_eq!(last_end(), LastEnd::Clean);
        assert_eq!(last_end(), LastEnd::Unclean, "it has left its name");
        Lock::take(&path).unwrap().mark().leave();
        assert_eq!(last_end(), LastEnd::Suspect);
        assert_eq!(last_end(), LastEnd::Suspect, "nobody has looked");
        let lock = Lock::take(&path).unwrap();
        let error = Lock::take(&path).unwrap_err();
        let own = format!("process {}", std::process::id());
        assert!(error.to_string().contains(&own), "{error}");
        lock.note_looked_at();
        drop(lock);
        assert_eq!(last_end(), LastEnd::Unclean);
        Lock::take(&path).unwrap().note_clean_end();
        assert_eq!(last_end(), LastEnd::Clean);
    }
}
