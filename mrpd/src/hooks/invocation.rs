//! One run: what it is given, and what came of it. Those who decide that something is to be run (hooks, capabilities, dead-man
//! switches) and what runs it know of each other only this.

use super::program::Program;
use mrpd_api::message::Message;
use std::path::{Path, PathBuf};

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Its name, as it is configured: `MRP_HOOK`.
    pub name: String,
    /// What is done, and within which bounds.
    pub program: Program,
    /// What it is about: the newest last. Variables such as `MRP_FROM` are of the first; a dead-man switch has none.
    pub messages: Vec<Message>,
    /// Which attempt it is, from 1: `MRP_ATTEMPT`.
    pub attempt: u32,
    /// The daemon's own socket: `MRPD_SOCKET`.
    pub socket: PathBuf,
    /// Where the first message's attachments are, once they were opened: `MRP_ATTACHMENTS_DIR`.
    pub attachments: Option<PathBuf>,
}

/// The folder of the first message's attachments, if one of them is saved.
pub(super) fn attachments_of(messages: &[Message]) -> Option<PathBuf> {
    let mut attachments = messages.first()?.attachments.iter();
    let path = attachments.find_map(|attachment| attachment.path.as_deref())?;
    Path::new(path).parent().map(Path::to_path_buf)
}

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What it means.
    pub outcome: Outcome,
    /// What was written to standard output, as much as is kept of it.
    pub stdout: Vec<u8>,
    /// Whether more was written to standard output than is kept.
    pub cut: bool,
    /// What was written to standard error, as much as is kept of it.
    pub stderr: Vec<u8>,
    /// What was written to descriptor 3, as much as is kept of it: a capability's error, as a JSON object.
    pub answer: Option<Vec<u8>>,
    /// How it ended, in words: `exit status 1`, `took longer than 60s`, `no desktop to show it on`.
    pub why: String,
    /// The exit status, if it ended by itself.
    pub status: Option<i32>,
}

/// What the end of a run means (the exit statuses of the hook contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// Done: exit status 0.
    Handled,
    /// Done, and nothing after it is to be run for the message: 99.
    HandledAlone,
    /// To be tried again, as often as is configured: 75 or 111.
    Later,
    /// Not to be tried again: 100, 65, 77 or 78, or a command that can never be run.
    Dead,
    /// Failed: any other status, a signal, or too little time. To be tried again, as often as is configured.
    #[default]
    Failed,
    /// The daemon ends; the run does not count.
    Interrupted,
}
