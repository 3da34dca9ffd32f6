//! The way back: a backup in the store's place, while no daemon runs.

use super::examine::Depth;
use super::open::journal_of;
use super::recover::{RESTORING, check_apart};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::backup::Existing;
use crate::clock;

/// Why nothing was restored. The store is as it was then.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is a store.
    #[error("there is a store already, {}; add --force to put the backup in its place (the old one is kept beside it)", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The backup is damaged, or none.
    #[error("{} is no backup that can be used: {damage}", path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What is wrong.
        damage: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
}

/// Puts a copy of `backup` in the store's place, and gives where the store before it is now, if there was one. Whoever calls holds
/// the daemon's lock.
///
/// # Errors
/// A [`RestoreError`].
pub fn restore(
    backup: &Path,
    store: &Path,
    existing: Existing,
) -> Result<Option<PathBuf>, RestoreError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |cause| RestoreError::Io { path, cause }
    };
    let has_store = store.metadata().is_ok_and(|file| file.len() > 0);
    if has_store && existing == Existing::Kept {
        let path = store.to_path_buf();
        return Err(RestoreError::Exists { path });
    }
    let folder = store.parent().unwrap_or(Path::new("."));
    let mut source = File::open(backup).map_err(failed(backup))?;
    // For its user alone from the beginning on, as temporary files are.
    let mut copy = tempfile::Builder::new()
        .prefix(RESTORING)
        .tempfile_in(folder)
        .map_err(failed(folder))?;
    let bytes = io::copy(&mut source, &mut copy).map_err(failed(backup))?;
    let damage = match bytes {
        0 => Some("it is empty".to_owned()),
        _ => check_apart(copy.path(), Depth::Everything),
    };
    if let Some(damage) = damage {
        let path = backup.to_path_buf();
        return Err(RestoreError::Damaged { path, damage });
    }
    copy.as_file().sync_all().map_err(failed(folder))?;
    let time = clock::now().unix_millis() / 1000;
    let kept = store.with_file_name(format!("mrpd.redb.before-restore-{time}"));
    if has_store {
        std::fs::rename(store, &kept).map_err(failed(store))?;
    }
    // What the store before had not taken over yet is nothing to the backup. It stays beside that store, where it is looked for.
    let journal = journal_of(store);
    // An empty one goes: the store was closed in order.
    if std::fs::remove_dir(&journal).is_err() {
        match std::fs::rename(&journal, journal_of(&kept)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&journal)(cause));
            }
            _ => {}
        }
    }
    copy.persist(store)
        .map_err(|error| failed(store)(error.error))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed(folder))?;
    Ok(has_store.then_some(kept))
}
