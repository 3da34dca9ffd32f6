//! Starting the daemon in the background, where nobody else does.

use crate::context::Context;
use crate::exit::{Failure, Reason};
use mrpd_api::client::Client;
use mrpd_api::paths::{Paths, SocketCandidate, SocketSource, create_private_dir};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long a daemon may take until it is ready: it may have a large store to repair.
const READY_PATIENCE: Duration = Duration::from_secs(30);
/// How long a daemon that somebody else started at the same time may take.
const WINNER_PATIENCE: Duration = Duration::from_secs(5);
/// How often the winner's socket is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A log this large makes room for a new one.
const LARGEST_LOG: u64 = 8 * 1024 * 1024;
/// What the daemon says before it may be spoken to.
const READY: &str = "mrpd ready ";
/// The daemon's exit status for a wrong configuration.
const WRONG_CONFIG: i32 = 78;

/// Whether systemd starts the daemon for this user: its units are enabled and a user manager is running.
pub(crate) fn is_managed(paths: &Paths) -> bool {
    let environment = paths.environment();
    let manager = environment
        .run_user
        .as_ref()
        .or(environment.runtime_dir.as_ref());
    let is_running = manager.is_some_and(|dir| dir.join("systemd/private").exists());
    let links = [
        "sockets.target.wants/mrpd.socket",
        "default.target.wants/mrpd.service",
    ];
    is_running
        && paths.user_unit_dirs().iter().any(|dir| {
            links
                .iter()
                .any(|link| dir.join(link).symlink_metadata().is_ok())
        })
}

/// Starts the daemon and waits until it is ready. Losing against another one is fine: then that one is waited for.
pub(crate) async fn start(context: &Context) -> Result<Client, Failure> {
    let program = context.mrpd()?;
    let mut log = Log::open(context.paths.log_file())?;
    context.output.verbose(|| {
        format!(
            "starting {} (log: {})",
            program.display(),
            log.path.display()
        )
    });
    let mut child = spawn(context, &program, &log)?;
    let Some(stdout) = child.stdout.take() else {
        return Err(Failure::new(
            Reason::Internal,
            "the daemon has no standard output",
        ));
    };
    match timeout(READY_PATIENCE, ready_socket(stdout)).await {
        Ok(Some(path)) => connect(path).await,
        Ok(None) => winner_or_failure(context, child, &mut log).await,
        Err(_) => Err(Failure::new(
            Reason::Unavailable,
            format!(
                "mrpd was started, but is not ready after {} s",
                READY_PATIENCE.as_secs()
            ),
        )
        .note("log", log.last_lines())
        .fix(format!("see {}", log.path.display()))),
    }
}

fn spawn(context: &Context, program: &Path, log: &Log) -> Result<Child, Failure> {
    let stderr = log.file.try_clone().map_err(|error| log.failure(&error))?;
    Command::new(program)
        .arg("--background")
        .envs(absolute_variables(context))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .map_err(|error| {
            Failure::io(
                Reason::Unavailable,
                &format!("start {}", program.display()),
                &error,
            )
        })
}

/// Relative paths were meant from here; the daemon runs elsewhere.
fn absolute_variables(context: &Context) -> Vec<(&'static str, OsString)> {
    let environment = context.paths.environment();
    let mut variables = vec![("MRP_HOME", environment.mrp_home.clone().into_os_string())];
    if let Some(socket) = &environment.socket {
        variables.push(("MRPD_SOCKET", socket.clone().into_os_string()));
    }
    if let Some(config) = &context.variables.config {
        variables.push(("MRPD_CONFIG", config.clone().into_os_string()));
    }
    variables
}

/// The socket that the daemon says it listens on; nothing if it ends before.
async fn ready_socket(stdout: ChildStdout) -> Option<PathBuf> {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(path) = line.strip_prefix(READY) {
            return Some(PathBuf::from(path));
        }
    }
    None
}

async fn connect(path: PathBuf) -> Result<Client, Failure> {
    let candidate = SocketCandidate {
        path,
        source: SocketSource::RuntimeDir,
    };
    Ok(Client::find(&[candidate]).await?)
}

