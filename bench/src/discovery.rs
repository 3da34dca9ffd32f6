//! How long it takes to find agents among many.

mod population;

use crate::filling;
use crate::process::Programs;
use crate::relay::{Data, Relay};
use crate::report::{Outcome, Spread, mebibytes, millis, quantile, slope, thousands};
use crate::rows::{self, Goal, Mark};
use crate::wire::{Client, fresh_key};
use anyhow::ensure;
use population::Population;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Public agents; several numbers make one database grow through them
    #[arg(long, value_delimiter = ',', default_value = "100000")]
    agents: Vec<u32>,
    /// Searches of each kind in a round
    #[arg(long, default_value_t = SEARCHES)]
    searches: usize,
    /// Rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Connections that search at once
    #[arg(long, default_value_t = SEARCHERS)]
    connections: usize,
    /// A folder to fill and keep; one that is filled already is only searched
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// Searches of each kind in a round.
const SEARCHES: usize = 400;
/// Connections that search at once.
const SEARCHERS: usize = 2;
/// Agents of one transaction.
const BATCH: u32 = 100_000;

impl Options {
    /// With these numbers, and the defaults for all else.
    pub(crate) fn growing(agents: Vec<u32>, rounds: usize) -> Self {
        Self {
            agents,
            rounds,
            searches: SEARCHES,
            connections: SEARCHERS,
            keep: None,
        }
    }
}

/// What searches of one kind took, round by round.
#[derive(Debug)]
struct Figures {
    name: &'static str,
    /// Milliseconds.
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// Milliseconds of processor time for each.
    cpu: Vec<f64>,
    /// Agents that each found.
    found: f64,
}

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let mut sizes = options.agents.clone();
    sizes.sort_unstable();
    let is_kept = options.keep.is_some();
    ensure!(
        !is_kept || sizes.len() == 1,
        "--keep keeps one number of agents"
    );
    let mut data = match &options.keep {
        Some(folder) => Data::kept(folder)?,
        None => Data::temporary()?,
    };
    let mut outcome = Outcome::default();
    let (mut steps, mut filled) = (Vec::new(), 0);
    for &agents in &sizes {
        let population = Population::new(agents);
        let begun = Instant::now();
        if !is_kept || !data.database().exists() {
            fill(&data.database(), &population, filled).await?;
        }
        filled = agents;
        outcome.line("public agents", thousands(agents as usize));
        let filled_in = format!("{:.0} s", begun.elapsed().as_secs_f64());
        outcome.line("filled in", filled_in);
        let size = std::fs::metadata(data.database())?.len();
        outcome.line("database", mebibytes(size));
        let relay = Relay::start_with(programs, data, Vec::new())?;
        steps.push(search(&mut outcome, &relay, options, &population).await?);
        data = relay.close();
    }
    growth(&mut outcome, &sizes, &steps);
    if let (Some(last), Some(agents)) = (steps.last(), sizes.last()) {
        outcome.marks = marks(last, *agents);
    }
    Ok(outcome)
}

/// Searches of every kind, round after round.
async fn search(
    outcome: &mut Outcome,
    relay: &Relay,
    options: &Options,
    population: &Population,
) -> anyhow::Result<Vec<Figures>> {
    outcome.line("start to ready", millis(relay.started_in));
    outcome.line(
        "relay resident memory at start",
        mebibytes(relay.resident()?),
    );
    let begun = Instant::now();
    drive(relay, options, &[String::new()]).await?;
    let searchable = millis(begun.elapsed());
    outcome.line("ready to first searches answered", searchable);
    let searches = population.searches();
    let mut figures: Vec<Figures> = searches
        .iter()
        .map(|&(name, _)| Figures::new(name))
        .collect();
    for _ in 0..options.rounds {
        for ((_, targets), figures) in searches.iter().zip(&mut figures) {
            let searched = drive(relay, options, targets).await?;
            figures.add(&searched);
        }
    }
    for kind in &figures {
        let value = format!(
            "p50 {:>8.2} ms   p99 {}   CPU {:>7.2} ms   {:.1} agents",
            Spread::of(&kind.p50).median,
            Spread::of(&kind.p99).figure("ms"),
            Spread::of(&kind.cpu).median,
            kind.found,
        );
        outcome.line(kind.name, value);
    }
    change_largest(outcome, relay).await?;
    let resident = mebibytes(relay.resident()?);
    outcome.line("relay resident memory at the end", resident);
    Ok(figures)
}

impl Figures {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            p50: Vec::new(),
            p99: Vec::new(),
            cpu: Vec::new(),
            found: 0.0,
        }
    }

    fn add(&mut self, searched: &Searched) {
        let count = searched.latencies.len() as f64;
        let part = |part| quantile(&searched.latencies, part).as_secs_f64() * 1e3;
        self.p50.push(part(0.5));
        self.p99.push(part(0.99));
        self.cpu.push(searched.cpu.as_secs_f64() * 1e3 / count);
        self.found = searched.found as f64 / count;
    }
}

