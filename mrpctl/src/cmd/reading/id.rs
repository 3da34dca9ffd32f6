//! What a message is named by: the relay's name for it, the outbox's, or its place in the local order.

use crate::exit::{Failure, Reason};
use futures_util::StreamExt as _;
use mrpd_api::body::MessageQuery;
use mrpd_api::client::{Client, MessageLine};
use mrpd_api::error::Code;

/// The name under which the daemon knows a message that is named in any of these ways.
pub(super) async fn resolve(client: &Client, given: &str) -> Result<String, Failure> {
    match given.parse() {
        Ok(seq) => Ok(by_seq(client, seq).await?.message.id),
        Err(_) => Ok(given.to_owned()),
    }
}

/// The same for several.
pub(super) async fn resolve_all(client: &Client, given: &[String]) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::with_capacity(given.len());
    for id in given {
        ids.push(resolve(client, id).await?);
    }
    Ok(ids)
}

/// The message itself.
pub(in crate::cmd) async fn message(client: &Client, given: &str) -> Result<MessageLine, Failure> {
    if let Ok(seq) = given.parse() {
        return by_seq(client, seq).await;
    }
    client.message(given).await.map_err(|error| {
        let is_unknown = crate::exit::is_refused_as(&error, Code::MessageNotFound);
        let failure = Failure::from(error);
        let has_advice = failure
            .told()
            .is_some_and(|told| told.detail.hint.is_some());
        if is_unknown && !has_advice {
            failure.fix("mrpctl inbox lists what is here: msg_... or the seq name a message")
        } else {
            failure
        }
    })
}

/// A message's place in the order: given as such, or looked up by its id.
pub(super) async fn seq(client: &Client, given: &str) -> Result<u64, Failure> {
    match given.parse() {
        Ok(seq) => Ok(seq),
        Err(_) => Ok(message(client, given).await?.message.seq),
    }
}

async fn by_seq(client: &Client, seq: u64) -> Result<MessageLine, Failure> {
    let query = MessageQuery {
        after: Some(seq.saturating_sub(1)),
        before: Some(seq.saturating_add(1)),
        limit: Some(1),
        all: Some(1),
        ..MessageQuery::default()
    };
    match client.messages(&query).await?.next().await {
        Some(line) => Ok(line?),
        None => Err(Failure::new(
            Reason::NothingFound,
            format!("there is no message with the seq {seq}"),
        )
        .fix("mrpctl inbox lists what is here")),
    }
}
