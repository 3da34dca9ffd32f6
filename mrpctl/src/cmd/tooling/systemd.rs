//! The service managers: what they are told, and what they answer.

use crate::exit::{Failure, Reason};
use std::io;
use std::process::Output;
use tokio::process::Command;

/// Whose services are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    User,
    System,
}

impl Manager {
    /// Tells systemctl something.
    pub(crate) async fn systemctl(self, arguments: &[&str]) -> Result<(), Failure> {
        let scope: &[&str] = match self {
            Self::User => &["--user"],
            Self::System => &[],
        };
        let all: Vec<&str> = scope.iter().chain(arguments).copied().collect();
        let done = run("systemctl", &all).await?;
        if done.status.success() {
            return Ok(());
        }
        let journal = match self {
            Self::User => "journalctl --user -u mrpd",
            Self::System => "journalctl -u 'mrpd@*'",
        };
        Err(failed("systemctl", &all, &done).fix(match self {
            Self::User if said(&done).contains("connect to") => {
                "log in anew, so that systemd runs a service manager for you; or: loginctl enable-linger"
            }
            _ => journal,
        }))
    }
}

/// Whether a user's services go on without a login.
pub(crate) async fn enable_linger() -> Result<(), Failure> {
    let done = run("loginctl", &["enable-linger"]).await?;
    if done.status.success() {
        return Ok(());
    }
    Err(failed("loginctl", &["enable-linger"], &done)
        .fix("sudo loginctl enable-linger \"$USER\"        (or the system's unit: mrpctl service install --system)"))
}

async fn run(program: &str, arguments: &[&str]) -> Result<Output, Failure> {
    let mut command = Command::new(program);
    let done = command
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    done.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::new(
            Reason::Unavailable,
            format!("{program} is not installed: there is no systemd to run the daemon"),
        )
        .fix("mrpctl daemon start, from your session's start or from cron's @reboot"),
        _ => Failure::io(Reason::Unavailable, &format!("run {program}"), &error),
    })
}

fn failed(program: &str, arguments: &[&str], done: &Output) -> Failure {
    let what = format!("{program} {} failed ({})", arguments.join(" "), done.status);
    let lines = said(done).lines().map(str::to_owned).collect();
    Failure::new(Reason::Unavailable, what).note("said", lines)
}

fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).trim().to_owned()
}
