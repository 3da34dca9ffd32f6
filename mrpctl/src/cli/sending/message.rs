//! Flags of `send` and `reply`.

use super::{Content, Envelope, Hold, Threading, Waiting};
use crate::cli::value;
use clap::Args;

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
  mrpctl send alice \"the report\" -f report.pdf
  uptime | mrpctl send ops
  tar c site | mrpctl send deploy -f - --filename site.tar
  mrpctl send alice -d '{\"kind\":\"diff\",\"text\":\"...\"}'
  mrpctl send @ops \"disk is full\"                       each member of [groups] ops gets one
  tail -f log | mrpctl send ops --lines
  jq -c '.[] | {to:.key, text:.msg}' list.json | mrpctl send --jsonl
  mrpctl send team --id \"standup-$(date +%G-%V)\" \"Standup at 10:00\"     once, however often it runs
  mrpctl send alice \"ready?\" --wait delivered --timeout 1m
  mrpctl send alice \"good morning\" --at 09:00

THE BODY, the first that holds: --text or words; --data; none with --file or --attach; standard input (UTF-8, one
trailing newline removed).
TO is a contact's name, a key, a card (mrp:...), the first 8 or more characters of a contact's key, me, or a @group.
With --jsonl each line is an object with to, text or body, and optionally type, thread, reply_to, metadata,
expires, relay, id. While the outbox is full (10,000 messages) lines wait in their order until there is room, or
until --timeout has passed."
)]
pub(crate) struct Send {
    /// Contact name, key, mrp: card, key prefix of a contact, me, or @group
    #[arg(value_name = "TO", allow_hyphen_values = true)]
    pub(crate) recipient: Option<String>,
    /// The message; words are joined by spaces
    #[arg(value_name = "TEXT")]
    pub(crate) words: Vec<String>,
    /// A recipient; repeatable. Then every word is text
    #[arg(long = "to", value_name = "TO", allow_hyphen_values = true)]
    pub(crate) to: Vec<String>,
    #[command(flatten)]
    pub(crate) content: Content,
    /// One message a line of standard input
    #[arg(long, conflicts_with_all = ["data", "text", "files", "attach", "jsonl"])]
    pub(crate) lines: bool,
    /// One message a line of standard input, each a JSON object
    #[arg(long, conflicts_with_all = ["data", "text", "files", "attach"])]
    pub(crate) jsonl: bool,
    #[command(flatten)]
    pub(crate) threading: Threading,
    #[command(flatten)]
    pub(crate) envelope: Envelope,
    #[command(flatten)]
    pub(crate) hold: Hold,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// Answer a message
///
/// It goes to whoever sent that one, in its thread, by the same local identity and relay.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl reply msg_1772611200_a1b2c3d4e5f6 \"on my way\"
  ./report.sh | mrpctl reply \"$ID\"
  mrpctl reply \"$ID\" -f report.pdf
  mrpctl reply \"$(mrpctl tail -c 1 --fields id -o raw)\" thanks

The body comes from where it does for mrpctl send.")]
pub(crate) struct Reply {
    /// The message that is answered: msg_..., or its seq
    #[arg(value_name = "ID", value_parser = value::given)]
    pub(crate) message: String,
    /// The message; words are joined by spaces
    #[arg(value_name = "TEXT")]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) content: Content,
    #[command(flatten)]
    pub(crate) envelope: Envelope,
    #[command(flatten)]
    pub(crate) hold: Hold,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}
