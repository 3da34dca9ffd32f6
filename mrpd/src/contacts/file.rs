//! The contacts file on the disk, which other programs change as well: read whole, and replaced only if it still is what was read.
//!
//! Others may write it in place (the published clients do), so a change can begin between our last look and our rename. Where the
//! system can exchange two files in one step, what was exchanged away is looked at once more, and put back if it has changed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Bytes of a file that is read, at most.
const FILE_LIMIT: u64 = 16 << 20;
/// How long a program that opened the file just before it was exchanged is given to begin writing.
const LAST_WORD: Duration = Duration::from_millis(10);

/// A file that is not whole and was written to more recently than this may be in the middle of being written.
const WRITING_TAKES: Duration = Duration::from_secs(1);

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp(Option<(u64, u64, i64, i64)>);

/// The state of a file; all that do not exist are alike.
pub(super) fn stamp(path: &Path) -> Stamp {
    Stamp(path.metadata().ok().map(|file| identity(&file)))
}

fn identity(file: &std::fs::Metadata) -> (u64, u64, i64, i64) {
    (file.ino(), file.size(), file.mtime(), file.mtime_nsec())
}

/// A file's content at one moment; no text where there is no file.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) text: Option<String>,
    stamp: Stamp,
}

/// Whether nobody has touched the file for so long that nobody is in the middle of writing it.
pub(super) fn is_settled(content: &Content) -> bool {
    let Stamp(Some((_, _, seconds, nanoseconds))) = content.stamp else {
        return true;
    };
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let nanoseconds = u32::try_from(nanoseconds).unwrap_or_default();
    let written = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    // A time that is ahead of the clock says nothing.
    written
        .elapsed()
        .is_ok_and(|elapsed| elapsed > WRITING_TAKES)
}

/// What became of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaced {
    /// The file has the new content.
    Done,
    /// Somebody else has changed the file since it was read; nothing was done to it.
    Overtaken,
}

/// Reads the file.
pub(super) fn read(path: &Path) -> io::Result<Content> {
    // A pipe would hold up whoever opens it until somebody writes.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Content {
                text: None,
                stamp: Stamp(None),
            });
        }
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.len() > FILE_LIMIT {
        let what = format!("it has more than {} MiB", FILE_LIMIT >> 20);
        return Err(io::Error::other(what));
    }
    let mut text = String::new();
    (&file).take(FILE_LIMIT).read_to_string(&mut text)?;
    Ok(Content {
        text: Some(text),
        // Of before the reading: what is written meanwhile makes it another state.
        stamp: Stamp(Some(identity(&metadata))),
    })
}

/// Writes beside the file, syncs, puts it into the file's place, syncs the directory: whoever reads sees the old content or the new,
/// never half of one. It is done only if the file is still what `before` was read from.
pub(super) fn replace(path: &Path, content: &[u8], before: &Content) -> io::Result<Replaced> {
    let dir = path.parent().unwrap_or_else(|| Path::new("."));
    mrpd_api::paths::create_private_dir(dir)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = Temporary(dir.join(name));
    temporary.write(content)?;
    if stamp(path) != before.stamp {
        return Ok(Replaced::Overtaken);
    }
    let replaced = match before.stamp {
        Stamp(None) => put_new(&temporary.0, path)?,
        Stamp(Some(_)) => exchange(&temporary.0, path, before)?,
    };
    File::open(dir)?.sync_all()?;
    Ok(replaced)
}

/// A file that goes if it is still there.
struct Temporary(PathBuf);

impl Temporary {
    fn write(&self, content: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
            .open(&self.0)?;
        file.write_all(content)?;
        file.sync_all()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A name that is taken meanwhile is somebody else's new file.
fn put_new(temporary: &Path, path: &Path) -> io::Result<Replaced> {
    match std::fs::hard_link(temporary, path) {
        Ok(()) => Ok(Replaced::Done),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Replaced::Overtaken),
        // Some file systems have no links.
        Err(_) => std::fs::rename(temporary, path).map(|()| Replaced::Done),
    }
}

#[cfg(target_os = "linux")]
fn exchange(temporary: &Path, path: &Path, before: &Content) -> io::Result<Replaced> {
    use nix::errno::Errno;
    match swap(temporary, path) {
        Ok(()) => {}
        Err(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => {
            return std::fs::rename(temporary, path).map(|()| Replaced::Done);
        }
        Err(errno) => return Err(errno.into()),
    }
    // Two looks: what was being written is put back at once, and what was about to be written is not passed over.
    if stamp(temporary) == before.stamp {
        std::thread::sleep(LAST_WORD);
        if stamp(temporary) == before.stamp {
            return Ok(Replaced::Done);
        }
    }
    swap(temporary, path)?;
    Ok(Replaced::Overtaken)
}

#[cfg(target_os = "linux")]
fn swap(one: &Path, other: &Path) -> nix::Result<()> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE)
}

#[cfg(not(target_os = "linux"))]
fn exchange(temporary: &Path, path: &Path, _before: &Content) -> io::Result<Replaced> {
    std::fs::rename(temporary, path).map(|()| Replaced::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_changed_since_it_was_read_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("contacts.json");
        let nothing = read(&path).unwrap();
        assert_eq!(nothing.text, None);
        assert_eq!(replace(&path, b"one", &nothing).unwrap(), Replaced::Done);
        let overtaken = replace(&path, b"two", &nothing).unwrap();
        assert_eq!(overtaken, Replaced::Overtaken);
        let one = read(&path).unwrap();
        assert_eq!(one.text.as_deref(), Some("one"));
        std::fs::write(&path, "another program's").unwrap();
        assert_eq!(replace(&path, b"two", &one).unwrap(), Replaced::Overtaken);
        let other = read(&path).unwrap();
        assert_eq!(other.text.as_deref(), Some("another program's"));
        assert_eq!(replace(&path, b"two", &other).unwrap(), Replaced::Done);
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    /// The other program opens and writes while the exchange is under way.
    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_written_during_the_exchange_is_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("contacts.json");
        std::fs::write(&path, "old").unwrap();
        let before = read(&path).unwrap();
        let temporary = dir.path().join("new");
        std::fs::write(&temporary, "ours").unwrap();
        let mut other = OpenOptions::new().append(true).open(&path).unwrap();
        other.write_all(b" and more").unwrap();
        let done = exchange(&temporary, &path, &before).unwrap();
        assert_eq!(done, Replaced::Overtaken);
        assert_eq!(std::fs::read(&path).unwrap(), b"old and more");
    }
}
