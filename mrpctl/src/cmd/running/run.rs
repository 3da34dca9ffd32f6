//! `mrpctl run`: a command, and a message of how it ended. The command counts for more than the message: it is run whether or not
//! the daemon can be reached, its output passes through, and its status is ours.

mod passing;
mod standing;

use super::report::{Memory, Reporter, body, environment, host, took};
use crate::cli::running::Run as Flags;
use crate::cmd::sending::letter;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input::Source;
use crate::output::progress::{Progress, Unit};
use crate::program::{self, End};
use mrpd_api::body::blobs::{Attach, BlobQuery};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid, tcgetpgrp};
use passing::Passing;
use serde::Serialize;
use standing::{Standing, judge};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Interval, interval, sleep};

/// How long a command may take to end once its time is over.
const KILL_AFTER: Duration = Duration::from_secs(5);
/// How often it is looked whether a process is still there.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What programs are told of a run.
#[derive(Debug, Serialize)]
struct Facts<'a> {
    title: &'a str,
    host: String,
    state: &'static str,
    status: Option<u8>,
    duration_ms: u64,
    output: String,
}

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let title = flags.title.clone().unwrap_or_else(|| match flags.pid {
        Some(pid) => format!("process {pid}"),
        None => program::shown(&flags.command),
    });
    let report = Report {
        reporter: Reporter {
            context,
            to: &flags.to,
            key: format!("run-{}", letter::random_id()?),
        },
        flags: &flags,
        title,
        begun: Instant::now(),
    };
    if flags.start_ping {
        report.tell("begun", None, "", Vec::new()).await;
    }
    match flags.pid {
        Some(pid) => report.wait_for(Pid::from_raw(pid)).await,
        None => report.run().await,
    }
}

struct Report<'a> {
    reporter: Reporter<'a>,
    flags: &'a Flags,
    title: String,
    begun: Instant,
}

