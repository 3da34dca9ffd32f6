//! A log file of bounded size: a full one makes room for a new one and is kept until that is full.

use super::line::Escaped;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

/// Bytes of a file, at most; there are two.
const LARGEST: u64 = 8 << 20;

/// The file that is written to.
#[derive(Debug)]
pub(super) struct Rotating {
    path: PathBuf,
    largest: u64,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    size: u64,
}

impl Rotating {
    /// Goes on with the file, or begins it, for its user alone.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        Self::open_with(path, LARGEST)
    }

    fn open_with(path: PathBuf, largest: u64) -> io::Result<Self> {
        let open = Mutex::new(open(&path)?);
        Ok(Self {
            path,
            largest,
            open,
        })
    }

    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        let mut current = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if current.size > 0 && current.size.saturating_add(length) > self.largest {
            // Where that fails, as on a full disk, the old file grows: better than no log.
            let renewed = std::fs::rename(&self.path, self.path.with_extension("log.1"))
                .and_then(|()| open(&self.path));
            if let Ok(renewed) = renewed {
                *current = renewed;
            }
        }
        current.size = current.size.saturating_add(length);
        current.file.write_all(line)
    }
}

fn open(path: &Path) -> io::Result<Open> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
        .open(path)?;
    let size = file.metadata()?.len();
    Ok(Open { file, size })
}

/// Writes one line.
#[derive(Debug)]
pub(super) struct Line<'a>(&'a Rotating);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_line(line).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Rotating {
    type Writer = Escaped<Line<'a>>;

    fn make_writer(&'a self) -> Self::Writer {
        Escaped::to(Line(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_full_file_makes_room_and_only_one_old_one_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mrpd.log");
        let log = Rotating::open_with(path.clone(), 16).unwrap();
        for line in ["first", "second", "third", "fourth", "fifth"] {
            // Events come whole.
            let event = format!("{line} line\n");
            log.make_writer().write_all(event.as_bytes()).unwrap();
        }
        let text = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(text("mrpd.log.1"), "fourth line\n");
        assert_eq!(text("mrpd.log"), "fifth line\n");
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let again = Rotating::open_with(path, 1000).unwrap();
        again.write_line(b"sixth\n").unwrap();
        assert_eq!(text("mrpd.log"), "fifth line\nsixth\n");
    }
}
