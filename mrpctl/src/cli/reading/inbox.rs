//! Flags of what looks at messages that are here.

use crate::cli::{Filters, value};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// List messages, the newest first
#[derive(Debug, Args)]
#[command(
    visible_alias = "ls",
    args_conflicts_with_subcommands = true,
    after_help = "\
EXAMPLES
  mrpctl inbox
  mrpctl inbox --unread --fields id,from,text -o table
  mrpctl inbox --from alice --limit 5"
)]
pub(crate) struct Inbox {
    #[command(subcommand)]
    pub(crate) command: Option<InboxCommand>,
    #[command(flatten)]
    pub(crate) flags: InboxFlags,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InboxCommand {
    /// List messages, the newest first (the default)
    Ls(Box<InboxFlags>),
}

#[derive(Debug, Args)]
pub(crate) struct InboxFlags {
    /// Only what nothing was done with
    #[arg(long)]
    pub(crate) unread: bool,
    /// At most N messages
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

/// Show one message
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl show msg_1772611200_a1b2c3d4e5f6
  mrpctl show 1042                                      by its seq
  mrpctl show msg_1772611200_a1b2c3d4e5f6 --body > body.json
  mrpctl show msg_1772611200_a1b2c3d4e5f6 -o raw        only its text
  mrpctl show out_01ARZ3NDEKTSV4RRFFQ69G5FAV            a message on its way")]
pub(crate) struct Show {
    /// msg_..., a seq, or out_...
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

/// List threads, or show the messages of one
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
EXAMPLES
  mrpctl thread
  mrpctl thread show deploy-42
  mrpctl thread show deploy-42 -o raw"
)]
pub(crate) struct Thread {
    #[command(subcommand)]
    pub(crate) command: Option<ThreadCommand>,
    #[command(flatten)]
    pub(crate) list: ThreadList,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ThreadCommand {
    /// List threads, the latest first (the default)
    Ls(ThreadList),
    /// Show a thread's messages, both ways, the oldest first
    Show(ThreadShow),
}

#[derive(Debug, Args)]
pub(crate) struct ThreadList {
    /// At most N threads
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,
}

#[derive(Debug, Args)]
pub(crate) struct ThreadShow {
    /// The thread's id
    #[arg(value_name = "ID", value_parser = value::given, allow_hyphen_values = true)]
    pub(crate) id: String,
}

/// Find messages by their words, the newest first; exit status 1 if there are none
///
/// Messages both ways. All words must occur, in either case of their letters, in the text or in a text of the body.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl search invoice march
  mrpctl search \"disk full\" --from nas --limit 3
  mrpctl search deploy --sent -o raw")]
pub(crate) struct Search {
    /// Words
    #[arg(value_name = "TEXT", required = true)]
    pub(crate) words: Vec<String>,
    /// At most N messages
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,
    /// Only messages that were sent from here
    #[arg(long)]
    pub(crate) sent: bool,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

/// Save the attachments of a message
///
/// They are fetched from the relay if they are not here, opened and checked. A file has its name only when all of it is there.
/// Prints the paths.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl open msg_1772611200_a1b2c3d4e5f6
  mrpctl open 1042 --out ~/Downloads
  mrpctl open 1042 --out /srv/site --conflict overwrite")]
pub(crate) struct Open {
    /// msg_... or a seq
    #[arg(value_name = "ID", value_parser = value::given)]
    pub(crate) id: String,
    /// Where to put them (made if it is missing)
    #[arg(long, value_name = "DIR", default_value = ".", value_parser = clap::value_parser!(PathBuf))]
    pub(crate) out: PathBuf,
    /// What happens to one whose name is taken: rename (report-1.pdf), skip or overwrite
    #[arg(
        long,
        value_name = "HOW",
        default_value = "rename",
        hide_possible_values = true
    )]
    pub(crate) conflict: ConflictWord,
}

/// What happens to a file whose name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConflictWord {
    /// It gets another name
    Rename,
    /// It is left out
    Skip,
    /// It takes the other's place
    Overwrite,
}
