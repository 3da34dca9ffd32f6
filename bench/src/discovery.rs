//! How long it takes to find agents among many.

mod population;

use crate::relay::{Data, Relay};
use crate::report::{Line, mebibytes, millis, quantile};
use crate::wire::{Connection, fresh_key};
use anyhow::ensure;
use population::Population;
use relayd::store::{self, Store};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;
use tokio::task::LocalSet;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Public agents
    #[arg(long, default_value_t = 100_000)]
    agents: u32,
    /// Searches of each kind
    #[arg(long, default_value_t = 400)]
    searches: usize,
    /// Connections that search at once
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// A folder to fill and keep; one that is filled already is only searched
    #[arg(long)]
    keep: Option<PathBuf>,
    /// The relayd to measure; the one built beside this program where absent
    #[arg(long)]
    relayd: Option<PathBuf>,
}

/// Agents of one transaction.
const BATCH: u32 = 100_000;

pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Line>> {
    let data = match &options.keep {
        Some(folder) => Data::Kept(folder.clone()),
        None => Data::temporary()?,
    };
    let database = data.database();
    let population = Population::new(options.agents);
    let begun = Instant::now();
    if !database.exists() {
        fill(&database, &population).await?;
    }
    let filled_in = begun.elapsed();
    let size = std::fs::metadata(&database)?.len();
    let relay = Relay::start_with(options.relayd.as_ref(), data)?;
    let before = relay.resident()?;
    let begun = Instant::now();
    let first = drive(&relay, options, "first", &[String::new()]).await?;
    let searchable = begun.elapsed();
    let mut lines = vec![
        Line::new("public agents", options.agents.to_string()),
        Line::new("filled in", format!("{:.0} s", filled_in.as_secs_f64())),
        Line::new("database", mebibytes(size)),
        Line::new("start to ready", millis(relay.started_in)),
        Line::new("ready to first searches answered", millis(searchable)),
        Line::new("relay resident memory at start", mebibytes(before)),
    ];
    drop(first);
    for (name, targets) in population.searches() {
        lines.push(drive(&relay, options, name, &targets).await?);
    }
    lines.push(change_largest(&relay).await?);
    lines.push(Line::new(
        "relay resident memory at the end",
        mebibytes(relay.resident()?),
    ));
    Ok(lines)
}

async fn fill(database: &Path, population: &Population) -> anyhow::Result<()> {
    let options = store::Options {
        cache_bytes: 1 << 30,
        ..store::Options::default()
    };
    let store = Store::open(database, options)?;
    let mut number = 0;
    while number < population.agents {
        let end = population.agents.min(number + BATCH);
        let batch = (number..end).map(|number| population.agent(number));
        store.import_agents(batch.collect()).await?;
        number = end;
    }
    store.close().await;
    Ok(())
}

/// Searches for each of the targets in turn from each of the connections.
async fn drive(
    relay: &Relay,
    options: &Options,
    name: &'static str,
    queries: &[String],
) -> anyhow::Result<Line> {
    let latencies = Rc::new(RefCell::new(Vec::with_capacity(options.searches)));
    let found = Rc::new(RefCell::new(0));
    let cpu_before = relay.cpu()?;
    let tasks = LocalSet::new();
    let mut searchers = Vec::new();
    for index in 0..options.connections {
        let mut connection = Connection::open(relay.address, fresh_key()?).await?;
        let (latencies, found) = (Rc::clone(&latencies), Rc::clone(&found));
        let mine = queries.iter().cycle().skip(index);
        let mine: Vec<_> = mine
            .take(options.searches / options.connections)
            .cloned()
            .collect();
        searchers.push(tasks.spawn_local(async move {
            for query in mine {
                let target = format!("/v1/discover{query}");
                let begun = Instant::now();
                let status = connection.get(&target).await?;
                latencies.borrow_mut().push(begun.elapsed());
                ensure!(status == 200, "the relay answered {status} to {target}");
                let body = String::from_utf8_lossy(connection.body());
                *found.borrow_mut() += body.matches("\"public_key\"").count();
            }
            Ok::<(), anyhow::Error>(())
        }));
    }
    tasks.await;
    for searcher in searchers {
        searcher.await??;
    }
    let cpu = relay.cpu()? - cpu_before;
    let mut latencies = latencies.take();
    latencies.sort_unstable();
    ensure!(!latencies.is_empty(), "no searches");
    let each = found.take() as f64 / latencies.len() as f64;
    Ok(Line::new(
        name,
        format!(
            "p50 {:>9}   p99 {:>9}   CPU {:>8}   {each:.1} agents",
            millis(quantile(&latencies, 0.5)),
            millis(quantile(&latencies, 0.99)),
            millis(cpu / latencies.len() as u32),
        ),
    ))
}

/// Puts the largest profile that there can be in the place of an empty one, and takes it back, again and again.
async fn change_largest(relay: &Relay) -> anyhow::Result<Line> {
    const CHANGES: usize = 20;
    let key = fresh_key()?;
    let target = format!("/v1/agents/{}", key.public());
    let mut connection = Connection::open(relay.address, key).await?;
    let largest = population::largest_profile();
    let mut latencies = Vec::with_capacity(CHANGES);
    for _ in 0..CHANGES {
        for profile in [&largest, r#"{"capabilities":null,"display_name":null}"#] {
            let begun = Instant::now();
            let status = connection.patch(&target, profile).await?;
            latencies.push(begun.elapsed());
            ensure!(status == 200, "the relay answered {status} to a profile");
        }
    }
    latencies.sort_unstable();
    Ok(Line::new(
        "changing the largest profile",
        format!("p50 {:>9}", millis(latencies[CHANGES])),
    ))
}
