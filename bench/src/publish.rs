//! What it takes until a message is accepted, from many connections with one request in flight each: our relay and the systems
//! that people would otherwise pick, in turn, round after round.

use crate::load::{Load, Until, drive};
use crate::process;
use crate::report::{Line, Spread, mebibytes, quantile};
use crate::system::{self, System};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections, each of a sender of its own
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
    /// The relayd to measure; the one built beside this program where absent
    #[arg(long)]
    relayd: Option<PathBuf>,
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
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Line>> {
    let (systems, missing) = system::all(options.relayd.as_ref()).await?;
    let mut figures: Vec<Figures> = systems.iter().map(|_| Figures::default()).collect();
    let text = "x".repeat(options.size);
    let until = Until::After(Duration::from_secs(options.seconds));
    // A first round that does not count: files have grown, keys are decoded, connections of every kind have been made.
    for round in 0..=options.rounds {
        for (system, figures) in systems.iter().zip(&mut figures) {
            let load = drive(system, options.connections, until, &text).await?;
            if round > 0 {
                figures.add(&load);
            }
        }
    }
    let mut lines = vec![Line::new(
        "connections, bytes of a message",
        format!("{}, {}", options.connections, options.size),
    )];
    lines.extend(report(&systems, &figures)?);
    lines.extend(missing.into_iter().map(|name| Line::new(name, "missing")));
    Ok(lines)
}

impl Figures {
    fn add(&mut self, load: &Load) {
        self.rates.push(load.rate());
        self.cpu.push(load.cpu_each());
        let part = |part| quantile(&load.latencies, part).as_secs_f64() * 1e3;
        self.p50.push(part(0.5));
        self.p99.push(part(0.99));
    }
}

fn report(systems: &[System], figures: &[Figures]) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (system, theirs) in systems.iter().zip(figures) {
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
        if let (false, Some(ours)) = (lines.is_empty(), figures.first()) {
            let rate = Spread::of_ratios(&ours.rates, &theirs.rates).median;
            let cpu = Spread::of_ratios(&ours.cpu, &theirs.cpu).median;
            value += &format!(": ours has {rate:.2}x the rate, {cpu:.2}x the CPU");
        }
        lines.push(Line::new(system.name(), value));
    }
    Ok(lines)
}
