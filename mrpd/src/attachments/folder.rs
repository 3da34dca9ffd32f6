//! Where the attachments of one message are put. Everything below the configured directory goes by open directories, never by paths:
//! no link that somebody put there leads elsewhere, and nothing is written over.

use crate::config::Conflict;
use mrpd_api::filename::{is_folder_name, numbered};
use mrpd_api::paths::create_private_dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, linkat, unlinkat};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Names that are tried until one is free.
const TRIES: u32 = 1000;

/// The directory of one message.
#[derive(Debug)]
pub(super) struct Folder {
    directory: OwnedFd,
    path: PathBuf,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Placed {
    /// It is there.
    At(PathBuf),
    /// Another one is there, and is left alone.
    Taken(PathBuf),
}

impl Folder {
    /// Opens the directory of that name below `base`, and makes what is missing, for the user alone. The name is a message's id.
    pub(super) fn open(base: &Path, name: &str) -> io::Result<Self> {
        if !is_folder_name(name) {
            let message = format!("{name:?} names no directory");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        create_private_dir(base)?;
        let directory = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let above = open(base, directory, Mode::empty())?;
        match mkdirat(&above, name, Mode::S_IRWXU) {
            Ok(()) => fsync(&above)?,
            Err(Errno::EEXIST) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self {
            directory: openat(&above, name, directory | OFlag::O_NOFOLLOW, Mode::empty())?,
            path: base.join(name),
        })
    }

    /// A file for what comes in, at a name that no attachment has. What an earlier attempt left there goes.
    pub(super) fn partial(&self, place: u32) -> io::Result<Partial<'_>> {
        let name = format!(".part-{place}");
        match unlinkat(&self.directory, name.as_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let file = openat(&self.directory, name.as_str(), flags, mode)?;
        Ok(Partial {
            folder: self,
            name,
            file: Some(File::from(file)),
        })
    }

    /// The file of that name, if it is one and has these bytes.
    fn has(&self, name: &str, digest: &[u8; 32]) -> bool {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let Ok(file) = openat(&self.directory, name, flags, Mode::empty()) else {
            return false;
        };
        let mut file = File::from(file);
        if !file.metadata().is_ok_and(|file| file.is_file()) {
            return false;
        }
        let (mut hash, mut piece) = (Sha256::new(), vec![0; 64 << 10]);
        loop {
            match file.read(&mut piece) {
                Ok(0) => return <[u8; 32]>::from(hash.finalize()) == *digest,
                Ok(length) => hash.update(&piece[..length]),
                Err(_) => return false,
            }
        }
    }
}

/// A file that comes in; gone unless it is placed.
#[derive(Debug)]
pub(super) struct Partial<'a> {
    folder: &'a Folder,
    name: String,
    file: Option<File>,
}

impl Partial<'_> {
    /// The file to write to; once.
    pub(super) fn take(&mut self) -> io::Result<File> {
        self.file
            .take()
            .ok_or_else(|| io::Error::other("it is being written already"))
    }

    /// Gives it its name. The bytes are on the disk by now; `digest` is their SHA-256. Where the same bytes are there under that name,
    /// an earlier attempt put them there.
    pub(super) fn place(
        self,
        name: &str,
        digest: &[u8; 32],
        conflict: Conflict,
    ) -> io::Result<Placed> {
        let directory = &self.folder.directory;
        let at = |name: &str| self.folder.path.join(name);
        for number in 0..TRIES {
            let name = match number {
                0 => name.to_owned(),
                number => numbered(name, number),
            };
            let linked = linkat(
                directory,
                self.name.as_str(),
                directory,
                name.as_str(),
                AtFlags::empty(),
            );
            match linked {
                Ok(()) => {}
                Err(Errno::EEXIST) if self.folder.has(&name, digest) => {}
                Err(Errno::EEXIST) => match conflict {
                    Conflict::Rename => continue,
                    Conflict::Skip => return Ok(Placed::Taken(at(&name))),
                    Conflict::Overwrite => {
                        renameat(directory, self.name.as_str(), directory, name.as_str())?;
                    }
                },
                Err(error) => return Err(error.into()),
            }
            let path = at(&name);
            // Its other name goes with this value.
            fsync(directory)?;
            return Ok(Placed::At(path));
        }
        Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{name:?} is there {TRIES} times already"),
        ))
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // It may have been renamed.
        let name = self.name.as_str();
        let _ = unlinkat(&self.folder.directory, name, UnlinkatFlags::NoRemoveDir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn put(folder: &Folder, name: &str, bytes: &[u8], conflict: Conflict) -> io::Result<Placed> {
        let mut partial = folder.partial(0)?;
        partial.take()?.write_all(bytes)?;
        partial.place(name, &Sha256::digest(bytes).into(), conflict)
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(path).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_is_written_over_unless_that_was_asked_for() {
        let home = tempfile::tempdir().unwrap();
        let base = home.path().join("attachments");
        let folder = Folder::open(&base, "msg_1").unwrap();
        let path = base.join("msg_1");
        let at = |name: &str| Placed::At(path.join(name));
        assert_eq!(
            put(&folder, "a.txt", b"1", Conflict::Rename).unwrap(),
            at("a.txt")
        );
        assert_eq!(
            put(&folder, "a.txt", b"1", Conflict::Rename).unwrap(),
            at("a.txt")
        );
        assert_eq!(
            put(&folder, "a.txt", b"2", Conflict::Rename).unwrap(),
            at("a-1.txt")
        );
        let taken = Placed::Taken(path.join("a.txt"));
        assert_eq!(put(&folder, "a.txt", b"3", Conflict::Skip).unwrap(), taken);
        assert_eq!(std::fs::read(path.join("a.txt")).unwrap(), b"1");
        assert_eq!(
            put(&folder, "a.txt", b"3", Conflict::Overwrite).unwrap(),
            at("a.txt")
        );
        assert_eq!(std::fs::read(path.join("a.txt")).unwrap(), b"3");
        assert_eq!(names(&path), ["a-1.txt", "a.txt"]);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("a.txt"))), (0o700, 0o600));
        drop(folder.partial(0).unwrap());
        assert_eq!(names(&path).len(), 2);
    }

    #[test]
    fn links_lead_nowhere() {
        let home = tempfile::tempdir().unwrap();
        let base = home.path().join("attachments");
        let elsewhere = home.path().join("elsewhere");
        std::fs::create_dir_all(&base).unwrap();
        std::fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, base.join("msg_1")).unwrap();
        assert!(Folder::open(&base, "msg_1").is_err());
        let folder = Folder::open(&base, "msg_2").unwrap();
        let victim = home.path().join("victim");
        std::fs::write(&victim, b"before").unwrap();
        symlink(&victim, base.join("msg_2/a.txt")).unwrap();
        symlink(&victim, base.join("msg_2/.part-0")).unwrap();
        let placed = put(&folder, "a.txt", b"after", Conflict::Rename).unwrap();
        assert_eq!(placed, Placed::At(base.join("msg_2/a-1.txt")));
        put(&folder, "a.txt", b"after", Conflict::Overwrite).unwrap();
        assert_eq!(std::fs::read(&victim).unwrap(), b"before");
        assert!(names(&elsewhere).is_empty());
    }
}
