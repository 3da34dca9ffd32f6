//! One program, from its start to its end: what it is given, what it may take up, and what came of it.
//!
//! - `invoke`: from what is asked for to what is run, and from how that ended to what it means. `executable`: which file is run.
//!   `scratch`: the folder it starts in. `environment`: what it finds in its environment.
//! - `output`: what it writes. `launch`: what is done inside its process before it takes over.
//!
//! A program leads a process group of its own. When its time is over, when it writes without end, or when the daemon ends, the
//! whole group is told to end, and killed if it does not. When it has ended by itself, what it left behind may finish writing for
//! a moment; what then still holds its output open is killed too. A program that is to outlive its hook leaves the group (setsid).

mod environment;
mod executable;
mod invoke;
mod launch;
mod output;
mod scratch;

pub use executable::ExecutableError;
pub(crate) use launch::{SUBCOMMAND, main as launch};
pub use output::{Captured, escaped};

use super::program::{Keep, Limits, Sandbox};
use futures_util::FutureExt as _;
use futures_util::future::FusedFuture as _;
use launch::Plan;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use output::{Flood, drain, feed};
use scratch::Scratch;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

/// Where programs are looked for if nothing says where.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// How long output may stay open when the program itself has ended.
const LINGER: Duration = Duration::from_secs(2);
/// How long a program may take to end when the daemon does.
const FAREWELL: Duration = Duration::from_secs(3);
/// What is said of a sandbox that there cannot be.
const NO_LANDLOCK: &str = "this kernel has no Landlock: the program ran without its sandbox";
/// How long a killed process may take to be gone.
const REAP: Duration = Duration::from_secs(2);

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A program and its arguments.
    Exec(Vec<String>),
    /// Text for `/bin/sh -c`.
    Shell(String),
}

/// Whether a program can say on descriptor 3 what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// There is no such descriptor.
    Absent,
    /// What is written there comes with the outcome.
    OnDescriptor3,
}

/// One program to be run.
#[derive(Debug, Clone)]
pub struct Job {
    /// What is run.
    pub command: Command,
    /// All of its environment but for what only the run itself knows.
    pub environment: Vec<(OsString, OsString)>,
    /// What it can read from its standard input.
    pub stdin: Vec<u8>,
    /// What the file that `MRP_BODY_FILE` names holds.
    pub body: Option<Vec<u8>>,
    /// Whether there is a descriptor 3.
    pub answer: Answer,
    /// How long it may take.
    pub timeout: Duration,
    /// How long it may take to end once it was told to.
    pub kill_after: Duration,
    /// What it may take up.
    pub limits: Limits,
    /// What it may reach of the file system; everything where this is absent.
    pub sandbox: Option<Sandbox>,
    /// What it may read within its sandbox besides, such as what came with a message.
    pub readable: Vec<PathBuf>,
    /// Whether its folder stays.
    pub keep: Keep,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It was ended because its time was over.
    TimedOut,
    /// It was ended because it wrote without end.
    Flooded,
    /// It was ended because the daemon ends.
    Interrupted,
}

/// What came of a program.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How it ended.
    pub end: End,
    /// What it wrote to its standard output.
    pub stdout: Captured,
    /// What it wrote to its standard error.
    pub stderr: Captured,
    /// What it wrote to descriptor 3.
    pub answer: Option<Vec<u8>>,
    /// How long it took.
    pub took: Duration,
    /// Its folder, if that was kept.
    pub folder: Option<PathBuf>,
    /// What the user should know about the run.
    pub notes: Vec<String>,
}

/// Why a program was not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its file must not be run.
    #[error(transparent)]
    Executable(#[from] ExecutableError),
    /// No command was given.
    #[error("the command is empty")]
    Empty,
    /// The folder for it cannot be made.
    #[error("the folder {} cannot be used: {cause}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The system does not start it.
    #[error("{} cannot be started: {cause}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It was started only as far as this.
    #[error("{0}")]
    Refused(String),
}

/// Runs programs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Runner(Arc<Places>);

#[derive(Debug)]
struct Places {
    folders: PathBuf,
    socket: PathBuf,
}

impl Runner {
    /// A runner whose programs get folders below `folders`, and are told of the daemon's `socket`. What earlier programs have left
    /// in `folders` is removed.
    pub fn new(folders: PathBuf, socket: PathBuf) -> Self {
        scratch::clear(&folders);
        Self(Arc::new(Places { folders, socket }))
    }

    /// Where the daemon answers.
    pub fn socket(&self) -> &Path {
        &self.0.socket
    }

    /// Runs a program to its end, or until `stop` is cancelled.
    ///
    /// # Errors
    /// A [`RunError`] if it did not begin.
    pub(super) async fn start(
        &self,
        job: Job,
        stop: &CancellationToken,
    ) -> Result<Ended, RunError> {
        let scratch =
            Scratch::make(&self.0.folders, job.keep).map_err(|cause| folder(self, cause))?;
        let begun = Instant::now();
        let plan = self.plan(&job, &scratch)?;
        let (mut command, input) = prepare(&job, &plan).map_err(|cause| unstarted(&plan, cause))?;
        command
            .current_dir(scratch.work())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let child = command.spawn().map_err(|cause| unstarted(&plan, cause))?;
        let (mut stdout, mut stderr) = (Captured::default(), Captured::default());
        let end = Running::new(child)
            .attend(&job, &input, (&mut stdout, &mut stderr), stop)
            .await;
        if end == End::Exited(launch::REFUSED)
            && let Some(reason) = scratch.take("refusal")
        {
            let reason = String::from_utf8_lossy(&reason).into_owned();
            return Err(RunError::Refused(reason));
        }
        let unconfined = job.sandbox.is_some() && !launch::can_confine();
        Ok(Ended {
            end,
            stdout,
            stderr,
            answer: scratch.take("answer"),
            took: begun.elapsed(),
            folder: (job.keep == Keep::Folder).then(|| scratch.work()),
            notes: unconfined
                .then(|| NO_LANDLOCK.to_owned())
                .into_iter()
                .collect(),
        })
    }

