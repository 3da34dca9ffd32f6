//! How I am known.

mod whoami;

use super::bounded;
use crate::cli::me::Command;
use crate::context::Context;
use crate::exit::Failure;

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Whoami(_) => bounded(context, whoami::run(context)),
    }
}
