//! Processes that are ours alone, and what the system says about them.

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a program may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks whether it has.
const PAUSE: Duration = Duration::from_millis(10);

/// Which builds are measured.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Programs {
    /// The relayd to measure; the one built beside this program where absent
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) relayd: Option<PathBuf>,
    /// The mrpd to measure; the one built beside this program where absent
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) mrpd: Option<PathBuf>,
    /// The mrpctl to measure; the one built beside this program where absent
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) mrpctl: Option<PathBuf>,
}

impl Programs {
    pub(crate) fn relayd(&self) -> anyhow::Result<PathBuf> {
        beside(self.relayd.as_deref(), "relayd")
    }

    pub(crate) fn mrpd(&self) -> anyhow::Result<PathBuf> {
        beside(self.mrpd.as_deref(), "mrpd")
    }

    pub(crate) fn mrpctl(&self) -> anyhow::Result<PathBuf> {
        beside(self.mrpctl.as_deref(), "mrpctl")
    }
}

/// A process that has said that it is ready.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) process: Running,
    /// What it said behind the words that it was to say: where it listens.
    pub(crate) place: String,
    /// How long that took.
    pub(crate) took: Duration,
}

/// `program`, or the one of that name that was built beside this program. Absolute, since servers work in folders of their own.
fn beside(program: Option<&Path>, name: &str) -> anyhow::Result<PathBuf> {
    match program {
        Some(program) => Ok(std::path::absolute(program)?),
        None => Ok(std::env::current_exe()?.with_file_name(name)),
    }
}

/// Starts a command and waits until it writes a line that begins with `ready`.
pub(crate) fn start(mut command: Command, ready: &str) -> anyhow::Result<Started> {
    let begun = Instant::now();
    let program = PathBuf::from(command.get_program());
    let spawned = command.stdout(Stdio::piped()).spawn();
    let mut child = spawned.with_context(|| {
        let program = program.display();
        format!("cannot start {program}; build it first: bench/README.md says how")
    })?;
    let output = child.stdout.take().context("stdout is piped")?;
    let process = Running::new(child);
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

/// Those that run now, so that a run that is interrupted or takes too long ends them.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A process of ours alone, killed when it is not needed any more.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn new(process: Child) -> Self {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(process.id());
        Self(process)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as a loss of power does.
    pub(crate) fn kill(&mut self) {
        self.forget();
        // It may have ended already, which is all that is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Asks it to end, waits until it has, and kills it if that takes too long. One that has ended is left alone, since its number may
    /// be another's.
    pub(crate) fn end(&mut self) {
        let goes_on = |child: &mut Child| matches!(child.try_wait(), Ok(None));
        if goes_on(&mut self.0) {
            signal(self.id(), Signal::SIGTERM);
        }
        let asked = Instant::now();
        while goes_on(&mut self.0) && asked.elapsed() < PATIENCE {
            std::thread::sleep(PAUSE);
        }
        self.kill();
    }

    /// Before it is waited for, since its number may be another's afterwards.
    fn forget(&self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.id());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills all that run; whoever talks to them sees connections end.
pub(crate) fn kill_all() {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    for &process in running.iter() {
        signal(process, Signal::SIGKILL);
    }
}

fn signal(process: u32, which: Signal) {
    if let Ok(id) = i32::try_from(process) {
        // It may have ended already.
        let _ = kill(Pid::from_raw(id), which);
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
    let mut members = all()?;
    // One that has ended meanwhile has no parent.
    members.retain(|&member| {
        member == process || stat(member, PARENT).is_ok_and(|parent| parent == u64::from(process))
    });
    Ok(members)
}

/// Every process of the machine's.
pub(crate) fn all() -> anyhow::Result<Vec<u32>> {
    let entries = std::fs::read_dir("/proc")?.flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.collect())
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

/// Bytes of one kind of memory, such as `VmHWM`.
pub(crate) fn memory(process: u32, kind: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let kibibytes = field(&status, kind)?.trim_end_matches(" kB");
    Ok(kibibytes.parse::<u64>()? * 1024)
}

/// Has the system measure the most resident memory (`VmHWM`) from now on: proc_pid_clear_refs(5).
pub(crate) fn forget_peak(process: u32) -> anyhow::Result<()> {
    Ok(std::fs::write(format!("/proc/{process}/clear_refs"), "5")?)
}

/// A field of a file `status` of the system's.
pub(crate) fn field<'a>(status: &'a str, name: &str) -> anyhow::Result<&'a str> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
        .with_context(|| format!("the status of a process has {name}"))
}

/// Has this process, and what it starts, open as many files as it may.
pub(crate) fn raise_descriptor_limit() -> anyhow::Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("cannot raise the limit of open files")
}
