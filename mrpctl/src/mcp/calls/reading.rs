//! The inbox: taking messages under leases, settling them, threads, and what became of what was sent.

use super::{all, value, within};
use crate::exit::{Failure, Reason};
use crate::mcp::Desk;
use crate::mcp::arguments::{Ack as AckArguments, CheckMessages, MessageId, Outcome, ReadThread};
use crate::mcp::brief::brief;
use crate::mcp::limits::Scope;
use mrpd_api::body::inbox::{Ack, Claim, Nack};
use mrpd_api::body::{MessageQuery, Order};
use mrpd_api::message::{Kind, Message};
use serde_json::{Value, json};

pub(in crate::mcp) async fn check_messages(
    desk: &Desk,
    asked: CheckMessages,
) -> Result<Value, Failure> {
    let limit = within("limit", asked.limit, 1..=50, 10)?;
    let lease = within("lease_seconds", asked.lease_seconds, 10..=86_400, 300)?;
    let wait = within("wait_seconds", asked.wait_seconds, 0..=300, 0)?;
    let filter = MessageQuery {
        agent: desk.agent(),
        from: asked.from,
        thread: asked.thread,
        reply_to: asked.reply_to,
        kind: asked.kind.as_deref().map(kind).transpose()?,
        ..MessageQuery::default()
    };
    let client = desk.daemon().await?;
    let messages = match desk.limits.scope {
        Scope::All => {
            let claim = Claim {
                n: Some(limit),
                lease_ms: Some(lease * 1000),
                wait_ms: Some(wait * 1000),
                filter,
            };
            client.claim(&claim).await?
        }
        Scope::ReadOnly => {
            let query = MessageQuery {
                unread: Some(1),
                limit: Some(limit),
                ..filter
            };
            all(client.messages(&query).await?).await?
        }
    };
    listed(&messages)
}

pub(in crate::mcp) async fn ack(desk: &Desk, asked: AckArguments) -> Result<Value, Failure> {
    let client = desk.daemon().await?;
    let leases = asked.leases;
    let changed = match asked.outcome.unwrap_or(Outcome::Done) {
        Outcome::Done => {
            let ack = Ack {
                leases,
                ..Ack::default()
            };
            client.ack(&ack).await?
        }
        outcome @ (Outcome::Again | Outcome::Dead) => {
            let nack = Nack {
                leases,
                dead: matches!(outcome, Outcome::Dead),
                ..Nack::default()
            };
            client.nack(&nack).await?
        }
    };
    Ok(json!({ "settled": changed.seqs }))
}

pub(in crate::mcp) async fn read_thread(desk: &Desk, asked: ReadThread) -> Result<Value, Failure> {
    let limit = within("limit", asked.limit, 1..=100, 20)?;
    let query = MessageQuery {
        agent: desk.agent(),
        order: Some(Order::Descending),
        limit: Some(limit),
        before: asked.before,
        ..MessageQuery::default()
    };
    let client = desk.daemon().await?;
    let mut messages = all(client.thread(&asked.thread, &query).await?).await?;
    messages.reverse();
    listed(&messages)
}

pub(in crate::mcp) async fn message_status(
    desk: &Desk,
    asked: MessageId,
) -> Result<Value, Failure> {
    value(&desk.daemon().await?.receipt(&asked.id).await?)
}

pub(in crate::mcp) fn listed(messages: &[Message]) -> Result<Value, Failure> {
    let messages: Result<Vec<Value>, Failure> = messages.iter().map(brief).collect();
    Ok(json!({ "messages": messages? }))
}

fn kind(name: &str) -> Result<Kind, Failure> {
    name.parse().map_err(|_| {
        let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        Failure::new(Reason::BadData, format!("there is no kind {name}"))
            .fix(format!("kinds: {}", known.join(", ")))
    })
}
