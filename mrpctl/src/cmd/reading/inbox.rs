//! `mrpctl inbox`: a list of messages, the newest first.

use super::sink::Sink;
use crate::cli::reading::{Inbox, InboxCommand};
use crate::context::Context;
use crate::exit::Failure;
use futures_util::StreamExt as _;
use mrpd_api::body::{MessageQuery, Order};
use mrpd_api::client::{ClientError, MessageStream};

pub(super) async fn run(context: &Context, flags: Inbox) -> Result<(), Failure> {
    let flags = match flags.command {
        Some(InboxCommand::Ls(flags)) => *flags,
        None => flags.flags,
    };
    let client = context.daemon().await?;
    let query = MessageQuery {
        unread: flags.unread.then_some(1),
        order: Some(Order::Descending),
        // One more tells whether there are more.
        limit: Some(flags.limit.saturating_add(1)),
        ..flags.filters.query(context.global.agent.as_deref())
    };
    let stream = client.messages(&query).await?;
    let listed = write(stream, Sink::listing(context), flags.limit).await?;
    if listed.are_more {
        let limit = flags.limit;
        context
            .output
            .note(&format!("there are more than {limit}: --limit shows them"));
    }
    Ok(())
}

/// What was written of a list.
pub(super) struct Listed {
    pub(super) count: u64,
    pub(super) are_more: bool,
}

/// Writes up to `limit` messages.
pub(super) async fn write(
    stream: MessageStream,
    mut sink: Sink<'_>,
    limit: u64,
) -> Result<Listed, Failure> {
    let mut listed = Listed {
        count: 0,
        are_more: false,
    };
    let mut stream = stream.raw();
    while let Some(line) = stream.next().await {
        let line = line.map_err(|error: ClientError| Failure::from(error))?;
        if listed.count == limit {
            listed.are_more = true;
            break;
        }
        sink.take(&line)?;
        listed.count += 1;
        if sink.is_full() {
            sink.flush().await?;
        }
    }
    sink.finish().await?;
    Ok(listed)
}
