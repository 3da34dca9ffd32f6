//! Flags of the commands that send and read.

use super::value;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use mrp_proto::time::Timestamp;
use mrpd_api::body::{Encrypt, Stage};
use mrpd_api::message::Kind;
use std::time::Duration;

/// Send a message
///
/// It is in the outbox, on disk, when this returns with 0; the daemon then delivers it whatever happens. By default up to
/// 10 seconds are waited for the relay to accept it. The id is printed: msg_... once a relay has it, else out_....
#[derive(Debug, Args)]
#[command(
    visible_aliases = ["s", "pub"],
    override_usage = "mrpctl send [OPTIONS] TO [TEXT]...\n       mrpctl send [OPTIONS] --to TO [--to TO]... [TEXT]...\n       ... | mrpctl send [OPTIONS] TO",
    after_help = "\
EXAMPLES
  mrpctl send alice \"build is green\"
  uptime | mrpctl send ops
  mrpctl send alice -d '{\"kind\":\"diff\",\"text\":\"...\"}'
  tail -f log | mrpctl send ops --lines
  jq -c '.[] | {to:.key, text:.msg}' list.json | mrpctl send --jsonl
  mrpctl send team --id \"standup-$(date +%G-%V)\" \"Standup at 10:00\"     once, however often it runs
  mrpctl send alice \"ready?\" --wait delivered --timeout 1m

THE BODY, the first that holds: --text or words; --data; standard input (UTF-8, one trailing newline removed).
TO is a contact's name, a key, a card (mrp:...), the first 8 or more characters of a contact's key, or me.
With --jsonl each line is an object with to, text or body, and optionally type, thread, reply_to, metadata,
expires, relay, id."
)]
pub(crate) struct Send {
    /// Contact name, key, mrp: card, key prefix of a contact, or me
    #[arg(value_name = "TO", allow_hyphen_values = true)]
    pub(crate) recipient: Option<String>,
    /// The message; words are joined by spaces
    #[arg(value_name = "TEXT")]
    pub(crate) words: Vec<String>,
    /// A recipient; repeatable. Then every word is text
    #[arg(long = "to", value_name = "TO", allow_hyphen_values = true)]
    pub(crate) to: Vec<String>,
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
    /// One message a line of standard input
    #[arg(long, conflicts_with_all = ["data", "text", "jsonl"])]
    pub(crate) lines: bool,
    /// One message a line of standard input, each a JSON object
    #[arg(long, conflicts_with_all = ["data", "text"])]
    pub(crate) jsonl: bool,
    /// Seal end to end, whatever the configuration says (sealing is the default)
    #[arg(short, long, conflicts_with = "plain")]
    pub(crate) encrypt: bool,
    /// Send in clear: the relay can read it
    #[arg(long)]
    pub(crate) plain: bool,
    /// Thread it belongs to
    #[arg(short, long, value_name = "ID")]
    pub(crate) thread: Option<String>,
    /// Message it answers
    #[arg(short, long, value_name = "ID")]
    pub(crate) reply_to: Option<String>,
    /// A text pair that travels along; repeatable
    #[arg(short, long = "meta", value_name = "K=V", value_parser = value::pair)]
    pub(crate) meta: Vec<(String, String)>,
    /// Media type of the body (default: application/json)
    #[arg(long = "type", value_name = "MIME")]
    pub(crate) content_type: Option<String>,
    /// How long a relay keeps it, 1s to 30d
    #[arg(long, value_name = "DURATION", value_parser = value::expiry)]
    pub(crate) expires: Option<Duration>,
    /// Relay to send by
    #[arg(long, value_name = "NAME")]
    pub(crate) relay: Option<String>,
    /// Idempotency key: the same KEY is sent once in 24 hours
    #[arg(long, value_name = "KEY")]
    pub(crate) id: Option<String>,
    /// How far to wait (default: accepted, for 10s)
    #[arg(long, value_name = "STAGE")]
    pub(crate) wait: Option<StageWord>,
    /// The same as --wait queued
    #[arg(long = "async", conflicts_with = "wait")]
    pub(crate) no_wait: bool,
    /// Send a message without content where standard input is empty
    #[arg(long)]
    pub(crate) allow_empty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StageWord {
    /// Durable in the outbox
    Queued,
    /// Durable at the relay
    Accepted,
    /// Taken over by the recipient
    Delivered,
    /// Answered by the recipient
    Reply,
}

impl From<StageWord> for Stage {
    fn from(word: StageWord) -> Self {
        match word {
            StageWord::Queued => Self::Queued,
            StageWord::Accepted => Self::Accepted,
            StageWord::Delivered => Self::Delivered,
            StageWord::Reply => Self::Replied,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EncryptWord {
    /// Always
    Always,
    /// For peers that advertise it or were ever seen using it
    Auto,
    /// Never
    Never,
}

impl From<EncryptWord> for Encrypt {
    fn from(word: EncryptWord) -> Self {
        match word {
            EncryptWord::Always => Self::Always,
            EncryptWord::Auto => Self::Auto,
            EncryptWord::Never => Self::Never,
        }
    }
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
    /// Only messages of this contact or key
    #[arg(long, value_name = "WHO", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    /// Only messages to this local identity
    #[arg(long, value_name = "NAME")]
    pub(crate) to_agent: Option<String>,
    /// Only messages of this thread
    #[arg(long, value_name = "ID")]
    pub(crate) thread: Option<String>,
    /// Only messages of this kind
    #[arg(long, value_parser = kinds())]
    pub(crate) kind: Option<Kind>,
    /// Only messages of this media type
    #[arg(long = "type", value_name = "MIME")]
    pub(crate) content_type: Option<String>,
    /// Only messages that were sent from here
    #[arg(long, conflicts_with = "all")]
    pub(crate) sent: bool,
    /// Messages both ways
    #[arg(long)]
    pub(crate) all: bool,
}

/// Takes the names of the kinds, and offers them to completion.
fn kinds() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::as_str)).try_map(|name| name.parse::<Kind>())
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
