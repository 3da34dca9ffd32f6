//! `mrpctl card`: the address as one line of text.

use crate::cli::people::Card as Flags;
use crate::cmd::own_agent;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::qr;
use mrpd_api::card::Card;
use serde::Serialize;

#[derive(Serialize)]
struct Shown {
    card: String,
    name: Option<String>,
    relay: Option<String>,
    key: String,
}

/// The bare card is printed unless JSON is asked for: it is made to be piped on.
pub(crate) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let agent = own_agent(context, &client).await?;
    let mut card: Card = agent.card.parse().map_err(|error| {
        Failure::new(
            Reason::Internal,
            format!("the daemon's card cannot be read: {error}"),
        )
    })?;
    if flags.name.is_some() {
        card.name = flags.name;
    }
    let line = card.to_string();
    if flags.qr && context.output.draws() {
        let drawn = qr::draw(&line)?;
        return context.output.text(&format!("{drawn}{line}\n"));
    }
    if context.output.is_bare() {
        return context.output.bytes(format!("{line}\n"));
    }
    let shown = Shown {
        card: line.clone(),
        name: card.name,
        relay: card.relay,
        key: card.key.to_string(),
    };
    context
        .output
        .object(&shown, || format!("{line}\n"), Some(&line))
}
