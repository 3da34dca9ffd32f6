//! What a daemon costs while nothing happens: its memory, and how often it wakes up beside the keepalive.

use crate::daemon::{Daemon, Home};
use crate::process::{Programs, field, memory};
use crate::relay::Relay;
use crate::report::{Line, Outcome, mebibytes};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Seconds during which nothing is done
    #[arg(long, default_value_t = 180)]
    seconds: u64,
}

/// How long the daemon may finish what it does at its start.
const SETTLING: Duration = Duration::from_secs(15);
/// Time between two pings of the daemon, and of the relay.
const PINGS: (u64, u64) = (20, 30);

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let relay = Relay::start(programs)?;
    let home = Home::with_relay(&relay)?;
    let daemon = Daemon::start(programs, home.path())?;
    daemon.session().await?;
    tokio::time::sleep(SETTLING).await;
    let before = wake_ups(daemon.id())?;
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    let after = wake_ups(daemon.id())?;
    let by_thread: BTreeMap<&String, u64> = after
        .iter()
        .map(|(thread, count)| (thread, count - before.get(thread).unwrap_or(&0)))
        .collect();
    let words: Vec<String> = by_thread
        .iter()
        .map(|(thread, count)| format!("{thread} {count}"))
        .collect();
    let pings = options.seconds / PINGS.0 + options.seconds / PINGS.1;
    let lines = vec![
        Line::new("resident memory", mebibytes(daemon.resident()?)),
        Line::new(
            "of it anonymous",
            mebibytes(memory(daemon.id(), "RssAnon")?),
        ),
        Line::new("of it files", mebibytes(memory(daemon.id(), "RssFile")?)),
        Line::new("threads", after.len().to_string()),
        Line::new("time at rest", format!("{} s", options.seconds)),
        Line::new("pings, both ways together", pings.to_string()),
        Line::new("wake-ups", by_thread.values().sum::<u64>().to_string()),
        Line::new("wake-ups by thread", words.join(", ")),
    ];
    Ok(Outcome {
        lines,
        marks: Vec::new(),
    })
}

/// How often each thread has begun to run again after it had nothing to do, by its number and name.
fn wake_ups(process: u32) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut threads = BTreeMap::new();
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let task = task?;
        let status = std::fs::read_to_string(task.path().join("status"))?;
        let name = field(&status, "Name")?;
        let thread = format!("{name}[{}]", task.file_name().display());
        let count = field(&status, "voluntary_ctxt_switches")?.parse()?;
        threads.insert(thread, count);
    }
    Ok(threads)
}
