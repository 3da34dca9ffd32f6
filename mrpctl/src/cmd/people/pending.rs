//! `mrpctl pending`: messages from unknown senders, which are held.

use crate::cli::people::Pending as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::message::MessageText;
use futures_util::TryStreamExt as _;
use mrp_proto::key::PublicKey;
use mrpd_api::body::inbox::{AcceptPending, Decided, RejectPending};
use mrpd_api::client::Client;
use mrpd_api::message::Message;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::collections::BTreeSet;

const HEADS: [&str; 4] = ["from", "received", "id", "text"];

/// The shortest beginning of a key that stands for it.
const SHORTEST_PREFIX: usize = 8;

/// A message, and its JSON as the daemon wrote it.
struct Held {
    raw: Box<RawValue>,
    message: Message,
}

impl Serialize for Held {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    match flags {
        Flags::Ls => {
            let (held, times) = (held(&client).await?, MessageText::for_lists());
            context.output.list(&held, &HEADS, |held| row(held, &times))
        }
        Flags::Accept { who, name } => {
            let Whose { keys, ids } = whose(&client, &who.all()).await?;
            let accept = AcceptPending {
                from: keys,
                ids,
                name,
            };
            let decided = client.accept_pending(&accept).await?;
            told(context, decided, "let in")
        }
        Flags::Reject { who } => {
            let Whose { keys, ids } = whose(&client, &who.all()).await?;
            let reject = RejectPending { from: keys, ids };
            let decided = client.reject_pending(&reject).await?;
            told(context, decided, "dropped")
        }
    }
}

async fn held(client: &Client) -> Result<Vec<Held>, Failure> {
    let mut lines = client.pending().await?;
    let mut held = Vec::new();
    while let Some(line) = lines.try_next().await? {
        let raw = RawValue::from_string(line.raw)
            .map_err(|error| Failure::new(Reason::Internal, error.to_string()))?;
        held.push(Held {
            raw,
            message: line.message,
        });
    }
    Ok(held)
}

fn row(held: &Held, times: &MessageText) -> Vec<String> {
    let message = &held.message;
    vec![
        message.from.key.to_string(),
        times.time(message.received_at),
        message.id.clone(),
        message.text.clone().unwrap_or_default(),
    ]
}

fn told(context: &Context, decided: Decided, done: &str) -> Result<(), Failure> {
    let messages = decided.messages;
    let count = messages.to_string();
    let text = || format!("{messages} messages {done}\n");
    context.output.object(&decided, text, Some(&count))
}

/// Whom a decision is about.
#[derive(Debug, Default, PartialEq, Eq)]
struct Whose {
    keys: Vec<String>,
    ids: Vec<String>,
}

/// Senders are asked for only where a beginning of a key stands for one.
async fn whose(client: &Client, who: &[String]) -> Result<Whose, Failure> {
    let mut whose = Whose::default();
    let mut senders: Option<BTreeSet<String>> = None;
    for text in who {
        let bare = text.strip_prefix("ed25519:").unwrap_or(text);
        if bare.parse::<PublicKey>().is_ok() {
            whose.keys.push(bare.to_owned());
        } else if text.starts_with("msg_") {
            whose.ids.push(text.clone());
        } else {
            let senders = match &senders {
                Some(senders) => senders,
                None => {
                    let held = held(client).await?;
                    let keys = held.iter().map(|held| held.message.from.key.to_string());
                    senders.insert(keys.collect())
                }
            };
            whose.keys.push(by_prefix(senders, bare)?);
        }
    }
    Ok(whose)
}

fn by_prefix(senders: &BTreeSet<String>, prefix: &str) -> Result<String, Failure> {
    let mut meant = senders.iter().filter(|key| key.starts_with(prefix));
    match (meant.next(), meant.next()) {
        (Some(key), None) if prefix.len() >= SHORTEST_PREFIX => Ok(key.clone()),
        (Some(_), Some(_)) => Err(Failure::new(
            Reason::BadData,
            format!("the keys of several senders begin with {prefix}"),
        )
        .fix("give more of it; mrpctl pending ls")),
        _ => Err(Failure::new(
            Reason::NothingFound,
            format!("nothing is held of {prefix}: it is no sender's key, nor its first {SHORTEST_PREFIX} characters, nor an id msg_..."),
        )
        .fix("mrpctl pending ls")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_stands_for_one_sender_alone() {
        let senders = BTreeSet::from(["abcdefgh1".to_owned(), "abcdefgh2".to_owned()]);
        assert_eq!(by_prefix(&senders, "abcdefgh2"), Ok("abcdefgh2".to_owned()));
        for (prefix, exit) in [("abcdefgh", 65), ("abcdefg", 65), ("zzzzzzzz", 1), ("", 65)] {
            assert_eq!(
                by_prefix(&senders, prefix).unwrap_err().exit(),
                exit,
                "{prefix}"
            );
        }
        let one = BTreeSet::from(["abcdefgh1".to_owned()]);
        assert_eq!(by_prefix(&one, "abcdefg").unwrap_err().exit(), 1);
    }
}
