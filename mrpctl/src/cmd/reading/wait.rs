//! `mrpctl wait`: the next messages that match.
//!
//! An answer may be here before it is waited for, so all answers to a message count, whenever they came.

use super::follow::Follow;
use super::id;
use super::sink::Sink;
use crate::cli::reading::Wait as Flags;
use crate::context::Context;
use crate::exit::Failure;
use futures_util::StreamExt as _;
use mrpd_api::body::{EventQuery, MessageQuery, OutboxEntry};
use mrpd_api::client::Client;

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let filters = flags.filters.query(context.global.agent.as_deref());
    let mut query = MessageQuery {
        follow: Some(1),
        limit: Some(flags.count),
        since: flags.since,
        ..filters
    };
    if let Some(given) = &flags.filters.reply_to {
        query.reply_to = Some(message_id(&client, given).await?);
    }
    query.after = match (&flags.after, &query.reply_to, &query.since) {
        (Some(given), ..) => Some(id::seq(&client, given).await?),
        (None, None, None) => Some(client.status().await?.inbox.newest),
        (None, ..) => None,
    };
    Follow::new(context, client, query, Sink::new(context))
        .run()
        .await
}

/// The name that answers bear: of a message that is still on its way, once a relay has given it one.
async fn message_id(client: &Client, given: &str) -> Result<String, Failure> {
    if !given.starts_with("out_") {
        return id::resolve(client, given).await;
    }
    // Listened to before it is looked up, so that the change cannot fall between the two.
    let stages = EventQuery {
        kinds: Some("stage".to_owned()),
    };
    let mut events = client.events(&stages).await?;
    loop {
        let OutboxEntry {
            message_id, error, ..
        } = client.outbox_entry(given).await?;
        match (message_id, error) {
            (Some(id), _) => return Ok(id),
            (None, Some(error)) if !error.retryable => return Err(error.into()),
            (None, _) => {}
        }
        // Whatever has come further, or that something was missed: a reason to look again.
        match events.next().await {
            Some(event) => drop(event?),
            None => events = client.events(&stages).await?,
        }
    }
}
