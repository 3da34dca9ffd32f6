//! `relayd check`.

use super::{Failure, Sources, block_on, print};
use crate::config::Config;
use crate::data_dir::DataDirError;
use crate::disk::{Room, Volume};
use crate::process;
use crate::serve::{BindError, RunError, Server};
use crate::store::OpenError;
use std::io::{self, Write as _};
use std::time::Duration;

/// How long the store of blobs may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens everything that serving would open, and closes it again; while a relay runs, only what it leaves to try.
pub(super) fn run(sources: &Sources) -> Result<(), Failure> {
    let config = sources.load()?;
    process::harden();
    let note = block_on(async { try_out(&config).await })?;
    if let Some(warning) = scarce_disk(&config)? {
        // Who cannot read it sees the exit status.
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
    let listen: Vec<_> = config
        .listen
        .iter()
        .map(|address| config.tls.url(address))
        .collect();
    let kind = if config.is_private() {
        "private"
    } else {
        "public"
    };
    print(format!(
        "ok: a {kind} relay at {}, data in {}{note}\n",
        listen.join(" "),
        config.data_dir.display()
    ))
}

/// Sets a relay up and ends it at once. What could not be tried is said in the answer.
async fn try_out(config: &Config) -> Result<&'static str, Failure> {
    match Server::bind(config.clone()).await {
        Ok(server) => {
            probe_blobs(&server).await?;
            if server.settle().await.is_err() {
                let path = config.data_dir.clone();
                let cause = "the disk does not take it; `relayd serve` logs why".to_owned();
                return Err(mistake(&OpenError::Failed { path, cause }));
            }
            match server.run(std::future::ready(())).await {
                Ok(()) => Ok(""),
                Err(RunError::Store(fatal)) => {
                    let path = config.data_dir.clone();
                    let cause = fatal.cause;
                    Err(mistake(&OpenError::Failed { path, cause }))
                }
            }
        }
        Err(BindError::DataDir(DataDirError::InUse { .. })) => {
            Ok(" (in use by a running relay, so addresses and store were not tried)")
        }
        Err(error) => Err(mistake(&error)),
    }
}

/// A bucket that does not answer is tried for long; here it need not be.
async fn probe_blobs(server: &Server) -> Result<(), Failure> {
    let probed = tokio::time::timeout(PATIENCE, server.probe_blobs()).await;
    match probed {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::Checked(format!(
            "blob_store: cannot be reached: {error}"
        ))),
        Err(_) => Err(Failure::Checked(format!(
            "blob_store: does not answer within {} s",
            PATIENCE.as_secs()
        ))),
    }
}

fn mistake(error: &impl ToString) -> Failure {
    Failure::Checked(error.to_string())
}

fn scarce_disk(config: &Config) -> Result<Option<String>, Failure> {
    let path = config.data_dir.display();
    let volume = Volume::of(&config.data_dir).map_err(|error| {
        Failure::Checked(format!("{path}: cannot see how full the disk is: {error}"))
    })?;
    let left = volume.free >> 20;
    match volume.room() {
        Room::Ample => Ok(None),
        Room::Scarce => Ok(Some(format!(
            "{path}: the disk has {left} MiB left; a relay takes no uploads there until there is more"
        ))),
        Room::Low | Room::Critical => Err(Failure::Checked(format!(
            "{path}: the disk has {left} MiB left; a relay takes no sends there: make room, or set data_dir"
        ))),
    }
}
