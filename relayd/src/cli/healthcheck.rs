//! `relayd healthcheck`.

use super::{Failure, Sources, block_on, print};
use crate::health::{self, Target};
use clap::Args;

/// Exit status of a relay that does not serve.
const UNHEALTHY: u8 = 1;

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Where the relay is, such as http://127.0.0.1:8080 or unix:/run/relayd/http.sock; by itself the first listener of the
    /// configuration
    #[arg(value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    sources: Sources,
}

/// Why a relay is not taken for a healthy one.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unhealthy {
    #[error(transparent)]
    Target(#[from] health::TargetError),
    #[error("{target}: {source}")]
    Asked {
        /// Whom it was asked of.
        target: String,
        /// What came of it.
        source: health::AskError,
    },
}

impl Unhealthy {
    pub(super) fn status(&self) -> u8 {
        UNHEALTHY
    }
}

/// Asks once. Says in a word what came of it.
pub(super) fn run(flags: &Flags) -> Result<(), Failure> {
    let target = match &flags.url {
        Some(url) => Target::parse(url).map_err(Unhealthy::from)?,
        None => Target::of(&flags.sources.load()?).map_err(Unhealthy::from)?,
    };
    block_on(async {
        let asked = health::ask(&target).await;
        asked.map_err(|source| {
            let target = target.to_string();
            Failure::Unhealthy(Unhealthy::Asked { target, source })
        })
    })?;
    print("ok\n")
}
