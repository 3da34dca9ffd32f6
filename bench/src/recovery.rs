//! How long a relay with many messages takes to be ready after it was killed, and what memory they cost, beside Redis.

use crate::load::{Until, drive};
use crate::peer::redis::Redis;
use crate::process;
use crate::relay::Relay;
use crate::report::{Line, Spread, mebibytes};
use crate::system::System;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages in the store
    #[arg(long, default_value_t = 1_000_000)]
    messages: usize,
    /// Bytes of each message
    #[arg(long, default_value_t = 1024)]
    size: usize,
    /// Crashes
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The relayd to measure; the one built beside this program where absent
    #[arg(long)]
    relayd: Option<PathBuf>,
}

/// Senders at once.
const CONNECTIONS: usize = 64;
/// Messages between two crashes.
const MEANWHILE: usize = 1_000;

pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Line>> {
    let text = "x".repeat(options.size);
    let mut ours = System::Relay(Relay::start(options.relayd.as_ref())?);
    let mut theirs = Redis::start()?.map(System::Redis);
    let mut lines = vec![Line::new("messages", options.messages.to_string())];
    for (name, system) in [("relayd", Some(&ours)), ("redis", theirs.as_ref())] {
        let Some(system) = system else {
            lines.push(Line::new(name, "missing"));
            continue;
        };
        let load = drive(
            system,
            CONNECTIONS,
            Until::Messages(options.messages),
            &text,
        )
        .await?;
        let resident = mebibytes(process::resident(system.process())?);
        let filled = format!("{:.0} msg/s, {resident} resident after", load.rate());
        lines.push(Line::new(name, filled));
    }
    let (mut own_times, mut other_times) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        own_times.push(crash(&mut ours, &text).await?);
        if let Some(theirs) = &mut theirs {
            other_times.push(crash(theirs, &text).await?);
        }
    }
    let own = Spread::of(&own_times);
    lines.push(Line::new("relayd, ready after kill -9", own.figure("ms")));
    let resident = process::resident(ours.process())?;
    lines.push(Line::new("relayd, resident then", mebibytes(resident)));
    if !other_times.is_empty() {
        let other = Spread::of(&other_times);
        lines.push(Line::new("redis, ready after kill -9", other.figure("ms")));
        let ratio = Spread::of_ratios(&own_times, &other_times).median;
        lines.push(Line::new("ours to theirs", format!("{ratio:.2}x")));
    }
    Ok(lines)
}

/// Something new, a crash under it, and the milliseconds until the system is ready again.
async fn crash(system: &mut System, text: &str) -> anyhow::Result<f64> {
    drive(system, CONNECTIONS, Until::Messages(MEANWHILE), text).await?;
    let time = match system {
        System::Relay(relay) => {
            relay.crash()?;
            relay.started_in
        }
        System::Redis(redis) => redis.crash().await?,
        _ => anyhow::bail!("{} is not crashed", system.name()),
    };
    Ok(time.as_secs_f64() * 1e3)
}
