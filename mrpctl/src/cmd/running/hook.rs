//! `mrpctl hook`: the hooks of the daemon.

use crate::cli::running::{Hook as Flags, HookCommand};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input::{self, MAX_LINE};
use crate::output::message::MessageText;
use crate::output::{Shape, escape, pairs};
use futures_util::StreamExt as _;
use mrpd_api::body::hooks::{Hook, HookLogLine, HookLogQuery, HookTest, HookTried};
use mrpd_api::client::Client;
use serde_json::value::RawValue;

const HEADS: [&str; 6] = ["name", "state", "waiting", "handled", "given up", "command"];
const LOG_HEADS: [&str; 6] = ["time", "hook", "message", "try", "outcome", "why"];

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    match flags.command.unwrap_or(HookCommand::Ls) {
        HookCommand::Ls => context.output.list(&client.hooks().await?, &HEADS, row),
        HookCommand::Show { name } => show(context, &client.hook(&name).await?),
        HookCommand::Enable { name } => show(context, &client.enable_hook(&name).await?),
        HookCommand::Disable { name } => show(context, &client.disable_hook(&name).await?),
        HookCommand::Reload => Ok(client.reload().await?),
        HookCommand::Test { name, message } => test(context, &client, &name, message).await,
        HookCommand::Log { name, follow } => log(context, &client, name, follow).await,
        HookCommand::Replay { name, since } => {
            show(context, &client.replay_hook(&name, since).await?)
        }
    }
}

fn state(hook: &Hook) -> &'static str {
    match (hook.enabled, hook.running) {
        (false, _) => "off",
        (true, 0) => "on",
        (true, _) => "running",
    }
}

fn row(hook: &Hook) -> Vec<String> {
    vec![
        hook.name.clone(),
        state(hook).to_owned(),
        hook.queued.to_string(),
        hook.handled.to_string(),
        hook.dead.to_string(),
        hook.command.clone(),
    ]
}

fn show(context: &Context, hook: &Hook) -> Result<(), Failure> {
    let text = || {
        pairs(&[
            ("name", hook.name.clone()),
            ("state", state(hook).to_owned()),
            (&hook.action, escape::line(&hook.command)),
            ("waiting", hook.queued.to_string()),
            ("running", hook.running.to_string()),
            ("handled", hook.handled.to_string()),
            ("failed", hook.failed.to_string()),
            ("given up", hook.dead.to_string()),
            ("looked at", hook.cursor.to_string()),
        ])
    };
    context.output.object(hook, text, Some(state(hook)))
}

async fn test(
    context: &Context,
    client: &Client,
    name: &str,
    message_id: Option<String>,
) -> Result<(), Failure> {
    let test = match message_id {
        Some(id) => HookTest {
            message_id: Some(id),
            message: None,
        },
        None => HookTest {
            message_id: None,
            message: Some(piped_message().await?),
        },
    };
    let tried = client.test_hook(name, &test).await?;
    context
        .output
        .object(&tried, || told(&tried), Some(&tried.stdout))?;
    match tried.status {
        Some(0) => Ok(()),
        _ if tried.outcome.starts_with("handled") => Ok(()),
        Some(status) => Err(Failure::Status(u8::try_from(status).unwrap_or(1))),
        None => Err(Failure::Status(1)),
    }
}

async fn piped_message() -> Result<Box<RawValue>, Failure> {
    let text = input::standard_input(MAX_LINE).await?;
    if text.trim().is_empty() {
        return Err(
            Failure::new(Reason::NoInput, "there is no message to try the hook on")
                .fix("name one with --message ID, or: mrpctl hook test NAME < message.json"),
        );
    }
    RawValue::from_string(text.trim().to_owned())
        .map_err(|error| Failure::new(Reason::BadData, format!("the message is not JSON: {error}")))
}

fn told(tried: &HookTried) -> String {
    let matches = match (&tried.passed_over, tried.matches) {
        (_, true) => "yes".to_owned(),
        (Some(why), false) => format!("no: {why}"),
        (None, false) => "no".to_owned(),
    };
    let reply = tried.reply.as_ref().map_or("", |reply| reply.get());
    pairs(&[
        ("matches", matches),
        ("outcome", tried.outcome.clone()),
        ("why", escape::line(&tried.why)),
        ("stdout", escape::block(tried.stdout.trim_end())),
        ("stderr", escape::block(tried.stderr.trim_end())),
        ("reply", escape::line(reply)),
    ])
}

async fn log(
    context: &Context,
    client: &Client,
    hook: Option<String>,
    follow: bool,
) -> Result<(), Failure> {
    let query = HookLogQuery {
        hook,
        after: None,
        follow: follow.then_some(1),
    };
    let mut entries = client.hook_log(&query).await?;
    let output = &context.output;
    let times = MessageText::local();
    if !follow {
        let mut all = Vec::new();
        while let Some(entry) = entries.next().await {
            all.push(entry?);
        }
        return output.list(&all, &LOG_HEADS, |entry| cells(entry, &times));
    }
    while let Some(entry) = entries.next().await {
        let entry: HookLogLine = entry?;
        match output.shape() {
            Shape::Json | Shape::Jsonl => output.bytes(output.json_line(&entry)?)?,
            _ => {
                let cells = cells(&entry, &times);
                let cells: Vec<String> = cells.iter().map(|cell| escape::line(cell)).collect();
                output.text(&cells.join("  "))?;
            }
        }
    }
    Ok(())
}

fn cells(entry: &HookLogLine, times: &MessageText) -> Vec<String> {
    vec![
        times.time(entry.at),
        entry.hook.clone(),
        entry.message_id.clone(),
        entry.attempt.to_string(),
        entry.outcome.clone(),
        entry.why.clone(),
    ]
}
