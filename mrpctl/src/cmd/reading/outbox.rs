//! `mrpctl outbox`.

use crate::context::Context;
use crate::exit::Failure;
use crate::output::message::MessageText;
use mrpd_api::body::{OutboxEntry, Stage};

const HEADS: [&str; 6] = ["id", "stage", "to", "relay", "tries", "note"];

pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let entries = client.outbox().await?;
    let times = MessageText::local();
    context
        .output
        .list(&entries, &HEADS, |entry| row(entry, &times))
}

fn row(entry: &OutboxEntry, times: &MessageText) -> Vec<String> {
    vec![
        entry.id.clone(),
        stage(entry.stage).to_owned(),
        entry.to.short(),
        entry.relay.clone(),
        entry.attempts.to_string(),
        standing(entry, times),
    ]
}

/// Why it is still here, and when it goes on.
pub(super) fn standing(entry: &OutboxEntry, times: &MessageText) -> String {
    let why = entry.error.as_ref().map(|error| error.message.clone());
    let again = entry
        .next_attempt_at
        .map(|time| format!("next try {}", times.time(time)));
    why.into_iter().chain(again).collect::<Vec<_>>().join("; ")
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
