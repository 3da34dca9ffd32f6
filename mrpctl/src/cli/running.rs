//! Flags of the commands that run something, or publish.

use super::value;
use clap::{Args, Subcommand};

/// What runs things when messages come, and what serves others.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Subscribers(Subscribers),
}

/// Show who has subscribed to a topic of mine
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl subscribers market:prices
  mrpctl subscribers market:prices -o jsonl | jq -r .key")]
pub(crate) struct Subscribers {
    /// The topic
    #[arg(value_name = "TOPIC", value_parser = value::given)]
    pub(crate) topic: String,
}
