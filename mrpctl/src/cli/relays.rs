//! Flags of the commands about relays, and what lies with them.

use clap::Subcommand;

/// Relays, blobs and webhooks.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(subcommand)]
    Relay(Relay),
}

/// The relays of the configuration
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl relay ls
  mrpctl relay ls -o jsonl | jq -r .url")]
pub(crate) enum Relay {
    /// Show them
    Ls,
}
