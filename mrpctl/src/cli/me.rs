//! Flags of the commands about oneself: identity, profile, capabilities, keys.

use clap::{Args, Subcommand};

/// How I am known.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Whoami(Whoami),
}

/// Show the local identity: name, key, card and relays
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl whoami
  mrpctl whoami -o raw            only the key
  mrpctl whoami -a ci -o json")]
pub(crate) struct Whoami {}
