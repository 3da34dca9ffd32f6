//! What one begins with.

mod demo;
pub(crate) mod doctor;
mod init;
mod status;

use super::bounded;
use crate::cli::start::Command;
use crate::context::Context;
use crate::exit::Failure;
use crate::{Signals, block_on};

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(flags) => bounded(context, init::run(context, flags)),
        Command::Status(flags) => bounded(context, status::run(context, &flags)),
        Command::Doctor(flags) => bounded(context, doctor::run(context, &flags)),
        Command::Demo(flags) => block_on(
            context.global.timeout,
            Signals::ItsOwn,
            demo::run(context, &flags),
        ),
    }
}
