//! What is done to the programs, and what they say of themselves.

mod api;
mod archive;
mod bug_report;
mod cheat;
mod completions;
pub(crate) mod config;
pub(crate) mod daemon;
mod logs;
mod man;
mod mrpd;
mod schema;
pub(crate) mod service;
pub(crate) mod systemd;
pub(crate) mod version;

use super::bounded;
use crate::cli::tooling::Command;
use crate::context::Context;
use crate::exit::Failure;

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Daemon(flags) => daemon::run(context, flags),
        Command::Config(flags) => bounded(context, config::run(context, flags)),
        Command::Mcp(flags) => bounded(context, crate::mcp::run(context.clone(), &flags)),
        Command::Service(flags) => bounded(context, service::run(context, &flags)),
        Command::Logs(flags) => bounded(context, logs::run(context, &flags)),
        Command::Api(flags) => bounded(context, api::run(context, &flags)),
        Command::Schema(flags) => bounded(context, schema::run(context, &flags)),
        Command::Completions(flags) => completions::run(context, &flags),
        Command::Man(flags) => man::run(context, &flags),
        Command::BugReport(flags) => bounded(context, bug_report::run(context, &flags)),
        Command::Backup(flags) => bounded(context, archive::back_up(context, &flags)),
        Command::Restore(flags) => bounded(context, archive::restore(context, &flags)),
        Command::Cheat(flags) => cheat::run(context, &flags),
    }
}
