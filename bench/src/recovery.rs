//! How long a relay with many messages takes to be ready after it was killed, and what memory they cost, beside Redis.

use crate::crowd::Crowd;
use crate::filling::{self, Letter};
use crate::load::{Plan, Until, drive};
use crate::peer::redis::Redis;
use crate::process::{self, Programs};
use crate::relay::{Data, Relay};
use crate::report::{Outcome, Spread, mebibytes, thousands};
use crate::rows::{self, Mark};
use crate::system::{Kind, System};
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Mebibytes of messages in each store
    #[arg(long, default_value_t = 1_024)]
    mebibytes: usize,
    /// Bytes of each message
    #[arg(long, default_value_t = 1024)]
    size: usize,
    /// Crashes
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Senders at once.
const CONNECTIONS: usize = 64;
/// Messages between two crashes.
const MEANWHILE: usize = 1_000;
/// Keys that send, and that are written to.
const KEYS: usize = 10_000;

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let text = "x".repeat(options.size);
    let messages = (options.mebibytes << 20) / options.size;
    let crowd = Crowd::new(1_000, KEYS);
    let mut outcome = Outcome::default();
    outcome.line("messages", thousands(messages));

    let begun = Instant::now();
    let data = Data::temporary()?;
    let (senders, recipients) = (filling::public_keys(1, KEYS), filling::public_keys(2, KEYS));
    let letters = (0..messages).map(|number| Letter {
        sender: senders[number / 7 % KEYS],
        recipient: recipients[number % KEYS],
        text: &text,
        expires_in: None,
    });
    filling::fill(&data.database(), letters).await?;
    let mut ours = System::Relay(Relay::start_with(programs, data, Vec::new())?);
    let seconds = begun.elapsed().as_secs_f64();
    outcome.line("relayd, filled in", format!("{seconds:.0} s"));

    let begun = Instant::now();
    let mut theirs = None;
    if let Some(redis) = Redis::start()? {
        let streams = recipients.iter().map(ToString::to_string);
        redis
            .fill(&streams.collect::<Vec<_>>(), messages, &text)
            .await?;
        theirs = Some(System::Redis(redis));
        let seconds = begun.elapsed().as_secs_f64();
        outcome.line("redis, filled in", format!("{seconds:.0} s"));
    }

    let (mut own_times, mut other_times) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        own_times.push(crash(&mut ours, &crowd, &text).await?);
        if let Some(theirs) = &mut theirs {
            other_times.push(crash(theirs, &crowd, &text).await?);
        }
    }
    let own = Spread::of(&own_times);
    outcome.line("relayd, ready after kill -9", own.figure("ms"));
    let resident = process::resident(ours.process())?;
    outcome.line("relayd, resident then", mebibytes(resident));
    let Some(theirs) = theirs else {
        outcome.line("redis", "missing");
        outcome.marks = vec![Mark::missing(&rows::RECOVERY, Kind::Redis.missing())];
        return Ok(outcome);
    };
    let other = Spread::of(&other_times);
    outcome.line("redis, ready after kill -9", other.figure("ms"));
    let resident = process::resident(theirs.process())?;
    outcome.line("redis, resident then", mebibytes(resident));
    let (own, other, size) = (own.median, other.median, options.mebibytes);
    outcome.marks = vec![Mark::new(
        &rows::RECOVERY,
        Spread::of_ratios(&own_times, &other_times),
        format!(
            "relayd {own:.0} ms; redis {other:.0} ms, with {size} MiB of messages each, all on disk"
        ),
    )];
    Ok(outcome)
}

/// Something new, a crash under it, and the milliseconds until the system is ready again.
async fn crash(system: &mut System, crowd: &Crowd, text: &str) -> anyhow::Result<f64> {
    let plan = Plan {
        connections: CONNECTIONS,
        until: Until::Messages(MEANWHILE),
        text,
        stock: 0,
    };
    drive(system, crowd, plan).await?;
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
