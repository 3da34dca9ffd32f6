//! The data directory: private, and one relay at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another relay uses it.
    #[error("{path}: another relay{} uses this data directory; stop that one, or set data_dir", holder.as_ref().map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other process, if it said who it is.
        holder: Option<u32>,
    },
    /// It cannot be made, opened or made private.
    #[error(
        "{path}: cannot use the data directory: {source}; set data_dir to one that this user can write to"
    )]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A backup was being brought back into it, and was not to its end.
    #[error("{path}: a backup was being restored here and is not whole; run relayd restore again")]
    HalfRestored {
        /// The directory.
        path: PathBuf,
    },
    /// Others may read it, and it is not ours to change.
    #[error(
        "{path}: the data directory belongs to user {owner}, not to this one; set data_dir, or start as that user"
    )]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
}

/// A file that is there while a backup is brought back.
pub(crate) const RESTORING: &str = "restoring";

/// A data directory in use. Dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Holds the lock for as long as it is open.
    _lock: File,
}

impl DataDir {
    /// Makes the directory if it is not there, makes it private, and takes its lock.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        let directory = Self::open_for_restore(path)?;
        if path.join(RESTORING).exists() {
            let path = path.to_owned();
            return Err(DataDirError::HalfRestored { path });
        }
        Ok(directory)
    }

    /// The same for a directory that may be half filled.
    pub(crate) fn open_for_restore(path: &Path) -> Result<Self, DataDirError> {
        let io_error = |source| DataDirError::Io {
            path: path.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(io_error)?;
        let metadata = std::fs::metadata(path).map_err(io_error)?;
        if metadata.uid() != nix::unistd::Uid::effective().as_raw() {
            return Err(DataDirError::NotOurs {
                path: path.to_owned(),
                owner: metadata.uid(),
            });
        }
        if metadata.mode() & 0o077 != 0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
                .map_err(io_error)?;
        }
        let lock = take_lock(path)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The file of the database.
    pub(crate) fn database(&self) -> PathBuf {
        database(&self.path)
    }

    /// The directory of the blobs' bytes.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }
}

/// The file of the database in a data directory.
pub(crate) fn database(data_dir: &Path) -> PathBuf {
    data_dir.join("relay.redb")
}

/// How a file is opened, to be read and written, that is its owner's alone from its first moment.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// Removes a file that may not be there.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A lock that the system takes back whatever becomes of the process; the pid in the file is only for people.
fn take_lock(directory: &Path) -> Result<File, DataDirError> {
    let path = directory.join("lock");
    let io_error = |source| DataDirError::Io {
        path: path.clone(),
        source,
    };
    let mut options = private_file();
    let options = options.create(true).truncate(false);
    let mut file = options.open(&path).map_err(io_error)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let path = directory.to_owned();
            return Err(DataDirError::InUse {
                path,
                holder: holder.trim().parse().ok(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(io_error(source)),
    }
    let mut write = || {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    write().map_err(io_error)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_private_and_used_by_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        let refused = DataDir::open(&path).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("(process {})", std::process::id())),
            "{refused}"
        );
        drop(first);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let second = DataDir::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        assert_eq!(second.database(), path.join("relay.redb"));
    }

    #[test]
    fn a_path_that_cannot_be_a_directory_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        let refused = DataDir::open(&file.join("below")).unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("{}", file.join("below").display())),
            "{refused}"
        );
    }
}
