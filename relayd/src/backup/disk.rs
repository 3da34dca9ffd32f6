//! Directories that are there whole or not at all, and files that are on disk when it is said that they are.

use super::BackupError;
use sha2::{Digest as _, Sha256};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Bytes that are copied at once.
const PART: usize = 256 << 10;

/// A directory under another name until it is complete. Dropped before that, it goes.
#[derive(Debug)]
pub(super) struct Staging {
    target: PathBuf,
    path: PathBuf,
    /// Holds the lock that keeps others from this name.
    _lock: File,
    is_finished: bool,
}

impl Staging {
    /// Makes the directory beside its target, which must not be there, or be empty. What an attempt that was killed has left is
    /// taken away.
    pub(super) fn begin(target: &Path) -> Result<Self, BackupError> {
        let target = std::path::absolute(target).map_err(BackupError::at(target))?;
        check_empty(&target)?;
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(BackupError::NotEmpty(target));
        };
        let path = parent.join(format!(".{}.partial", name.to_string_lossy()));
        let lock = claim(&path)?;
        Ok(Self {
            target,
            path,
            _lock: lock,
            is_finished: false,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the directory its name, once all of it is on disk.
    pub(super) fn finish(mut self) -> Result<(), BackupError> {
        sync_tree(&self.path).map_err(BackupError::at(&self.path))?;
        std::fs::rename(&self.path, &self.target).map_err(BackupError::at(&self.target))?;
        self.is_finished = true;
        let parent = self.target.parent().unwrap_or(Path::new("/"));
        sync_directory(parent).map_err(BackupError::at(parent))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.is_finished {
            // What stays has a name that says what it is.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Makes a directory that nobody else is at work in.
fn claim(path: &Path) -> Result<File, BackupError> {
    let lock = |path: &Path| match File::open(path) {
        Ok(directory) => match directory.try_lock() {
            Ok(()) => Ok(Some(directory)),
            Err(TryLockError::WouldBlock) => Err(BackupError::Busy(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(BackupError::at(path)(source)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BackupError::at(path)(source)),
    };
    if lock(path)?.is_some() {
        std::fs::remove_dir_all(path).map_err(BackupError::at(path))?;
    }
    make_directory(path)?;
    lock(path)?.ok_or_else(|| BackupError::Busy(path.to_owned()))
}

fn check_empty(target: &Path) -> Result<(), BackupError> {
    match std::fs::read_dir(target) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(BackupError::NotEmpty(target.to_owned())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(BackupError::NotEmpty(target.to_owned()))
        }
        Err(source) => Err(BackupError::at(target)(source)),
    }
}

/// Makes one directory, for its owner alone; the one above must be there.
pub(super) fn make_directory(path: &Path) -> Result<(), BackupError> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(BackupError::at(path))
}

/// Makes a file that is not there yet, for its owner alone.
pub(super) fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)
}

/// Bytes and SHA-256 of what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

/// Copies a file and sums it up on the way. The copy is on disk when this returns.
pub(super) fn copy_file(from: &Path, to: &Path) -> Result<Sum, BackupError> {
    let mut written = create_file(to).map_err(BackupError::at(to))?;
    let sum = read_through(from, |part| {
        written.write_all(part).map_err(BackupError::at(to))
    })?;
    written.sync_all().map_err(BackupError::at(to))?;
    Ok(sum)
}

/// Sums a file up.
pub(super) fn sum_of(path: &Path) -> Result<Sum, BackupError> {
    read_through(path, |_| Ok(()))
}

fn read_through(
    path: &Path,
    mut take: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<Sum, BackupError> {
    let mut file = File::open(path).map_err(BackupError::at(path))?;
    let mut part = vec![0; PART];
    let (mut bytes, mut hash) = (0, Sha256::new());
    loop {
        let read = file.read(&mut part).map_err(BackupError::at(path))?;
        if read == 0 {
            let sha256 = hash.finalize().into();
            return Ok(Sum { bytes, sha256 });
        }
        take(&part[..read])?;
        hash.update(&part[..read]);
        bytes += read as u64;
    }
}

/// Makes the names in a directory, and in those below it, last. The files were synced when they were written.
fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        }
    }
    sync_directory(path)
}

/// Makes the names in a directory last.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_directory_appears_whole_or_not_at_all() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("backup");
        let names = || std::fs::read_dir(home.path()).unwrap().count();
        let staging = Staging::begin(&target).unwrap();
        std::fs::write(staging.path().join("file"), "1").unwrap();
        assert!(matches!(Staging::begin(&target), Err(BackupError::Busy(_))));
        drop(staging);
        assert_eq!(names(), 0);
        // One that was killed left something: the next one begins anew.
        let left = home.path().join(".backup.partial");
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("old"), "").unwrap();
        std::fs::create_dir(&target).unwrap();
        let staging = Staging::begin(&target).unwrap();
        assert!(!left.join("old").exists());
        std::fs::write(staging.path().join("file"), "1").unwrap();
        staging.finish().unwrap();
        assert_eq!(names(), 1);
        assert_eq!(std::fs::read_to_string(target.join("file")).unwrap(), "1");
        let mode = std::fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(matches!(
            Staging::begin(&target),
            Err(BackupError::NotEmpty(_))
        ));
        let file = target.join("file");
        assert!(matches!(
            Staging::begin(&file),
            Err(BackupError::NotEmpty(_))
        ));
    }

    #[test]
    fn a_copy_is_summed_up_and_replaces_nothing() {
        let home = tempfile::tempdir().unwrap();
        let (from, to) = (home.path().join("from"), home.path().join("to"));
        std::fs::write(&from, vec![7; PART + 1]).unwrap();
        let sum = copy_file(&from, &to).unwrap();
        assert_eq!(sum, sum_of(&to).unwrap());
        assert_eq!(sum.bytes, PART as u64 + 1);
        assert!(copy_file(&from, &to).is_err());
        std::fs::write(&to, vec![8; PART + 1]).unwrap();
        assert_ne!(sum, sum_of(&to).unwrap());
    }
}
