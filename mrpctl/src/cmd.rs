//! One folder a group of commands, and in it one file a command. Each takes its flags and the context, and returns nothing or why
//! it failed.

pub(crate) mod me;
mod own;
pub(crate) mod people;
pub(crate) mod reading;
pub(crate) mod relays;
pub(crate) mod running;
pub(crate) mod sending;
pub(crate) mod start;
pub(crate) mod tooling;

use crate::cli::Command;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::{Signals, block_on};
use mrpd_api::body::Agent;
use mrpd_api::client::Client;

pub(crate) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    if context.global.dry_run && !has_dry_run(&command) {
        return Err(Failure::new(
            Reason::Usage,
            "--dry-run is for commands that send: this one would act",
        ));
    }
    match command {
        Command::Start(command) => start::run(context, command),
        Command::Sending(command) => sending::run(context, command),
        Command::Reading(command) => reading::run(context, command),
        Command::Running(command) => running::run(context, command),
        Command::People(command) => people::run(context, command),
        Command::Me(command) => me::run(context, command),
        Command::Relays(command) => relays::run(context, command),
        Command::Tooling(command) => tooling::run(context, command),
    }
}

/// Whether a command can show what it would do. To none of the others may the option mean nothing.
fn has_dry_run(command: &Command) -> bool {
    matches!(command, Command::Sending(_))
}

/// Runs a command as most are: up to the end of `--timeout`, or to a signal.
fn bounded<F>(context: &Context, command: F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    block_on(context.global.timeout, Signals::EndIt, command)
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