/// The daemon ended before it was ready: either another one holds the lock, or something is wrong.
async fn winner_or_failure(
    context: &Context,
    mut child: Child,
    log: &mut Log,
) -> Result<Client, Failure> {
    let status = child.wait().await.map_err(|error| log.failure(&error))?;
    if status.code() != Some(WRONG_CONFIG) {
        let deadline = Instant::now() + WINNER_PATIENCE;
        while Instant::now() < deadline {
            if let Ok(client) = Client::find(&context.sockets()).await {
                return Ok(client);
            }
            sleep(LOOK_AGAIN).await;
        }
    }
    let lines = log.last_lines();
    let reason = if status.code() == Some(WRONG_CONFIG) {
        Reason::Config
    } else {
        Reason::Unavailable
    };
    let failure = Failure::new(reason, format!("mrpd did not start ({status})")).note("log", lines);
    Err(match reason {
        Reason::Config => failure.fix("mend what the log says, then: mrpctl daemon start"),
        _ => failure.fix(format!(
            "see {}, or run it in the foreground: mrpctl daemon run",
            log.path.display()
        )),
    })
}

/// Where a daemon in the background writes.
struct Log {
    path: PathBuf,
    file: File,
    /// Where it ended before.
    start: u64,
}

impl Log {
    fn open(path: PathBuf) -> Result<Self, Failure> {
        let opened = path
            .parent()
            .map_or(Ok(()), create_private_dir)
            .and_then(|()| {
                if path
                    .metadata()
                    .is_ok_and(|metadata| metadata.len() > LARGEST_LOG)
                {
                    std::fs::rename(&path, path.with_extension("log.1"))?;
                }
                OpenOptions::new()
                    .read(true)
                    .append(true)
                    .create(true)
                    .mode(0o600)
                    .open(&path)
            });
        let opened = opened.and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened {
            Ok((start, file)) => Ok(Self { path, file, start }),
            Err(error) => Err(Failure::io(
                Reason::CannotCreate,
                &format!("write {}", path.display()),
                &error,
            )),
        }
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure::io(
            Reason::Io,
            &format!("start mrpd with its log in {}", self.path.display()),
            error,
        )
    }

    /// What the daemon said last since it was started; at most a screen's part.
    fn last_lines(&mut self) -> Vec<String> {
        const LINES: usize = 5;
        const BYTES: u64 = 4096;
        let mut said = Vec::new();
        let end = self
            .file
            .metadata()
            .map_or(self.start, |metadata| metadata.len());
        let from = self.start.max(end.saturating_sub(BYTES));
        let read = self
            .file
            .seek(SeekFrom::Start(from))
            .and_then(|_| (&self.file).take(BYTES).read_to_end(&mut said));
        if read.is_err() {
            return Vec::new();
        }
        let text = String::from_utf8_lossy(&said).into_owned();
        let lines: Vec<String> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(str::to_owned)
            .collect();
        lines[lines.len().saturating_sub(LINES)..].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrpd_api::paths::Environment;
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    fn paths_in(folder: &Path) -> Paths {
        let below = |name: &str| folder.join(name);
        Paths::new(Environment {
            home: below(""),
            mrp_home: below(".mrp"),
            config_home: below("config"),
            data_home: below("data"),
            state_home: below("state"),
            cache_home: below("cache"),
            runtime_dir: Some(below("run")),
            run_user: None,
            socket: None,
            user: None,
            uid: 0,
        })
    }

    #[test]
    fn systemd_is_in_charge_only_if_the_unit_is_enabled_and_a_manager_runs() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths_in(folder.path());
        let wants = folder
            .path()
            .join("config/systemd/user/sockets.target.wants");
        std::fs::create_dir_all(&wants).unwrap();
        std::fs::create_dir_all(folder.path().join("run/systemd")).unwrap();
        assert!(!is_managed(&paths));
        std::os::unix::fs::symlink("/nowhere/mrpd.socket", wants.join("mrpd.socket")).unwrap();
        assert!(!is_managed(&paths), "no manager is running");
        std::fs::write(folder.path().join("run/systemd/private"), "").unwrap();
        assert!(is_managed(&paths));
    }

    #[test]
    fn the_log_is_private_and_tells_only_what_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mrp/mrpd.log");
        let mut log = Log::open(path.clone()).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        writeln!(log.file, "old").unwrap();
        let mut log = Log::open(path.clone()).unwrap();
        assert_eq!(log.last_lines(), Vec::<String>::new());
        for number in 0..10 {
            writeln!(log.file, "line {number}\n").unwrap();
        }
        assert_eq!(
            log.last_lines(),
            ["line 5", "line 6", "line 7", "line 8", "line 9"]
        );
        log.file.set_len(LARGEST_LOG + 1).unwrap();
        let fresh = Log::open(path).unwrap();
        assert_eq!(fresh.file.metadata().unwrap().len(), 0);
    }
}
