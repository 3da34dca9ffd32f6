//! What the process hears from outside while it serves, by signals, and what it tells its service manager (systemd's protocol, which
//! others speak too).
//!
//! SIGTERM and SIGINT end the relay in order, and a second one at once. SIGHUP has the configuration read again.

use crate::app::App;
use crate::config::{Config, ConfigError};
use crate::reload;
use sd_notify::NotifyState;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

/// The signals that matter. They are heard from the moment this is made, so that none is lost while the store opens.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits until the relay is told to end, and reads the configuration again as often as that is asked for.
    pub(crate) async fn end(
        &mut self,
        service: &Service,
        load: impl Fn() -> Result<Config, ConfigError>,
    ) {
        loop {
            let name = tokio::select! {
                _ = self.terminate.recv() => "SIGTERM",
                _ = self.interrupt.recv() => "SIGINT",
                _ = self.hangup.recv() => {
                    service.reload(&load);
                    continue;
                }
            };
            return tracing::info!(signal = name, "ending");
        }
    }

    /// Waits until the relay is told to end once more.
    pub(crate) async fn end_at_once(&mut self) {
        let name = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        };
        tracing::warn!(
            signal = name,
            "told to end a second time: ended at once; what was accepted is on disk"
        );
    }
}

/// A running relay as its service manager sees it.
#[derive(Debug, Clone)]
pub(crate) struct Service(Arc<App>);

impl Service {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self(app)
    }

    /// Says that requests are served.
    pub(crate) fn ready(&self) {
        notify(&[NotifyState::Ready]);
    }

    /// Says when the relay begins to end, whoever told it to, and until then that it is alive.
    pub(crate) async fn report(self) {
        let Self(app) = self;
        tokio::select! {
            () = app.shutdown.begun() => {}
            () = keep_watchdog_quiet(&app) => {}
        }
        notify(&[NotifyState::Stopping]);
    }

    /// A configuration with a mistake changes nothing.
    fn reload(&self, load: &impl Fn() -> Result<Config, ConfigError>) {
        let time = NotifyState::monotonic_usec_now();
        notify(
            &[NotifyState::Reloading]
                .into_iter()
                .chain(time.ok())
                .collect::<Vec<_>>(),
        );
        match load() {
            Ok(config) => reload::apply(&self.0, &config),
            Err(error) => {
                tracing::error!(%error, "the configuration was not changed: there is a mistake in the new one");
            }
        }
        self.ready();
    }
}

/// Where the service manager wants signs of life, gives one for each time that the store has answered. Never returns.
async fn keep_watchdog_quiet(app: &App) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    let pause = limit / 3;
    let mut operations = app.store.counters().operations;
    loop {
        tokio::time::sleep(pause).await;
        let before = std::mem::replace(&mut operations, app.store.counters().operations);
        if is_alive(app, pause, operations > before).await {
            notify(&[NotifyState::Watchdog]);
        } else {
            tracing::error!("the store does not answer");
        }
    }
}

/// Whether the store reads, and its writer takes up what is given to it; one that has much to do is alive as long as it does it.
async fn is_alive(app: &App, patience: Duration, is_working: bool) -> bool {
    let reads = timeout(patience, app.store.ping()).await;
    matches!(reads, Ok(Ok(())))
        && (is_working || matches!(timeout(patience, app.store.ping_writer()).await, Ok(Ok(()))))
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager was not told");
    }
}
