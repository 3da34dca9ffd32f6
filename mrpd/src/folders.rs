//! What happens in folders, as the system tells it.
//!
//! Only what changes something is asked for. Files in a home folder are opened and read all the time, and a daemon at rest must not
//! wake up for that.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::Folders;
#[cfg(target_os = "linux")]
pub(crate) use linux::Folders;

use std::path::PathBuf;

/// What the system tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// Something happened to a folder that is watched, or to an entry in it.
    At {
        /// The folder or the entry.
        path: PathBuf,
        /// What happened to it.
        what: What,
    },
    /// Nobody knows what happened: everything is to be looked at.
    Lost,
}

/// What happened to a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// It was moved to this place.
    MovedIn,
    /// It is a folder that came to be here, or went.
    Folder,
    /// It was written, and whoever did is done.
    Written,
    /// Something else that makes it another.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, OpenOptions};
    use std::io::{Read as _, Write as _};
    use std::path::Path;
    use std::time::Duration;

    async fn next(folders: &mut Folders) -> News {
        tokio::time::timeout(Duration::from_secs(30), folders.next())
            .await
            .expect("something is told")
            .unwrap()
    }

    fn watched() -> (tempfile::TempDir, PathBuf, Folders) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let mut folders = Folders::new().unwrap();
        folders.add(&root).unwrap();
        (dir, root, folders)
    }

    fn at(path: &Path, what: What) -> News {
        News::At {
            path: path.to_path_buf(),
            what,
        }
    }

    #[tokio::test]
    async fn reading_is_not_told() {
        let (_dir, root, mut folders) = watched();
        let file = root.join("read");
        std::fs::write(&file, "text").unwrap();
        while next(&mut folders).await != at(&file, What::Written) {}
        let mut text = String::new();
        File::open(&file)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 1);
        // What is told next is what was done next.
        let other = root.join("other");
        File::create(&other).unwrap();
        assert_eq!(next(&mut folders).await, at(&other, What::Other));
    }

    #[tokio::test]
    async fn a_file_that_is_moved_in_is_told_from_one_that_is_written_there() {
        let (_dir, root, mut folders) = watched();
        let elsewhere = tempfile::tempdir_in(root.parent().unwrap()).unwrap();
        let (source, target) = (elsewhere.path().join("file"), root.join("file"));
        std::fs::write(&source, "text").unwrap();
        std::fs::rename(&source, &target).unwrap();
        assert_eq!(next(&mut folders).await, at(&target, What::MovedIn));
        let mut file = OpenOptions::new().append(true).open(&target).unwrap();
        file.write_all(b"more").unwrap();
        drop(file);
        assert_eq!(next(&mut folders).await, at(&target, What::Other));
        assert_eq!(next(&mut folders).await, at(&target, What::Written));
    }

    #[tokio::test]
    async fn folders_are_told_as_such_and_one_that_is_let_go_is_silent() {
        let (_dir, root, mut folders) = watched();
        let below = root.join("below");
        std::fs::create_dir(&below).unwrap();
        assert_eq!(next(&mut folders).await, at(&below, What::Folder));
        folders.add(&below).unwrap();
        let file = below.join("file");
        std::fs::write(&file, "").unwrap();
        while next(&mut folders).await != at(&file, What::Written) {}
        folders.remove(&below);
        std::fs::remove_file(&file).unwrap();
        std::fs::remove_dir(&below).unwrap();
        assert_eq!(next(&mut folders).await, at(&below, What::Folder));
    }
}
