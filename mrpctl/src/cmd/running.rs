//! What runs things when messages come, and what serves others.
//!
//! - `on`, `serve`: a program for each message, with what it is given from `handler`. `run`, `watch`: a program, and a `report` of it.
//! - `topics`: publish and subscribe. `hook`: the daemon's own hooks.

pub(super) mod handler;
mod hook;
mod on;
mod report;
mod run;
mod serve;
mod subscribers;
mod topics;
mod watch;

use super::bounded;
use crate::cli::running::Command;
use crate::context::Context;
use crate::exit::Failure;
use crate::{Signals, block_on};

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::On(flags) => bounded(context, on::run(context, *flags)),
        Command::Serve(flags) => bounded(context, serve::run(context, *flags)),
        // The command is told to end, and how it ended is still to be told: signals and time limits do not end that.
        Command::Run(flags) => block_on(None, Signals::ItsOwn, run::run(context, *flags)),
        Command::Publish(flags) => bounded(context, topics::publish(context, flags)),
        Command::Subscribers(flags) => bounded(context, subscribers::run(context, &flags)),
        Command::Subscribe(flags) => bounded(context, topics::subscribe(context, flags)),
        Command::Unsubscribe(flags) => bounded(context, topics::unsubscribe(context, &flags)),
        Command::Watch(flags) => bounded(context, watch::run(context, *flags)),
        Command::Hook(flags) => bounded(context, hook::run(context, flags)),
    }
}
