//! Flags of the commands about the programs themselves.

mod ask;
mod generate;
mod upkeep;

pub(crate) use ask::{Api, Cheat, Schema, SchemaOf, Topic};
pub(crate) use generate::{Completions, Man, Shell};
pub(crate) use upkeep::{Backup, BugReport, Logs, Restore, Service, WhichManager};

use super::value;
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// What is done to the programs, and what they say of themselves.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(subcommand)]
    Daemon(Daemon),
    #[command(subcommand)]
    Service(Service),
    Logs(Logs),
    #[command(subcommand)]
    Config(Config),
    Api(Api),
    Mcp(Mcp),
    Schema(Schema),
    Completions(Completions),
    Man(Man),
    BugReport(BugReport),
    Backup(Backup),
    Restore(Restore),
    Cheat(Cheat),
}

/// Start, stop and ask the daemon
///
/// start and stop use systemctl --user where the daemon's units are enabled.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl daemon start
  mrpctl daemon run             in the foreground, log on standard error
  mrpctl daemon restart")]
pub(crate) enum Daemon {
    Run(DaemonRun),
    #[command(flatten)]
    Control(DaemonControl),
}

/// What is done to a daemon that runs by itself.
#[derive(Debug, Subcommand)]
pub(crate) enum DaemonControl {
    /// Start it in the background; does nothing if it is running
    Start,
    /// End it; does nothing if it is not running
    Stop,
    /// End it and start it again
    Restart,
    /// Have it read configuration and contacts again
    Reload,
    /// Show whether it is running; exit status 69 if it is not
    Status,
}

/// Run it in the foreground
#[derive(Debug, Args)]
pub(crate) struct DaemonRun {
    /// Arguments for mrpd
    #[arg(value_name = "ARG", last = true)]
    pub(crate) arguments: Vec<OsString>,
}

/// Read and change mrpd.toml
///
/// Comments stay. Keys are dotted paths; relays, agents and the like go by their names: relay.home.url.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl config show --origin
  mrpctl config set default_agent laptop
  mrpctl config set relay.home.url http://127.0.0.1:8080
  mrpctl config unset agent.laptop.display_name
  mrpctl config check")]
pub(crate) enum Config {
    /// Show where the file is
    Path,
    /// Show every value in force
    Show {
        /// And where it comes from
        #[arg(long)]
        origin: bool,
    },
    /// Show one value, or all below it
    Get {
        /// Dotted path
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Change one value: what mrpd.toml says goes before drop-ins
    Set {
        /// Dotted path
        #[arg(value_name = "KEY")]
        key: String,
        /// TOML, or plain text
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: String,
    },
    /// Remove one value, so that the default holds
    Unset {
        /// Dotted path
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Open it in $VISUAL or $EDITOR; what is saved is checked first
    Edit,
    /// Say what is wrong with it
    Check {
        /// Another file than the one in use
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// Serve a language model over the Model Context Protocol, on standard input and output
///
/// Tools and resources over the same inbox. A message that the model takes is under a lease until it acknowledges it, so that
/// nothing is lost if it stops. Files are read and saved only below folders that --files names.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl mcp
  mrpctl mcp --read-only                       nothing is sent, settled or changed
  mrpctl mcp --allow-to alice --allow-to ci    messages go to these alone
  mrpctl mcp --files ~/exchange                files are read and saved there

IN A CLIENT'S CONFIGURATION
  {\"mcpServers\": {\"mrp\": {\"command\": \"mrpctl\", \"args\": [\"mcp\"]}}}")]
pub(crate) struct Mcp {
    /// Only tools that change nothing, on this machine or elsewhere
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Send only to this contact, key or @group; repeatable
    #[arg(long, value_name = "WHO", allow_hyphen_values = true, value_parser = value::given)]
    pub(crate) allow_to: Vec<String>,
    /// Folder from which files may be read and to which they may be saved; repeatable
    #[arg(long, value_name = "FOLDER")]
    pub(crate) files: Vec<PathBuf>,
}
