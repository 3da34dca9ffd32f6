//! `mrpctl show`: one message, in the inbox or on its way.

use super::id;
use super::outbox::{stage, standing};
use crate::cli::reading::Show;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::message::{MessageText, bare};
use crate::output::{Shape, pairs};
use mrpd_api::body::OutboxEntry;
use mrpd_api::client::{Client, MessageLine};
use mrpd_api::message::Message;

pub(crate) async fn run(context: &Context, flags: &Show) -> Result<(), Failure> {
    let client = context.daemon().await?;
    if flags.id.starts_with("out_") {
        return show_entry(context, &client, &flags.id).await;
    }
    let line = id::message(&client, &flags.id).await?;
    show_message(context, flags, &line)
}

fn show_message(context: &Context, flags: &Show, line: &MessageLine) -> Result<(), Failure> {
    let output = &context.output;
    let MessageLine { raw, message } = line;
    if flags.raw {
        return output.bytes(output.line(raw)?);
    }
    if flags.body {
        let body = message.body.as_ref().map_or("null", |body| body.get());
        return output.bytes(output.line(body)?);
    }
    match output.shape() {
        Shape::Json | Shape::Jsonl => {
            let headers = flags.headers.then(|| without_body(message)).transpose()?;
            output.bytes(output.line(headers.as_deref().unwrap_or(raw))?)
        }
        _ if output.has_fields() => output.text(&output.cells(raw)?.join("\t")),
        Shape::Raw => output.bytes(format!("{}\n", bare(message))),
        Shape::Text | Shape::Table if flags.headers => {
            output.text(&MessageText::local().headers(message))
        }
        Shape::Text | Shape::Table => output.text(&MessageText::local().whole(message)),
    }
}

fn without_body(message: &Message) -> Result<String, Failure> {
    let mut headers = message.clone();
    headers.body = None;
    headers.text = None;
    serde_json::to_string(&headers)
        .map_err(|error| Failure::new(Reason::Internal, error.to_string()))
}

async fn show_entry(context: &Context, client: &Client, id: &str) -> Result<(), Failure> {
    let entries = client.outbox().await?;
    let entry = entries.iter().find(|entry| entry.id == id).ok_or_else(|| {
        Failure::new(
            Reason::NothingFound,
            format!("there is no message {id} in the outbox"),
        )
        .fix("once a relay has it, it goes by its msg_ id: mrpctl tail --sent")
    })?;
    context.output.object(
        entry,
        || entry_text(entry, &MessageText::local()),
        Some(stage(entry.stage)),
    )
}

fn entry_text(entry: &OutboxEntry, times: &MessageText) -> String {
    pairs(&[
        ("id", entry.id.clone()),
        ("stage", stage(entry.stage).to_owned()),
        ("message", entry.message_id.clone().unwrap_or_default()),
        ("to", entry.to.to_string()),
        ("agent", entry.agent.clone()),
        ("relay", entry.relay.clone()),
        ("tries", entry.attempts.to_string()),
        ("since", times.time(entry.created_at)),
        ("note", standing(entry, times)),
    ])
}
