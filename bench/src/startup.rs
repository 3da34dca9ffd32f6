//! How long an empty relay takes to be ready, and what memory it has then, beside mosquitto.

use crate::peer::mosquitto::Mosquitto;
use crate::process::{self, Programs};
use crate::relay::Relay;
use crate::report::{Line, Outcome, Spread};
use crate::rows::{self, Goal, Mark};
use crate::system::Kind;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds
    #[arg(long, default_value_t = 15)]
    rounds: usize,
}

/// One program's starts.
#[derive(Debug, Default)]
struct Figures {
    /// Milliseconds until it was ready.
    times: Vec<f64>,
    /// Mebibytes that were resident then.
    memory: Vec<f64>,
}

impl Figures {
    fn lines(&self, time: &'static str, memory: &'static str) -> [Line; 2] {
        let times = Spread::of(&self.times);
        let resident = Spread::of(&self.memory);
        [
            Line::new(time, times.figure("ms")),
            Line::new(memory, resident.figure("MiB")),
        ]
    }
}

pub(crate) fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    for _ in 0..options.rounds {
        let relay = Relay::start(programs)?;
        ours.times.push(relay.started_in.as_secs_f64() * 1e3);
        ours.memory.push(mebibytes(relay.resident()?));
        if let Some(mosquitto) = Mosquitto::start()? {
            let peer = &mosquitto.peer;
            theirs.times.push(peer.started_in.as_secs_f64() * 1e3);
            let resident = process::resident(peer.id())?;
            theirs.memory.push(mebibytes(resident));
        }
    }
    let lines = Vec::from(ours.lines("relayd, ready after", "relayd, resident memory"));
    let mut outcome = Outcome {
        lines,
        marks: Vec::new(),
    };
    if theirs.times.is_empty() {
        outcome.line("mosquitto", "missing");
    } else {
        let lines = theirs.lines("mosquitto, listens after", "mosquitto, resident memory");
        outcome.lines.extend(lines);
    }
    outcome.marks = vec![
        mark(&rows::MEMORY_START, "MiB", &ours.memory, &theirs.memory),
        mark(&rows::START, "ms", &ours.times, &theirs.times),
    ];
    Ok(outcome)
}

fn mark(goal: &'static Goal, unit: &str, ours: &[f64], theirs: &[f64]) -> Mark {
    if theirs.is_empty() {
        return Mark::missing(goal, Kind::Mosquitto.missing());
    }
    let (own, other) = (Spread::of(ours).median, Spread::of(theirs).median);
    let text = format!("relayd {own:.1} {unit}; mosquitto {other:.1} {unit}");
    Mark::new(goal, Spread::of_ratios(ours, theirs), text)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
