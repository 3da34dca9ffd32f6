//! Flags of the commands that send.

use super::value;
use clap::{Args, Subcommand, ValueEnum};
use mrpd_api::body::{Encrypt, Stage};
use std::time::Duration;

/// What sends a message.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Send(Box<Send>),
}

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
