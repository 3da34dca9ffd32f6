//! How long the first page of a large inbox takes, by every kind of filter, and what memory the daemon has then.

mod population;

use crate::clock;
use crate::daemon::{self, Daemon};
use crate::process::Programs;
use crate::report::{Line, Outcome, mebibytes, millis, quantile};
use crate::scratch;
use anyhow::ensure;
use mrp_proto::time::Timestamp;
use mrpd::store::{Settled, Settlement, Store, Target};
use mrpd_api::message::State;
use population::Population;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages in the inbox
    #[arg(long, default_value_t = 100_000)]
    messages: u64,
    /// Requests of each kind
    #[arg(long, default_value_t = 200)]
    requests: usize,
    /// A folder to fill and keep; one that is filled already is only asked
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// Messages on their way to the disk.
const STORING: usize = 256;
/// Messages of one change.
const MARKED: u64 = 1000;
/// Of all messages, what is left unread: one in so many.
const UNREAD: u64 = 100;

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let temporary = scratch::folder("mrpd")?;
    let home = options.keep.as_deref().unwrap_or(temporary.path());
    let home = std::path::absolute(home)?;
    let database = daemon::database(&home)?;
    let population = Population::new(clock::now(), options.messages);
    let begun = Instant::now();
    if !database.exists() {
        fill(&database, &population).await?;
    }
    let filled_in = begun.elapsed();
    let size = std::fs::metadata(&database)?.len();
    let daemon = Daemon::start(programs, &home)?;
    let mut lines = vec![
        Line::new("messages", options.messages.to_string()),
        Line::new("filled in", format!("{:.0} s", filled_in.as_secs_f64())),
        Line::new("store", mebibytes(size)),
        Line::new("daemon started in", millis(daemon.started_in)),
        Line::new("resident memory before", mebibytes(daemon.resident()?)),
    ];
    for (name, paths) in population.questions() {
        let mut latencies = Vec::with_capacity(options.requests);
        for path in paths.iter().cycle().take(options.requests) {
            let begun = Instant::now();
            let answer = daemon.get(path).await?;
            latencies.push(begun.elapsed());
            ensure!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        }
        latencies.sort_unstable();
        let part = |part| millis(quantile(&latencies, part));
        let figures = format!("p50 {}, p99 {}, most {}", part(0.5), part(0.99), part(1.0));
        lines.push(Line::new(name, figures));
    }
    lines.push(Line::new(
        "resident memory after",
        mebibytes(daemon.resident()?),
    ));
    Ok(Outcome {
        lines,
        marks: Vec::new(),
    })
}

/// Stores the messages as a session does, and marks most of them as read.
async fn fill(database: &Path, population: &Population) -> anyhow::Result<()> {
    let store = Store::open(database)?;
    let mut storing = VecDeque::new();
    for number in 0..population.messages {
        storing.push_back(store.accept(population.incoming(number)?).await);
        if storing.len() >= STORING
            && let Some(first) = storing.pop_front()
        {
            first.wait().await?;
        }
    }
    for last in storing {
        last.wait().await?;
    }
    let ids: Vec<u64> = (0..population.messages)
        .filter(|number| number % UNREAD != 0)
        .collect();
    for part in ids.chunks(MARKED as usize) {
        let targets = part
            .iter()
            .map(|&number| Target::Id(population::id(number)))
            .collect();
        let settled = store.settle(targets, Settlement::Mark(State::Read)).await?;
        ensure!(matches!(settled, Settled::Changed(_)), "{settled:?}");
    }
    store.close().await;
    Ok(())
}

/// A time as a query has it.
fn in_query(time: Timestamp) -> String {
    time.to_string().replace(':', "%3A")
}
