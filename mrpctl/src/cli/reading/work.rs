//! Flags of what takes work from the inbox and settles it.

use crate::cli::{Filters, value};
use clap::Args;
use std::time::Duration;

/// Take work from the inbox: of several programs that do, each message goes to one
///
/// The message is claimed for the time of its lease; what is neither acknowledged nor given back until then comes again.
/// Waits until there is something; exit status 1 if there is nothing with --no-wait or within --wait DURATION.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl next --no-wait
  mrpctl next -n 10 --kind event --lease 1h
  while m=$(mrpctl next --wait 5m --lease 10m); do
    id=$(jq -r .id <<<\"$m\")
    if ./handle.sh <<<\"$m\"; then mrpctl ack \"$id\"; else mrpctl nack \"$id\" --delay 1m; fi
  done")]
pub(crate) struct Next {
    /// How many to take at most
    #[arg(short = 'n', value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) count: u64,
    /// How long they are claimed, 1s to 7d (default: 5m)
    #[arg(long, value_name = "DURATION", value_parser = value::lease)]
    pub(crate) lease: Option<Duration>,
    /// Wait until there is something (the default), at most so long
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) wait: Option<Option<Duration>>,
    /// Do not wait
    #[arg(long, conflicts_with = "wait")]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

/// The work is done: the messages are settled, all of them or none
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl ack msg_1772611200_a1b2c3d4e5f6
  mrpctl ack \"$(jq -r .lease.token <<<\"$m\")\"      fails if somebody else has taken it since
  mrpctl next -n 100 | jq -r .id | xargs mrpctl ack")]
pub(crate) struct Ack {
    #[command(flatten)]
    pub(crate) claimed: Claimed,
}

/// The work is not done: the messages can be taken again, all of them or none
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl nack msg_1772611200_a1b2c3d4e5f6
  mrpctl nack msg_1772611200_a1b2c3d4e5f6 --delay 1m      not before a minute has passed
  mrpctl nack msg_1772611200_a1b2c3d4e5f6 --dead          never again")]
pub(crate) struct Nack {
    #[command(flatten)]
    pub(crate) claimed: Claimed,
    /// Not before so long, at most 30d
    #[arg(long, value_name = "DURATION", value_parser = value::delay)]
    pub(crate) delay: Option<Duration>,
    /// Nobody shall take them again; mrpctl mark unread brings them back
    #[arg(long, conflicts_with = "delay")]
    pub(crate) dead: bool,
}

/// The work goes on: the lease is longer
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl touch msg_1772611200_a1b2c3d4e5f6
  mrpctl touch msg_1772611200_a1b2c3d4e5f6 --lease 1h      an hour from now on")]
pub(crate) struct Touch {
    #[command(flatten)]
    pub(crate) claimed: Claimed,
    /// How long from now on, 1s to 7d (default: 5m)
    #[arg(long, value_name = "DURATION", value_parser = value::lease)]
    pub(crate) lease: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct Claimed {
    /// msg_..., a seq, or lease_... (the token of exactly one claim)
    #[arg(value_name = "ID", required = true, value_parser = value::given)]
    pub(crate) ids: Vec<String>,
}
