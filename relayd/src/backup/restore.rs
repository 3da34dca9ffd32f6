//! The way back: a backup into a data directory that nothing is in.

use super::disk::{copy_file, create_file, sync_directory};
use super::manifest::{BlobsPart, hex};
use super::{BLOBS, BackupError, DATABASE, Manifest, blobs};
use crate::data_dir::{DataDir, RESTORING};
use std::io;
use std::path::Path;

/// The database until it is whole.
const PARTIAL: &str = "relay.redb.partial";

/// Brings a backup back. The data directory is made if it is not there; otherwise it must be empty, and no relay may use it.
///
/// # Errors
/// [`BackupError`]. A directory that is only half filled says so to every relay that would use it, until it is restored again.
pub(crate) fn restore(backup: &Path, data_dir: &Path) -> Result<Manifest, BackupError> {
    let manifest = Manifest::read(backup)?;
    let directory = DataDir::open_for_restore(data_dir)?;
    clear_or_refuse(data_dir)?;
    let marker = data_dir.join(RESTORING);
    create_file(&marker).map_err(BackupError::at(&marker))?;
    sync_directory(data_dir).map_err(BackupError::at(data_dir))?;
    if matches!(manifest.blobs, BlobsPart::Local(_)) {
        restore_blobs(&manifest, &backup.join(BLOBS), &data_dir.join(BLOBS))?;
    }
    restore_database(&manifest, &backup.join(DATABASE), data_dir)?;
    sync_directory(data_dir).map_err(BackupError::at(data_dir))?;
    std::fs::remove_file(&marker).map_err(BackupError::at(&marker))?;
    sync_directory(data_dir).map_err(BackupError::at(data_dir))?;
    drop(directory);
    Ok(manifest)
}

/// An attempt that was broken off is taken away; anything else that is there is not for us to replace.
fn clear_or_refuse(data_dir: &Path) -> Result<(), BackupError> {
    let is_ours = data_dir.join(RESTORING).exists();
    for entry in std::fs::read_dir(data_dir).map_err(BackupError::at(data_dir))? {
        let entry = entry.map_err(BackupError::at(data_dir))?;
        let path = entry.path();
        let removed = match entry.file_name().to_str() {
            Some("lock") => Ok(()),
            Some(BLOBS) if is_ours => std::fs::remove_dir_all(&path),
            Some(DATABASE | PARTIAL | RESTORING) if is_ours => std::fs::remove_file(&path),
            _ => return Err(BackupError::NotEmpty(data_dir.to_owned())),
        };
        removed.map_err(BackupError::at(&path))?;
    }
    Ok(())
}

fn restore_blobs(manifest: &Manifest, from: &Path, to: &Path) -> Result<(), BackupError> {
    let copied = blobs::copy(from, to, &blobs::Which::All)?;
    if manifest.blobs != BlobsPart::Local(copied) {
        return Err(BackupError::Damaged {
            path: from.to_owned(),
            problem: format!(
                "has {} blobs, which is not what the manifest says",
                copied.count
            ),
        });
    }
    sync_below(to).map_err(BackupError::at(to))
}

fn sync_below(path: &Path) -> io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_below(&entry.path())?;
        }
    }
    sync_directory(path)
}

fn restore_database(manifest: &Manifest, from: &Path, data_dir: &Path) -> Result<(), BackupError> {
    let partial = data_dir.join(PARTIAL);
    let sum = copy_file(from, &partial)?;
    if hex(&sum.sha256) != manifest.database.sha256 {
        return Err(BackupError::Damaged {
            path: from.to_owned(),
            problem: "its bytes are not those that the manifest says".to_owned(),
        });
    }
    let target = data_dir.join(DATABASE);
    std::fs::rename(&partial, &target).map_err(BackupError::at(&target))
}
