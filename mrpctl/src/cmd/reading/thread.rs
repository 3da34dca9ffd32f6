//! `mrpctl thread`: the threads there are, and the messages of one.

use super::inbox::write;
use super::sink::Sink;
use crate::cli::reading::{Thread as Flags, ThreadCommand, ThreadList, ThreadShow};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::message::{MessageText, bare, beginning};
use mrpd_api::body::MessageQuery;
use mrpd_api::body::inbox::{Thread, ThreadQuery};
use mrpd_api::client::Client;

const HEADS: [&str; 5] = ["thread", "messages", "latest", "from", "text"];

/// Threads that the daemon gives at once, at most.
const PAGE: u64 = 1000;

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    match flags.command {
        Some(ThreadCommand::Show(flags)) => show(context, &client, &flags).await,
        Some(ThreadCommand::Ls(flags)) => list(context, &client, &flags).await,
        None => list(context, &client, &flags.list).await,
    }
}

async fn list(context: &Context, client: &Client, flags: &ThreadList) -> Result<(), Failure> {
    let mut threads: Vec<Thread> = Vec::new();
    loop {
        let left = flags.limit.saturating_sub(threads.len() as u64).min(PAGE);
        let query = ThreadQuery {
            before: threads.last().map(|thread| thread.seq),
            limit: Some(left),
        };
        let page = client.threads(&query).await?;
        let is_last = (page.len() as u64) < left;
        threads.extend(page);
        if is_last || threads.len() as u64 >= flags.limit {
            break;
        }
    }
    let mut text = MessageText::for_lists();
    text.know(&client.contacts().await?);
    context.output.list(&threads, &HEADS, |thread| {
        vec![
            thread.thread.clone(),
            thread.count.to_string(),
            text.time(thread.last.received_at),
            text.who(&thread.last),
            beginning(bare(&thread.last)),
        ]
    })
}

async fn show(context: &Context, client: &Client, flags: &ThreadShow) -> Result<(), Failure> {
    let stream = client.thread(&flags.id, &MessageQuery::default()).await?;
    let shown = write(stream, Sink::new(context).naming(client).await, u64::MAX).await?;
    match shown.count {
        0 => Err(Failure::new(
            Reason::NothingFound,
            format!("there is no thread {}", flags.id),
        )
        .fix("mrpctl thread lists those there are")),
        _ => Ok(()),
    }
}
