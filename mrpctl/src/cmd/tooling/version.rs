//! `mrpctl --version`: this program's version, and the daemon's if one is running.

use crate::context::Context;
use crate::exit::Failure;
use crate::{Signals, block_on};
use serde::Serialize;
use std::time::Duration;

/// A daemon that does not answer at once counts as none.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Serialize)]
struct Versions {
    mrpctl: &'static str,
    mrpd: Option<String>,
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    block_on(context.global.timeout, Signals::EndIt, async {
        let mrpd = tokio::time::timeout(PATIENCE, daemon_version(context))
            .await
            .ok()
            .flatten();
        let versions = Versions {
            mrpctl: env!("CARGO_PKG_VERSION"),
            mrpd,
        };
        let text = || {
            let daemon = versions.mrpd.as_deref().unwrap_or("(not running)");
            format!(
                "mrpctl {}\nmrpd   {}\n",
                versions.mrpctl,
                crate::output::escape::line(daemon)
            )
        };
        if context.output.is_auto() && !context.output.has_fields() {
            return context.output.text(&text());
        }
        context
            .output
            .object(&versions, text, Some(versions.mrpctl))
    })
}

async fn daemon_version(context: &Context) -> Option<String> {
    let client = context.running_daemon().await.ok()?;
    Some(client.status().await.ok()?.version)
}
