//! A program of ours as a process of its own.

use anyhow::{Context as _, bail};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that has said that it is ready.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) process: Child,
    /// What it said behind the words that it was to say: where it listens.
    pub(crate) place: String,
    /// How long that took.
    pub(crate) took: Duration,
}

/// `program`, or the one of that name that was built beside this program.
pub(crate) fn beside(program: Option<&Path>, name: &str) -> anyhow::Result<PathBuf> {
    match program {
        Some(program) => Ok(program.to_owned()),
        None => Ok(std::env::current_exe()?.with_file_name(name)),
    }
}

/// Starts a command and waits until it writes a line that begins with `ready`.
pub(crate) fn start(mut command: Command, ready: &str) -> anyhow::Result<Started> {
    let begun = Instant::now();
    let program = PathBuf::from(command.get_program());
    let spawned = command.stdout(Stdio::piped()).spawn();
    let mut process = spawned.with_context(|| {
        let program = program.display();
        format!("cannot start {program}; build it first: bench/README.md says how")
    })?;
    let output = process.stdout.take().context("stdout is piped")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let Some(place) = line.trim().strip_prefix(ready) else {
        bail!("{} did not become ready: {line:?}", program.display());
    };
    Ok(Started {
        place: place.to_owned(),
        took: begun.elapsed(),
        process,
    })
}

/// Resident memory in bytes.
pub(crate) fn resident(process: &Child) -> anyhow::Result<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{}/statm", process.id()))?;
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .context("statm has seven fields")?
        .parse()?;
    Ok(pages * 4096)
}
