//! What the process does to itself before anything else: private files, no core dumps, enough open files.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};

/// Files are the owner's alone from birth, and a crash writes no memory to disk.
pub(crate) fn harden() {
    umask(Mode::from_bits_truncate(0o077));
    if let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        tracing::warn!(%error, "the process could not be made undumpable");
    }
}

/// Raises the limit of open files as far as it goes.
pub(crate) fn raise_open_files() {
    let (soft, hard) = open_files();
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_err() {
        tracing::warn!(soft, hard, "the limit of open files could not be raised");
    }
    tracing::info!(limit = open_files().0, "open files");
}

/// How many connections the process can hold: four fifths of its open files, and no more than 100,000.
pub(crate) fn connection_capacity() -> usize {
    let files = usize::try_from(open_files().0).unwrap_or(usize::MAX);
    (files / 5 * 4).clamp(16, 100_000)
}

fn open_files() -> (u64, u64) {
    getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1024, 1024))
}
