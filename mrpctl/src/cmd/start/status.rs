//! `mrpctl status`. It never starts the daemon: whether that is running is what was asked.

use crate::cli::start::Status as Flags;
use crate::context::Context;
use crate::exit::Failure;
use crate::output::message::MessageText;
use crate::output::{Shape, pairs};
use mrpd_api::body::{Session, SessionState, Status, Transport};
use std::io::IsTerminal as _;
use std::time::Duration;

const AGAIN: Duration = Duration::from_secs(2);

/// Clears the terminal and puts the cursor into its corner.
const CLEAR: &str = "\x1b[2J\x1b[H";

pub(crate) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    if !flags.watch {
        return show(context).await;
    }
    let clears = context.output.shape() == Shape::Text && std::io::stdout().is_terminal();
    let mut closed = std::pin::pin!(crate::output::closed());
    loop {
        if clears {
            context.output.bytes(CLEAR)?;
        }
        match show(context).await {
            Err(failure @ Failure::OutputClosed) => return Err(failure),
            Err(failure) => context.output.failure(&failure),
            Ok(()) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = &mut closed => return Err(Failure::OutputClosed),
        }
    }
}

async fn show(context: &Context) -> Result<(), Failure> {
    let status = context.running_daemon().await?.status().await?;
    context
        .output
        .object(&status, || text(&status, &MessageText::local()), None)
}

fn text(status: &Status, times: &MessageText) -> String {
    let agents = status.agents.iter().map(|agent| {
        let mark = if agent.default { " (default)" } else { "" };
        format!("{} {}{mark}", agent.name, agent.key)
    });
    let sessions = status
        .sessions
        .iter()
        .map(|session| session_line(session, status, times));
    let inbox = &status.inbox;
    let outbox = &status.outbox;
    pairs(&[
        (
            "mrpd",
            format!(
                "{} running since {}, pid {}",
                status.version,
                times.time(status.started_at),
                status.pid
            ),
        ),
        ("socket", status.socket.clone()),
        ("config", status.config.clone()),
        ("agents", agents.collect::<Vec<_>>().join("\n")),
        ("relays", sessions.collect::<Vec<_>>().join("\n")),
        (
            "inbox",
            format!("{} received, {} sent", inbox.received, inbox.sent),
        ),
        (
            "outbox",
            format!("{} queued, {} failed", outbox.queued, outbox.failed),
        ),
        ("warnings", status.warnings.join("\n")),
    ])
}

fn session_line(session: &Session, status: &Status, times: &MessageText) -> String {
    let url = status
        .relays
        .iter()
        .find(|relay| relay.name == session.relay)
        .map_or("", |relay| relay.url.as_str());
    let state = match session.state {
        SessionState::Connecting => "connecting",
        SessionState::Up => "up",
        SessionState::Down => "down",
    };
    let by = match session.transport {
        Some(Transport::Poll) => " by polls",
        Some(Transport::Ws) | None => "",
    };
    let mut line = format!(
        "{} at {} {url} {state}{by} since {}",
        session.agent,
        session.relay,
        times.time(session.since)
    );
    if let Some(reason) = &session.reason {
        line.push_str(": ");
        line.push_str(&crate::output::escape::line(reason));
    }
    if let Some(retry_at) = session.retry_at {
        line.push_str(&format!(" (next try {})", times.time(retry_at)));
    }
    line
}
