//! Flags of the commands that one begins with.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What one begins with.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(Init),
    Status(Status),
    Doctor(Doctor),
    Demo(Demo),
}

/// Make a key and a configuration, and start the daemon
///
/// What is there already is kept: running it twice does no harm, and running it with another name or relay adds to the
/// configuration. Comments in mrpd.toml stay.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl init --name laptop
  mrpctl init --name laptop --relay http://127.0.0.1:8080
  mrpctl init --name laptop --service --linger      systemd runs the daemon, without a login too
  mrpctl init --name ci --key /etc/ci/mrp.key       use a key that exists, or make it there

Without --relay the variable MRP_RELAY_URL is taken, else you are asked at a terminal, else it is
the hosted relay https://relay.mrphub.io. MRP_AGENT_NAME and MRP_KEY_FILE stand for --name and --key.")]
pub(crate) struct Init {
    /// Name of the local identity (default: this machine's name)
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The relay to use
    #[arg(long, value_name = "URL")]
    pub(crate) relay: Option<String>,
    /// The key file: 32 bytes, made if it is missing (default: ~/.mrp/keys/NAME.key)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Have systemd run the daemon, as mrpctl service install does
    #[arg(long, conflicts_with = "no_service")]
    pub(crate) service: bool,
    /// Start the daemon from here even where its units are enabled
    #[arg(long)]
    pub(crate) no_service: bool,
    /// Have the daemon run without a login too
    #[arg(long, requires = "service")]
    pub(crate) linger: bool,
}

/// Try it: a private relay and two users in a temporary folder
///
/// Each step's real command is shown as it runs. At a terminal the network stays up until Ctrl-C, to try things; then
/// everything is ended and removed.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl demo
  mrpctl demo --once        end after the message has arrived")]
pub(crate) struct Demo {
    /// End after the message has arrived
    #[arg(long)]
    pub(crate) once: bool,
}

/// Show the daemon, its relays and what is in the inbox and the outbox
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl status
  mrpctl status --watch
  mrpctl status -o json | jq '.sessions[] | select(.state != \"up\")'")]
pub(crate) struct Status {
    /// Show it again every two seconds, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Find out what is wrong on this machine, and what mends it
///
/// Looks at the daemon, its socket, versions, the modes of keys and folders, what systemd does for this user, the relays and
/// their clocks, the sessions, the disk, and the configuration. Exit status 1 if anything is wrong.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl doctor
  mrpctl doctor --fix       mend what is safe to mend: modes, sockets that nobody listens on
  mrpctl doctor -o json | jq '.[] | select(.verdict != \"ok\")'")]
pub(crate) struct Doctor {
    /// Mend what is safe to mend: modes of keys and folders, sockets that nobody listens on
    #[arg(long)]
    pub(crate) fix: bool,
}
