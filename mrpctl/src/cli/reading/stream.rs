//! Flags of what goes on with messages as they come.

use crate::cli::{Filters, value};
use clap::Args;
use mrp_proto::time::Timestamp;
use std::path::PathBuf;

/// Examples of `recv`, which has the flags of `tail`.
pub(super) const RECEIVE_HELP: &str = "\
EXAMPLES
  mrpctl recv
  mrpctl recv --no-follow -o raw                      the texts of what is unread
  mrpctl recv -c 1 --from ci                          one message, now or when it comes";

/// Show messages, and go on as they come
///
/// Begins with the last 10, unless --since, --after, --cursor or --unread says where to begin.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl tail
  mrpctl tail -n 5 --no-follow
  mrpctl tail | jq -r 'select(.kind==\"event\") | [.from.name,.body.event] | @tsv'
  mrpctl tail --since 1h --no-follow --from ci -o jsonl > ci.jsonl
  mrpctl tail --cursor archiver >> archive.jsonl      goes on where it ended the last time
  mrpctl tail -c 1 -o raw                             the text of one message
  mrpctl tail --download files                        attachments into files/msg_.../")]
pub(crate) struct Tail {
    /// Begin with the last N of what is there (default: 10; of what is unread, all)
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
    /// Only what came in and nothing was done with
    #[arg(long, conflicts_with_all = ["sent", "all"])]
    pub(crate) unread: bool,
    /// Only messages that were sent from here
    #[arg(long, conflicts_with = "all")]
    pub(crate) sent: bool,
    /// Messages both ways
    #[arg(long)]
    pub(crate) all: bool,
    /// Save the attachments below this directory, in a folder for each message, before the message is shown
    #[arg(long, value_name = "DIR", value_parser = clap::value_parser!(PathBuf))]
    pub(crate) download: Option<PathBuf>,
}

/// Wait until something matches, and print it
///
/// With --reply-to, an answer that is here already counts too, so that none is missed between send and wait. Otherwise
/// what comes from now on counts; --after and --since begin earlier.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl wait --from ci --kind event
  ID=$(mrpctl send alice \"ready?\"); mrpctl wait --reply-to \"$ID\" --timeout 10m -o raw
  mrpctl wait --thread deploy --after \"$ID\" -c 3")]
pub(crate) struct Wait {
    /// End after N messages
    #[arg(short = 'c', value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: u64,
    /// What came behind this message counts: its id or its seq
    #[arg(long, value_name = "ID", value_parser = value::given, conflicts_with = "since")]
    pub(crate) after: Option<String>,
    /// What came since this time counts: 2026-11-21T09:00:00Z, or how long ago: 1h, 7d
    #[arg(long, value_name = "TIME", value_parser = value::since)]
    pub(crate) since: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

/// Talk with somebody: each line that is typed is sent, what they write appears
///
/// Begins with the last messages both ways. Ctrl-D leaves; lines that were piped in are all sent first.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl chat alice
  mrpctl chat alice -t holidays          only this thread, and in it
  printf 'one\\ntwo\\n' | mrpctl chat alice -n 0")]
pub(crate) struct Chat {
    /// Contact name, key, or me
    #[arg(value_name = "WHO", value_parser = value::given, allow_hyphen_values = true)]
    pub(crate) who: String,
    /// Begin with the last N messages
    #[arg(short = 'n', value_name = "N", default_value_t = 10)]
    pub(crate) last: u64,
    /// Only this thread; what is typed is sent in it
    #[arg(short, long, value_name = "ID", value_parser = value::given)]
    pub(crate) thread: Option<String>,
}
