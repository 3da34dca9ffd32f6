//! `relayd serve`.

use super::{Failure, Sources};
use crate::config::Config;
use crate::serve::Server;
use crate::service::Signals;
use crate::{log, process};
use std::io::{self, Write as _};
use std::path::Path;
use tokio::sync::oneshot;

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
    let outcome = runtime.block_on(relay(config, sources));
    // What was not done when draining ended is not waited for.
    runtime.shutdown_background();
    outcome
}

async fn relay(config: Config, sources: &Sources) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(Failure::Start)?;
    if config.is_private() {
        tracing::info!(
            "a private relay: only this machine reaches it, so rate limits that are not configured are off; \
             set public_url when it stands behind a proxy"
        );
    }
    let data_dir = config.data_dir.clone();
    let server = Server::bind(config).await?;
    announce(&server, &data_dir);
    let service = server.service();
    let reporting = tokio::spawn(service.clone().report());
    service.ready();
    let (told, is_told) = oneshot::channel();
    let serving = server.run(async {
        let _ = is_told.await;
    });
    let ending = async {
        signals.end(&service, || sources.load()).await;
        let _ = told.send(());
        signals.end_at_once().await;
    };
    tokio::select! {
        ended = serving => ended?,
        () = ending => return Ok(()),
    }
    let _ = reporting.await;
    tracing::info!("ended");
    Ok(())
}

/// Says that requests are served: in the log, and in one line for whoever started the process.
fn announce(server: &Server, data_dir: &Path) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        addresses = server.urls().join(" "),
        data_dir = %data_dir.display(),
        "ready"
    );
    let mut output = io::stdout().lock();
    // The reader may have closed its end: the relay serves all the same.
    let _ = writeln!(output, "relayd ready {}", server.url()).and_then(|()| output.flush());
}