    /// Which file is run, and with what. Puts the body where the program finds it.
    fn plan(&self, job: &Job, scratch: &Scratch) -> Result<Plan, RunError> {
        let mut environment = job.environment.clone();
        let mut readable = job.readable.clone();
        let mut put = |name: &str, path: PathBuf| environment.push((name.into(), path.into()));
        if job.sandbox.is_some() {
            put("TMPDIR", scratch.work());
        }
        if let Some(body) = &job.body {
            let file = scratch.file("body");
            write_private(&file, body).map_err(|cause| folder(self, cause))?;
            put("MRP_BODY_FILE", file.clone());
            readable.push(file);
        }
        let search = environment
            .iter()
            .rev()
            .find(|(name, _)| name == "PATH")
            .map_or(OsStr::new(PATH), |(_, value)| value.as_os_str());
        let (name, arguments) = words(&job.command)?;
        let program = executable::find(&name, search)?;
        Ok(Plan {
            program,
            // A program may look at its own name to know what to do (busybox), so it gets the one that was written.
            name,
            arguments,
            environment,
            limits: job.limits,
            sandbox: job.sandbox.clone(),
            readable,
            folder: scratch.work(),
            answer: (job.answer == Answer::OnDescriptor3).then(|| scratch.file("answer")),
            refusal: scratch.file("refusal"),
        })
    }
}

fn folder(runner: &Runner, cause: io::Error) -> RunError {
    RunError::Folder {
        path: runner.0.folders.clone(),
        cause,
    }
}

fn unstarted(plan: &Plan, cause: io::Error) -> RunError {
    RunError::Start {
        program: plan.program.clone(),
        cause,
    }
}

fn words(command: &Command) -> Result<(OsString, Vec<OsString>), RunError> {
    match command {
        Command::Exec(words) => {
            let (name, arguments) = words.split_first().ok_or(RunError::Empty)?;
            Ok((name.into(), arguments.iter().map(OsString::from).collect()))
        }
        Command::Shell(text) => Ok(("/bin/sh".into(), vec!["-c".into(), text.into()])),
    }
}

/// The process to be started and all that it reads: the program itself, or this one, to turn into it.
fn prepare(job: &Job, plan: &Plan) -> io::Result<(tokio::process::Command, Vec<u8>)> {
    let unlimited = plan.limits == Limits::default();
    if plan.sandbox.is_none() && plan.answer.is_none() && unlimited {
        return Ok((starting(plan), job.stdin.clone()));
    }
    let mut input = plan.encode()?;
    input.extend_from_slice(&job.stdin);
    Ok((launching()?, input))
}

/// The program itself.
fn starting(plan: &Plan) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(&plan.program);
    command
        .arg0(&plan.name)
        .args(&plan.arguments)
        .env_clear()
        .envs(plan.environment.iter().map(|(name, value)| (name, value)));
    command
}

/// This program, to turn into the other.
fn launching() -> io::Result<tokio::process::Command> {
    let mut command = tokio::process::Command::new(launch::own_program()?);
    command.arg(SUBCOMMAND).env_clear();
    Ok(command)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = std::fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    io::Write::write_all(&mut file?, bytes)
}

/// A program and the group it leads. Dropping it kills what there is left of the group.
#[derive(Debug)]
struct Running {
    child: Child,
    group: Option<Pid>,
}

impl Running {
    fn new(child: Child) -> Self {
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            child,
            group: group.map(Pid::from_raw),
        }
    }

    /// Feeds and drains the program until it has ended, or must.
    async fn attend(
        &mut self,
        job: &Job,
        input: &[u8],
        (stdout, stderr): (&mut Captured, &mut Captured),
        stop: &CancellationToken,
    ) -> End {
        let input = feed(self.child.stdin.take(), input);
        let stdout = drain(self.child.stdout.take(), stdout);
        let stderr = drain(self.child.stderr.take(), stderr);
        let pipes = futures_util::future::try_join3(input, stdout, stderr).fuse();
        let mut pipes = std::pin::pin!(pipes);
        let patience = tokio::time::sleep(job.timeout);
        let mut patience = std::pin::pin!(patience);
        let (end, grace) = loop {
            tokio::select! {
                status = self.child.wait() => {
                    if !pipes.is_terminated() && tokio::time::timeout(LINGER, &mut pipes).await.is_err() {
                        self.signal(Signal::SIGKILL);
                    }
                    self.group = None;
                    return status.map_or(End::Exited(launch::REFUSED), end_of);
                }
                piped = &mut pipes, if !pipes.is_terminated() => {
                    if let Err(Flood) = piped {
                        break (End::Flooded, job.kill_after);
                    }
                }
                () = &mut patience => break (End::TimedOut, job.kill_after),
                () = stop.cancelled() => break (End::Interrupted, job.kill_after.min(FAREWELL)),
            }
        };
        self.signal(Signal::SIGTERM);
        let gone = async {
            let _ = self.child.wait().await;
            if !pipes.is_terminated() {
                let _ = pipes.await;
            }
        };
        let _ = tokio::time::timeout(grace, gone).await;
        self.signal(Signal::SIGKILL);
        let _ = tokio::time::timeout(REAP, self.child.wait()).await;
        self.group = None;
        end
    }

    /// Tells everybody in the group, whether or not its leader is still there. While anybody is, no other group gets its number.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // That nobody is left to be told is as good.
            let _ = killpg(group, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Signalled(signal.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
