//! A store that is damaged is set aside before the daemon opens it: a new one takes its place, with what can still be read of the
//! old one, and the relays send again what was never acknowledged to them.

mod rebuild;

use super::examine::{Depth, SALVAGED};
use super::lock::open_private;
use super::open::{journal_of, register_only};
use crate::clock;
use crate::crash::crash_point;
use rebuild::{Saved, rebuild};
use redb::Database;
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

/// A store up to this size is looked at as a whole at each start: that takes no time that anybody would notice. To read gigabytes
/// would cost more than it finds, also after a crash: the file is as a checkpoint has left it then.
const SMALL: u64 = 16 << 20;
/// How long one look may take, and the saving of one table.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often it is looked whether the process has ended: at first, and at last.
const POLL: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// How often the service manager is asked for time meanwhile, and for how much.
const TELL: Duration = Duration::from_secs(10);
const MORE_TIME: Duration = Duration::from_secs(60);
/// What stands before the names of copies that are looked at, and of those that a backup is restored by.
const CHECKING: &str = "mrpd.redb.checking-";
pub(super) const RESTORING: &str = "mrpd.redb.restoring-";
const TEMPORARY: &[&str] = &[CHECKING, RESTORING];
/// Bytes of what the process says that are read.
const SAID: u64 = 4096;

/// How the daemon before this one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastEnd {
    /// It closed the store.
    Clean,
    /// It was killed, or the machine went down.
    Unclean,
    /// It met damage, or broke down, which it may have done over damage.
    Suspect,
}

/// Why a damaged store is not set aside: it lies where it lay, and a later start can save what can be read.
#[derive(Debug, thiserror::Error)]
#[error("the store {} is damaged ({damage}), and what can be read of it cannot be saved now: {cause}; nothing of it was changed: see to the disk and its room, and start mrpd again", path.display())]
pub struct RecoverError {
    path: PathBuf,
    damage: String,
    cause: io::Error,
}

/// Looks at the store, and sets it aside if it is damaged; says so in a sentence then. What an interrupted run of this has left is
/// finished. Whoever calls holds the daemon's lock.
///
/// # Errors
/// A [`RecoverError`]. That a look fails for another reason is none: whoever opens the store finds out.
pub fn set_aside_if_damaged(
    path: &Path,
    last_end: LastEnd,
) -> Result<Option<String>, RecoverError> {
    remove_left_overs(path);
    let size = match path.metadata() {
        Ok(file) => file.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return finish_interrupted(path),
        Err(_) => 0,
    };
    if size == 0 {
        return Ok(None);
    }
    let depth = match last_end {
        // Damage that came otherwise is seldom, and shows when the daemon comes to it.
        LastEnd::Clean | LastEnd::Unclean if size > SMALL => Depth::Ends,
        _ => Depth::Everything,
    };
    let damage = if size > SMALL {
        check_apart(path, depth)
    } else {
        check_copy(path, depth)
    };
    let Some(damage) = damage else {
        // Of a run that was interrupted over a store that somebody has replaced since.
        let _ = std::fs::remove_file(partial_of(path));
        return Ok(None);
    };
    let replace = || {
        let partial = partial_of(path);
        let saved = salvage(path, path, &partial)?;
        crash_point!("salvage.saved");
        let aside = set_aside(path)?;
        crash_point!("salvage.set-aside");
        install(&partial, path)?;
        crash_point!("salvage.installed");
        Ok((aside, saved))
    };
    match replace() {
        Ok((aside, saved)) => Ok(Some(describe(path, &aside, &damage, saved))),
        Err(cause) => Err(RecoverError {
            path: path.to_path_buf(),
            damage,
            cause,
        }),
    }
}

