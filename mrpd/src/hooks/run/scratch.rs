//! The private folder of one run: where the program starts, and what is handed to it as files.
//!
//! ```text
//! <root>/<random>/        0700
//!   work/                 the working folder
//!   body                  the message's body
//!   answer                what the program writes to descriptor 3
//!   refusal               why the command could not be started
//! ```

use crate::hooks::program::Keep;
use mrpd_api::paths::create_private_dir;
use std::fs::{File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What the folders of runs begin with.
const PREFIX: &str = "run-";
/// Bytes that are taken over from a file of the folder.
const TAKEN: u64 = 64 << 10;

/// The folder of one run. Dropping it removes it, unless it is to be kept.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: Option<TempDir>,
    path: PathBuf,
}

impl Scratch {
    /// Makes a folder below `root`.
    pub(super) fn make(root: &Path, keep: Keep) -> io::Result<Self> {
        create_private_dir(root)?;
        let prefix = match keep {
            Keep::Nothing => PREFIX,
            Keep::Folder => "kept-",
        };
        let mut folder = tempfile::Builder::new()
            .prefix(prefix)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(root)?;
        folder.disable_cleanup(keep == Keep::Folder);
        let path = folder.path().to_path_buf();
        create_private_dir(&path.join("work"))?;
        Ok(Self {
            folder: Some(folder),
            path,
        })
    }

    /// Where the program starts.
    pub(super) fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    /// A file of the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What a file holds, as far as it is taken over; nothing where it is missing or empty.
    pub(super) fn take(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(self.file(name)).ok()?;
        file.take(TAKEN).read_to_end(&mut bytes).ok()?;
        Some(bytes).filter(|bytes| !bytes.is_empty())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Much may lie there: to remove it can take a while, and whoever drops this may be in a hurry.
        if let Some(folder) = self.folder.take() {
            let remove = move || drop(folder);
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn_blocking(remove)),
                Err(_) => remove(),
            }
        }
    }
}

/// Removes what runs have left behind that were cut off by a crash.
pub(super) fn clear(root: &Path) {
    let Ok(entries) = root.read_dir() else { return };
    let stale = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for entry in stale {
        if let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::warn!(folder = %entry.path().display(), %error, "a hook's folder cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_private_and_goes_unless_it_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("hooks");
        let gone = Scratch::make(&root, Keep::Nothing).unwrap();
        let kept = Scratch::make(&root, Keep::Folder).unwrap();
        for folder in [&root, &gone.path, &gone.work()] {
            let mode = folder.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
        }
        let (gone_path, kept_path) = (gone.path.clone(), kept.path.clone());
        drop((gone, kept));
        assert!(!gone_path.exists());
        assert!(kept_path.exists());
        std::fs::create_dir(root.join("run-old")).unwrap();
        clear(&root);
        assert!(!root.join("run-old").exists());
        assert!(kept_path.exists());
    }

    #[test]
    fn no_more_than_fits_is_taken_over() {
        let home = tempfile::tempdir().unwrap();
        let scratch = Scratch::make(home.path(), Keep::Nothing).unwrap();
        assert_eq!(scratch.take("answer"), None);
        std::fs::write(scratch.file("answer"), vec![b'x'; 100_000]).unwrap();
        assert_eq!(scratch.take("answer").unwrap().len(), 64 << 10);
    }
}
