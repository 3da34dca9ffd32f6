//! A peer that is the published Python SDK, unmodified (`tests/sdk/peer.py`), in the virtual environment that `make sdk` makes.

use crate::process::{Ended, Process};
use crate::programs::workspace;
use crate::relay::Relay;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
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
        let mut command = Command::new(python());
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(workspace().join("tests/sdk/peer.py"))
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

fn python() -> PathBuf {
    let made = workspace().join("target/sdk-0.3.1/bin/python");
    let python = std::env::var_os("MRP_SDK_PYTHON").map_or(made, PathBuf::from);
    assert!(
        python.exists(),
        "the published SDK is not installed at {}; run: make sdk",
        python.display()
    );
    python
}
