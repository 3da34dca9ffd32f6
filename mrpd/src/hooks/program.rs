//! What is configured to be done: a program with its input, its environment and its bounds, or a note on the desktop.

use crate::expression::Template;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What a hook, a capability or a dead-man switch does, and within which bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What is done.
    pub action: Action,
    /// What it reads on its standard input.
    pub input: Input,
    /// Variables it is given, beside those that every program gets.
    pub environment: BTreeMap<String, String>,
    /// Names of variables of the daemon's own environment that it is given.
    pub passed: Vec<String>,
    /// How long it may run.
    pub timeout: Duration,
    /// How long it may take to end, once it was told to.
    pub kill_after: Duration,
    /// What the system allows it.
    pub limits: Limits,
    /// Whether its folder stays.
    pub keep: Keep,
    /// Which files it may touch; all that its user may, where absent.
    pub sandbox: Option<Sandbox>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A program and its arguments, run without a shell.
    Exec(Vec<String>),
    /// A line for `/bin/sh -c`, as it is written.
    Shell(String),
    /// A note on the desktop.
    Notify {
        /// Its first line.
        title: Template,
        /// The rest.
        body: Template,
    },
}

/// What a program reads on its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Input {
    /// The message object, one line for each message.
    #[default]
    Json,
    /// The message's text.
    Text,
    /// The body alone. For a request: its parameters.
    Body,
    /// Nothing.
    Nothing,
}

/// Whether the folder stays when the run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// It is removed.
    #[default]
    Nothing,
    /// It stays, for the user to look at.
    Folder,
}

/// What the system allows a program; no more than it allows the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes of a file that it writes.
    pub file_size: Option<u64>,
}

/// Files that a program may touch; no others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sandbox {
    /// May be read and run, with what is below.
    pub read: Vec<PathBuf>,
    /// May be read and changed, with what is below.
    pub write: Vec<PathBuf>,
}

impl Program {
    /// A program with nothing but its command, under the bounds that hold where nothing is written.
    pub fn of(action: Action) -> Self {
        Self {
            action,
            input: Input::default(),
            environment: BTreeMap::new(),
            passed: Vec::new(),
            timeout: TIMEOUT,
            kill_after: KILL_AFTER,
            limits: Limits::default(),
            keep: Keep::default(),
            sandbox: None,
        }
    }
}

/// How long a program may run where nothing is written.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take to end where nothing is written.
pub const KILL_AFTER: Duration = Duration::from_secs(5);
