//! Flags that several of the commands have which send.

use super::StageWord;
use crate::cli::value;
use clap::Args;
use mrp_proto::time::Timestamp;
use std::time::Duration;

/// What a message says and carries.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Content {
    /// The message, also where it begins with a hyphen
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        conflicts_with = "data"
    )]
    pub(crate) text: Option<String>,
    /// The body as JSON, sent byte for byte; @FILE or - to read it
    #[arg(short, long, value_name = "JSON")]
    pub(crate) data: Option<String>,
    /// A file that travels along, - for standard input; repeatable, at most 10
    #[arg(
        short,
        long = "file",
        visible_alias = "attach-file",
        value_name = "PATH",
        allow_hyphen_values = true
    )]
    pub(crate) files: Vec<String>,
    /// The name that the recipient sees of the file; needed for standard input
    #[arg(long, value_name = "NAME", value_parser = value::given, requires = "files")]
    pub(crate) filename: Option<String>,
    /// A file or blob that was uploaded before (file_..., blob_...); repeatable
    #[arg(long, value_name = "ID", value_parser = value::given)]
    pub(crate) attach: Vec<String>,
    /// Media type of the body (default: application/json)
    #[arg(long = "type", value_name = "MIME")]
    pub(crate) content_type: Option<String>,
    /// Send a message without content where standard input is empty
    #[arg(long)]
    pub(crate) allow_empty: bool,
}

/// How a message goes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Envelope {
    /// Seal end to end, whatever the configuration says (sealing is the default)
    #[arg(short, long, conflicts_with = "plain")]
    pub(crate) encrypt: bool,
    /// Send in clear: the relay can read it
    #[arg(long)]
    pub(crate) plain: bool,
    /// A text pair that travels along; repeatable
    #[arg(short, long = "meta", value_name = "K=V", value_parser = value::pair)]
    pub(crate) meta: Vec<(String, String)>,
    /// How long a relay keeps it, 1s to 30d
    #[arg(long, value_name = "DURATION", value_parser = value::expiry)]
    pub(crate) expires: Option<Duration>,
    /// Relay to send by
    #[arg(long, value_name = "NAME")]
    pub(crate) relay: Option<String>,
    /// Idempotency key: the same KEY is sent once in 24 hours
    #[arg(long, value_name = "KEY")]
    pub(crate) id: Option<String>,
}

/// When it goes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Hold {
    /// Hold it until then: 2026-11-21T09:00:00Z, "2026-11-21 09:00" or 09:00 by the clock here
    #[arg(long, value_name = "TIME", value_parser = value::at, conflicts_with = "delay")]
    pub(crate) at: Option<Timestamp>,
    /// Hold it for so long
    #[arg(long = "in", value_name = "DURATION", value_parser = value::duration)]
    pub(crate) delay: Option<Duration>,
}

/// What it belongs to.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Threading {
    /// Thread it belongs to
    #[arg(short, long, value_name = "ID")]
    pub(crate) thread: Option<String>,
    /// Message it answers
    #[arg(short, long, value_name = "ID")]
    pub(crate) reply_to: Option<String>,
}

/// How far to wait.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Waiting {
    /// How far to wait (default: accepted, for 10s)
    #[arg(long, value_name = "STAGE")]
    pub(crate) wait: Option<StageWord>,
    /// The same as --wait queued
    #[arg(long = "async", conflicts_with = "wait")]
    pub(crate) no_wait: bool,
}
