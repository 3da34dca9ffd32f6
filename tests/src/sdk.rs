//! A peer that is the published Python SDK, unmodified (`tests/sdk/peer.py`), in the virtual environment that `make python` makes.

use crate::process::{Ended, Process};
use crate::python;
use crate::relay::Relay;
use serde_json::Value;
use tempfile::TempDir;

/// An agent of the published SDK with a key of its own.
#[derive(Debug)]
pub struct SdkPeer {
    relay: String,
    home: TempDir,
}

impl SdkPeer {
    /// A peer at a relay, registered, and its key.
    pub fn at(relay: &Relay) -> (Self, String) {
        let peer = Self {
            relay: relay.url(),
            home: tempfile::tempdir().expect("a temporary folder"),
        };
        let key = peer.run(&["key"]).succeeded().trim().to_owned();
        (peer, key)
    }

    /// Starts a command of `peer.py`.
    pub fn start(&self, arguments: &[&str]) -> Process {
        let mut command = python::script("sdk-0.3.1", "sdk/peer.py");
        command
            .env("HOME", self.home.path())
            .arg(&self.relay)
            .arg(self.home.path().join("sdk.key"))
            .args(arguments);
        Process::start(command, b"")
    }

    /// Runs a command of `peer.py` to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).wait()
    }

    /// Polls until `count` messages came.
    pub fn poll(&self, count: usize) -> Vec<Value> {
        lines(&self.run(&["poll", &count.to_string()]).succeeded())
    }
}

/// JSON lines as values.
pub fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect()
}
