//! Flags of the commands for topics.

use crate::cli::value;
use clap::Args;
use std::time::Duration;

/// Send to all who subscribed to a topic of mine
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl publish market:prices -d '{\"ACME\":12.5}'
  mrpctl publish status \"all systems work\"
  df -h / | mrpctl publish disks

Subscribers get an event of the topic's name, with the body as its data. The topic is configured in mrpd.toml, [[topic]].")]
pub(crate) struct Publish {
    /// The topic
    #[arg(value_name = "TOPIC", value_parser = value::given)]
    pub(crate) topic: String,
    /// The text; words are joined by spaces
    #[arg(value_name = "TEXT")]
    pub(crate) words: Vec<String>,
    /// The content as JSON; @FILE or - to read it
    #[arg(short, long, value_name = "JSON", conflicts_with = "words")]
    pub(crate) data: Option<String>,
    /// How long a relay keeps it, 1s to 30d
    #[arg(long, value_name = "DURATION", value_parser = value::expiry)]
    pub(crate) expires: Option<Duration>,
    /// Send in clear: the relay can read it
    #[arg(long)]
    pub(crate) plain: bool,
    /// Idempotency key: the same KEY is published once in 24 hours
    #[arg(long, value_name = "KEY")]
    pub(crate) id: Option<String>,
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

/// Ask for what somebody publishes
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl subscribe exchange market:prices
  mrpctl subscribe exchange                  its only topic
  mrpctl tail --from exchange --kind event   what comes then")]
pub(crate) struct Subscribe {
    /// Contact name, key or mrp: card of the publisher
    #[arg(value_name = "WHO", allow_hyphen_values = true, value_parser = value::given)]
    pub(crate) who: String,
    /// The topic (default: the only one there is)
    #[arg(value_name = "TOPIC", value_parser = value::given)]
    pub(crate) topic: Option<String>,
}

/// Give up what was subscribed to
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl unsubscribe exchange market:prices
  mrpctl unsubscribe exchange")]
pub(crate) struct Unsubscribe {
    /// Contact name, key or mrp: card of the publisher
    #[arg(value_name = "WHO", allow_hyphen_values = true, value_parser = value::given)]
    pub(crate) who: String,
    /// The topic (default: the one that was subscribed to without a name)
    #[arg(value_name = "TOPIC", value_parser = value::given)]
    pub(crate) topic: Option<String>,
}
