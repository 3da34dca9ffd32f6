//! What sends a message.

pub(crate) mod send;

use crate::cli::sending::Command;
use crate::context::Context;
use crate::exit::Failure;
use crate::{Signals, block_on};
use std::time::Duration;

/// What `send` gets beyond `--timeout`, to tell what has become of a message that is in the outbox.
const SEND_GRACE: Duration = Duration::from_secs(2);

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let timeout = context.global.timeout;
    match command {
        Command::Send(flags) => {
            let timeout = timeout.map(|timeout| timeout.saturating_add(SEND_GRACE));
            block_on(timeout, Signals::EndIt, send::run(context, *flags))
        }
    }
}
