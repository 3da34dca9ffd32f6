//! Flags of the commands that send what programs understand: requests, events, progress.

use super::{Envelope, Hold, Threading, Waiting};
use crate::cli::value::{self, Member};
use clap::Args;

/// Ask for something to be done, and print what came of it
///
/// Waits for the answer, a minute unless --timeout says otherwise, and prints its result as JSON.
#[derive(Debug, Args)]
#[command(
    visible_aliases = ["req", "call"],
    after_help = "\
EXAMPLES
  mrpctl request translator text:translate text=Hello lang=es | jq -r .translated_text
  mrpctl request nas disk-usage paths:='[\"/\",\"/home\"]' --timeout 10s
  mrpctl request nas disk-usage -d @params.json
  mrpctl request @ops uptime --gather          a line of JSON for each answer, as it comes

K=V is text, K:=JSON any JSON. Exit status 3: the peer answered with an error. 124: no answer in time; the request
stays on its way."
)]
pub(crate) struct Request {
    /// Contact name, key, mrp: card, or @group with --gather
    #[arg(value_name = "TO", allow_hyphen_values = true)]
    pub(crate) recipient: String,
    /// What is to be done
    #[arg(value_name = "ACTION", value_parser = value::given)]
    pub(crate) action: String,
    /// Parameters: K=V, or K:=JSON
    #[arg(value_name = "K=V", value_parser = value::member)]
    pub(crate) params: Vec<Member>,
    /// All parameters as a JSON object; @FILE or - to read it
    #[arg(short, long, value_name = "JSON", conflicts_with = "params")]
    pub(crate) data: Option<String>,
    /// Collect the answers of several
    #[arg(long)]
    pub(crate) gather: bool,
    #[command(flatten)]
    pub(crate) threading: Threading,
    #[command(flatten)]
    pub(crate) envelope: Envelope,
}

/// Tell that something happened
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl event ops build.passed branch=main commit=\"$SHA\"
  mrpctl event ops backup.done bytes:=1048576 incremental:=true
  mrpctl event @ops disk.full -d @df.json

K=V is text, K:=JSON any JSON; together they are the event's data.")]
pub(crate) struct Event {
    /// Contact name, key, mrp: card, or @group
    #[arg(value_name = "TO", allow_hyphen_values = true)]
    pub(crate) recipient: String,
    /// What happened
    #[arg(value_name = "NAME", value_parser = value::given)]
    pub(crate) name: String,
    /// Details: K=V, or K:=JSON
    #[arg(value_name = "K=V", value_parser = value::member)]
    pub(crate) details: Vec<Member>,
    /// All details as JSON; @FILE or - to read it
    #[arg(short, long, value_name = "JSON", conflicts_with = "details")]
    pub(crate) data: Option<String>,
    #[command(flatten)]
    pub(crate) threading: Threading,
    #[command(flatten)]
    pub(crate) envelope: Envelope,
    #[command(flatten)]
    pub(crate) hold: Hold,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// Tell how far something is
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl progress alice --percent 40 --stage upload
  mrpctl progress alice --percent 100 --detail \"all files are there\" --reply-to \"$MRP_MESSAGE_ID\"")]
#[command(group = clap::ArgGroup::new("report").required(true).multiple(true))]
pub(crate) struct Progress {
    /// Contact name, key, mrp: card, or @group
    #[arg(value_name = "TO", allow_hyphen_values = true)]
    pub(crate) recipient: String,
    /// How far, 0 to 100
    #[arg(long, value_name = "N", value_parser = value::percent, group = "report")]
    pub(crate) percent: Option<f64>,
    /// Which part
    #[arg(long, value_name = "TEXT", group = "report")]
    pub(crate) stage: Option<String>,
    /// More, for people
    #[arg(long, value_name = "TEXT", group = "report")]
    pub(crate) detail: Option<String>,
    #[command(flatten)]
    pub(crate) threading: Threading,
    #[command(flatten)]
    pub(crate) envelope: Envelope,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}
