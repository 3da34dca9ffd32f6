//! What sends a message.
//!
//! - `recipient`, `group`: whom. `body`, `files`: what. `letter`: how, and under which key.
//! - `deliver`: to the daemon, and how far it comes. `courier`: what is told of it. `preview`: what would be sent.

pub(in crate::cmd) mod body;
mod conventions;
mod courier;
pub(in crate::cmd) mod deliver;
mod files;
pub(in crate::cmd) mod group;
pub(crate) mod letter;
mod preview;
pub(crate) mod recipient;
pub(in crate::cmd) mod reply;
mod request;
mod send;

use crate::cli::sending::Command;
use crate::context::Context;
use crate::exit::Failure;
use crate::{Signals, block_on};
use std::time::Duration;

/// What a command gets beyond `--timeout`, to tell what has become of a message that is in the outbox.
const GRACE: Duration = Duration::from_secs(2);

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let timeout = context.global.timeout;
    let timeout = timeout.map(|timeout| timeout.saturating_add(GRACE));
    let bounded = |command| block_on(timeout, Signals::EndIt, command);
    match command {
        Command::Send(flags) => bounded(boxed(send::run(context, *flags))),
        Command::Reply(flags) => bounded(boxed(reply::run(context, *flags))),
        Command::Request(flags) => bounded(boxed(request::run(context, *flags))),
        Command::Event(flags) => bounded(boxed(conventions::event(context, *flags))),
        Command::Progress(flags) => bounded(boxed(conventions::progress(context, *flags))),
    }
}

/// Of one type, whatever the command.
fn boxed<'a>(
    command: impl Future<Output = Result<(), Failure>> + 'a,
) -> futures_util::future::LocalBoxFuture<'a, Result<(), Failure>> {
    Box::pin(command)
}
