//! How much room there is where the relay keeps its data.

use nix::sys::statvfs::statvfs;
use std::io;
use std::path::Path;

/// The room of a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// What the relay may still write.
    pub(crate) free: u64,
    /// All there is, used or not.
    pub(crate) total: u64,
}

impl Room {
    /// Looks at the file system that a path is on, or would be.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        let existing = path
            .ancestors()
            .find(|ancestor| ancestor.exists())
            .unwrap_or(Path::new("."));
        let found = statvfs(existing)?;
        // The types of these differ from system to system.
        let unit = u64::try_from(found.fragment_size()).unwrap_or(0);
        let bytes = |blocks| u64::from(blocks).saturating_mul(unit);
        Ok(Self {
            free: bytes(found.blocks_available()),
            total: bytes(found.blocks()),
        })
    }

    /// Whole percents that are free.
    pub(crate) fn free_percent(&self) -> u64 {
        (u128::from(self.free) * 100)
            .checked_div(u128::from(self.total))
            .and_then(|percent| u64::try_from(percent).ok())
            .unwrap_or(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_not_there_yet_has_the_room_of_the_one_above() {
        let home = tempfile::tempdir().unwrap();
        let here = Room::at(home.path()).unwrap();
        let below = Room::at(&home.path().join("a/b")).unwrap();
        assert!(here.total > 0 && here.free <= here.total);
        assert_eq!(here.total, below.total);
    }

    #[test]
    fn percents_are_whole_and_an_empty_file_system_is_not_full() {
        let room = |free, total| Room { free, total }.free_percent();
        assert_eq!(room(5, 100), 5);
        assert_eq!(room(9_999, 100_000), 9);
        assert_eq!(room(u64::MAX, u64::MAX), 100);
        assert_eq!(room(0, 0), 100);
    }
}
