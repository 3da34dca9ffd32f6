//! Flags of the commands that send.
//!
//! - `parts`: what several of them have. `message`: send and reply. `conventions`: requests, events, progress.

mod conventions;
mod message;
mod parts;

pub(crate) use conventions::{Event, Progress, Request};
pub(crate) use message::{Reply, Send};
pub(crate) use parts::{Content, Envelope, Hold, Threading, Waiting};

use clap::{Subcommand, ValueEnum};
use mrpd_api::body::{Encrypt, Stage};

/// What sends a message.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Send(Box<Send>),
    Reply(Box<Reply>),
    Request(Box<Request>),
    Event(Box<Event>),
    Progress(Box<Progress>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StageWord {
    /// Durable in the outbox
    Queued,
    /// Durable at the relay
    Accepted,
    /// Taken over by the recipient
    Delivered,
    /// Answered by the recipient
    Reply,
}

impl From<StageWord> for Stage {
    fn from(word: StageWord) -> Self {
        match word {
            StageWord::Queued => Self::Queued,
            StageWord::Accepted => Self::Accepted,
            StageWord::Delivered => Self::Delivered,
            StageWord::Reply => Self::Replied,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EncryptWord {
    /// Always
    Always,
    /// For peers that advertise it or were ever seen using it
    Auto,
    /// Never
    Never,
}

impl From<EncryptWord> for Encrypt {
    fn from(word: EncryptWord) -> Self {
        match word {
            EncryptWord::Always => Self::Always,
            EncryptWord::Auto => Self::Auto,
            EncryptWord::Never => Self::Never,
        }
    }
}
