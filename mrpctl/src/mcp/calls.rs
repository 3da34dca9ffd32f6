//! What the tools do.

pub(super) mod files;
pub(super) mod people;
pub(super) mod reading;
pub(super) mod sending;

use super::Desk;
use crate::exit::{Failure, Reason};
use futures_util::StreamExt as _;
use mrpd_api::body::MessageQuery;
use mrpd_api::body::relays::Way;
use mrpd_api::client::{Client, MessageStream};
use mrpd_api::message::Message;
use serde::Serialize;
use serde_json::Value;

impl Desk {
    pub(super) async fn daemon(&self) -> Result<Client, Failure> {
        self.context.daemon().await
    }

    /// The local identity that is meant, if one was named.
    pub(super) fn agent(&self) -> Option<String> {
        self.context.global.agent.clone()
    }

    fn way(&self) -> Way {
        Way {
            agent: self.agent(),
            relay: None,
        }
    }
}

fn value(of: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(of).map_err(|error| Failure::new(Reason::Internal, error.to_string()))
}

/// All messages of a stream that ends.
pub(super) async fn all(mut stream: MessageStream) -> Result<Vec<Message>, Failure> {
    let mut messages = Vec::new();
    while let Some(line) = stream.next().await {
        messages.push(line?.message);
    }
    Ok(messages)
}

/// The message at a place in the inbox.
async fn message_at(client: &Client, seq: u64) -> Result<Message, Failure> {
    let query = MessageQuery {
        after: Some(seq.saturating_sub(1)),
        limit: Some(1),
        all: Some(1),
        ..MessageQuery::default()
    };
    let found = all(client.messages(&query).await?).await?.pop();
    found.filter(|message| message.seq == seq).ok_or_else(|| {
        Failure::new(
            Reason::NothingFound,
            format!("the message with seq {seq} is not here any more"),
        )
    })
}

/// A number that has been given, within its bounds.
fn within(
    name: &str,
    given: Option<u64>,
    bounds: std::ops::RangeInclusive<u64>,
    usual: u64,
) -> Result<u64, Failure> {
    let given = given.unwrap_or(usual);
    if bounds.contains(&given) {
        return Ok(given);
    }
    Err(Failure::new(
        Reason::BadData,
        format!(
            "{name} is {given}, and may be {} to {}",
            bounds.start(),
            bounds.end()
        ),
    ))
}