impl Report<'_> {
    async fn run(&self) -> Result<(), Failure> {
        let flags = self.flags;
        let mut command = program::command(&flags.command, environment());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                let failure = program::not_started(&program::shown(&flags.command), &error);
                let why = failure
                    .told()
                    .map_or("", |told| told.detail.message.as_str());
                self.tell_end(End::Exited(127), why, Vec::new()).await;
                return Err(failure);
            }
        };
        let passing = Passing::of(&mut child, self.context(), flags)?;
        let end = self.attend(&mut child, &passing).await?;
        let attachments = match passing.file() {
            Some(file) => self.upload(file).await,
            None => Vec::new(),
        };
        self.tell_end(end, &passing.last_lines(), attachments).await;
        match end.exit() {
            0 => Ok(()),
            status => Err(Failure::Status(status)),
        }
    }

    fn context(&self) -> &Context {
        self.reporter.context
    }

    /// Waits for the end. What ends us is passed on, and how the command takes it is still told.
    async fn attend(&self, child: &mut Child, passing: &Passing<'_>) -> Result<End, Failure> {
        let listening = |kind| signal(kind).map_err(|error| internal("listen for signals", &error));
        let mut terminate = listening(SignalKind::terminate())?;
        let mut hangup = listening(SignalKind::hangup())?;
        let mut interrupt = listening(SignalKind::interrupt())?;
        let mut signs = self.signs();
        let mut limit = std::pin::pin!(sleep(
            self.context().global.timeout.unwrap_or(Duration::MAX)
        ));
        let mut reading = std::pin::pin!(passing.run());
        let mut is_read = false;
        let mut has_timed_out = false;
        loop {
            tokio::select! {
                status = child.wait() => {
                    let status = status.map_err(|error| internal("wait for the command", &error))?;
                    if !is_read {
                        let _ = tokio::time::timeout(Duration::from_secs(2), &mut reading).await;
                    }
                    return Ok(if has_timed_out { End::TimedOut } else { End::of(status) });
                }
                () = &mut reading, if !is_read => is_read = true,
                _ = terminate.recv() => pass_on(child, Signal::SIGTERM),
                _ = hangup.recv() => pass_on(child, Signal::SIGHUP),
                _ = interrupt.recv() => if !is_typed_to(child) {
                    pass_on(child, Signal::SIGINT);
                },
                () = &mut limit => {
                    let last = if has_timed_out { Signal::SIGKILL } else { Signal::SIGTERM };
                    has_timed_out = true;
                    pass_on(child, last);
                    limit.as_mut().reset(tokio::time::Instant::now() + KILL_AFTER);
                }
                () = next_sign(&mut signs) => {
                    self.tell("running", None, &passing.last_lines(), Vec::new()).await;
                }
            }
        }
    }

    /// Waits for a process of which nothing is known but whether it is there.
    async fn wait_for(&self, pid: Pid) -> Result<(), Failure> {
        if !is_there(pid) {
            return Err(Failure::new(
                Reason::NoInput,
                format!("there is no process {pid}"),
            ));
        }
        let mut signs = self.signs();
        let mut limit = std::pin::pin!(sleep(
            self.context().global.timeout.unwrap_or(Duration::MAX)
        ));
        let mut terminate = signal(SignalKind::terminate())
            .map_err(|error| internal("listen for signals", &error))?;
        let mut interrupt = signal(SignalKind::interrupt())
            .map_err(|error| internal("listen for signals", &error))?;
        loop {
            tokio::select! {
                () = sleep(LOOK_AGAIN) => if !is_there(pid) {
                    let body = self.body("ended", None, "")?;
                    return self.reporter.send("end", body, Vec::new()).await;
                },
                () = next_sign(&mut signs) => {
                    self.tell("running", None, "", Vec::new()).await;
                }
                () = &mut limit => return Err(Failure::new(Reason::TimedOut, format!("process {pid} still runs"))),
                _ = terminate.recv() => return Err(Failure::Status(Reason::Terminated.exit())),
                _ = interrupt.recv() => return Err(Failure::Status(Reason::Interrupted.exit())),
            }
        }
    }

    /// The times at which a sign of life is due.
    fn signs(&self) -> Option<Interval> {
        let every = self.flags.every.filter(|every| !every.is_zero())?;
        let mut signs = interval(every);
        signs.reset();
        Some(signs)
    }

    async fn tell_end(&self, end: End, last_lines: &str, attachments: Vec<Attach>) {
        let failed = end != End::Exited(0);
        let is_remembered =
            self.flags.after_failures > 1 || self.flags.when == crate::cli::running::When::Change;
        if !is_remembered {
            let standing = Standing::default();
            let (is_told, _) = judge(self.flags.when, 1, standing, failed);
            if is_told {
                self.tell("ended", Some(end), last_lines, attachments).await;
            }
            return;
        }
        let memory = Memory::of(self.context(), "run", &self.flags.to, &self.flags.command);
        let before = match memory.load() {
            Ok(before) => before.unwrap_or_default(),
            Err(failure) => {
                self.context().output.failure(&failure);
                Standing::default()
            }
        };
        let (is_told, after) = judge(self.flags.when, self.flags.after_failures, before, failed);
        let told = !is_told || self.tell("ended", Some(end), last_lines, attachments).await;
        // What could not be told is told the next time.
        let after = if told { after } else { after.untold(before) };
        if let Err(failure) = memory.save(&after) {
            self.context().output.failure(&failure);
        }
    }

    /// Tells, or says why that is not possible; gives whether it was.
    async fn tell(
        &self,
        state: &'static str,
        end: Option<End>,
        last_lines: &str,
        attachments: Vec<Attach>,
    ) -> bool {
        let what = format!("{state}-{}", self.begun.elapsed().as_millis());
        let sent = match self.body(state, end, last_lines) {
            Ok(body) => self.reporter.send(&what, body, attachments).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &sent {
            self.context().output.failure(failure);
        }
        sent.is_ok()
    }

    fn body(
        &self,
        state: &'static str,
        end: Option<End>,
        last_lines: &str,
    ) -> Result<Box<serde_json::value::RawValue>, Failure> {
        let duration = self.begun.elapsed();
        let facts = Facts {
            title: &self.title,
            host: host(),
            state,
            status: end.map(End::exit),
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            output: last_lines.to_owned(),
        };
        let how = match (end, state) {
            (Some(End::Exited(0)), _) => format!("done after {}", took(duration)),
            (Some(end), _) => format!("failed ({}) after {}", end.text(), took(duration)),
            (None, "begun") => "begun".to_owned(),
            (None, state) => format!("{state} after {}", took(duration)),
        };
        let mut text = format!("{}: {how} on {}", self.title, facts.host);
        if !last_lines.is_empty() {
            text.push('\n');
            text.push_str(last_lines);
        }
        body(&text, "run", &facts)
    }

    /// All of the output, as a file; nothing where the daemon does not take it.
    async fn upload(&self, file: std::fs::File) -> Vec<Attach> {
        let query = BlobQuery {
            filename: Some("output.txt".to_owned()),
            content_type: Some("text/plain".to_owned()),
            ..BlobQuery::default()
        };
        let uploaded = async {
            let client = self.context().daemon().await?;
            let source = Source::of(file)
                .map_err(|error| Failure::io(Reason::Io, "read the output", &error))?;
            let output = &self.context().output;
            let progress = Progress::new(output, "output.txt", Unit::Bytes, source.length);
            Ok::<_, Failure>(client.put_file(&query, source.pieces(progress)).await?)
        };
        match uploaded.await {
            Ok(blob) => vec![Attach {
                id: blob.id,
                ..Attach::default()
            }],
            Err(failure) => {
                self.context().output.failure(&failure);
                Vec::new()
            }
        }
    }
}

async fn next_sign(signs: &mut Option<Interval>) {
    match signs {
        Some(signs) => {
            signs.tick().await;
        }
        None => std::future::pending().await,
    }
}

fn pass_on(child: &Child, signal: Signal) {
    if let Some(id) = process_of(child) {
        // It may have ended meanwhile, which is as good.
        let _ = kill(id, signal);
    }
}

/// Whether the command has what is typed at our terminal, a Ctrl-C among it: then it has that already. Where there is no terminal,
/// or another command has it, the signal was sent to us alone.
fn is_typed_to(child: &Child) -> bool {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else {
        return false;
    };
    let group = process_of(child).and_then(|id| getpgid(Some(id)).ok());
    group.is_some() && group == tcgetpgrp(&terminal).ok()
}

fn process_of(child: &Child) -> Option<Pid> {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    id.map(Pid::from_raw)
}

fn is_there(pid: Pid) -> bool {
    !matches!(kill(pid, None), Err(nix::errno::Errno::ESRCH))
}

fn internal(doing: &str, error: &std::io::Error) -> Failure {
    Failure::io(Reason::Internal, doing, error)
}
