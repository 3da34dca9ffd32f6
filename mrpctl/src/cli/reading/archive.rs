//! Flags of what marks, removes, exports and imports messages.

use crate::cli::{Filters, value};
use clap::{Args, ValueEnum};
use mrp_proto::time::Timestamp;
use std::time::Duration;

/// Mark messages as read, unread or archived, all of them or none
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl mark read msg_1772611200_a1b2c3d4e5f6
  mrpctl mark archive 1042 1043
  mrpctl inbox --unread --from ci --fields id | jq -r .id | xargs -r mrpctl mark read")]
pub(crate) struct Marking {
    /// read, unread or archive
    #[arg(value_name = "MARK", hide_possible_values = true)]
    pub(crate) word: MarkWord,
    /// msg_... or a seq
    #[arg(value_name = "ID", required = true, value_parser = value::given)]
    pub(crate) ids: Vec<String>,
}

/// What people mark messages as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MarkWord {
    /// Read
    Read,
    /// As if it had just come
    Unread,
    /// Put away
    #[value(alias = "archived")]
    Archive,
}

/// Remove messages for good
///
/// At a terminal it asks before it removes what is unread; --yes settles it.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl rm msg_1772611200_a1b2c3d4e5f6
  mrpctl rm 1042 1043")]
pub(crate) struct Remove {
    /// msg_... or a seq
    #[arg(value_name = "ID", required = true, value_parser = value::given)]
    pub(crate) ids: Vec<String>,
}

/// Remove what is old, for good; what is claimed, held, or needed by a hook stays
///
/// At a terminal it asks first, unless what is unread stays; --yes settles it.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl prune --older 30d
  mrpctl prune --older 30d --keep-unread")]
pub(crate) struct Prune {
    /// Messages that came longer ago
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) older: Duration,
    /// Leave what is unread
    #[arg(long)]
    pub(crate) keep_unread: bool,
}

/// Write all messages, both ways, as lines of JSON
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl export > inbox.jsonl
  mrpctl export --since 30d --from alice > alice.jsonl
  mrpctl export | ssh other mrpctl import")]
pub(crate) struct Export {
    /// Only messages since this time: 2026-11-21T09:00:00Z, or how long ago: 1h, 7d
    #[arg(long, value_name = "TIME", value_parser = value::since)]
    pub(crate) since: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

/// Take in messages that were exported; exit status 65 if a line is refused
///
/// What is here already stays as it is, so the same file can be imported again. No hook runs for what is imported.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl import < inbox.jsonl
  mrpctl import inbox.jsonl")]
pub(crate) struct Import {
    /// A file of lines of JSON; - is standard input
    #[arg(value_name = "FILE", default_value = "-", value_parser = value::given)]
    pub(crate) file: String,
}
