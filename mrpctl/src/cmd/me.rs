//! How I am known.

mod cap;
mod key;
mod profile;
mod shown;
mod whoami;

use super::bounded;
use crate::cli::me::Command;
use crate::context::Context;
use crate::exit::Failure;

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Whoami(flags) => bounded(context, whoami::run(context, flags)),
        Command::Profile(flags) => bounded(context, profile::run(context, flags)),
        Command::Cap(flags) => bounded(context, cap::run(context, flags)),
        Command::Key(flags) => bounded(context, key::run(context, flags)),
    }
}
