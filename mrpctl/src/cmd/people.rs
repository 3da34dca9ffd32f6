//! Who else is there, and who may write.

mod card;
mod contact;

use super::bounded;
use crate::cli::people::Command;
use crate::context::Context;
use crate::exit::Failure;

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Card(flags) => bounded(context, card::run(context, flags)),
        Command::Contact(flags) => bounded(context, contact::run(context, flags)),
    }
}
