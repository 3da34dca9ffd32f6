//! Flags of `hook`.

use crate::cli::value;
use clap::{Args, Subcommand};
use mrp_proto::time::Timestamp;

/// Show the hooks of the daemon, try them, and see what they did
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl hook                                     what is configured, and how it stands
  mrpctl hook test deploy --message msg_1772611200_a1b2c3d4e5f6
  echo '{\"text\":\"hi\"}' | mrpctl hook test desktop
  mrpctl hook log deploy -f
  mrpctl hook replay deploy --since 1h

Hooks are configured in mrpd.toml, [[hook]].")]
pub(crate) struct Hook {
    #[command(subcommand)]
    pub(crate) command: Option<HookCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// List the hooks (the default)
    Ls,
    /// Show one hook
    Show {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
    },
    /// Switch a hook on
    Enable {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
    },
    /// Switch a hook off; what comes meanwhile waits for it
    Disable {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
    },
    /// Have the daemon read its configuration again
    Reload,
    /// Run a hook on one message and show what it printed; nothing is acknowledged or replied
    Test {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
        /// A message of the inbox, by its id or seq (default: a message object, or some fields of one, on standard input)
        #[arg(long, value_name = "ID", value_parser = value::given)]
        message: Option<String>,
    },
    /// Show what hooks have done
    Log {
        /// Only this one
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: Option<String>,
        /// Go on as they run
        #[arg(short, long)]
        follow: bool,
    },
    /// Have a hook look again at what came since then
    Replay {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
        /// 2026-11-21T09:00:00Z, or how long ago: 1h, 7d
        #[arg(long, value_name = "TIME", value_parser = value::since)]
        since: Timestamp,
    },
}