/// How each kind grows with the number of agents.
fn growth(outcome: &mut Outcome, sizes: &[u32], steps: &[Vec<Figures>]) {
    let Some(kinds) = steps.first().filter(|_| sizes.len() > 1) else {
        return;
    };
    let sizes: Vec<usize> = sizes.iter().map(|&size| size as usize).collect();
    for (index, kind) in kinds.iter().enumerate() {
        let median = |step: &Vec<Figures>| Spread::of(&step[index].p50).median;
        let medians: Vec<f64> = steps.iter().map(median).collect();
        let value = format!("p50 {}", slope(&sizes, &medians, "ms"));
        outcome.line(format!("growth: {}", kind.name), value);
    }
}

/// The slowest kind of each sort that the table speaks of.
fn marks(figures: &[Figures], agents: u32) -> Vec<Mark> {
    let sorts: [(&'static Goal, &str); 3] = [
        (&rows::DISCOVERY_TAG, "tag"),
        (&rows::DISCOVERY_PREFIX, "prefix"),
        (&rows::DISCOVERY_WORDS, "word"),
    ];
    let mut marks = Vec::new();
    for (goal, sort) in sorts {
        // Prefixes are of tags, too.
        let is_prefix = |kind: &&Figures| kind.name.starts_with("prefix");
        let of_sort = figures
            .iter()
            .filter(|kind| kind.name.contains(sort) && (sort == "prefix" || !is_prefix(kind)));
        let slowness = |kind: &&Figures| Spread::of(&kind.p99).median;
        if let Some(slowest) =
            of_sort.max_by(|one, other| slowness(one).total_cmp(&slowness(other)))
        {
            let agents = thousands(agents as usize);
            let text = format!("slowest of its kind: {}; {agents} agents", slowest.name);
            marks.push(Mark::new(goal, Spread::of(&slowest.p99), text));
        }
    }
    marks
}

async fn fill(database: &Path, population: &Population, from: u32) -> anyhow::Result<()> {
    let store = filling::open(database)?;
    let mut number = from;
    while number < population.agents {
        let end = population.agents.min(number + BATCH);
        let batch = (number..end).map(|number| population.agent(number));
        store.import_agents(batch.collect()).await?;
        number = end;
    }
    store.close().await;
    Ok(())
}

/// What came of some searches.
#[derive(Debug, Default)]
struct Searched {
    /// In order of size; never empty.
    latencies: Vec<Duration>,
    cpu: Duration,
    /// Agents, of all together.
    found: usize,
}

/// Searches for each of the targets in turn from each of the connections. All is signed before the clock runs.
async fn drive(relay: &Relay, options: &Options, queries: &[String]) -> anyhow::Result<Searched> {
    let searched = Rc::new(RefCell::new(Searched::default()));
    let tasks = LocalSet::new();
    let mut searchers = Vec::new();
    let each = options.searches / options.connections;
    for index in 0..options.connections {
        let mut client = Client::open(relay.address, fresh_key()?).await?;
        let searched = Rc::clone(&searched);
        let queries = queries.iter().cycle().skip(index);
        let targets = queries
            .take(each)
            .map(|query| format!("/v1/discover{query}"));
        let requests: Vec<_> = targets.map(|target| client.ready(&target)).collect();
        searchers.push(tasks.spawn_local(async move {
            for request in requests {
                let begun = Instant::now();
                let status = client.exchange(&request).await?;
                let took = begun.elapsed();
                ensure!(status == 200, "the relay answered {status}");
                let body = String::from_utf8_lossy(client.body());
                let mut searched = searched.borrow_mut();
                searched.latencies.push(took);
                searched.found += body.matches("\"public_key\"").count();
            }
            Ok::<(), anyhow::Error>(())
        }));
    }
    let cpu_before = relay.cpu()?;
    tasks.await;
    let cpu = relay.cpu()? - cpu_before;
    for searcher in searchers {
        searcher.await??;
    }
    let mut searched = searched.take();
    ensure!(!searched.latencies.is_empty(), "no searches");
    searched.latencies.sort_unstable();
    searched.cpu = cpu;
    Ok(searched)
}

/// Puts the largest profile that there can be in the place of an empty one, and takes it back, again and again.
async fn change_largest(outcome: &mut Outcome, relay: &Relay) -> anyhow::Result<()> {
    const CHANGES: usize = 20;
    let key = fresh_key()?;
    let target = format!("/v1/agents/{}", key.public());
    let mut connection = Client::open(relay.address, key).await?;
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
    let median = millis(latencies[CHANGES]);
    outcome.line("changing the largest profile", format!("p50 {median:>9}"));
    Ok(())
}
