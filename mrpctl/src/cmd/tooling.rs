//! What is done to the programs, and what they say of themselves.

mod completions;
pub(crate) mod config;
pub(crate) mod daemon;
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
        Command::Completions(flags) => completions::run(context, &flags),
    }
}
