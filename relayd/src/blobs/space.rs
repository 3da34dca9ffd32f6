//! Whether there is room on the disk for uploads (the limit below which they are refused).

use std::io;
use std::path::Path;

/// The least that must be free: a tenth of the disk,
const LEAST_SHARE: u64 = 10;
/// or of so much where it is larger: a tenth of a large disk is a lot,
const LARGE: u64 = 100 << 30;
/// and at least so many bytes.
const LEAST_BYTES: u64 = 1 << 30;

/// How much of a disk is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Space {
    free: u64,
    total: u64,
}

impl Space {
    /// Of the disk that a path is on.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let disk = nix::sys::statvfs::statvfs(path)?;
        let unit = disk.fragment_size();
        Ok(Self {
            free: disk.blocks_available().saturating_mul(unit),
            total: disk.blocks().saturating_mul(unit),
        })
    }

    /// Whether an upload may take more of it.
    pub(super) fn allows_uploads(self) -> bool {
        self.free >= LEAST_BYTES && self.free >= self.total.min(LARGE) / LEAST_SHARE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_and_a_gibibyte_are_left_alone() {
        let gib = 1 << 30;
        let allows = |free, total| Space { free, total }.allows_uploads();
        assert!(allows(gib, 10 * gib));
        assert!(!allows(gib - 1, 10 * gib));
        assert!(!allows(gib - 1, gib));
        assert!(allows(10 * gib, 100 * gib));
        assert!(!allows(10 * gib - 1, 100 * gib));
        assert!(allows(10 * gib, 1_000 * gib));
        assert!(!allows(10 * gib - 1, 1_000 * gib));
    }

    #[test]
    fn a_disk_says_how_large_it_is() {
        let space = Space::at(Path::new("/")).unwrap();
        assert!(space.total > 0 && space.free <= space.total, "{space:?}");
    }
}
