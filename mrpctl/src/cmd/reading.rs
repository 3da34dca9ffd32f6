//! What reads messages, and settles them.

mod outbox;
mod show;
mod tail;

use super::bounded;
use crate::cli::reading::Command;
use crate::context::Context;
use crate::exit::Failure;

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Tail(flags) => bounded(context, tail::run(context, &flags)),
        Command::Show(flags) => bounded(context, show::run(context, &flags)),
        Command::Outbox(_) => bounded(context, outbox::run(context)),
    }
}
