//! What many messages in the store cost: the relay's memory, and the sends that come after them.

use crate::crowd::Crowd;
use crate::load::{Plan, Until, drive};
use crate::process::{self, Programs};
use crate::relay::Relay;
use crate::report::{Outcome, Spread, mebibytes, quantile, slope, thousands};
use crate::rows::{self, Mark};
use crate::system::System;
use std::time::{Duration, Instant};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages in the store; several numbers make one store grow through them
    #[arg(long, value_delimiter = ',', default_value = "1000000")]
    messages: Vec<usize>,
    /// Sends that are measured at each number, in a round
    #[arg(long, default_value_t = SENDS)]
    sends: usize,
    /// Rounds at each number
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Bytes of each message
    #[arg(long, default_value_t = SIZE)]
    size: usize,
}

/// Sends of a round.
const SENDS: usize = 4_000;
/// Bytes of a message.
const SIZE: usize = 1024;
/// Senders at once.
const CONNECTIONS: usize = 64;
/// Messages of one connection, about: the relay ends one after 10,000 requests.
const REQUESTS: usize = 5_000;
/// Between two looks at memory that has come to rest.
const PAUSE: Duration = Duration::from_secs(1);
/// Looks at it.
const LOOKS: usize = 5;

impl Options {
    /// With these numbers, and the defaults for all else.
    pub(crate) fn growing(messages: Vec<usize>, rounds: usize) -> Self {
        Self {
            messages,
            rounds,
            sends: SENDS,
            size: SIZE,
        }
    }
}

/// What sends cost at each number.
#[derive(Debug, Default)]
struct Figures {
    stored: Vec<usize>,
    /// Messages a second.
    rate: Vec<f64>,
    /// Microseconds of processor time for each.
    cpu: Vec<f64>,
    /// Milliseconds.
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// Mebibytes resident.
    memory: Vec<f64>,
}

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let mut sizes = options.messages.clone();
    sizes.sort_unstable();
    let crowd = Crowd::new(1_000, 10_000);
    let text = "x".repeat(options.size);
    let system = System::Relay(Relay::start(programs)?);
    let mut outcome = Outcome::default();
    let before = mebibytes(process::resident(system.process())?);
    outcome.line("relayd, resident before", before);
    let (mut figures, mut stored, mut memory) = (Figures::default(), 0, Vec::new());
    for size in sizes {
        let begun = Instant::now();
        while stored < size {
            let plan = Plan {
                connections: CONNECTIONS,
                until: Until::Messages((size - stored).min(CONNECTIONS * REQUESTS)),
                text: &text,
                stock: 0,
            };
            stored += drive(&system, &crowd, plan).await?.latencies.len();
        }
        let filled_in = begun.elapsed().as_secs_f64();
        memory = at_rest(&system).await?;
        let plan = Plan {
            connections: CONNECTIONS,
            until: Until::Messages(options.sends),
            text: &text,
            stock: options.sends,
        };
        let (stored_before, mut rounds) = (stored, Rounds::default());
        for _ in 0..options.rounds {
            let load = drive(&system, &crowd, plan).await?;
            stored += load.latencies.len();
            let part = |part| quantile(&load.latencies, part).as_secs_f64() * 1e3;
            rounds.rate.push(load.rate());
            rounds.cpu.push(load.cpu_each());
            rounds.p50.push(part(0.5));
            rounds.p99.push(part(0.99));
        }
        let resident = Spread::of(&memory);
        let value = format!(
            "{}; sends: {}, CPU {}, p50 {}, p99 {}; filled in {filled_in:.0} s",
            resident.figure("MiB resident"),
            Spread::of(&rounds.rate).figure("msg/s"),
            Spread::of(&rounds.cpu).figure("us"),
            Spread::of(&rounds.p50).figure("ms"),
            Spread::of(&rounds.p99).figure("ms"),
        );
        outcome.line(
            format!("{} messages stored", thousands(stored_before)),
            value,
        );
        figures.add(stored_before, &rounds, resident);
    }
    let peak = mebibytes(process::memory(system.process(), "VmHWM")?);
    outcome.line("relayd, most that was resident", peak);
    figures.growth(&mut outcome);
    if let Some(&stored) = figures.stored.last() {
        let text = format!("relayd, {} messages stored", thousands(stored));
        let mark = Mark::new(&rows::MEMORY_STORED, Spread::of(&memory), text);
        outcome.marks.push(mark);
    }
    Ok(outcome)
}

/// What the rounds at one number came to.
#[derive(Debug, Default)]
struct Rounds {
    rate: Vec<f64>,
    cpu: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Figures {
    fn add(&mut self, stored: usize, rounds: &Rounds, resident: Spread) {
        self.stored.push(stored);
        self.rate.push(Spread::of(&rounds.rate).median);
        self.cpu.push(Spread::of(&rounds.cpu).median);
        self.p50.push(Spread::of(&rounds.p50).median);
        self.p99.push(Spread::of(&rounds.p99).median);
        self.memory.push(resident.median);
    }

    fn growth(&self, outcome: &mut Outcome) {
        if self.stored.len() < 2 {
            return;
        }
        for (name, values, unit) in [
            ("growth: sends, CPU of each", &self.cpu, "us"),
            ("growth: sends, p50", &self.p50, "ms"),
            ("growth: sends, p99", &self.p99, "ms"),
            ("growth: sends, rate", &self.rate, "msg/s"),
            ("growth: resident memory", &self.memory, "MiB"),
        ] {
            outcome.line(name, slope(&self.stored, values, unit));
        }
    }
}

/// Mebibytes that are resident, at several times after the last request.
async fn at_rest(system: &System) -> anyhow::Result<Vec<f64>> {
    let mut looks = Vec::with_capacity(LOOKS);
    for _ in 0..LOOKS {
        tokio::time::sleep(PAUSE).await;
        let bytes = process::resident(system.process())?;
        looks.push(bytes as f64 / f64::from(1 << 20));
    }
    Ok(looks)
}
