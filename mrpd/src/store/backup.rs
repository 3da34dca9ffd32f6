//! A copy of the store, taken while it is in use.

use super::copy::{Copier, From};
use super::{Store, StoreError, disk};
use redb::{Database, ReadableDatabase as _};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Memory that the copy may keep pages in.
const CACHE_BYTES: usize = 4 << 20;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The daemon has another working directory than whoever asks.
    #[error("{} is not an absolute path", path.display())]
    Relative {
        /// The path.
        path: PathBuf,
    },
    /// There is a file already.
    #[error("{} is there already", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// The copy would take the place of what it is a copy of.
    #[error("{} is the store itself; choose another file", path.display())]
    Itself {
        /// The path.
        path: PathBuf,
    },
    /// The file cannot be made.
    #[error("{} cannot be written: {cause}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The store, or the copy, failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and there is no copy.
    Kept,
    /// The copy takes its place.
    Replaced,
}

impl Store {
    /// Copies one consistent state of everything into a file that only its user may read, and gives its size. Nobody waits for it:
    /// messages come and go meanwhile. The file has its name once all of it is on the disk.
    ///
    /// # Errors
    /// A [`BackupError`].
    pub async fn back_up(&self, target: PathBuf, existing: Existing) -> Result<u64, BackupError> {
        self.show().await?;
        let database = self.database.clone();
        let own = Arc::clone(&self.path);
        let copy = move || {
            if is_same_file(&own, &target) {
                return Err(BackupError::Itself { path: target });
            }
            let Some(database) = database.current() else {
                return Err(StoreError::Disk("it is being opened anew".into()).into());
            };
            back_up(&database, &target, existing)
        };
        tokio::task::spawn_blocking(copy)
            .await
            .unwrap_or(Err(BackupError::Store(StoreError::Closed)))
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| path.metadata().map(|file| (file.dev(), file.ino())).ok();
    id(one).is_some_and(|one| id(other) == Some(one))
}

fn back_up(database: &Database, target: &Path, existing: Existing) -> Result<u64, BackupError> {
    let failed = |cause| BackupError::Io {
        path: target.to_path_buf(),
        cause,
    };
    let exists = || BackupError::Exists {
        path: target.to_path_buf(),
    };
    let folder = match target.parent() {
        Some(folder) if target.is_absolute() => folder,
        _ => {
            let path = target.to_path_buf();
            return Err(BackupError::Relative { path });
        }
    };
    if existing == Existing::Kept && target.exists() {
        return Err(exists());
    }
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(target.file_name().unwrap_or_default());
    let copy = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".partial")
        .tempfile_in(folder)
        .map_err(failed)?;
    let file = copy.reopen().map_err(failed)?;
    fill(database, file).map_err(|error| disk(&error))?;
    copy.as_file().sync_all().map_err(failed)?;
    let size = copy.as_file().metadata().map_err(failed)?.len();
    match existing {
        Existing::Replaced => copy.persist(target).map_err(|error| failed(error.error))?,
        Existing::Kept => copy.persist_noclobber(target).map_err(|error| {
            if error.error.kind() == io::ErrorKind::AlreadyExists {
                exists()
            } else {
                failed(error.error)
            }
        })?,
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)?;
    Ok(size)
}

fn fill(database: &Database, file: File) -> Result<(), redb::Error> {
    let copy = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create_file(file)?;
    let snapshot = database.begin_read()?;
    Copier::new(&snapshot, &copy, From::Start).copy_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_copy_never_takes_the_place_of_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let store = Store::open(&path).unwrap();
        let refused = store.back_up(path.clone(), Existing::Replaced).await;
        assert!(
            matches!(refused, Err(BackupError::Itself { .. })),
            "{refused:?}"
        );
        let other = dir.path().join("copy");
        store.back_up(other, Existing::Replaced).await.unwrap();
    }
}
