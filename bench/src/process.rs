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

/// A process of ours alone, killed when it is not needed any more.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn new(process: Child) -> Self {
        Self(process)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as a loss of power does.
    pub(crate) fn kill(&mut self) {
        // It may have ended already, which is all that is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Has a program hear and say nothing.
pub(crate) fn quiet(command: &mut Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null());
}

/// Processor time that a process has used so far, user and system together.
pub(crate) fn cpu(process: u32) -> anyhow::Result<Duration> {
    ticks(process, &[USER, SYSTEM])
}

/// The same of a process and of all that it has started, ended ones included.
pub(crate) fn family_cpu(process: u32) -> anyhow::Result<Duration> {
    let fields = [USER, SYSTEM, ENDED_USER, ENDED_SYSTEM];
    let mut total = Duration::ZERO;
    for member in family(process)? {
        total += ticks(member, &fields).unwrap_or_default();
    }
    Ok(total)
}

/// Resident memory in bytes of a process and of all that it has started; what they share counts once for each.
pub(crate) fn family_resident(process: u32) -> anyhow::Result<u64> {
    let members = family(process)?;
    Ok(members.into_iter().flat_map(resident).sum())
}

/// Fields of `stat` behind the program's name, counted from nothing: proc_pid_stat(5).
const PARENT: usize = 1;
const USER: usize = 11;
const SYSTEM: usize = 12;
const ENDED_USER: usize = 13;
const ENDED_SYSTEM: usize = 14;

/// A process and what it has started.
fn family(process: u32) -> anyhow::Result<Vec<u32>> {
    let mut members = vec![process];
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(number) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // One that has ended meanwhile has none.
        if stat(number, PARENT).is_ok_and(|parent| parent == u64::from(process)) {
            members.push(number);
        }
    }
    Ok(members)
}

/// Linux counts in hundredths of a second on every architecture that matters.
fn ticks(process: u32, fields: &[usize]) -> anyhow::Result<Duration> {
    let mut total = 0;
    for &field in fields {
        total += stat(process, field)?;
    }
    Ok(Duration::from_millis(total * 10))
}

fn stat(process: u32, field: usize) -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat
        .rsplit_once(')')
        .context("stat names the program in parentheses")?;
    let value = fields.split_whitespace().nth(field);
    Ok(value.context("stat has more fields")?.parse()?)
}

/// Resident memory in bytes.
pub(crate) fn resident(process: u32) -> anyhow::Result<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{process}/statm"))?;
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .context("statm has seven fields")?
        .parse()?;
    Ok(pages * 4096)
}
