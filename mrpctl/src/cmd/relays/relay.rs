//! `mrpctl relay`: the relays of the configuration, and how they are.

mod edit;

use crate::cli::people::AtRelay;
use crate::cli::relays::Relay as Flags;
use crate::cmd::people::way;
use crate::context::Context;
use crate::exit::Failure;
use mrpd_api::body::outbox::Allowance;
use mrpd_api::body::relays::RelayHealth;
use serde::Serialize;

const HEADS: [&str; 3] = ["name", "url", "used by"];
const PING_HEADS: [&str; 5] = ["relay", "answers", "version", "clock", "features"];
const LIMIT_HEADS: [&str; 5] = ["agent", "relay", "per minute", "left", "says who"];

/// A relay, and whose it is.
#[derive(Serialize)]
struct Shown {
    name: String,
    url: String,
    agents: Vec<String>,
}

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    match flags {
        Flags::Ls => list(context).await,
        Flags::Add { name, url } => edit::add(context, &name, &url).await,
        Flags::Rm { name } => edit::remove(context, &name).await,
        Flags::Use { name } => edit::put_first(context, &name).await,
        Flags::Ping { name } => ping(context, AtRelay { relay: name }).await,
        Flags::Limits { at } => limits(context, at).await,
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let agents = client.agents().await?;
    let relays = client.relays().await?;
    let shown: Vec<Shown> = relays
        .into_iter()
        .map(|relay| {
            let users = agents
                .iter()
                .filter(|agent| agent.relays.contains(&relay.name));
            Shown {
                agents: users.map(|agent| agent.name.clone()).collect(),
                name: relay.name,
                url: relay.url,
            }
        })
        .collect();
    context.output.list(&shown, &HEADS, |relay| {
        vec![
            relay.name.clone(),
            relay.url.clone(),
            relay.agents.join(" "),
        ]
    })
}

async fn ping(context: &Context, at: AtRelay) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let relays = client.limits(&way(context, at)).await?.relays;
    context.output.list(&relays, &PING_HEADS, health_row)?;
    let mut first = None;
    for relay in &relays {
        if let Some(mut error) = relay.error.clone() {
            error.message = format!(
                "the relay {} does not answer: {}",
                relay.relay, error.message
            );
            first.get_or_insert(error.exit);
            context.output.failure(&error.into());
        }
    }
    first.map_or(Ok(()), |exit| Err(Failure::Status(exit)))
}

fn health_row(health: &RelayHealth) -> Vec<String> {
    let time = health.round_trip_ms.map(|time| format!("in {time} ms"));
    vec![
        health.relay.clone(),
        time.unwrap_or_else(|| "no".to_owned()),
        health.version.clone().unwrap_or_default(),
        health.clock_ahead_ms.map_or_else(String::new, clock),
        health.features.join(" "),
    ]
}

/// By how much this machine's clock is off.
fn clock(ahead: i64) -> String {
    let seconds = ahead.unsigned_abs().div_ceil(1000);
    match ahead {
        -999..=999 => "the same".to_owned(),
        1000.. => format!("{seconds} s ahead here"),
        _ => format!("{seconds} s behind here"),
    }
}

async fn limits(context: &Context, at: AtRelay) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let wanted = at.relay.clone();
    let mut allowances = client.limits(&way(context, at)).await?.allowances;
    allowances.retain(|one| {
        let is_agent = context
            .global
            .agent
            .as_ref()
            .is_none_or(|agent| *agent == one.agent);
        is_agent && wanted.as_ref().is_none_or(|relay| *relay == one.relay)
    });
    context.output.list(&allowances, &LIMIT_HEADS, limit_row)?;
    if allowances.is_empty() {
        let note = "no relay has named a limit yet";
        context.output.note(note);
    }
    Ok(())
}

fn limit_row(allowance: &Allowance) -> Vec<String> {
    let number =
        |number: Option<u32>| number.map_or_else(|| "no limit".to_owned(), |n| n.to_string());
    let source = if allowance.told {
        "the relay"
    } else {
        "[outbox] per_minute"
    };
    vec![
        allowance.agent.clone(),
        allowance.relay.clone(),
        number(allowance.per_minute),
        number(allowance.left),
        source.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_told_by_its_direction() {
        for (ahead, told) in [
            (0, "the same"),
            (-999, "the same"),
            (1000, "1 s ahead here"),
            (-61_500, "62 s behind here"),
        ] {
            assert_eq!(clock(ahead), told);
        }
    }
}
