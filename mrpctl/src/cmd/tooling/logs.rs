//! `mrpctl logs`: the journal, where systemd runs the daemon; else the file that a daemon in the background writes.

use crate::autostart;
use crate::cli::tooling::Logs as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::closed;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::sleep;

/// How often a file that is followed is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Bytes of a line that are read at once. What is longer comes in parts.
const LONGEST: u64 = 64 * 1024;

pub(crate) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    if autostart::is_managed(&context.paths) {
        return journal(flags).await;
    }
    let log = LogFile::new(context.paths.log_file(), flags.hook.as_deref());
    let mut reader = log.open()?;
    let last = log.last(&mut reader, flags.lines)?;
    for line in &last {
        write(context, line)?;
    }
    if !flags.follow {
        return match &flags.hook {
            Some(hook) if last.is_empty() && flags.lines > 0 => Err(Failure::new(
                Reason::NothingFound,
                format!("the log has nothing of a hook {hook}"),
            )
            .fix("mrpctl hook ls")),
            _ => Ok(()),
        };
    }
    tokio::select! {
        ended = log.follow(context, reader) => ended,
        () = closed() => Err(Failure::OutputClosed),
    }
}

async fn journal(flags: &Flags) -> Result<(), Failure> {
    let mut command = Command::new("journalctl");
    command
        .args(["--user", "--unit", "mrpd", "--no-pager", "--lines"])
        .arg(flags.lines.to_string())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if flags.follow {
        command.arg("--follow");
    }
    if let Some(hook) = &flags.hook {
        command.arg(format!("MRP_HOOK={hook}"));
    }
    let status = command
        .status()
        .await
        .map_err(|error| Failure::io(Reason::Unavailable, "run journalctl", &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(
        Reason::Unavailable,
        format!("journalctl failed ({status})"),
    ))
}

/// The last lines of the daemon's log file, of a bug report; none where there is no file.
pub(super) fn last_lines(context: &Context, count: usize) -> Vec<String> {
    let log = LogFile::new(context.paths.log_file(), None);
    let read = log
        .open()
        .and_then(|mut reader| log.last(&mut reader, count));
    read.unwrap_or_default()
}

struct LogFile {
    path: PathBuf,
    /// Words that mark the lines that are wanted.
    marks: Vec<String>,
}

impl LogFile {
    fn new(path: PathBuf, hook: Option<&str>) -> Self {
        let marks = hook.map(|hook| vec![format!("hook=\"{hook}\""), format!("hook={hook} ")]);
        Self {
            path,
            marks: marks.unwrap_or_default(),
        }
    }

    fn open(&self) -> Result<BufReader<File>, Failure> {
        File::open(&self.path)
            .map(BufReader::new)
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Failure::new(
                    Reason::NoInput,
                    format!("there is no log: {} does not exist", self.path.display()),
                )
                .fix("the log of a daemon that somebody started in the foreground is on its standard error"),
                _ => self.failed(&error),
            })
    }

    fn failed(&self, error: &io::Error) -> Failure {
        Failure::io(Reason::Io, &format!("read {}", self.path.display()), error)
    }

    fn is_wanted(&self, line: &str) -> bool {
        self.marks.is_empty() || self.marks.iter().any(|mark| line.contains(mark))
    }

    /// The last of what is wanted; the reader stands at the end then.
    fn last(&self, reader: &mut BufReader<File>, count: usize) -> Result<Vec<String>, Failure> {
        let mut last = VecDeque::with_capacity(count.min(1024));
        while let Some(line) = self.next(reader)? {
            if last.len() == count {
                last.pop_front();
            }
            if count > 0 {
                last.push_back(line);
            }
        }
        Ok(last.into())
    }

    /// The next line that is wanted. A line that is not whole yet is left for later.
    fn next(&self, reader: &mut BufReader<File>) -> Result<Option<String>, Failure> {
        use std::io::Read as _;
        loop {
            let mut bytes = Vec::new();
            let read = reader.by_ref().take(LONGEST).read_until(b'\n', &mut bytes);
            let length = read.map_err(|error| self.failed(&error))?;
            if length == 0 {
                return Ok(None);
            }
            let is_whole = bytes.last() == Some(&b'\n') || bytes.len() as u64 == LONGEST;
            if !is_whole {
                let back = i64::try_from(length).unwrap_or(0);
                reader
                    .seek_relative(-back)
                    .map_err(|error| self.failed(&error))?;
                return Ok(None);
            }
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            if self.is_wanted(&line) {
                return Ok(Some(line));
            }
        }
    }

    async fn follow(&self, context: &Context, mut reader: BufReader<File>) -> Result<(), Failure> {
        loop {
            while let Some(line) = self.next(&mut reader)? {
                write(context, &line)?;
            }
            sleep(LOOK_AGAIN).await;
            if is_replaced(&self.path, &mut reader) {
                while let Some(line) = self.next(&mut reader)? {
                    write(context, &line)?;
                }
                reader = self.open()?;
            }
        }
    }
}

/// Whether another file has its name by now, or it was cut off.
fn is_replaced(path: &Path, reader: &mut BufReader<File>) -> bool {
    let (Ok(named), Ok(open)) = (std::fs::metadata(path), reader.get_ref().metadata()) else {
        return false;
    };
    let stands = reader.stream_position().unwrap_or(0);
    (named.dev(), named.ino()) != (open.dev(), open.ino()) || open.len() < stands
}

/// The daemon has made its lines harmless already.
fn write(context: &Context, line: &str) -> Result<(), Failure> {
    if context.output.has_form() {
        let object = serde_json::json!({ "line": line });
        return context.output.object(&object, String::new, Some(line));
    }
    context.output.bytes(format!("{line}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn the_last_lines_are_whole_and_of_the_hook() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one hook=\"a\"\ntwo hook=\"ab\"\nthree hook=a end\nfour\nhal")
            .unwrap();
        let all = LogFile::new(path.clone(), None);
        let mut reader = all.open().unwrap();
        assert_eq!(
            all.last(&mut reader, 2).unwrap(),
            ["three hook=a end", "four"]
        );
        file.write_all(b"f\n").unwrap();
        assert_eq!(all.next(&mut reader).unwrap().as_deref(), Some("half"));
        let of_hook = LogFile::new(path, Some("a"));
        let mut reader = of_hook.open().unwrap();
        assert_eq!(
            of_hook.last(&mut reader, 9).unwrap(),
            ["one hook=\"a\"", "three hook=a end"]
        );
    }
}
