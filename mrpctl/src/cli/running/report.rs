//! Flags of the commands that run a program and report of it.

use crate::cli::value;
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::time::Duration;

/// Run a command and send how it ended
///
/// Its output passes through and mrpctl ends with its status, whatever becomes of the message. The message says how it
/// ended, how long it took, and its last lines. Signals are passed on to the command.
#[derive(Debug, Args)]
#[command(
    override_usage = "mrpctl run [OPTIONS] --to TO -- CMD [ARG]...\n       mrpctl run [OPTIONS] --to TO --pid PID",
    after_help = "\
EXAMPLES
  mrpctl run --to ops -- make release
  mrpctl run --to me --on failure --tail 40 -- /usr/local/bin/backup.sh
  mrpctl run --to ops --on change --after-failures 3 -- ./check.sh      tells when it breaks, and when it is well
  mrpctl run --to me --every 10m --start-ping -- ./train.py
  mrpctl run --to me --pid 4711                                         waits for a process that runs already
  17 3 * * *  mrpctl run --to ops --on failure -- /usr/local/bin/backup.sh          in a crontab"
)]
pub(crate) struct Run {
    /// Who is told; repeatable
    #[arg(long, required = true, value_name = "TO", allow_hyphen_values = true, value_parser = value::given)]
    pub(crate) to: Vec<String>,
    /// When to tell
    #[arg(long = "on", value_name = "WHEN", default_value = "always")]
    pub(crate) when: When,
    /// Count it as a failure only after so many in a row
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) after_failures: u32,
    /// What it is called (default: the command)
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// How many of the last lines are sent
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) tail: usize,
    /// Send all of its output, as a file
    #[arg(long)]
    pub(crate) attach_output: bool,
    /// While it runs, tell so often that it does
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) every: Option<Duration>,
    /// Tell when it begins
    #[arg(long)]
    pub(crate) start_ping: bool,
    /// Wait for this process instead of running a command; how it ended is not known
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(2..), conflicts_with_all = ["command", "attach_output"])]
    pub(crate) pid: Option<i32>,
    /// The command and its arguments
    #[arg(last = true, required_unless_present = "pid", value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// When `run` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// When it failed
    Failure,
    /// When it went well
    Success,
    /// Each time
    Always,
    /// When it went otherwise than the last time
    Change,
}

/// Run a command again and again, and send what it prints when that changes
///
/// What it printed last is kept, also between calls with --once. The first time nothing is sent. A change that cannot be sent,
/// because mrpd is away, is sent when it is back; with --once the next call tries again.
#[derive(Debug, Args)]
#[command(
    override_usage = "mrpctl watch [OPTIONS] --to TO -- CMD [ARG]...",
    after_help = "\
EXAMPLES
  mrpctl watch --to me -n 5m -- df -h /
  mrpctl watch --to ops -- sh -c 'curl -fsS https://example.org/version'
  */5 * * * *  mrpctl watch --to ops --once -- zpool status -x          in a crontab"
)]
pub(crate) struct Watch {
    /// Who is told; repeatable
    #[arg(long, required = true, value_name = "TO", allow_hyphen_values = true, value_parser = value::given)]
    pub(crate) to: Vec<String>,
    /// How long to wait between two runs
    #[arg(short = 'n', long, value_name = "DURATION", default_value = "1m", value_parser = value::duration)]
    pub(crate) interval: Duration,
    /// Run it once, and compare with the last time
    #[arg(long, conflicts_with = "interval")]
    pub(crate) once: bool,
    /// What it is called (default: the command)
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// How long one run may take
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = value::duration)]
    pub(crate) run_timeout: Duration,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}
