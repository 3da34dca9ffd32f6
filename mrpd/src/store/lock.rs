//! The lock that makes the daemon the only one of its user, and names it to others.

use super::recover::LastEnd;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

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
    file: Flock<File>,
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
        let is_left_behind = file.metadata().is_ok_and(|file| file.len() > 0);
        let last_end = if is_left_behind {
            LastEnd::Unclean
        } else {
            LastEnd::Clean
        };
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(failed)?;
        Ok(Self { file, last_end })
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

fn read_holder(file: File) -> Option<String> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    let text = text.trim();
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
