//! `mrpctl dead`: what was given up, by the outbox or by hooks.

use super::each;
use super::peers::Peers;
use crate::cli::reading::{Dead, DeadCommand};
use crate::context::Context;
use crate::exit::Failure;
use crate::output::message::MessageText;
use mrpd_api::body::dead::{DeadLetter, DeadSource};
use mrpd_api::client::Client;

const HEADS: [&str; 6] = ["id", "given up by", "peer", "tries", "when", "why"];

pub(super) async fn run(context: &Context, flags: Dead) -> Result<(), Failure> {
    let client = context.daemon().await?;
    match flags.command {
        None | Some(DeadCommand::Ls) => list(context, &client).await,
        Some(DeadCommand::Retry(flags)) => {
            each(context, &flags.ids, async |id| {
                Ok(client.retry_dead(vec![id.to_owned()]).await?)
            })
            .await
        }
        Some(DeadCommand::Drop(flags)) => {
            each(context, &flags.ids, async |id| {
                Ok(client.drop_dead(vec![id.to_owned()]).await?)
            })
            .await
        }
    }
}

async fn list(context: &Context, client: &Client) -> Result<(), Failure> {
    let letters = client.dead().await?;
    let peers = Peers::load(client).await?;
    let times = MessageText::for_lists();
    context.output.list(&letters, &HEADS, |letter| {
        vec![
            letter.id.clone(),
            source(letter),
            peers.name(&letter.peer),
            letter.attempts.to_string(),
            times.time(letter.at),
            letter.why.clone(),
        ]
    })
}

fn source(letter: &DeadLetter) -> String {
    match (letter.source, &letter.hook) {
        (DeadSource::Outbox, _) => "outbox".to_owned(),
        (DeadSource::Hook, Some(name)) => format!("hook {name}"),
        (DeadSource::Hook, None) => "hook".to_owned(),
    }
}
