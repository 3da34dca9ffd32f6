//! How costs grow: discovery with the number of agents, sends and memory with the number of stored messages.

use crate::process::Programs;
use crate::report::Outcome;
use crate::{discovery, stored};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Numbers of agents, and of stored messages, through which a relay grows
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    sizes: Vec<u32>,
    /// Rounds at each number
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let Options { sizes, rounds } = options;
    let agents = discovery::Options::growing(sizes.clone(), *rounds);
    let mut outcome = discovery::run(&agents, programs).await?;
    let messages = sizes.iter().map(|&size| size as usize).collect();
    let messages = stored::Options::growing(messages, *rounds);
    let stored = stored::run(&messages, programs).await?;
    outcome.lines.extend(stored.lines);
    outcome.marks.extend(stored.marks);
    Ok(outcome)
}
