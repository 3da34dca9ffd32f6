//! Programs of the user's that are run: started in a group of their own, bounded in time and in what is kept of their output.

use crate::exit::{Failure, Reason};
use mrpd_api::hook::OUTPUT;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// How long a program may take to end once it was told to.
const KILL_AFTER: Duration = Duration::from_secs(5);
/// How long output may stay open when the program itself has ended.
const LINGER: Duration = Duration::from_secs(2);
const PIECE: usize = 16 << 10;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Exited(i32),
    Signalled(i32),
    /// It took too long.
    TimedOut,
}

impl End {
    pub(crate) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Signalled(signal.unwrap_or_default()),
        }
    }

    /// As a shell shows it.
    pub(crate) fn exit(self) -> u8 {
        match self {
            Self::Exited(code) => u8::try_from(code).unwrap_or(u8::MAX),
            Self::Signalled(signal) => u8::try_from(signal.saturating_add(128)).unwrap_or(u8::MAX),
            Self::TimedOut => Reason::TimedOut.exit(),
        }
    }

    pub(crate) fn text(self) -> String {
        match self {
            Self::Exited(code) => format!("exit status {code}"),
            Self::Signalled(signal) => format!("ended by signal {signal}"),
            Self::TimedOut => "took too long".to_owned(),
        }
    }
}

/// What becomes of a program's standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// It is ours.
    Passed,
    /// Its beginning is kept.
    Kept,
}

/// What a program that has ended left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) end: End,
    /// The beginning of its standard output, if that was kept.
    pub(crate) stdout: Vec<u8>,
    /// Whether it wrote more.
    pub(crate) cut: bool,
}

/// A command of words, with nothing in its environment but `environment`.
pub(crate) fn command(words: &[OsString], environment: Vec<(OsString, OsString)>) -> Command {
    let (program, arguments) = words
        .split_first()
        .map_or((&[][..], &[][..]), |(one, rest)| {
            (std::slice::from_ref(one), rest)
        });
    let mut command = Command::new(program.first().cloned().unwrap_or_default());
    command.args(arguments).env_clear().envs(environment);
    command
}

/// A command line as people read it.
pub(crate) fn shown(words: &[OsString]) -> String {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// Why a command was not started, as a shell has it.
pub(crate) fn not_started(command: &str, error: &io::Error) -> Failure {
    let failure = Failure::io(Reason::Unavailable, &format!("start {command}"), error);
    failure.with_exit(match error.kind() {
        io::ErrorKind::NotFound => 127,
        _ => 126,
    })
}

/// Runs a command to its end, or to the end of its time.
pub(crate) async fn run(
    mut command: Command,
    input: Vec<u8>,
    output: Output,
    limit: Duration,
) -> io::Result<Ended> {
    command.stdin(Stdio::piped()).process_group(0);
    if output == Output::Kept {
        command.stdout(Stdio::piped());
    }
    let mut group = Group::of(command.spawn()?);
    let stdin = group.child.stdin.take();
    let feeding = async move {
        // A program need not read what it is given.
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(&input).await;
        }
    };
    let stdout = group.child.stdout.take();
    let mut kept = Kept::default();
    let end = {
        let pipes = futures_util::future::join(feeding, kept.read(stdout));
        attend(&mut group, pipes, limit).await?
    };
    group.leave();
    Ok(Ended {
        end,
        cut: kept.cut,
        stdout: kept.bytes,
    })
}

/// Waits until the program has ended, while what it reads and writes goes on.
async fn attend<T>(
    group: &mut Group,
    pipes: impl Future<Output = T>,
    limit: Duration,
) -> io::Result<End> {
    let mut pipes = std::pin::pin!(pipes);
    let mut are_closed = false;
    let mut patience = std::pin::pin!(sleep(limit));
    loop {
        tokio::select! {
            status = group.child.wait() => {
                let end = End::of(status?);
                if !are_closed && timeout(LINGER, &mut pipes).await.is_err() {
                    group.signal(Signal::SIGKILL);
                }
                return Ok(end);
            }
            _ = &mut pipes, if !are_closed => are_closed = true,
            () = &mut patience => {
                group.end().await;
                return Ok(End::TimedOut);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    cut: bool,
}

impl Kept {
    /// Reads to the end, so that the program is not held up, and keeps the beginning.
    async fn read(&mut self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(mut stream) = stream else { return };
        let mut piece = vec![0; PIECE];
        // A stream that fails has ended, as far as anybody here can tell.
        while let Ok(read @ 1..) = stream.read(&mut piece).await {
            let room = OUTPUT - self.bytes.len();
            self.bytes.extend_from_slice(&piece[..read.min(room)]);
            self.cut |= read > room;
        }
    }
}

/// A program and the group it leads. Dropping it tells what is left of the group to end.
#[derive(Debug)]
struct Group {
    child: Child,
    id: Option<Pid>,
}

impl Group {
    fn of(child: Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            child,
            id: id.map(Pid::from_raw),
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.id {
            // That nobody is left to be told is as good.
            let _ = killpg(group, signal);
        }
    }

    /// Ends it, whatever it does.
    async fn end(&mut self) {
        self.signal(Signal::SIGTERM);
        let _ = timeout(KILL_AFTER, self.child.wait()).await;
        self.signal(Signal::SIGKILL);
        let _ = timeout(LINGER, self.child.wait()).await;
    }

    /// What it left behind may go on.
    fn leave(&mut self) {
        self.id = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGTERM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, input: &[u8], limit: Duration) -> Ended {
        let words = ["/bin/sh", "-c", script].map(OsString::from);
        let command = command(&words, Vec::new());
        run(command, input.to_vec(), Output::Kept, limit)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_program_gets_its_input_and_its_output_is_kept() {
        let minute = Duration::from_secs(60);
        let ended = shell("cat; exit 7", b"hello", minute).await;
        assert_eq!(
            (ended.end, ended.stdout.as_slice()),
            (End::Exited(7), &b"hello"[..])
        );
        let ended = shell("kill -9 $$", &vec![b'x'; 1 << 20], minute).await;
        assert_eq!((ended.end, ended.end.exit()), (End::Signalled(9), 137));
        let ended = shell("head -c 100000 /dev/zero", b"", minute).await;
        assert_eq!((ended.stdout.len(), ended.cut), (OUTPUT, true));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_ended_with_all_it_started() {
        let ended = shell("sleep 600 & wait", b"", Duration::from_millis(50)).await;
        assert_eq!((ended.end, ended.end.exit()), (End::TimedOut, 124));
    }
}
