//! Flags of the commands that keep the daemon running and its store safe.

use crate::cli::value;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Have systemd run the daemon
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl service install
  mrpctl service install --linger           it goes on when you log out
  sudo mrpctl service install --system      the system runs it, for a server
  mrpctl service uninstall")]
pub(crate) enum Service {
    /// Enable the daemon's units and start it; units that are not there are written
    Install {
        #[command(flatten)]
        which: WhichManager,
        /// Have the daemon run without a login too (loginctl enable-linger)
        #[arg(long, conflicts_with = "system")]
        linger: bool,
    },
    /// Stop the daemon and disable its units; those that install wrote are removed
    Uninstall {
        #[command(flatten)]
        which: WhichManager,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct WhichManager {
    /// By the system's service manager, for the user who calls (through sudo, if need be)
    #[arg(long)]
    pub(crate) system: bool,
}

/// Show the daemon's log
///
/// It is in the journal where systemd runs the daemon, else in a file in the state directory.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl logs
  mrpctl logs -f
  mrpctl logs -n 1000 --hook deploy")]
pub(crate) struct Logs {
    /// Go on with what is written from now on, until Ctrl-C
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// So many of the last lines
    #[arg(
        short = 'n',
        long,
        value_name = "N",
        default_value_t = 100,
        hide_default_value = true
    )]
    pub(crate) lines: usize,
    /// Only what is about this hook
    #[arg(long, value_name = "NAME", value_parser = value::given)]
    pub(crate) hook: Option<String>,
}

/// Write what is needed to find a fault into one text, without secrets
///
/// Versions, how the daemon stands, what doctor finds, the configuration and the last lines of the log. Keys are shortened, secrets
/// and commands are taken out; no message is in it. Read it before you give it away.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl bug-report > report.txt
  mrpctl bug-report report.txt")]
pub(crate) struct BugReport {
    /// The file to write (default: standard output)
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// Save inbox, outbox and cursors to a file, while the daemon runs
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl backup ~/backup/mrp.redb
  mrpctl backup --force /mnt/usb/mrp.redb

Keys, contacts and configuration are files of their own: ~/.mrp and ~/.config/mrp.")]
pub(crate) struct Backup {
    /// The file to make
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Replace it if it is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Put a backup in the store's place; the daemon must not run
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl daemon stop && mrpctl restore ~/backup/mrp.redb && mrpctl daemon start
  mrpctl restore --force mrp.redb           the store that is there is kept under another name")]
pub(crate) struct Restore {
    /// The file that backup has made
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Replace the store that is there; it is kept under another name
    #[arg(long)]
    pub(crate) force: bool,
}
