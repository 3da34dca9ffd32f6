//! One program at a time changes `mrpd.toml`: what it reads is still so when it writes.

use super::target_of;
use crate::exit::{Failure, Reason};
use mrpd_api::paths::create_private_dir;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long another program may take with the file.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The right to change the file, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Its lock goes with it, however this program ends. Nothing where there can be none: whoever may not write beside the file
    /// cannot change it either, and is told so then; and some file systems have no locks.
    _file: Option<File>,
}

impl Lock {
    /// Waits for whoever else changes the file.
    pub(crate) async fn take(path: &Path) -> Result<Self, Failure> {
        Self::take_within(path, PATIENCE).await
    }

    async fn take_within(path: &Path, patience: Duration) -> Result<Self, Failure> {
        let beside = beside(path);
        let Ok(file) = open(&beside) else {
            return Ok(Self { _file: None });
        };
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: Some(file) }),
                Err(TryLockError::Error(_)) => return Ok(Self { _file: None }),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(taken(path, &beside));
                }
                Err(TryLockError::WouldBlock) => sleep(LOOK_AGAIN).await,
            }
        }
    }
}

/// The file that is locked: the one that is changed is another one each time.
fn beside(path: &Path) -> PathBuf {
    let target = target_of(path);
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".lock");
    target.with_file_name(name)
}

fn open(path: &Path) -> io::Result<File> {
    create_private_dir(path.parent().unwrap_or(Path::new("/")))?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn taken(path: &Path, beside: &Path) -> Failure {
    let message = format!(
        "{} is being changed by another mrpctl, and nothing was changed here",
        path.display()
    );
    Failure::new(Reason::TryAgain, message).fix(format!(
        "end that one, such as an mrpctl init that asks something, and try again (it holds {})",
        beside.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_comes_second_waits_and_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mrpd.toml");
        let link = folder.path().join("link.toml");
        std::fs::write(&path, "").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let first = Lock::take(&path).await.unwrap();
        let soon = Duration::from_millis(1);
        let refused = Lock::take_within(&link, soon).await.unwrap_err();
        assert_eq!(refused.exit(), 75);
        let (second, ()) = tokio::join!(Lock::take(&link), async { drop(first) });
        assert!(second.unwrap()._file.is_some());
    }

    #[tokio::test]
    async fn where_there_can_be_no_lock_writing_says_why() {
        let nowhere = Path::new("/dev/null/mrpd.toml");
        assert!(Lock::take(nowhere).await.unwrap()._file.is_none());
    }
}
