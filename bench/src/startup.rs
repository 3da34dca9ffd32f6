//! How long an empty relay takes to be ready, and what memory it has then, beside mosquitto.

use crate::peer::mosquitto::Mosquitto;
use crate::process;
use crate::relay::Relay;
use crate::report::{Line, Spread};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// The relayd to measure; the one built beside this program where absent
    #[arg(long)]
    relayd: Option<PathBuf>,
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

pub(crate) fn run(options: &Options) -> anyhow::Result<Vec<Line>> {
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    for _ in 0..options.rounds {
        let relay = Relay::start(options.relayd.as_ref())?;
        ours.times.push(relay.started_in.as_secs_f64() * 1e3);
        ours.memory.push(mebibytes(relay.resident()?));
        if let Some(mosquitto) = Mosquitto::start()? {
            let peer = &mosquitto.peer;
            theirs.times.push(peer.started_in.as_secs_f64() * 1e3);
            let resident = process::resident(peer.id())?;
            theirs.memory.push(mebibytes(resident));
        }
    }
    let mut lines = Vec::from(ours.lines("relayd, ready after", "relayd, resident memory"));
    if theirs.times.is_empty() {
        lines.push(Line::new("mosquitto", "missing"));
        return Ok(lines);
    }
    lines.extend(theirs.lines("mosquitto, listens after", "mosquitto, resident memory"));
    let time = Spread::of_ratios(&ours.times, &theirs.times).median;
    let memory = Spread::of_ratios(&ours.memory, &theirs.memory).median;
    lines.push(Line::new("ours to theirs, time", format!("{time:.2}x")));
    lines.push(Line::new("ours to theirs, memory", format!("{memory:.2}x")));
    Ok(lines)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
