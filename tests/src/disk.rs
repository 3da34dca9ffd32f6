//! A file system of a test's own, small enough to be filled.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A file system in memory, gone when dropped.
#[derive(Debug)]
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// One of a size such as `64m`; `None` where that is not permitted.
    pub fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder.path());
        mount
            .output()
            .is_ok_and(|output| output.status.success())
            .then(|| Self(folder))
    }

    /// Gives it another size.
    pub fn resize(&self, size: &str) {
        let mut remount = Command::new("mount");
        remount
            .args(["-o", &format!("remount,size={size}")])
            .arg(self.path());
        assert!(remount.status().expect("mount runs").success());
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Bytes that are free.
    pub fn free(&self) -> u64 {
        let disk = nix::sys::statvfs::statvfs(self.path()).expect("it is mounted");
        disk.blocks_available() * disk.fragment_size()
    }

    /// Fills it up, but for so many bytes.
    pub fn fill(&self, but_for: u64) {
        let mut file = std::fs::File::create(self.filler()).expect("a file");
        let size = usize::try_from(self.free() - but_for).expect("it is small");
        file.write_all(&vec![0; size]).expect("there is room");
    }

    /// Takes away what filled it up.
    pub fn clear(&self) {
        std::fs::remove_file(self.filler()).expect("it is there");
    }

    fn filler(&self) -> std::path::PathBuf {
        self.path().join("somebody-elses")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .status();
    }
}
