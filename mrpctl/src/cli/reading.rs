//! Flags of the commands that read the inbox and the outbox.

use super::{Filters, value};
use clap::{Args, Subcommand};
use mrp_proto::time::Timestamp;

/// What reads messages, and settles them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Tail(Box<Tail>),
    Show(Show),
    Outbox(Outbox),
}

/// Show messages, and go on as they come
///
/// Begins with the last 10, unless --since, --after or --cursor says where to begin.
#[derive(Debug, Args)]
#[command(
    visible_aliases = ["sub", "follow"],
    after_help = "\
EXAMPLES
  mrpctl tail
  mrpctl tail -n 5 --no-follow
  mrpctl tail | jq -r 'select(.kind==\"event\") | [.from.name,.body.event] | @tsv'
  mrpctl tail --since 1h --no-follow --from ci -o jsonl > ci.jsonl
  mrpctl tail --cursor archiver >> archive.jsonl      goes on where it ended the last time
  mrpctl tail -c 1 -o raw                             the text of one message"
)]
pub(crate) struct Tail {
    /// Begin with the last N of what is there (default: 10)
    #[arg(short = 'n', value_name = "N")]
    pub(crate) last: Option<u64>,
    /// Begin at this time: 2026-11-21T09:00:00Z, or how long ago: 1h, 7d
    #[arg(long, value_name = "TIME", value_parser = value::since)]
    pub(crate) since: Option<Timestamp>,
    /// Begin behind this message: its id or its seq
    #[arg(long, value_name = "ID", value_parser = value::given, conflicts_with = "cursor")]
    pub(crate) after: Option<String>,
    /// Begin behind what the reader of this name has seen, and remember what was shown
    #[arg(long, value_name = "NAME", value_parser = value::given)]
    pub(crate) cursor: Option<String>,
    /// End with what is there
    #[arg(long)]
    pub(crate) no_follow: bool,
    /// End after N messages
    #[arg(short = 'c', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Only messages that were sent from here
    #[arg(long, conflicts_with = "all")]
    pub(crate) sent: bool,
    /// Messages both ways
    #[arg(long)]
    pub(crate) all: bool,
}

/// Show one message
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl show msg_1772611200_a1b2c3d4e5f6
  mrpctl show msg_1772611200_a1b2c3d4e5f6 --body > body.json
  mrpctl show msg_1772611200_a1b2c3d4e5f6 -o raw        only its text
  mrpctl show out_01ARZ3NDEKTSV4RRFFQ69G5FAV            a message on its way")]
pub(crate) struct Show {
    /// msg_... or out_...
    #[arg(value_name = "ID", value_parser = value::given)]
    pub(crate) id: String,
    /// The message object as the daemon has it, one line of JSON
    #[arg(long, conflicts_with_all = ["headers", "body"])]
    pub(crate) raw: bool,
    /// All but the body
    #[arg(long, conflicts_with = "body")]
    pub(crate) headers: bool,
    /// Only the body's JSON, byte for byte
    #[arg(long)]
    pub(crate) body: bool,
}

/// Show messages on their way
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl outbox
  mrpctl outbox ls -o jsonl | jq -r 'select(.stage == \"failed\") | .id'")]
pub(crate) struct Outbox {
    #[command(subcommand)]
    pub(crate) command: Option<OutboxCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// Show messages on their way (the default)
    Ls,
}
