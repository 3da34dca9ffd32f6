//! Flags of the commands about relays, and what lies with them.

mod blob;
mod webhook;

pub(crate) use blob::{Blob, BlobGet, BlobPut};
pub(crate) use webhook::{Webhook, WebhookListen, WebhookSet, WebhookVerify};

use super::people::AtRelay;
use super::value;
use clap::Subcommand;

/// Relays, blobs and webhooks.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(subcommand)]
    Blob(Blob),
    #[command(subcommand)]
    Relay(Relay),
    #[command(subcommand)]
    Webhook(Webhook),
}

/// The relays of the configuration
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl relay ls
  mrpctl relay add home https://relay.example.net
  mrpctl relay use home               the first one of this identity
  mrpctl relay ping
  mrpctl relay limits -o json

add, use and rm change mrpd.toml, keep what else stands in it, and have the daemon read it.")]
pub(crate) enum Relay {
    /// Show them, and who uses them
    Ls,
    /// Add one, and have the local identity use it
    Add {
        /// A name for it
        #[arg(value_name = "NAME", value_parser = value::name)]
        name: String,
        /// Its URL, such as https://relay.example.net
        #[arg(value_name = "URL", value_parser = value::relay_url)]
        url: crate::config::relay_url::RelayUrl,
    },
    /// Forget one, for all local identities
    Rm {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
    },
    /// Make it the first relay of the local identity: the one that is written by where nothing else is said
    Use {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
    },
    /// Ask relays how they are; exit status 69 where one does not answer
    Ping {
        /// Only this one (default: all of the local identity)
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: Option<String>,
    },
    /// Show how many more messages they take
    Limits {
        #[command(flatten)]
        at: AtRelay,
    },
}
