//! What the service manager is told. Without one, nothing.

use crate::board::Board;
use crate::config;
use crate::store::{Store, StoreError};
use mrpd_api::body::{Session, SessionState};
use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

/// The daemon answers, with the configuration in force.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Tells how the sessions stand, for as long as the daemon runs.
pub(super) async fn keep_status(board: Board, stop: CancellationToken) {
    if !config::has_service_manager() {
        return;
    }
    let mut changes = board.changes();
    let mut told = String::new();
    loop {
        changes.mark_unchanged();
        let status = status(&board.sessions(), board.warnings().len());
        if status != told {
            tell(&[NotifyState::Status(&status)]);
            told = status;
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
    }
}

fn status(sessions: &[Session], warnings: usize) -> String {
    let down: Vec<String> = sessions
        .iter()
        .filter(|session| session.state != SessionState::Up)
        .map(|session| format!("{} at {}", session.agent, session.relay))
        .collect();
    let up = sessions.len() - down.len();
    let mut text = match sessions.len() {
        0 => "No agent yet".to_owned(),
        all => format!("{up} of {all} sessions up"),
    };
    if !down.is_empty() {
        text.push_str(&format!("; not {}", down.join(", ")));
    }
    if warnings > 0 {
        text.push_str(&format!("; {warnings} warnings, see mrpctl status"));
    }
    text
}

/// The configuration is being read again.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The daemon ends.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("Ending")]);
}

/// Tells that the daemon lives, as often as the service manager wants to hear it: if the runtime and the store's thread answer.
/// A full disk is no reason to be killed.
pub(super) async fn keep_alive(store: Store, stop: CancellationToken) {
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return;
    };
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval / 2) => {}
            () = stop.cancelled() => return,
        }
        match store.probe().await {
            Ok(()) | Err(StoreError::Disk(_)) => tell(&[NotifyState::Watchdog]),
            Err(StoreError::Closed) => return,
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager was not told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn the_status_names_what_is_down() {
        let session = |relay: &str, state| Session {
            agent: "laptop".to_owned(),
            relay: relay.to_owned(),
            state,
            transport: None,
            since: clock::now(),
            reason: None,
            retry_at: None,
        };
        let sessions = [
            session("home", SessionState::Up),
            session("mrphub", SessionState::Down),
        ];
        assert_eq!(status(&[], 0), "No agent yet");
        assert_eq!(status(&sessions[..1], 0), "1 of 1 sessions up");
        assert_eq!(
            status(&sessions, 2),
            "1 of 2 sessions up; not laptop at mrphub; 2 warnings, see mrpctl status"
        );
    }
}
