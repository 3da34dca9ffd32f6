//! What it takes until a message is accepted, from many connections with one request in flight each: our relay and the systems
//! that people would otherwise pick, in turn, round after round.

use crate::crowd::Crowd;
use crate::load::{Load, Plan, Until, drive};
use crate::process::{self, Programs};
use crate::report::{Outcome, Spread, mebibytes, quantile};
use crate::rows::{self, Goal, Mark};
use crate::system::{self, Kind, System};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds that each system has in a round
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Bytes of each message
    #[arg(long, default_value_t = 1024)]
    size: usize,
    /// Keys that sign
    #[arg(long, default_value_t = 1_000)]
    senders: usize,
    /// Keys that are written to
    #[arg(long, default_value_t = 10_000)]
    recipients: usize,
}

/// What one system did in all its rounds.
#[derive(Debug, Default)]
struct Figures {
    /// Messages a second.
    rates: Vec<f64>,
    /// Microseconds of processor time a message.
    cpu: Vec<f64>,
    /// Milliseconds.
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// The most messages of a round.
    most: usize,
    signed_meanwhile: usize,
}

const KINDS: [Kind; 5] = [
    Kind::Relay,
    Kind::Redis,
    Kind::Postgres,
    Kind::Nats,
    Kind::Mosquitto,
];

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let (mut systems, missing) = system::start(&KINDS, programs).await?;
    for system in &mut systems {
        if let System::Mosquitto(mosquitto) = system {
            mosquitto.absent_subscriber().await?;
        }
    }
    let crowd = Crowd::new(options.senders, options.recipients);
    let mut figures: Vec<Figures> = systems.iter().map(|_| Figures::default()).collect();
    let text = "x".repeat(options.size);
    // A first round that does not count: files have grown, keys are decoded, connections of every kind have been made.
    for round in 0..=options.rounds {
        for (system, figures) in systems.iter().zip(&mut figures) {
            let plan = Plan {
                connections: options.connections,
                until: Until::After(Duration::from_secs(options.seconds)),
                text: &text,
                // In the first round signing took its part of the processors.
                stock: figures.most * if round == 1 { 5 } else { 3 } / 2,
            };
            let load = drive(system, &crowd, plan).await?;
            figures.most = figures.most.max(load.latencies.len());
            if round > 0 {
                figures.add(&load);
            }
        }
    }
    let mut outcome = Outcome::default();
    let sizes = format!("{}, {}", options.connections, options.size);
    outcome.line("connections, bytes of a message", sizes);
    let keys = format!("{}, {}", options.senders, options.recipients);
    outcome.line("keys that sign, keys written to", keys);
    report(&mut outcome, &systems, &figures)?;
    if let Some(ours) = figures.first() {
        let late = ours.signed_meanwhile.to_string();
        outcome.line("sends signed while the clock ran", late);
    }
    for name in missing {
        outcome.line("missing", name);
    }
    outcome.marks = marks(options.connections, &systems, &figures);
    Ok(outcome)
}

impl Figures {
    fn add(&mut self, load: &Load) {
        self.rates.push(load.rate());
        self.cpu.push(load.cpu_each());
        let part = |part| quantile(&load.latencies, part).as_secs_f64() * 1e3;
        self.p50.push(part(0.5));
        self.p99.push(part(0.99));
        self.signed_meanwhile += load.signed_meanwhile;
    }
}

fn report(outcome: &mut Outcome, systems: &[System], figures: &[Figures]) -> anyhow::Result<()> {
    for (index, (system, theirs)) in systems.iter().zip(figures).enumerate() {
        let rate = Spread::of(&theirs.rates);
        let mut value = format!(
            "{:>6.0} msg/s ({:.0} to {:.0}), CPU {:.0} us/msg, p50 {:.2} ms, p99 {:.2} ms, {}, {}",
            rate.median,
            rate.least,
            rate.most,
            Spread::of(&theirs.cpu).median,
            Spread::of(&theirs.p50).median,
            Spread::of(&theirs.p99).median,
            mebibytes(process::family_resident(system.process())?),
            system.durability(),
        );
        // The first is ours.
        if let (true, Some(ours)) = (index > 0, figures.first()) {
            let rate = Spread::of_ratios(&ours.rates, &theirs.rates).median;
            let cpu = Spread::of_ratios(&ours.cpu, &theirs.cpu).median;
            value += &format!(": ours has {rate:.2}x the rate, {cpu:.2}x the CPU");
        }
        outcome.line(system.name(), value);
    }
    Ok(())
}

/// What this says about the table, which speaks of 64 connections and of one.
fn marks(connections: usize, systems: &[System], figures: &[Figures]) -> Vec<Mark> {
    let goals: &[(&'static Goal, Kind)] = match connections {
        64 => &[
            (&rows::PUBLISH_REDIS, Kind::Redis),
            (&rows::PUBLISH_POSTGRES, Kind::Postgres),
            (&rows::PUBLISH_NATS, Kind::Nats),
            (&rows::PUBLISH_CPU, Kind::Postgres),
        ],
        1 => &[(&rows::PUBLISH_ONE, Kind::Redis)],
        _ => &[],
    };
    let mut marks = Vec::new();
    for &(goal, kind) in goals {
        let mut compared = systems.iter().zip(figures);
        let (Some(ours), Some((peer, theirs))) = (
            figures.first(),
            compared.find(|(system, _)| system.kind() == kind),
        ) else {
            marks.push(Mark::missing(goal, kind.missing()));
            continue;
        };
        let is_cpu = std::ptr::eq(goal, &rows::PUBLISH_CPU);
        let of = |figures: &Figures| {
            if is_cpu {
                figures.cpu.clone()
            } else {
                figures.rates.clone()
            }
        };
        let unit = if is_cpu { "us" } else { "msg/s" };
        let median = |figures: &[f64]| Spread::of(figures).median;
        let (own, other) = (of(ours), of(theirs));
        let text = format!(
            "relayd {:.0} {unit} (on disk); {} {:.0} {unit} ({})",
            median(&own),
            peer.name(),
            median(&other),
            peer.durability(),
        );
        marks.push(Mark::new(goal, Spread::of_ratios(&own, &other), text));
    }
    marks
}
