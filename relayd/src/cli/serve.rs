//! `relayd serve`.

use super::{Failure, Sources};
use crate::config::Config;
use crate::serve::Server;
use crate::{log, process};
use sd_notify::NotifyState;
use std::io::{self, Write as _};
use std::path::Path;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Serves until it is told to end.
pub(super) fn run(sources: &Sources) -> Result<(), Failure> {
    let config = sources.load()?;
    log::begin(&config);
    process::harden();
    process::raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::Start)?;
    let outcome = runtime.block_on(relay(config));
    // What was not done when draining ended is not waited for.
    runtime.shutdown_background();
    outcome
}

async fn relay(config: Config) -> Result<(), Failure> {
    // Heard from here on, so that a signal while the store opens is not lost.
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Start)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Start)?;
    if config.is_private() {
        tracing::info!(
            "a private relay: only this machine reaches it, so rate limits that are not configured are off; \
             set public_url when it stands behind a proxy"
        );
    }
    let data_dir = config.data_dir.clone();
    let server = Server::bind(config).await?;
    announce(&server, &data_dir);
    server.run(ended_by(&mut terminate, &mut interrupt)).await?;
    tracing::info!("ended");
    Ok(())
}

/// Says that requests are served: one line for whoever started the process, and one for systemd.
fn announce(server: &Server, data_dir: &Path) {
    let addresses: Vec<_> = server.addresses().iter().map(ToString::to_string).collect();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        addresses = addresses.join(" "),
        data_dir = %data_dir.display(),
        "ready"
    );
    let mut output = io::stdout().lock();
    // The reader may have closed its end: the relay serves all the same.
    let _ = writeln!(output, "relayd ready {}", server.url()).and_then(|()| output.flush());
    notify(NotifyState::Ready);
}

async fn ended_by(terminate: &mut Signal, interrupt: &mut Signal) {
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!(signal = name, "ending");
    notify(NotifyState::Stopping);
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "systemd was not told");
    }
}
