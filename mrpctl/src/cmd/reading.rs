//! What reads messages, and settles them.

mod attachments;
mod chat;
mod dead;
mod export;
mod follow;
pub(super) mod id;
mod import;
mod inbox;
mod mark;
mod next;
mod open;
mod outbox;
mod peers;
mod prune;
mod receipts;
mod remove;
mod search;
mod settle;
mod show;
mod sink;
mod tail;
mod thread;
mod wait;

use super::bounded;
use crate::cli::reading::Command;
use crate::context::Context;
use crate::exit::Failure;
use tail::Unread;

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Tail(flags) => bounded(context, tail::run(context, &flags, Unread::IfAsked)),
        Command::Recv(flags) => bounded(context, tail::run(context, &flags, Unread::Only)),
        Command::Next(flags) => bounded(context, next::run(context, &flags)),
        Command::Ack(flags) => bounded(context, settle::ack(context, &flags)),
        Command::Nack(flags) => bounded(context, settle::nack(context, &flags)),
        Command::Touch(flags) => bounded(context, settle::touch(context, &flags)),
        Command::Wait(flags) => bounded(context, wait::run(context, &flags)),
        Command::Inbox(flags) => bounded(context, inbox::run(context, *flags)),
        Command::Show(flags) => bounded(context, show::run(context, &flags)),
        Command::Thread(flags) => bounded(context, thread::run(context, flags)),
        Command::Search(flags) => bounded(context, search::run(context, &flags)),
        Command::Open(flags) => bounded(context, open::run(context, &flags)),
        Command::Mark(flags) => bounded(context, mark::run(context, &flags)),
        Command::Rm(flags) => bounded(context, remove::run(context, &flags)),
        Command::Prune(flags) => bounded(context, prune::run(context, &flags)),
        Command::Outbox(flags) => bounded(context, outbox::run(context, flags)),
        Command::Dead(flags) => bounded(context, dead::run(context, flags)),
        Command::Export(flags) => bounded(context, export::run(context, &flags)),
        Command::Import(flags) => bounded(context, import::run(context, &flags)),
        Command::Receipts(flags) => bounded(context, receipts::run(context, &flags)),
        Command::Chat(flags) => bounded(context, chat::run(context, &flags)),
    }
}

/// Tries each of several, and tells what goes wrong with one without leaving out the others; the first failure decides how it ends.
async fn each<'a>(
    context: &Context,
    ids: &'a [String],
    mut act: impl AsyncFnMut(&'a str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut first = None;
    for id in ids {
        if let Err(failure) = act(id).await {
            context.output.failure(&failure);
            first.get_or_insert(failure.exit());
        }
    }
    first.map_or(Ok(()), |exit| Err(Failure::Status(exit)))
}

/// Duration as the daemon is told it.
fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
