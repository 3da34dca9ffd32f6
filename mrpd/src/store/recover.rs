//! A store that is damaged is set aside before the daemon opens it: a new one takes its place, with what can still be read of the
//! old one, and the relays send again what was never acknowledged to them.

mod rebuild;

use super::examine::{Depth, SALVAGED};
use super::lock::open_private;
use crate::clock;
use rebuild::{Saved, rebuild};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The program's command that looks at a store.
pub const CHECK_COMMAND: &str = "check-store";
/// The program's command that saves a table of a store.
pub const SALVAGE_COMMAND: &str = "salvage-store";
/// The exit status with which they say that the store is damaged.
pub const DAMAGED: u8 = 65;

/// A store up to this size is looked at as a whole at each start: that takes no time that anybody would notice.
const SMALL: u64 = 16 << 20;
/// How long one look may take, and the saving of one table.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often it is looked whether the process has ended: at first, and at last.
const POLL: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// Bytes of what the process says that are read.
const SAID: u64 = 4096;

/// How the daemon before this one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastEnd {
    /// It closed the store.
    Clean,
    /// It was killed, or the machine went down.
    Unclean,
}

/// Looks at the store, and sets it aside if it is damaged; says so in a sentence then. What goes wrong meanwhile is nothing that
/// keeps the daemon from opening the store: it will find out.
pub fn set_aside_if_damaged(path: &Path, last_end: LastEnd) -> Option<String> {
    let size = path.metadata().map_or(0, |file| file.len());
    if size == 0 {
        return None;
    }
    let depth = match last_end {
        LastEnd::Clean if size > SMALL => Depth::Ends,
        LastEnd::Clean | LastEnd::Unclean => Depth::Everything,
    };
    let damage = if size > SMALL {
        check_apart(path, depth)?
    } else {
        check_copy(path, depth)?
    };
    let aside = set_aside(path);
    match aside {
        Ok(aside) => {
            let saved = salvage(&aside, path);
            Some(describe(path, &aside, &damage, saved))
        }
        Err(error) => {
            tracing::error!(%error, %damage, "the store is damaged, and cannot be set aside");
            None
        }
    }
}

/// Looks at a store in a process of its own; what is damaged, if anything is.
pub(super) fn check_apart(path: &Path, depth: Depth) -> Option<String> {
    let mut arguments = vec![OsStr::new(CHECK_COMMAND), path.as_os_str()];
    if depth == Depth::Everything {
        arguments.push(OsStr::new("--everything"));
    }
    match run_apart(&arguments) {
        Ok((status, said)) => damage(status, &said),
        Err(error) => {
            tracing::warn!(%error, "the store was not checked");
            None
        }
    }
}

/// Looks at a copy, since a check may repair, and what is damaged is read best as it was found.
fn check_copy(path: &Path, depth: Depth) -> Option<String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let copied = tempfile::Builder::new()
        .prefix("mrpd.redb.checking-")
        .tempfile_in(folder)
        .and_then(|mut copy| {
            io::copy(&mut File::open(path)?, &mut copy)?;
            Ok(copy)
        });
    match copied {
        Ok(copy) => check_apart(copy.path(), depth),
        // A full disk, as it may be: the store itself is still to be looked at.
        Err(_) => check_apart(path, depth),
    }
}

/// What the state directory has of stores that were set aside, a sentence each, for the status.
pub fn set_aside_before(store: &Path) -> Vec<String> {
    let prefix = aside_prefix(store);
    let folder = store.parent().unwrap_or(Path::new("."));
    let names = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .filter(|name| {
            name.as_encoded_bytes()
                .starts_with(prefix.as_encoded_bytes())
        });
    let mut paths: Vec<PathBuf> = names.map(|name| folder.join(name)).collect();
    paths.sort();
    let sentence = |path: &PathBuf| {
        format!(
            "a damaged store was set aside as {}; remove it when you need nothing of it any more",
            path.display()
        )
    };
    paths.iter().map(sentence).collect()
}

fn aside_prefix(store: &Path) -> OsString {
    let mut prefix = store.file_name().unwrap_or_default().to_owned();
    prefix.push(".corrupt-");
    prefix
}

fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let time: String = clock::now()
        .to_string()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let mut name = aside_prefix(path);
    name.push(time);
    let aside = path.with_file_name(name);
    std::fs::rename(path, &aside)?;
    sync_folder(path)?;
    Ok(aside)
}

/// Gathers what can be read, table by table, in a file that becomes the store once it is whole.
fn salvage(from: &Path, store: &Path) -> io::Result<Saved> {
    let name = store.file_name().unwrap_or_default().to_owned();
    let mut partial = name;
    partial.push(".salvaging");
    let partial = store.with_file_name(partial);
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    drop(open_private(&partial)?);
    for table in SALVAGED {
        let arguments = [
            OsStr::new(SALVAGE_COMMAND),
            from.as_os_str(),
            partial.as_os_str(),
            OsStr::new(table),
        ];
        let (status, said) = run_apart(&arguments)?;
        if !status.success() {
            tracing::warn!(table, %status, said, "not all of a table can be read");
            // What stands behind the damage is reached from the other end.
            let mut backward = arguments.to_vec();
            backward.push(OsStr::new("--backward"));
            run_apart(&backward)?;
        }
    }
    let saved = rebuild(&partial).map_err(io::Error::other)?;
    File::open(&partial)?.sync_all()?;
    std::fs::rename(&partial, store)?;
    sync_folder(store)?;
    Ok(saved)
}

fn describe(path: &Path, aside: &Path, damage: &str, saved: io::Result<Saved>) -> String {
    let begun = format!(
        "the store {} was damaged ({damage}) and is set aside as {}",
        path.display(),
        aside.display()
    );
    let again = "what the relays still have comes again";
    match saved {
        Ok(saved) if saved.messages + saved.outbox > 0 => {
            let lost = match saved.lost_outbox {
                Some(0) => "no send that waited is lost".to_owned(),
                Some(count) => format!("{count} sends that waited in the outbox are lost"),
                None => "sends that waited in the outbox may be lost".to_owned(),
            };
            format!(
                "{begun}; the new one has {} messages and {} sends of it, {lost}, and {again}",
                saved.messages, saved.outbox
            )
        }
        Ok(_) => format!(
            "{begun}; nothing in it could be read: the new one is empty, sends that waited in the outbox are lost, and {again}"
        ),
        Err(error) => format!(
            "{begun}; nothing of it was saved ({error}): the new one is empty, sends that waited in the outbox are lost, and {again}"
        ),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// What an end of the process says of the store. One that was killed from outside, or found the disk failing, says nothing.
fn damage(status: ExitStatus, said: &str) -> Option<String> {
    use nix::sys::signal::Signal::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
    /// With which a panic ends a program that does not abort then.
    const PANICKED: i32 = 101;
    let crashes = [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV].map(|signal| signal as i32);
    let has_crashed = status.code() == Some(PANICKED)
        || status
            .signal()
            .is_some_and(|signal| crashes.contains(&signal));
    if has_crashed {
        return Some("it cannot be read".to_owned());
    }
    if status.code() == Some(i32::from(DAMAGED)) {
        return Some(said.trim().to_owned());
    }
    if !status.success() {
        tracing::warn!(%status, said, "the store was not checked to the end");
    }
    None
}

/// Runs this program with other arguments, and gives what it says on its standard output.
fn run_apart(arguments: &[&OsStr]) -> io::Result<(ExitStatus, String)> {
    let mut child = Command::new(own_program()?)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let status = wait(&mut child)?;
    let mut said = String::new();
    if let Some(stdout) = child.stdout.take() {
        let mut bytes = Vec::new();
        stdout.take(SAID).read_to_end(&mut bytes)?;
        said = String::from_utf8_lossy(&bytes).trim().to_owned();
    }
    Ok((status, said))
}

/// The file that runs, even if another has taken its name since.
fn own_program() -> io::Result<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        return Ok(own.to_path_buf());
    }
    std::env::current_exe()
}

fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let begun = Instant::now();
    let mut pause = POLL.0;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            return child.wait();
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(POLL.1);
    }
}
