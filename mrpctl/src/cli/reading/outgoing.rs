//! Flags of what looks after messages that go out, and after what was given up.

use crate::cli::value;
use clap::{Args, Subcommand};

/// Show messages on their way, try them again, or cancel them
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl outbox
  mrpctl outbox ls -o jsonl | jq -r 'select(.stage == \"failed\") | .id'
  mrpctl outbox retry out_01ARZ3NDEKTSV4RRFFQ69G5FAV
  mrpctl outbox cancel out_01ARZ3NDEKTSV4RRFFQ69G5FAV
  mrpctl outbox flush                       everything that waits is tried now")]
pub(crate) struct Outbox {
    #[command(subcommand)]
    pub(crate) command: Option<OutboxCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// Show messages on their way (the default)
    Ls,
    /// Try them now
    Retry(OutboxIds),
    /// Take out what no relay can have
    Cancel(OutboxIds),
    /// Try everything now that waits for its next attempt
    Flush,
}

#[derive(Debug, Args)]
pub(crate) struct OutboxIds {
    /// out_...
    #[arg(value_name = "ID", required = true, value_parser = value::given)]
    pub(crate) ids: Vec<String>,
}

/// Show what was given up, by the outbox or by hooks; try it again, or drop it
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl dead
  mrpctl dead retry out_01ARZ3NDEKTSV4RRFFQ69G5FAV
  mrpctl dead drop hook:deploy:1042")]
pub(crate) struct Dead {
    #[command(subcommand)]
    pub(crate) command: Option<DeadCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// Show what was given up (the default)
    Ls,
    /// Have it tried again
    Retry(DeadIds),
    /// Forget it; a message stays in the inbox
    Drop(DeadIds),
}

#[derive(Debug, Args)]
pub(crate) struct DeadIds {
    /// As mrpctl dead shows it: out_..., or hook:NAME:SEQ
    #[arg(value_name = "ID", required = true, value_parser = value::given)]
    pub(crate) ids: Vec<String>,
}

/// Show what became of a message that was sent: accepted, delivered, answered, expired, with the times
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl receipts msg_1772611200_a1b2c3d4e5f6
  mrpctl receipts msg_1772611200_a1b2c3d4e5f6 -o raw        only how far it has come
  mrpctl receipts out_01ARZ3NDEKTSV4RRFFQ69G5FAV --fields delivered_at")]
pub(crate) struct Receipts {
    /// msg_..., out_..., or a seq
    #[arg(value_name = "ID", value_parser = value::given)]
    pub(crate) id: String,
}
