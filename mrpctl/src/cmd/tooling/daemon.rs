//! `mrpctl daemon`: the daemon as a program.

use super::systemd::Manager;
use crate::autostart;
use crate::cli::tooling::{Daemon as Flags, DaemonControl, DaemonRun};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::message::MessageText;
use crate::{Signals, block_on};
use mrpd_api::body::Status;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde::Serialize;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long the daemon may take to end: it first finishes what it has begun.
const STOP_PATIENCE: Duration = Duration::from_secs(35);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Whether it is running, as programs read it.
#[derive(Serialize)]
struct Running {
    running: bool,
    pid: u32,
    version: String,
    socket: String,
}

pub(crate) fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    match flags {
        Flags::Run(flags) => run_in_foreground(context, &flags),
        Flags::Control(control) => block_on(context.global.timeout, Signals::EndIt, async {
            match control {
                DaemonControl::Start => start(context).await,
                DaemonControl::Stop => stop(context).await,
                DaemonControl::Restart => restart(context).await,
                DaemonControl::Reload => reload(context).await,
                DaemonControl::Status => status(context).await,
            }
        }),
    }
}

/// This process becomes the daemon.
fn run_in_foreground(context: &Context, flags: &DaemonRun) -> Result<(), Failure> {
    let program = context.mrpd()?;
    let mut command = Command::new(&program);
    command.args(&flags.arguments);
    if let Some(socket) = &context.global.socket {
        command.env("MRPD_SOCKET", socket);
    }
    let error = command.exec();
    Err(Failure::io(
        Reason::Unavailable,
        &format!("run {}", program.display()),
        &error,
    ))
}

async fn start(context: &Context) -> Result<(), Failure> {
    if let Ok(client) = context.running_daemon().await {
        let status = client.status().await?;
        context
            .output
            .note(&format!("mrpd is running already, pid {}", status.pid));
        return show(context, &status);
    }
    let client = if autostart::is_managed(&context.paths) {
        start_unit().await?;
        context.running_daemon().await?
    } else {
        autostart::start(context).await?
    };
    show(context, &client.status().await?)
}

pub(super) async fn stop(context: &Context) -> Result<(), Failure> {
    let Ok(client) = context.running_daemon().await else {
        context.output.note("mrpd is not running");
        return Ok(());
    };
    if autostart::is_managed(&context.paths) {
        return Manager::User
            .systemctl(&["stop", "mrpd.socket", "mrpd.service"])
            .await;
    }
    let pid = client.status().await?.pid;
    client.shutdown().await?;
    drop(client);
    wait_for_end(pid).await
}

async fn restart(context: &Context) -> Result<(), Failure> {
    if autostart::is_managed(&context.paths) {
        return Manager::User.systemctl(&["restart", "mrpd.service"]).await;
    }
    stop(context).await?;
    show(context, &autostart::start(context).await?.status().await?)
}

async fn reload(context: &Context) -> Result<(), Failure> {
    context.running_daemon().await?.reload().await?;
    context
        .output
        .note("mrpd has read its configuration and the contacts again");
    Ok(())
}

async fn status(context: &Context) -> Result<(), Failure> {
    let status = context.running_daemon().await?.status().await?;
    show(context, &status)
}

fn show(context: &Context, status: &Status) -> Result<(), Failure> {
    let running = Running {
        running: true,
        pid: status.pid,
        version: status.version.clone(),
        socket: status.socket.clone(),
    };
    let since = MessageText::local().time(status.started_at);
    let text = format!(
        "mrpd {} is running since {since}, pid {}, socket {}",
        status.version, status.pid, status.socket
    );
    context.output.object(
        &running,
        || crate::output::escape::line(&text) + "\n",
        Some("running"),
    )
}

async fn wait_for_end(pid: u32) -> Result<(), Failure> {
    let deadline = Instant::now() + STOP_PATIENCE;
    while is_alive(pid) {
        if Instant::now() >= deadline {
            let message = format!(
                "mrpd has not ended after {} s, pid {pid}",
                STOP_PATIENCE.as_secs()
            );
            return Err(Failure::new(Reason::TryAgain, message).fix(format!("kill {pid}")));
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// Whether a process is there. One that has ended and that its parent has not yet looked at is not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let Ok(number) = i32::try_from(pid) else {
        return false;
    };
    if kill(Pid::from_raw(number), None) == Err(nix::errno::Errno::ESRCH) {
        return false;
    }
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    !matches!(state, Some('Z' | 'X'))
}

/// Has systemd start the daemon, which is ready when this returns.
pub(crate) async fn start_unit() -> Result<(), Failure> {
    Manager::User
        .systemctl(&["start", "mrpd.socket", "mrpd.service"])
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_alive_until_it_has_ended() {
        assert!(is_alive(std::process::id()));
        let mut child = Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id();
        assert!(is_alive(pid));
        drop(child.stdin.take());
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while is_alive(pid) {
            assert!(
                std::time::Instant::now() < deadline,
                "it ended, and nobody has looked at it yet"
            );
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!is_alive(pid));
    }
}
