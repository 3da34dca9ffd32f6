//! Names in the spool folder, and what of it may be touched.

use crate::config;
use mrpd_api::body::services::{Spool as Listing, SpoolFile};
use mrpd_api::paths::create_private_dir;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Folder of what could not be sent.
const FAILED: &str = "failed";
/// What stands behind a file's name, for the file that says why it could not be sent.
const REASON: &str = ".error";
/// What stands before the name of a file that was taken.
const TAKEN: &str = ".mrpd-";
/// Ends of names of files that are not done yet.
const UNDONE: &[&str] = &[".tmp", ".part", "~"];
/// Files that a listing shows, of each kind.
const SHOWN: usize = 1000;
/// Characters of a reason that a listing shows.
const REASON_SHOWN: usize = 4096;

/// The folder, which only its user can change.
#[derive(Debug, Clone)]
pub(super) struct Spool {
    dir: PathBuf,
    /// The agent that sends.
    pub(super) agent: Option<String>,
}

/// What lies in a folder.
#[derive(Debug, Default)]
pub(super) struct Lying {
    /// What is to be sent, in the order of its age.
    pub(super) files: Vec<PathBuf>,
    /// Whether there is something that may still be written.
    pub(super) restless: bool,
}

impl Spool {
    /// Makes the folder if it is not there, and checks that nobody else can put anything there.
    pub(super) fn open(wanted: &config::Spool) -> io::Result<Self> {
        if !wanted.dir.exists() {
            create_private_dir(&wanted.dir)?;
        }
        let found = fs::symlink_metadata(&wanted.dir)?;
        let refuse = |what: &str| {
            Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                what.to_owned(),
            ))
        };
        if !found.is_dir() {
            return refuse("it is a link or no folder");
        }
        if found.uid() != nix::unistd::geteuid().as_raw() {
            return refuse("it belongs to another user");
        }
        if found.mode() & 0o077 != 0 {
            let mode = found.mode() & 0o777;
            return refuse(&format!(
                "others can reach it (mode {mode:03o}); run chmod 700 on it"
            ));
        }
        Ok(Self {
            dir: wanted.dir.clone(),
            agent: wanted.agent.clone(),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn is_there(&self) -> bool {
        self.dir.is_dir()
    }

    /// The recipients' folders. Links are none.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        recipients(&self.dir)
    }

    /// Moves a file to those that could not be sent, and writes down why.
    pub(super) fn fail(&self, taken: &Path, to: &str, name: &str, why: &str) -> io::Result<()> {
        let folder = self.dir.join(FAILED).join(to);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        let (place, reason, mut file) = free_pair(&folder, name)?;
        let moved = io::Write::write_all(&mut file, format!("{why}\n").as_bytes())
            .and_then(|()| fs::rename(taken, place));
        if moved.is_err() {
            let _ = fs::remove_file(reason);
        }
        moved
    }

    /// Says that a file was not moved into place, so that nobody waits for it in vain.
    pub(super) fn advise(&self, path: &Path) {
        if path.parent() != Some(&self.dir) && is_visible(path) {
            tracing::warn!(
                file = %path.display(),
                "a file was written into the spool, and is not sent: write it elsewhere on the same disk, or under a name that begins with a dot, and move it into place"
            );
        }
    }
}

/// The first name that is free both for a file and for the reason beside it, which is made here.
fn free_pair(folder: &Path, name: &str) -> io::Result<(PathBuf, PathBuf, fs::File)> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut place = folder.join(name);
    let mut number = 1;
    loop {
        let mut reason = place.clone().into_os_string();
        reason.push(REASON);
        let reason = PathBuf::from(reason);
        if place.symlink_metadata().is_err() {
            match options.open(&reason) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => return Ok((place, reason, opened?)),
            }
        }
        number += 1;
        place = folder.join(format!("{name}.{number}"));
    }
}

/// Whether a file of that name is one to be sent.
pub(super) fn counts(name: &str) -> bool {
    !name.starts_with('.') && !UNDONE.iter().any(|end| name.ends_with(end))
}

/// Whether a file is one to be sent, by its name.
pub(super) fn is_visible(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(counts)
}

/// The name under which a file is taken: hidden, and its own.
pub(super) fn taken_name(inode: u64, name: &str) -> String {
    format!("{TAKEN}{inode}-{name}")
}

/// The name that a file had before it was taken.
pub(super) fn name_before(name: &str) -> Option<&str> {
    let (inode, name) = name.strip_prefix(TAKEN)?.split_once('-')?;
    inode
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(name)
}

/// What lies in a recipient's folder: what was taken and not done with, and what nobody has touched for a while.
pub(super) fn lying(folder: &Path, quiet: Duration) -> Lying {
    let mut lying = Lying::default();
    let Ok(entries) = fs::read_dir(folder) else {
        return lying;
    };
    let now = SystemTime::now();
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        let taken = name_before(&name).is_some();
        if metadata.is_dir() || !(taken || counts(&name)) {
            continue;
        }
        let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        // A time that is still to come says nothing.
        let young = now.duration_since(changed).is_ok_and(|age| age < quiet);
        if young && !taken && metadata.is_file() {
            lying.restless = true;
            continue;
        }
        found.push((changed, entry.path()));
    }
    found.sort();
    lying.files = found.into_iter().map(|(_, path)| path).collect();
    lying
}

/// What a user may want to know of the folder.
pub fn listing(wanted: Option<&config::Spool>) -> Listing {
    let mut listing = Listing {
        dir: wanted.map(|spool| spool.dir.display().to_string()),
        waiting: Vec::new(),
        failed: Vec::new(),
    };
    let Some(wanted) = wanted else {
        return listing;
    };
    for folder in recipients(&wanted.dir) {
        let names = names(&folder);
        let waiting = names.iter().filter_map(|name| {
            counts(name)
                .then_some(name.as_str())
                .or_else(|| name_before(name))
        });
        let room = SHOWN.saturating_sub(listing.waiting.len());
        let file = |name: &str| SpoolFile {
            to: last(&folder),
            name: name.to_owned(),
            error: None,
        };
        listing.waiting.extend(waiting.map(file).take(room));
    }
    for folder in subfolders(&wanted.dir.join(FAILED)) {
        let names = names(&folder);
        let failed = names.iter().filter(|name| !name.ends_with(REASON));
        let room = SHOWN.saturating_sub(listing.failed.len());
        let file = |name: &String| SpoolFile {
            to: last(&folder),
            name: name.clone(),
            error: reason(&folder.join(format!("{name}{REASON}"))),
        };
        listing.failed.extend(failed.map(file).take(room));
    }
    listing
}

fn recipients(dir: &Path) -> Vec<PathBuf> {
    let mut folders = subfolders(dir);
    folders.retain(|folder| last(folder) != FAILED);
    folders
}

fn subfolders(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| !last(path).starts_with('.'))
        .collect();
    folders.sort();
    folders
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn last(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn reason(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim_end().chars().take(REASON_SHOWN).collect())
}
