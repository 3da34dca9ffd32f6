//! One file a command. Each takes its flags and the context, and returns nothing or why it failed.

mod card;
mod completions;
mod config;
mod contact;
mod daemon;
mod demo;
mod doctor;
mod init;
mod outbox;
mod send;
mod show;
mod status;
mod tail;
pub(crate) mod version;
mod whoami;

use crate::cli::Command;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::{Signals, block_on};
use mrpd_api::body::Agent;
use mrpd_api::client::Client;
use std::time::Duration;

/// What `send` gets beyond `--timeout`, to tell what has become of a message that is in the outbox.
const SEND_GRACE: Duration = Duration::from_secs(2);

pub(crate) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let timeout = context.global.timeout;
    match command {
        Command::Completions(flags) => completions::run(context, &flags),
        Command::Config(flags) => block_on(timeout, Signals::EndIt, config::run(context, flags)),
        Command::Init(flags) => block_on(timeout, Signals::EndIt, init::run(context, flags)),
        Command::Demo(flags) => block_on(timeout, Signals::ItsOwn, demo::run(context, &flags)),
        Command::Status(flags) => block_on(timeout, Signals::EndIt, status::run(context, &flags)),
        Command::Doctor(flags) => block_on(timeout, Signals::EndIt, doctor::run(context, &flags)),
        Command::Whoami(_) => block_on(timeout, Signals::EndIt, whoami::run(context)),
        Command::Card(flags) => block_on(timeout, Signals::EndIt, card::run(context, flags)),
        Command::Contact(flags) => block_on(timeout, Signals::EndIt, contact::run(context, flags)),
        Command::Send(flags) => {
            let timeout = timeout.map(|timeout| timeout.saturating_add(SEND_GRACE));
            block_on(timeout, Signals::EndIt, send::run(context, flags))
        }
        Command::Tail(flags) => block_on(timeout, Signals::EndIt, tail::run(context, &flags)),
        Command::Show(flags) => block_on(timeout, Signals::EndIt, show::run(context, &flags)),
        Command::Outbox(_) => block_on(timeout, Signals::EndIt, outbox::run(context)),
        Command::Daemon(flags) => daemon::run(context, flags),
    }
}

/// The local identity that is meant: the one that `--agent` names, else the default one.
async fn own_agent(context: &Context, client: &Client) -> Result<Agent, Failure> {
    let agents = client.agents().await?;
    let wanted = context.global.agent.as_deref();
    let names: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
    let known = names.join(", ");
    let found = agents.iter().find(|agent| match wanted {
        Some(name) => agent.name == name,
        None => agent.default,
    });
    match (
        found.or_else(|| agents.first().filter(|_| wanted.is_none())),
        wanted,
    ) {
        (Some(agent), _) => Ok(agent.clone()),
        (None, Some(name)) => Err(Failure::new(
            Reason::Config,
            format!("there is no local identity {name}"),
        )
        .fix(format!("mrpctl init --name {name}, or one of: {known}"))),
        (None, None) => Err(
            Failure::new(Reason::Config, "there is no local identity yet")
                .fix("mrpctl init --name NAME"),
        ),
    }
}
