//! A user: a home of their own, an environment with nothing in it that the test did not put there, one daemon.

use crate::clock::Clock;
use crate::process::{Ended, Process};
use crate::programs;
use crate::relay::Relay;
use crate::terminal::Terminal;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A user of mrpctl with one agent of the same name.
#[derive(Debug)]
pub struct User {
    name: String,
    home: TempDir,
    state: Option<PathBuf>,
    variables: Vec<(String, String)>,
    daemon: Option<Process>,
}

impl User {
    /// A user with nothing set up. Sockets have short paths, so the home is directly below the temporary folder.
    pub fn blank(name: &str) -> Self {
        let home = tempfile::Builder::new()
            .prefix("mrp")
            .tempdir()
            .expect("a temporary folder");
        Self {
            name: name.to_owned(),
            home,
            state: None,
            variables: Vec::new(),
            daemon: None,
        }
    }

    /// A user who has run `mrpctl init` against the relay, and whose daemon runs.
    pub fn at(name: &str, relay: &Relay) -> Self {
        let mut user = Self::blank(name);
        user.start_daemon();
        user.mrpctl(&["init", "--name", name, "--relay", &relay.url()])
            .succeeded();
        user
    }

    /// The same, whose programs have this wall clock from now on.
    pub fn with_clock(name: &str, relay: &Relay, clock: &Clock) -> Self {
        let mut user = Self::at(name, relay);
        user.terminate_daemon();
        for (variable, value) in clock.variables() {
            user.add_variable(variable, &value);
        }
        user.start_daemon();
        user
    }

    /// The local name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Has the daemon keep its store in this folder from its next start on.
    pub fn keep_state_in(&mut self, folder: &Path) {
        self.state = Some(folder.to_owned());
    }

