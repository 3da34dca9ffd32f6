//! A relay of the test's own: on loopback, on a free port, with its data in a folder that outlives its process.

use crate::process::{Ended, Process};
use crate::programs;
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A relay; it can be killed and started again on the same port with the same data.
#[derive(Debug)]
pub struct Relay {
    data: PathBuf,
    _folder: Option<TempDir>,
    address: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    process: Option<Process>,
}

impl Relay {
    /// Starts one with the default configuration.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with further arguments of `relayd serve`.
    pub fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::launch(folder.path().to_owned(), Some(folder), arguments, &[])
    }

    /// Starts one whose webhooks may lead to this machine.
    pub fn start_with_local_webhooks() -> Self {
        Self::start_with(&[
            "--set",
            "webhooks.allow_http=true",
            "--set",
            "webhooks.allow_networks=127.0.0.0/8",
        ])
    }

    /// Starts one with further arguments of `relayd serve` and an environment of these variables alone.
    pub fn start_with_environment(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::launch(
            folder.path().to_owned(),
            Some(folder),
            arguments,
            environment,
        )
    }

    /// Starts one with its data in a given folder.
    pub fn start_in(data: &Path) -> Self {
        Self::launch(data.to_owned(), None, &[], &[])
    }

    /// Runs another command of the program with this relay's data directory, to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.begin(arguments).wait()
    }

    /// The same without waiting for the end.
    pub fn begin(&self, arguments: &[&str]) -> Process {
        let mut command = Command::new(programs::path("relayd"));
        command
            .env_clear()
            .args(arguments)
            .arg("--data-dir")
            .arg(&self.data);
        Process::start(command, b"")
    }

    fn launch(
        data: PathBuf,
        folder: Option<TempDir>,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let environment = environment
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let arguments = arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect();
        let address = "127.0.0.1:0".to_owned();
        let mut relay = Self {
            data,
            _folder: folder,
            address,
            arguments,
            environment,
            process: None,
        };
        relay.resume();
        relay
    }

    /// Starts it again after [`Relay::kill`] or [`Relay::terminate`].
    pub fn resume(&mut self) {
        assert!(self.process.is_none(), "the relay is running");
        let mut command = Command::new(programs::path("relayd"));
        command
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .args(["serve", "--listen", &self.address, "--data-dir"])
            .arg(&self.data);
        command.args(&self.arguments);
        let mut process = Process::start(command, b"");
        let url = process.line_after("relayd ready ");
        self.address = url
            .strip_prefix("http://")
            .expect("a plain relay")
            .to_owned();
        self.process = Some(process);
    }

    /// Its URL, the same for as long as this value lives.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:<port>`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("the relay is running").id()
    }

    /// Where its data is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.process.take().expect("the relay is running").kill();
    }

    /// Whether it ended by itself; then it can be resumed.
    pub fn has_ended(&mut self) -> bool {
        let ended = self.process.as_mut().is_some_and(Process::has_ended);
        if ended {
            self.process = None;
        }
        ended
    }

    /// Waits for a relay that was told to end by other means.
    pub fn await_end(&mut self) -> Ended {
        self.process.take().expect("the relay is running").wait()
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(&mut self) -> Ended {
        let process = self.process.take().expect("the relay is running");
        process.signal(Signal::SIGTERM);
        process.wait()
    }
}
