//! Relays, blobs and webhooks.

mod blob;
mod relay;
mod webhook;

use super::bounded;
use crate::cli::relays::{Command, Webhook};
use crate::context::Context;
use crate::exit::Failure;
use crate::{Signals, block_on};

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Blob(flags) => bounded(context, blob::run(context, flags)),
        Command::Relay(flags) => bounded(context, relay::run(context, flags)),
        Command::Webhook(flags) => {
            // A listener tells the relay how it stands before it ends.
            let signals = match flags {
                Webhook::Listen(_) => Signals::ItsOwn,
                _ => Signals::EndIt,
            };
            block_on(
                context.global.timeout,
                signals,
                webhook::run(context, flags),
            )
        }
    }
}