/// Without a store, but with a part of what was to take its place: the one before it was set aside last, and is gone through again.
fn finish_interrupted(path: &Path) -> Result<Option<String>, RecoverError> {
    let partial = partial_of(path);
    let Some(aside) = all_set_aside(path).pop().filter(|_| partial.exists()) else {
        return Ok(None);
    };
    let damage = "which the start before did not finish with".to_owned();
    let replace = || {
        let saved = salvage(path, &aside, &partial)?;
        install(&partial, path)?;
        Ok(saved)
    };
    match replace() {
        Ok(saved) => Ok(Some(describe(path, &aside, &damage, saved))),
        Err(cause) => Err(RecoverError {
            path: aside,
            damage,
            cause,
        }),
    }
}

/// Removes copies that a process which was killed has left.
fn remove_left_overs(path: &Path) {
    let folder = path.parent().unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let is_left_over = TEMPORARY
            .iter()
            .any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()));
        if is_left_over && let Err(error) = std::fs::remove_file(entry.path()) {
            tracing::warn!(%error, file = %entry.path().display(), "a copy that nobody needs stays");
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
        .prefix(CHECKING)
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
    let sentence = |path: &PathBuf| {
        format!(
            "a damaged store was set aside as {}; remove it when you need nothing of it any more",
            path.display()
        )
    };
    all_set_aside(store).iter().map(sentence).collect()
}

/// As [`set_aside_before`], of journals.
pub fn journals_set_aside(store: &Path) -> Vec<String> {
    let sentence = |path: &PathBuf| {
        format!(
            "a damaged journal of the store was set aside as {}, and some of what was written last before that may be lost; remove it when you need nothing of it any more",
            path.display()
        )
    };
    all_set_aside(&journal_of(store))
        .iter()
        .map(sentence)
        .collect()
}

/// The stores that were set aside, or their journals, the newest last.
fn all_set_aside(store: &Path) -> Vec<PathBuf> {
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
    paths
}

fn aside_prefix(store: &Path) -> OsString {
    let mut prefix = store.file_name().unwrap_or_default().to_owned();
    prefix.push(".corrupt-");
    prefix
}

pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
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

fn partial_of(store: &Path) -> PathBuf {
    let mut name = store.file_name().unwrap_or_default().to_owned();
    name.push(".salvaging");
    store.with_file_name(name)
}

/// Gathers what can be read, table by table, in a file that becomes the store once it is whole.
fn salvage(store: &Path, from: &Path, partial: &Path) -> io::Result<Saved> {
    match std::fs::remove_file(partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    drop(open_private(partial)?);
    for table in SALVAGED {
        let arguments = [
            OsStr::new(SALVAGE_COMMAND),
            from.as_os_str(),
            partial.as_os_str(),
            OsStr::new(table),
        ];
        if let Some(damage) = save_table(&arguments)? {
            tracing::warn!(table, damage, "not all of a table can be read");
            // What stands behind the damage is reached from the other end.
            let mut backward = arguments.to_vec();
            backward.push(OsStr::new("--backward"));
            save_table(&backward)?;
        }
        crash_point!("salvage.table-saved");
    }
    bring_in_journal(store, partial)?;
    let saved = rebuild(partial).map_err(io::Error::other)?;
    File::open(partial)?.sync_all()?;
    Ok(saved)
}

/// What was written down and is not in the damaged file comes on top of what was saved, before all that follows from it is made anew.
/// That is known by a table that was saved with the others. The journal itself goes with the new store, which needs nothing of it
/// any more when it is opened; until then its files stay, since all of this may have to be done again.
fn bring_in_journal(store: &Path, partial: &Path) -> io::Result<()> {
    let database = Database::create(partial).map_err(io::Error::other)?;
    let salvaged = mrp_journal::salvage(&database, &journal_of(store), |replay, transaction| {
        register_only(SALVAGED, replay, transaction)
    });
    let salvaged = salvaged.map_err(io::Error::other)?;
    if let Some(damage) = salvaged.damage {
        tracing::warn!(%damage, "not all of the journal can be read");
    }
    Ok(())
}

/// Saves what can be read of a table, and gives what keeps the rest from being read. Only damage may: what a full disk or a signal
/// has cut short is not lost yet.
fn save_table(arguments: &[&OsStr]) -> io::Result<Option<String>> {
    let (status, said) = run_apart(arguments)?;
    match damage(status, &said) {
        None if !status.success() => Err(io::Error::other(format!("{status}: {said}"))),
        damage => Ok(damage),
    }
}

fn install(partial: &Path, store: &Path) -> io::Result<()> {
    std::fs::rename(partial, store)?;
    sync_folder(store)
}

fn describe(path: &Path, aside: &Path, damage: &str, saved: Saved) -> String {
    let begun = format!(
        "the store {} was damaged ({damage}) and is set aside as {}",
        path.display(),
        aside.display()
    );
    let again = "what the relays still have comes again";
    if saved.messages + saved.outbox == 0 {
        return format!(
            "{begun}; nothing in it could be read: the new one is empty, sends that waited in the outbox are lost, and {again}"
        );
    }
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
    let mut told = begun;
    let mut pause = POLL.0;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            return child.wait();
        }
        if told.elapsed() >= TELL {
            told = Instant::now();
            ask_for_time();
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(POLL.1);
    }
}