    /// Puts a variable into the environment of everything that is started from now on.
    pub fn add_variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A command with this user's environment and no other.
    pub fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        let home = self.home.path();
        command
            .env_clear()
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home.join("run"))
            .env("PATH", "/usr/bin:/bin")
            .env("MRPD_AUTOSTART", "0")
            .current_dir(home);
        if let Some(state) = &self.state {
            command.env("XDG_STATE_HOME", state);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs mrpctl with nothing on its standard input.
    pub fn mrpctl(&self, arguments: &[&str]) -> Ended {
        self.mrpctl_with(arguments, b"")
    }

    /// Runs mrpctl with `input` on its standard input.
    pub fn mrpctl_with(&self, arguments: &[&str], input: &[u8]) -> Ended {
        self.start_mrpctl(arguments, input).wait()
    }

    /// Starts mrpctl without waiting for it.
    pub fn start_mrpctl(&self, arguments: &[&str], input: &[u8]) -> Process {
        let mut command = self.command(programs::path("mrpctl"));
        command.args(arguments);
        Process::start(command, input)
    }

    /// Starts mrpctl at a terminal.
    pub fn mrpctl_at_terminal(&self, arguments: &[&str]) -> Terminal {
        let mut command = self.command(programs::path("mrpctl"));
        command.env("TERM", "xterm-256color").args(arguments);
        Terminal::start(&command)
    }

    /// Starts the daemon and waits until it is ready.
    pub fn start_daemon(&mut self) {
        self.run_daemon(self.command(programs::path("mrpd")));
    }

    /// Starts the daemon with crash points compiled in; `plan` is in the syntax of crate `fail`, such as `receive.committed=return`.
    /// It may be killed by one at any moment, before it is ready too.
    pub fn start_failing_daemon(&mut self, plan: &str) {
        let mut command = self.command(programs::path("mrpd-failpoints"));
        command.env("FAILPOINTS", plan);
        assert!(self.daemon.is_none(), "the daemon is running");
        self.daemon = Some(Process::start(command, b""));
    }

    /// Starts the daemon by a command of the test's own, begun with [`User::command`], and waits until it is ready.
    pub fn run_daemon(&mut self, command: Command) {
        assert!(self.daemon.is_none(), "the daemon is running");
        let mut process = Process::start(command, b"");
        process.line_after("mrpd ready ");
        self.daemon = Some(process);
    }

    /// The daemon's process.
    pub fn daemon(&mut self) -> &mut Process {
        self.daemon.as_mut().expect("the daemon is running")
    }

    /// Ends the daemon as a power cut would.
    pub fn kill_daemon(&mut self) {
        self.daemon.take().expect("the daemon is running").kill();
    }

    /// Asks the daemon to end, and waits until it has.
    pub fn terminate_daemon(&mut self) -> Ended {
        let daemon = self.daemon.take().expect("the daemon is running");
        daemon.signal(Signal::SIGTERM);
        daemon.wait()
    }

    /// Waits for a daemon that is about to die by itself.
    pub fn await_daemon_death(&mut self) -> Ended {
        self.daemon.take().expect("the daemon is running").wait()
    }

    /// The agent's key.
    pub fn key(&self) -> String {
        let shown = self.mrpctl(&["whoami", "-o", "json"]).succeeded();
        let shown: Value = serde_json::from_str(&shown).expect("whoami -o json is JSON");
        let key = shown
            .pointer("/key")
            .or_else(|| shown.pointer("/0/key"))
            .and_then(Value::as_str);
        key.unwrap_or_else(|| panic!("no key in {shown}"))
            .to_owned()
    }

    /// Starts the daemon by a program that will start it only later, and does not wait.
    pub fn await_daemon_by(&mut self, command: Command) {
        assert!(self.daemon.is_none(), "the daemon is running");
        self.daemon = Some(Process::start(command, b""));
    }

    /// The daemon's configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.home.path().join(".config/mrp/mrpd.toml")
    }

    /// Where the daemon answers.
    pub fn socket(&self) -> PathBuf {
        self.home.path().join("run/mrp/mrpd.sock")
    }

    /// Asks the daemon by its local interface, as `curl --unix-socket` does; gives the HTTP status and the answer, `Null` if that
    /// is no JSON.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut curl = self.command(PathBuf::from("curl"));
        curl.args(["-sS", "--max-time", "60", "-X", method])
            .args(["-w", "\n%{http_code}", "--unix-socket"])
            .arg(self.socket())
            .arg(format!("http://mrpd{path}"));
        let mut input = String::new();
        if let Some(body) = body {
            curl.args([
                "-H",
                "content-type: application/json",
                "--data-binary",
                "@-",
            ]);
            input = body.to_string();
        }
        let output = Process::start(curl, input.as_bytes()).wait().succeeded();
        let (answer, status) = output
            .trim_end()
            .rsplit_once('\n')
            .expect("curl writes the status");
        let status = status.parse().expect("an HTTP status is a number");
        (status, serde_json::from_str(answer).unwrap_or(Value::Null))
    }

    /// Gives the daemon a file, as `curl -T` does.
    pub fn give(&self, method: &str, path: &str, file: &Path) -> (u16, Value) {
        let mut curl = self.command(PathBuf::from("curl"));
        curl.args(["-sS", "--max-time", "120", "-X", method])
            .args(["-w", "\n%{http_code}", "--unix-socket"])
            .arg(self.socket())
            .arg("-T")
            .arg(file)
            .arg(format!("http://mrpd{path}"));
        let output = Process::start(curl, b"").wait().succeeded();
        let (answer, status) = output
            .trim_end()
            .rsplit_once('\n')
            .expect("curl writes the status");
        let status = status.parse().expect("an HTTP status is a number");
        (status, serde_json::from_str(answer).unwrap_or(Value::Null))
    }

    /// Has the daemon give a file; gives the HTTP status.
    pub fn take(&self, path: &str, file: &Path) -> u16 {
        let mut curl = self.command(PathBuf::from("curl"));
        curl.args(["-sS", "--max-time", "120", "-w", "%{http_code}"])
            .arg("--unix-socket")
            .arg(self.socket())
            .arg("-o")
            .arg(file)
            .arg(format!("http://mrpd{path}"));
        let output = Process::start(curl, b"").wait().succeeded();
        output.trim().parse().expect("an HTTP status is a number")
    }

    /// Starts curl against the daemon's local interface; the path and further arguments are its own.
    pub fn start_curl(&self, path: &str, arguments: &[&str], input: &[u8]) -> Process {
        let mut curl = self.command(PathBuf::from("curl"));
        curl.args(["-sS", "-N", "--max-time", "60", "--unix-socket"])
            .arg(self.socket())
            .arg(format!("http://mrpd{path}"))
            .args(arguments);
        Process::start(curl, input)
    }

    /// The folder that the daemon keeps its store in.
    pub fn state_dir(&self) -> PathBuf {
        let state = self.state.clone();
        let state = state.unwrap_or_else(|| self.home.path().join(".local/state"));
        state.join("mrp")
    }

    /// Asks the daemon for lines of JSON.
    pub fn api_lines(&self, path: &str) -> Vec<Value> {
        let mut curl = self.command(PathBuf::from("curl"));
        curl.args([
            "-sS",
            "--fail-with-body",
            "--max-time",
            "60",
            "--unix-socket",
        ])
        .arg(self.socket())
        .arg(format!("http://mrpd{path}"));
        messages(&Process::start(curl, b"").wait().succeeded())
    }

    /// Has the daemon take in a message as if it came out of an archive.
    pub fn import(&self, message: &Value) {
        let line = format!("{message}\n");
        let import = self.start_curl("/v1/import", &["--data-binary", "@-"], line.as_bytes());
        let answer = import.wait().succeeded();
        assert!(answer.contains("\"imported\":1"), "{answer}");
    }

    /// Adds to the daemon's configuration file. It has no effect before a reload or a start.
    pub fn configure(&self, text: &str) {
        let path = self.config_file();
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, format!("{before}\n{text}\n")).expect("the configuration is written");
    }

    /// Says how messages come from the only relay, with pauses that a test can wait for. It has no effect before a reload or a start.
    pub fn set_transport(&self, transport: &str) {
        let path = self.config_file();
        let before = std::fs::read_to_string(&path).expect("a configuration");
        let keys = format!(
            "transport = \"{transport}\"\nbackoff = {{ min = \"20ms\", max = \"200ms\" }}\nurl = "
        );
        assert_eq!(before.matches("\nurl = ").count(), 1, "{before}");
        let after = before.replace("\nurl = ", &format!("\n{keys}"));
        std::fs::write(&path, after).expect("the configuration is written");
    }

    /// Has the daemon read its configuration again, and expects it to be right.
    pub fn reload(&self) {
        let (status, answer) = self.api("POST", "/v1/reload", None);
        assert_eq!(status, 204, "{answer}");
    }

    /// All messages that came in, as `mrpctl tail` shows them to programs.
    pub fn inbox(&self) -> Vec<Value> {
        messages(&self.read_inbox().succeeded())
    }

    /// The texts of all messages that came in.
    pub fn texts(&self) -> Vec<String> {
        self.inbox().iter().map(text).collect()
    }

    /// The same; `None` while the daemon says that its store cannot be used.
    pub fn texts_unless_refused(&self) -> Option<Vec<String>> {
        let read = self.read_inbox();
        if read.stderr.contains("storage_failed") {
            return None;
        }
        Some(messages(&read.succeeded()).iter().map(text).collect())
    }

    fn read_inbox(&self) -> Ended {
        self.mrpctl(&["tail", "--no-follow", "-n", "1000000", "-o", "jsonl"])
    }
}

fn messages(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of tail is JSON"))
        .collect()
}

fn text(message: &Value) -> String {
    message["text"].as_str().unwrap_or_default().to_owned()
}
