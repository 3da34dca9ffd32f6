//! A relay and two users in a temporary folder. When it is dropped, whatever was started in it is ended and the folder removed.

use crate::cmd::tooling::daemon::is_alive;
use crate::config::own_program;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use mrpd_api::paths::{SOCKET_PATH_LIMIT, create_private_dir};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::cell::Cell;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const READY: &str = "relayd ready ";
const READY_PATIENCE: Duration = Duration::from_secs(20);
/// How long a program may take to end when it is asked to.
const END_PATIENCE: Duration = Duration::from_secs(10);
/// How long a daemon that was being started when everything was ended may take to show itself.
const BIRTH_PATIENCE: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum User {
    Laptop,
    Server,
}

impl User {
    pub(super) const ALL: [Self; 2] = [Self::Laptop, Self::Server];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Laptop => "laptop",
            Self::Server => "server",
        }
    }
}

/// How far a user's daemon has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Daemon {
    None,
    /// A command that starts it was begun.
    Starting,
    Running,
}

#[derive(Debug)]
pub(super) struct Network {
    folder: PathBuf,
    relay: Option<Child>,
    /// Kept so that the relay's output has a reader.
    relay_output: Option<BufReader<ChildStdout>>,
    daemons: [Cell<Daemon>; 2],
    terminal: Vec<(OsString, OsString)>,
    programs: Vec<(&'static str, PathBuf)>,
}

impl Network {
    /// Makes the folder and the homes in it.
    pub(super) fn new(context: &Context) -> Result<Self, Failure> {
        let folder = make_folder(&context.variables.temporary).map_err(|error| {
            Failure::io(Reason::CannotCreate, "make a temporary folder", &error)
        })?;
        let network = Self {
            folder,
            relay: None,
            relay_output: None,
            daemons: [Cell::new(Daemon::None), Cell::new(Daemon::None)],
            terminal: context.variables.terminal.clone(),
            programs: vec![("MRPD_BIN", context.mrpd()?)],
        };
        let made = User::ALL
            .into_iter()
            .try_for_each(|user| network.make_home(user));
        made.map_err(|error| {
            Failure::io(
                Reason::CannotCreate,
                &format!("make homes in {}", network.folder.display()),
                &error,
            )
        })?;
        Ok(network)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A script that makes a shell the user's.
    pub(super) fn script(&self, user: User) -> PathBuf {
        self.folder.join(format!("{}.sh", user.name()))
    }

    /// A user's whole environment.
    pub(super) fn variables(&self, user: User) -> Vec<(OsString, OsString)> {
        let mut variables = self.terminal.clone();
        variables.extend(
            self.places(user)
                .into_iter()
                .map(|(name, path)| (name.into(), path.into_os_string())),
        );
        variables.extend(
            self.programs
                .iter()
                .map(|(name, path)| ((*name).into(), path.clone().into_os_string())),
        );
        variables.push(("USER".into(), user.name().into()));
        // A terminal is what the user would sit at.
        variables.push(("MRPCTL_OUTPUT".into(), "text".into()));
        variables
    }

    /// What the relay is started with.
    pub(super) fn relay_arguments(&self) -> Vec<String> {
        let data = self.folder.join("relay").display().to_string();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir"];
        arguments
            .map(str::to_owned)
            .into_iter()
            .chain([data])
            .collect()
    }

    /// Starts the relay on a free port; its URL.
    pub(super) async fn start_relay(&mut self, context: &Context) -> Result<String, Failure> {
        let program = context.program("relayd", context.variables.relayd.as_deref())?;
        let failed = |error: &io::Error| {
            Failure::io(
                Reason::Unavailable,
                &format!("start {}", program.display()),
                error,
            )
        };
        let log_path = self.folder.join("relayd.log");
        let log = File::create(&log_path).map_err(|error| failed(&error))?;
        let mut child = Command::new(&program)
            .args(self.relay_arguments())
            .env_clear()
            .envs(self.terminal.iter().cloned())
            .env("HOME", &self.folder)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut lines = child.stdout.take().map(BufReader::new);
        self.relay = Some(child);
        let url = match &mut lines {
            Some(lines) => timeout(READY_PATIENCE, ready_url(lines))
                .await
                .ok()
                .flatten(),
            None => None,
        };
        self.relay_output = lines;
        url.ok_or_else(|| {
            let said = std::fs::read_to_string(&log_path).unwrap_or_default();
            Failure::new(Reason::Unavailable, "the relay did not become ready")
                .note("log", said.lines().map(str::to_owned).collect())
        })
    }

    /// Why the relay ended by itself, once it does.
    pub(super) async fn relay_ended(&mut self) -> Failure {
        let Some(relay) = &mut self.relay else {
            return std::future::pending().await;
        };
        match relay.wait().await {
            Ok(status) => Failure::new(Reason::Internal, format!("the relay ended ({status})")),
            Err(error) => Failure::io(Reason::Internal, "wait for the relay", &error),
        }
    }

    /// Tells that a command is about to start a user's daemon, so that it is looked for when everything is ended.
    pub(super) fn daemon_starts(&self, user: User) {
        self.daemons[user as usize].set(Daemon::Starting);
    }

    /// Tells that a user's daemon is running.
    pub(super) fn daemon_runs(&self, user: User) {
        self.daemons[user as usize].set(Daemon::Running);
    }

    fn home(&self, user: User) -> PathBuf {
        self.folder.join(user.name())
    }

    fn places(&self, user: User) -> Vec<(&'static str, PathBuf)> {
        let home = self.home(user);
        vec![
            ("MRP_HOME", home.join(".mrp")),
            ("XDG_CONFIG_HOME", home.join(".config")),
            ("XDG_DATA_HOME", home.join(".local/share")),
            ("XDG_STATE_HOME", home.join(".local/state")),
            ("XDG_CACHE_HOME", home.join(".cache")),
            ("XDG_RUNTIME_DIR", home.join("run")),
            ("MRPD_SOCKET", self.socket(user)),
            ("HOME", home),
        ]
    }

    fn socket(&self, user: User) -> PathBuf {
        self.home(user).join("run/mrp/mrpd.sock")
    }

    fn make_home(&self, user: User) -> io::Result<()> {
        create_private_dir(&self.home(user).join("run"))?;
        let mut script = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.script(user))?;
        for (name, path) in self.places(user) {
            writeln!(script, "export {name}='{}'", path.display())?;
        }
        for (name, path) in &self.programs {
            writeln!(script, "export {name}='{}'", path.display())?;
        }
        if let Some(programs) = own_program()?.parent() {
            writeln!(script, "export PATH='{}':\"$PATH\"", programs.display())?;
        }
        writeln!(script, "PS1='{}$ '", user.name())
    }

