//! Flags of `mrpctl webhook`.

use crate::cli::people::AtRelay;
use crate::cli::value;
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where a relay announces messages over HTTP
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl webhook show
  (umask 077; mrpctl webhook set https://example.net/mrp --generate -o raw > webhook.secret)
  mrpctl webhook listen --secret-file webhook.secret -- ./handle.sh
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
    Listen(Box<WebhookListen>),
    Verify(WebhookVerify),
}

/// Have the relay post messages to a URL
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl webhook set https://example.net/mrp --secret-file webhook.secret
  (umask 077; mrpctl webhook set https://example.net/mrp --generate -o raw > webhook.secret)")]
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

/// Receive what a relay posts, and run a command for each message; no daemon is needed
///
/// The command gets the message as a line of JSON on standard input and as MRP_... variables, as a hook does (mrp-hooks(7)); never on
/// its command line. The relay is told that a message was taken only when the command is done with it: until then it comes again.
#[derive(Debug, Args)]
#[command(
    override_usage = "mrpctl webhook listen [OPTIONS] --secret-file FILE -- CMD [ARG]...",
    after_help = "\
EXAMPLES
  mrpctl webhook listen --secret-file webhook.secret -- ./handle.sh
  mrpctl webhook listen --secret-file webhook.secret --key ~/.mrp/keys/server.key -- ./handle.sh
  mrpctl webhook listen --addr 127.0.0.1:0 --secret-file webhook.secret -c 1 -- cat
  pass show mrp/webhook | mrpctl webhook listen --secret-file - -- sh -c 'echo \"$MRP_TEXT\" >> log'

Put a web server with TLS before it, such as Caddy with reverse_proxy /mrp 127.0.0.1:8089, and
give the relay that server's address:

  mrpctl webhook set https://example.net/mrp --secret-file webhook.secret

EXIT STATUS of the command, and what the relay is answered:
  0, 99             handled: 200
  65, 77, 78, 100   given up: 200, and a line on standard error
  75, 111           later: 503
  any other         failed: 500
What is answered 500 or 503 the relay brings again, after 1 s, 5 s, 30 s and so on, hourly at
last, until the message expires. With -c 1 mrpctl ends as the command did.

A relay waits 10 s for an answer. A command that takes longer goes on, and the relay, when it
comes again, is told how it ended. The same message is not run twice while this process lives;
a command should expect it twice all the same.

Anyone whom the relay lets write to you can have the command run; see mrpctl policy. The message
says in .verified whether its sender is proven. What only a daemon knows is missing: MRP_SEQ is
0, MRP_AGENT, MRP_RELAY and MRP_FROM_NAME are empty, and there is no MRPD_SOCKET."
)]
pub(crate) struct WebhookListen {
    /// Where to listen; port 0 is any free one, which is told on standard error
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8089")]
    pub(crate) addr: SocketAddr,
    /// The path that is posted to
    #[arg(long, value_name = "PATH", default_value = "/mrp", value_parser = value::target)]
    pub(crate) path: String,
    /// The file with the secret that deliveries are signed with, readable for you alone; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: PathBuf,
    /// The private key that messages are sealed for, to open them (default: they stay sealed, of kind undecryptable)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Commands that run at the same time
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) jobs: u16,
    /// End after N messages that were handled or given up
    #[arg(short = 'c', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Give a message up after N runs that failed (default: it is run as often as the relay brings it)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempts: Option<u32>,
    /// How long one run may take
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = value::duration)]
    pub(crate) run_timeout: Duration,
    /// How old a delivery may be, or how far ahead of this clock
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = value::duration)]
    pub(crate) max_age: Duration,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
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
