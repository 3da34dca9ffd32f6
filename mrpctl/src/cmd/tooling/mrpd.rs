//! The daemon's program, run for what it says and not as the daemon.

use crate::context::Context;
use crate::exit::{Failure, Reason};
use std::ffi::OsStr;
use std::process::{Output, Stdio};
use tokio::process::Command;

/// How it ended, and all that it wrote.
pub(super) async fn run(
    context: &Context,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Output, Failure> {
    let mut command = Command::new(context.mrpd()?);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
        .output()
        .await
        .map_err(|error| Failure::io(Reason::Unavailable, "run mrpd", &error))
}

/// What it wrote to standard error, a line each.
pub(super) fn complaints(done: &Output) -> Vec<String> {
    String::from_utf8_lossy(&done.stderr)
        .lines()
        .map(str::to_owned)
        .collect()
}
