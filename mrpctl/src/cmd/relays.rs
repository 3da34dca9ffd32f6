//! Relays, blobs and webhooks.

mod relay;

use super::bounded;
use crate::cli::relays::Command;
use crate::context::Context;
use crate::exit::Failure;

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Relay(flags) => bounded(context, relay::run(context, &flags)),
    }
}
