//! What the service manager is told. Without one, nothing.

use crate::store::{Store, StoreError};
use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

/// The daemon answers.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
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
