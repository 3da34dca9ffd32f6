//! What runs things when messages come, and what serves others.

mod subscribers;

use super::bounded;
use crate::cli::running::Command;
use crate::context::Context;
use crate::exit::Failure;

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Subscribers(flags) => bounded(context, subscribers::run(context, &flags)),
    }
}
