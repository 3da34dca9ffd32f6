//! Flags of the commands that run something, or publish.
//!
//! - `react`: on and serve. `report`: run and watch. `topics`: publish and subscribe. `hook`: the daemon's own hooks.

mod hook;
mod react;
mod report;
mod topics;

pub(crate) use hook::{Hook, HookCommand};
pub(crate) use react::{On, Serve};
pub(crate) use report::{Run, Watch, When};
pub(crate) use topics::{Publish, Subscribe, Subscribers, Unsubscribe};

use clap::Subcommand;

/// What runs things when messages come, and what serves others.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    On(Box<On>),
    Serve(Box<Serve>),
    Run(Box<Run>),
    Publish(Publish),
    Subscribers(Subscribers),
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
    Watch(Box<Watch>),
    Hook(Hook),
}
