//! Flags of the commands that read messages and settle them.

mod archive;
mod inbox;
mod outgoing;
mod stream;
mod work;

pub(crate) use archive::{Export, Import, MarkWord, Marking, Prune, Remove};
pub(crate) use inbox::{
    ConflictWord, Inbox, InboxCommand, Open, Search, Show, Thread, ThreadCommand, ThreadList,
    ThreadShow,
};
pub(crate) use outgoing::{Dead, DeadCommand, Outbox, OutboxCommand, Receipts};
pub(crate) use stream::{Chat, Tail, Wait};
pub(crate) use work::{Ack, Nack, Next, Touch};

use clap::Subcommand;

/// What reads messages, and settles them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(visible_aliases = ["sub", "follow"])]
    Tail(Box<Tail>),
    /// Show what is unread, and go on as it comes: tail --unread
    ///
    /// Reading changes nothing: mrpctl mark read settles a message, and so does mrpctl ack.
    #[command(after_help = stream::RECEIVE_HELP)]
    Recv(Box<Tail>),
    Next(Box<Next>),
    Ack(Ack),
    Nack(Nack),
    Touch(Touch),
    Wait(Box<Wait>),
    Inbox(Box<Inbox>),
    Show(Show),
    Thread(Thread),
    Search(Box<Search>),
    Open(Open),
    Mark(Marking),
    Rm(Remove),
    Prune(Prune),
    Outbox(Outbox),
    Dead(Dead),
    Export(Box<Export>),
    Import(Import),
    #[command(alias = "receipt")]
    Receipts(Receipts),
    Chat(Chat),
}
