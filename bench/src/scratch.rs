//! Where a run has its files: one folder on a real disk, since in memory nothing is ever on disk. It goes away when the run ends, and
//! what a killed run has left goes away when the next one starts, its processes included.

use crate::process;
use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

/// The folder of this run, and the lock that says that it is in use.
#[derive(Debug)]
struct Run {
    folder: PathBuf,
    _lock: File,
}

static RUN: OnceLock<Run> = OnceLock::new();

/// What the folder of every run is called, before its number.
const PREFIX: &str = "run-";

/// Makes the folder of this run in `chosen`, or beside the builds that this program belongs to, and clears away what killed runs left.
pub(crate) fn open(chosen: Option<&Path>) -> anyhow::Result<()> {
    let root = match chosen {
        Some(root) => root.to_owned(),
        None => beside_builds()?,
    };
    std::fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
    let root = root.canonicalize()?;
    let kind = file_system(&root)?;
    if ["tmpfs", "ramfs"].contains(&kind.as_str()) {
        bail!(
            "{} is in memory ({kind}); name a folder on a disk with --data",
            root.display()
        );
    }
    // Held until this run's own folder is locked, so that no other run takes it for a leftover.
    let gate = File::open(&root)?;
    gate.lock()?;
    clear_leftovers(&root)?;
    let folder = root.join(format!("{PREFIX}{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let lock = File::open(&folder)?;
    lock.lock()?;
    let run = Run {
        folder,
        _lock: lock,
    };
    RUN.set(run).ok().context("a run has one folder")
}

/// A new folder within that of the run; it goes away with its owner.
pub(crate) fn folder(purpose: &str) -> anyhow::Result<TempDir> {
    let prefix = format!("{purpose}-");
    let mut builder = tempfile::Builder::new();
    Ok(builder.prefix(&prefix).tempdir_in(root()?)?)
}

/// The folder of the run.
pub(crate) fn root() -> anyhow::Result<&'static Path> {
    let run = RUN.get().context("the run has a folder")?;
    Ok(&run.folder)
}

/// Removes everything that the run has written; its processes have ended.
pub(crate) fn close() {
    if let Some(run) = RUN.get() {
        // The next run clears away what cannot be removed now.
        let _ = std::fs::remove_dir_all(&run.folder);
    }
}

/// What kind of file system a folder is on.
pub(crate) fn file_system(folder: &Path) -> anyhow::Result<String> {
    let folder = folder.canonicalize()?;
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let mut best = (0, "unknown");
    for mount in mounts.lines() {
        let mut fields = mount.split(' ').skip(1);
        if let (Some(place), Some(kind)) = (fields.next(), fields.next())
            && folder.starts_with(place)
            && place.len() >= best.0
        {
            best = (place.len(), kind);
        }
    }
    Ok(best.1.to_owned())
}

/// `target/bench-data`, where this program is `target/release/bench`.
fn beside_builds() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program
        .ancestors()
        .nth(2)
        .context("a program has a folder")?;
    Ok(target.join("bench-data"))
}

fn clear_leftovers(root: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(root)?.flatten() {
        let folder = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let Ok(lock) = File::open(&folder) else {
            continue;
        };
        // Whoever holds the lock is at work.
        if lock.try_lock().is_ok() {
            end_processes(&folder)?;
            let removed = std::fs::remove_dir_all(&folder);
            removed.with_context(|| format!("cannot remove {}", folder.display()))?;
        }
    }
    Ok(())
}

/// Ends what works within a folder: every server of a run does.
fn end_processes(folder: &Path) -> anyhow::Result<()> {
    for process in process::all()? {
        let Ok(place) = std::fs::read_link(format!("/proc/{process}/cwd")) else {
            continue;
        };
        if let (true, Ok(id)) = (place.starts_with(folder), i32::try_from(process)) {
            // It may have ended meanwhile.
            let _ = kill(Pid::from_raw(id), Signal::SIGKILL);
            while Path::new(&format!("/proc/{process}/cwd"))
                .read_link()
                .is_ok()
            {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    Ok(())
}
