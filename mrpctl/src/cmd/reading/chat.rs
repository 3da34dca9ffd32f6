//! `mrpctl chat`: what one types is sent, what the other writes appears. Lines in, lines out.

use super::follow::Follow;
use super::inbox::write;
use super::sink::Sink;
use crate::cli::reading::Chat as Flags;
use crate::cmd::sending::recipient::is_group;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input;
use mrpd_api::body::{MessageQuery, Send, Stage};
use mrpd_api::client::Client;
use serde_json::json;
use serde_json::value::RawValue;

/// Ends at the end of the input; the first line that could not be sent decides how.
pub(super) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    if is_group(&flags.who) {
        let what = format!("{} is a group, and a conversation is with one", flags.who);
        return Err(Failure::new(Reason::Usage, what).fix("mrpctl send @GROUP TEXT"));
    }
    let client = context.daemon().await?;
    let newest = client.status().await?.inbox.newest;
    let theirs = MessageQuery {
        from: Some(flags.who.clone()),
        thread: flags.thread.clone(),
        agent: context.global.agent.clone(),
        ..MessageQuery::default()
    };
    let before = MessageQuery {
        all: Some(1),
        last: Some(flags.last),
        before: Some(newest.saturating_add(1)),
        ..theirs.clone()
    };
    let history = client.messages(&before).await?;
    let sink = Sink::new(context).naming(&client).await;
    write(history, sink, u64::MAX).await?;
    if context.is_interactive() {
        let who = &flags.who;
        let text = format!("Each line goes to {who}. Ctrl-D leaves.");
        context.output.note(&text);
    }
    let coming = MessageQuery {
        after: Some(newest),
        follow: Some(1),
        ..theirs
    };
    let follow = Follow::new(context, client.clone(), coming, Sink::new(context));
    tokio::select! {
        biased;
        ended = follow.run() => ended,
        ended = send_lines(context, flags, &client) => ended,
    }
}

async fn send_lines(context: &Context, flags: &Flags, client: &Client) -> Result<(), Failure> {
    let mut lines = input::lines();
    let mut first_exit = None;
    while let Some(line) = lines.recv().await {
        let sent = match line {
            Ok(text) if text.trim().is_empty() => continue,
            Ok(text) => send(context, flags, client, &text).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = sent {
            context.output.failure(&failure);
            first_exit.get_or_insert(failure.exit());
        }
    }
    first_exit.map_or(Ok(()), |exit| Err(Failure::Status(exit)))
}

/// Done when it is durable in the outbox; from then on it is the daemon's.
async fn send(
    context: &Context,
    flags: &Flags,
    client: &Client,
    text: &str,
) -> Result<(), Failure> {
    if text.len() > input::MAX_BODY {
        return Err(input::too_large(
            "the line",
            input::Purpose::Line,
            input::MAX_BODY,
        ));
    }
    let body = RawValue::from_string(json!({ "text": text }).to_string())
        .map_err(|error| Failure::new(Reason::Internal, error.to_string()))?;
    let send = Send {
        agent: context.global.agent.clone(),
        to: flags.who.clone(),
        body: Some(body),
        thread: flags.thread.clone(),
        wait: Some(Stage::Queued),
        ..Send::default()
    };
    let sent = client
        .send(&send, &crate::cmd::sending::letter::random_id()?)
        .await?;
    for warning in &sent.warnings {
        context.output.warning(warning);
    }
    match sent.error {
        Some(error) if sent.stage == Stage::Failed => Err(error.into()),
        _ => Ok(()),
    }
}
