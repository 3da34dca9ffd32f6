//! Relays, blobs and webhooks.

mod blob;
mod relay;
mod webhook;

use super::bounded;
use crate::cli::relays::Command;
use crate::context::Context;
use crate::exit::Failure;

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Blob(flags) => bounded(context, blob::run(context, flags)),
        Command::Relay(flags) => bounded(context, relay::run(context, flags)),
        Command::Webhook(flags) => bounded(context, webhook::run(context, flags)),
    }
}