    /// The process that listens on a user's socket.
    fn daemon_pid(&self, user: User) -> Option<u32> {
        let patience = match self.daemons[user as usize].get() {
            Daemon::None => return None,
            Daemon::Starting => BIRTH_PATIENCE,
            Daemon::Running => Duration::ZERO,
        };
        let deadline = Instant::now() + patience;
        loop {
            if let Some(pid) = listener(&self.socket(user)) {
                return Some(pid);
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

/// Ending blocks: it is the last thing that this program does.
impl Drop for Network {
    fn drop(&mut self) {
        for pid in User::ALL
            .into_iter()
            .filter_map(|user| self.daemon_pid(user))
        {
            end(pid, || !is_alive(pid));
        }
        if let Some(relay) = &mut self.relay
            && let Some(pid) = relay.id()
        {
            end(pid, || !matches!(relay.try_wait(), Ok(None)));
        }
        // A folder that cannot be removed whole is in the system's folder for such.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Asks a process to end, and ends it if it does not.
fn end(pid: u32, mut has_ended: impl FnMut() -> bool) {
    let Ok(number) = i32::try_from(pid) else {
        return;
    };
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        if kill(Pid::from_raw(number), signal).is_err() {
            return;
        }
        let deadline = Instant::now() + END_PATIENCE;
        while Instant::now() < deadline {
            if has_ended() {
                return;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

#[cfg(target_os = "linux")]
fn listener(socket: &Path) -> Option<u32> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    let stream = UnixStream::connect(socket).ok()?;
    u32::try_from(getsockopt(&stream, PeerCredentials).ok()?.pid()).ok()
}

#[cfg(not(target_os = "linux"))]
fn listener(socket: &Path) -> Option<u32> {
    use nix::sys::socket::{getsockopt, sockopt::LocalPeerPid};
    let stream = UnixStream::connect(socket).ok()?;
    u32::try_from(getsockopt(&stream, LocalPeerPid).ok()?).ok()
}

/// A short path: sockets are made below it.
fn make_folder(usual: &Path) -> io::Result<PathBuf> {
    const NEEDED: usize = "/mrp-demo-XXXXXX/laptop/run/mrp/mrpd.sock".len();
    let parent = if usual.as_os_str().len() + NEEDED <= SOCKET_PATH_LIMIT {
        usual
    } else {
        Path::new("/tmp")
    };
    Ok(nix::unistd::mkdtemp(&parent.join("mrp-demo-XXXXXX"))?)
}

async fn ready_url(lines: &mut BufReader<ChildStdout>) -> Option<String> {
    let mut line = String::new();
    while lines.read_line(&mut line).await.ok()? > 0 {
        if let Some(url) = line.trim_end().strip_prefix(READY) {
            return Some(url.to_owned());
        }
        line.clear();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn whoever_listens_on_a_socket_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        assert_eq!(listener(&path), None);
        let _listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener(&path), Some(std::process::id()));
    }

    #[test]
    fn a_process_is_ended_even_if_it_does_not_listen() {
        let mut child = std::process::Command::new("cat")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id();
        end(pid, || !matches!(child.try_wait(), Ok(None)));
        assert!(!is_alive(pid));
    }

    #[test]
    fn sockets_fit_below_the_folder() {
        let long = PathBuf::from(format!("/{}", "x".repeat(90)));
        let folder = make_folder(&long).unwrap();
        let socket = folder.join("laptop/run/mrp/mrpd.sock");
        std::fs::remove_dir(&folder).unwrap();
        assert!(mrpd_api::paths::check_socket_path(&socket).is_ok());
    }
}
