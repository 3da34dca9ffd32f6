//! Flags of the commands that run a program for each message.

use crate::cli::{Filters, value};
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Run a command for each message that comes
///
/// The command gets the message as a line of JSON on standard input, and MRP_FROM_NAME, MRP_TEXT and so on in its
/// environment; never on its command line. Only verified messages of contacts count, unless --from '*' or
/// --unverified is given.
#[derive(Debug, Args)]
#[command(
    override_usage = "mrpctl on [OPTIONS] -- CMD [ARG]...",
    after_help = "\
EXAMPLES
  mrpctl on --from ci --kind event -- notify-send \"CI\"
  mrpctl on --from pager -- sh -c 'curl -fsS --data-raw \"$MRP_TEXT\" ntfy.sh/my-topic'
  mrpctl on --cursor archiver -- ./archive.sh      goes on where it ended the last time
  mrpctl on -c 1 --kind event --timeout 10m -- ./deploy.sh; echo \"status $?\"

The command runs in the folder that mrpctl was started in; the daemon's hooks have a private one of their own.

EXIT STATUS of the command: 0 handled; 65, 77, 78 or 100 given up; anything else is run again, up to --attempts
times. With -c 1 mrpctl ends as the command did."
)]
pub(crate) struct On {
    #[command(flatten)]
    pub(crate) filters: Filters,
    #[command(flatten)]
    pub(crate) senders: Senders,
    /// End after N messages
    #[arg(short = 'c', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Begin behind what the reader of this name has handled, and remember what was handled (default: from now on)
    #[arg(long, value_name = "NAME", value_parser = value::given)]
    pub(crate) cursor: Option<String>,
    /// How often a message is tried (default: 3, with -c 1 once)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempts: Option<u32>,
    /// How long one run may take
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = value::duration)]
    pub(crate) run_timeout: Duration,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// Whose messages count.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Senders {
    /// Also messages of which only the relay says whose they are
    #[arg(long)]
    pub(crate) unverified: bool,
}

/// Answer requests with a command
///
/// The command gets the request's parameters as JSON on standard input; the JSON that it prints is the result. When it
/// fails, the peer is told handler_failed and nothing of standard error, unless it wrote {"code","message"} to
/// descriptor 3. Several at once share the work; what was not answered is answered by the next.
#[derive(Debug, Args)]
#[command(
    override_usage = "mrpctl serve [OPTIONS] ACTION... -- CMD [ARG]...",
    after_help = "\
EXAMPLES
  mrpctl serve disk-usage -- df --output=source,avail
  mrpctl serve text:translate -j 4 --from '*' -- ./translate.py
  mrpctl serve resize --schema resize.json -- sh -c 'jq -c \"{done: .width}\"'

A schema may say type, enum, const, required, properties, additionalProperties, items, minimum, maximum,
exclusiveMinimum, exclusiveMaximum, minLength, maxLength, minItems and maxItems; parameters that break it are answered
invalid_params. Titles, descriptions, formats and the like are remarks. A schema that says anything else is refused:
what it asks for would not be checked.

The command runs in the folder that mrpctl was started in; the daemon's hooks have a private one of their own.

Only verified requests of contacts are answered, unless --from or --unverified say otherwise. An identity that has
[[capability]] or [[topic]] in mrpd.toml answers unknown actions by itself: name the action there, without a command."
)]
pub(crate) struct Serve {
    /// What is answered
    #[arg(required = true, value_name = "ACTION", value_parser = value::given)]
    pub(crate) actions: Vec<String>,
    /// Only requests of this contact or key; '*' for everybody's
    #[arg(long, value_name = "WHO", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    #[command(flatten)]
    pub(crate) senders: Senders,
    /// A JSON Schema that the parameters are checked by; what it may say is told below
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    /// Requests that are answered at the same time
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) jobs: u16,
    /// End after N requests
    #[arg(short = 'c', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// How long one run may take
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = value::duration)]
    pub(crate) run_timeout: Duration,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}