/// A start may take longer than the service manager waits for one.
fn ask_for_time() {
    let more = u32::try_from(MORE_TIME.as_micros()).unwrap_or(u32::MAX);
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::ExtendTimeoutUsec(more)]) {
        tracing::debug!(%error, "the service manager was not told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_damage_counts_as_damage() {
        let ended = |code: i32| ExitStatus::from_raw(code << 8);
        assert_eq!(damage(ended(i32::from(DAMAGED)), "x"), Some("x".to_owned()));
        assert!(damage(ExitStatus::from_raw(6), "").is_some());
        assert_eq!(damage(ended(74), "no room"), None);
        assert_eq!(damage(ExitStatus::from_raw(9), ""), None);
    }

    #[test]
    fn copies_of_a_killed_process_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mrpd.redb");
        for name in [
            "mrpd.redb.checking-a",
            "mrpd.redb.restoring-b",
            "mrpd.redb.corrupt-1",
        ] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        assert_eq!(set_aside_if_damaged(&path, LastEnd::Clean).unwrap(), None);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(all_set_aside(&path).len(), 1);
    }

    #[tokio::test]
    async fn what_the_journal_has_comes_on_top_of_what_was_saved() {
        use crate::store::{Store, examine};
        use crate::testing;
        let dir = tempfile::tempdir().unwrap();
        let (path, partial) = (dir.path().join("s"), dir.path().join("partial"));
        let store = Store::open(&path).unwrap();
        testing::receive(&store, "msg_1").await;
        store.close().await;
        let store = Store::open(&path).unwrap();
        testing::receive(&store, "msg_2").await;
        // As a crash leaves it: the file has the first, and the journal the second.
        let damaged = dir.path().join("damaged");
        std::fs::copy(&path, &damaged).unwrap();
        std::fs::create_dir(journal_of(&damaged)).unwrap();
        for file in std::fs::read_dir(journal_of(&path)).unwrap() {
            let file = file.unwrap();
            let copy = journal_of(&damaged).join(file.file_name());
            std::fs::copy(file.path(), copy).unwrap();
        }
        drop(open_private(&partial).unwrap());
        for table in SALVAGED {
            examine::salvage(&damaged, &partial, table, crate::store::ReadFrom::Start).unwrap();
        }
        for _ in 0..2 {
            bring_in_journal(&damaged, &partial).unwrap();
        }
        assert_eq!(rebuild(&partial).unwrap().messages, 2);
        install(&partial, &damaged).unwrap();
        let store = Store::open(&damaged).unwrap();
        let counts = store.counts().await.unwrap();
        assert_eq!((counts.received, counts.unread), (2, 2));
        assert_eq!(journals_set_aside(&damaged), Vec::<String>::new());
    }
}
