//! `mrpctl export`: all messages, for a file.

use super::sink::Sink;
use crate::cli::reading::Export as Flags;
use crate::context::Context;
use crate::exit::Failure;
use crate::output::progress::{Progress, Unit};
use futures_util::StreamExt as _;
use mrpd_api::body::MessageQuery;
use mrpd_api::client::Client;
use std::io::IsTerminal as _;

/// Messages between two reports of how far it has come.
const REPORTED: u64 = 100;

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let query = MessageQuery {
        since: flags.since,
        ..flags.filters.query(context.global.agent.as_deref())
    };
    let mut progress = progress(context, &client, &query).await?;
    let mut stream = client.export(&query).await?.raw();
    let mut sink = Sink::archive(context);
    let mut unreported = 0;
    while let Some(line) = stream.next().await {
        sink.take(&line?)?;
        unreported += 1;
        if unreported == REPORTED {
            report(&mut progress, &mut unreported);
        }
        if sink.is_full() {
            sink.flush().await?;
        }
    }
    sink.finish().await?;
    report(&mut progress, &mut unreported);
    if let Some(progress) = progress {
        progress.finish();
    }
    Ok(())
}

/// A bar would stand between the messages if they are shown at a terminal.
async fn progress(
    context: &Context,
    client: &Client,
    query: &MessageQuery,
) -> Result<Option<Progress>, Failure> {
    if std::io::stdout().is_terminal() {
        return Ok(None);
    }
    // How many match is known only where all do.
    let total = if *query == MessageQuery::default() {
        let inbox = client.status().await?.inbox;
        Some(inbox.received + inbox.sent)
    } else {
        None
    };
    Ok(Some(Progress::new(
        &context.output,
        "export",
        Unit::Messages,
        total,
    )))
}

fn report(progress: &mut Option<Progress>, unreported: &mut u64) {
    if let Some(progress) = progress {
        progress.add(std::mem::take(unreported));
    }
}
