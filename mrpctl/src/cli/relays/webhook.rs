//! Flags of `mrpctl webhook`.

use crate::cli::people::AtRelay;
use crate::cli::value;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Where a relay announces messages over HTTP
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl webhook set https://example.net/mrp --generate -o raw > webhook.secret
  mrpctl webhook show
  mrpctl webhook verify --secret-file webhook.secret < request.json
  mrpctl webhook rm")]
pub(crate) enum Webhook {
    /// Show it; exit status 1 where there is none
    Show {
        #[command(flatten)]
        at: AtRelay,
    },
    Set(WebhookSet),
    /// Have the relay announce nothing any more
    Rm {
        #[command(flatten)]
        at: AtRelay,
    },
    Verify(WebhookVerify),
}

/// Have the relay post messages to a URL
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl webhook set https://example.net/mrp --secret-file webhook.secret
  mrpctl webhook set https://example.net/mrp --generate -o raw > webhook.secret")]
pub(crate) struct WebhookSet {
    /// Where to post
    #[arg(value_name = "URL", value_parser = value::given)]
    pub(crate) url: String,
    /// A file with the secret that deliveries are signed with: 16 to 256 characters; white space around it does not count
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "generate",
        conflicts_with = "generate"
    )]
    pub(crate) secret_file: Option<PathBuf>,
    /// Make a secret, and show it this once
    #[arg(long)]
    pub(crate) generate: bool,
    #[command(flatten)]
    pub(crate) at: AtRelay,
}

/// Check the signature of a delivery, read as JSON; exit status 65 where it is not right
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl webhook verify --secret-file webhook.secret < request.json

The input is {\"headers\": {\"webhook-id\": \"...\", ...}, \"body\": \"...\"}: the headers as they came, in any case of their letters, and
the body as one string, its characters exactly those that came.")]
pub(crate) struct WebhookVerify {
    /// The file with the secret
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: PathBuf,
    /// How old the delivery may be
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = value::duration)]
    pub(crate) max_age: Duration,
}
