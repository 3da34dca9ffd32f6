//! A file that only takes room, to be given up when there is no other: deleting needs room, too, for the commit that does it.

use nix::fcntl::{FallocateFlags, fallocate};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How much it takes.
pub(super) const SIZE: u64 = 64 << 20;
/// Volumes smaller than this have none: it would be too large a share of them.
const SMALLEST_VOLUME: u64 = 4 << 30;
/// The name of the file in the data directory.
const NAME: &str = "ballast";

/// The file, as far as it is there.
#[derive(Debug)]
pub(super) struct Ballast {
    folder: PathBuf,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    There,
    Absent,
    /// This file system cannot set room aside.
    Impossible,
}

impl Ballast {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            state: State::Unknown,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes the room, where there is that much to spare and it is not taken yet. The first time it is only thought of: a relay that ends within
    /// seconds leaves nothing behind.
    pub(super) fn take_in(&mut self, size: u64, spare: u64) {
        match self.state {
            State::Unknown => self.state = State::Absent,
            State::Absent if size >= SMALLEST_VOLUME && spare >= SIZE => {
                self.state = match allocate(&self.path()) {
                    Ok(()) => State::There,
                    Err(error) => {
                        tracing::debug!(%error, "there is no ballast");
                        State::Impossible
                    }
                };
            }
            State::There | State::Absent | State::Impossible => {}
        }
    }

    /// Gives the room back.
    pub(super) fn drop_out(&mut self) {
        match std::fs::remove_file(self.path()) {
            Ok(()) => tracing::warn!("the ballast was given up, so that deletions can be stored"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "the ballast could not be given up"),
        }
        if self.state != State::Impossible {
            self.state = State::Absent;
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }
}

/// The system's call fails where the file system has no such thing; the C library's would write 64 MiB of zeros.
fn allocate(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW);
    let file = options.open(path)?;
    let allocated = fallocate(&file, FallocateFlags::empty(), 0, SIZE.cast_signed());
    allocated.map_err(|error| {
        let _ = std::fs::remove_file(path);
        error.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    const VOLUME: u64 = 100 << 30;

    fn ballast() -> (tempfile::TempDir, Ballast) {
        let folder = tempfile::tempdir().unwrap();
        let ballast = Ballast::new(folder.path());
        (folder, ballast)
    }

    #[test]
    fn it_is_there_while_there_is_plenty_and_goes_when_there_is_none() {
        let (folder, mut ballast) = ballast();
        let path = folder.path().join("ballast");
        ballast.take_in(VOLUME, VOLUME);
        assert!(!path.exists(), "not at once");
        ballast.take_in(VOLUME, SIZE - 1);
        assert!(!path.exists(), "no room to spare");
        ballast.take_in(VOLUME, SIZE);
        if ballast.state == State::Impossible {
            return assert!(!path.exists());
        }
        let metadata = std::fs::metadata(&path).unwrap();
        assert!(metadata.blocks() * 512 >= SIZE, "the room is really taken");
        assert_eq!(metadata.mode() & 0o777, 0o600);
        ballast.drop_out();
        assert!(!path.exists());
        ballast.take_in(VOLUME, VOLUME);
        assert!(path.exists(), "made again");
        // One that is left from an earlier process is given up, too.
        Ballast::new(folder.path()).drop_out();
        assert!(!path.exists());
    }

    #[test]
    fn a_small_volume_has_none() {
        let (folder, mut ballast) = ballast();
        for _ in 0..2 {
            ballast.take_in(SMALLEST_VOLUME - 1, SMALLEST_VOLUME - 1);
        }
        assert!(!folder.path().join("ballast").exists());
        ballast.drop_out();
    }
}
