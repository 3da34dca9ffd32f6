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

/// For people the own version stands there before the daemon is asked.
pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let is_plain = context.output.is_bare();
    if is_plain {
        context.output.text(&own_line())?;
    }
    block_on(context.global.timeout, Signals::EndIt, async {
        let mrpd = tokio::time::timeout(PATIENCE, daemon_version(context))
            .await
            .ok()
            .flatten();
        let daemon = daemon_line(mrpd.as_deref());
        if is_plain {
            return context.output.text(&daemon);
        }
        let versions = Versions {
            mrpctl: env!("CARGO_PKG_VERSION"),
            mrpd,
        };
        let text = || own_line() + &daemon;
        context
            .output
            .object(&versions, text, Some(versions.mrpctl))
    })
}

fn own_line() -> String {
    format!("mrpctl {}\n", env!("CARGO_PKG_VERSION"))
}

fn daemon_line(version: Option<&str>) -> String {
    let version = version.unwrap_or("(not running)");
    format!("mrpd   {}\n", crate::output::escape::line(version))
}

async fn daemon_version(context: &Context) -> Option<String> {
    let client = context.running_daemon().await.ok()?;
    Some(client.status().await.ok()?.version)
}
