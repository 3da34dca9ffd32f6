//! `mrpctl receipts`: what became of a message that was sent.

use super::id;
use super::outbox::stage;
use crate::cli::reading::Receipts as Flags;
use crate::context::Context;
use crate::exit::Failure;
use crate::output::message::MessageText;
use crate::output::pairs;
use mrpd_api::body::outbox::Receipt;

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let id = id::resolve(&client, &flags.id).await?;
    let receipt = client.receipt(&id).await?;
    context.output.object(
        &receipt,
        || text(&receipt, &MessageText::local()),
        Some(stage(receipt.stage)),
    )
}

fn text(receipt: &Receipt, times: &MessageText) -> String {
    let time = |time: Option<_>| time.map(|time| times.time(time)).unwrap_or_default();
    let expired = match receipt.expired {
        true => " (before it was taken)",
        false => "",
    };
    pairs(&[
        ("id", receipt.id.clone()),
        ("message", receipt.message_id.clone().unwrap_or_default()),
        ("stage", stage(receipt.stage).to_owned()),
        ("accepted", time(receipt.accepted_at)),
        ("delivered", time(receipt.delivered_at)),
        ("answered", time(receipt.replied_at)),
        (
            "answer",
            receipt.reply.map(|seq| seq.to_string()).unwrap_or_default(),
        ),
        (
            "expires",
            format!("{}{expired}", times.time(receipt.expires_at)),
        ),
    ])
}
