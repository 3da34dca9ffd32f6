//! `mrpctl outbox`: what is on its way.

use super::each;
use super::peers::Peers;
use crate::cli::reading::{Outbox, OutboxCommand};
use crate::context::Context;
use crate::exit::Failure;
use crate::output::message::MessageText;
use mrpd_api::body::{OutboxEntry, Stage};
use mrpd_api::client::Client;

const HEADS: [&str; 7] = ["id", "stage", "to", "relay", "since", "tries", "note"];

pub(super) async fn run(context: &Context, flags: Outbox) -> Result<(), Failure> {
    let client = context.daemon().await?;
    match flags.command {
        None | Some(OutboxCommand::Ls) => list(context, &client).await,
        Some(OutboxCommand::Flush) => Ok(client.flush().await?),
        Some(OutboxCommand::Retry(flags)) => {
            each(context, &flags.ids, async |id| Ok(client.retry(id).await?)).await
        }
        Some(OutboxCommand::Cancel(flags)) => {
            each(context, &flags.ids, async |id| {
                Ok(client.cancel(id).await?)
            })
            .await
        }
    }
}

async fn list(context: &Context, client: &Client) -> Result<(), Failure> {
    let entries = client.outbox().await?;
    let peers = Peers::load(client).await?;
    let times = MessageText::for_lists();
    context.output.list(&entries, &HEADS, |entry| {
        vec![
            entry.id.clone(),
            stage(entry.stage).to_owned(),
            peers.name(&entry.to.to_string()),
            entry.relay.clone(),
            times.time(entry.created_at),
            entry.attempts.to_string(),
            standing(entry, &times),
        ]
    })
}

/// Why it is still here, and when it goes on.
pub(super) fn standing(entry: &OutboxEntry, times: &MessageText) -> String {
    let why = entry.error.as_ref().map(|error| error.message.clone());
    let held = entry
        .due_at
        .map(|time| format!("held until {}", times.time(time)));
    let again = entry
        .next_attempt_at
        .map(|time| format!("next try {}", times.time(time)));
    why.into_iter()
        .chain(held)
        .chain(again)
        .collect::<Vec<_>>()
        .join("; ")
}

pub(super) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Queued => "queued",
        Stage::Accepted => "accepted",
        Stage::Delivered => "delivered",
        Stage::Replied => "replied",
        Stage::Failed => "failed",
    }
}
