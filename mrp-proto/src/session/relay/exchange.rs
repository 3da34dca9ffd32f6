//! What shell and machine say to each other.

use crate::code::Code;
use crate::frame::{Auth, CloseCode, Send, SuccessWord};
use crate::key::PublicKey;
use crate::message::Message;
use std::time::Duration;

/// What the relay allows its clients. The defaults are the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long a client may take for its `auth` frame, and the shell for its verdict.
    pub auth_timeout: Duration,
    /// Time between two pings.
    pub ping: Duration,
    /// How long a client may be silent after a ping has left. A client that is deaf for long (protocol A8.5) gets more.
    pub pong_timeout: Duration,
    /// How success is written in `send_result` (protocol A8.3).
    pub success_word: SuccessWord,
    /// Bytes that may wait to be written, apart from a single frame that is larger.
    pub unsent_limit: usize,
    /// How long a client may take none of the bytes that wait for it.
    pub write_stall: Duration,
    /// Sends that may wait for their outcome before the socket is no longer read.
    pub max_sends_in_flight: usize,
    /// Pings and pongs of either kind that a client may send in a second.
    pub control_frames_per_second: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auth_timeout: Duration::from_secs(10),
            ping: Duration::from_secs(30),
            pong_timeout: Duration::from_secs(10),
            success_word: SuccessWord::Sent,
            unsent_limit: 256 << 10,
            write_stall: Duration::from_secs(60),
            max_sends_in_flight: 64,
            control_frames_per_second: 10,
        }
    }
}

/// The verdict on a client that may have a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    /// Whose session it is.
    pub public_key: PublicKey,
}

/// The verdict on a client that may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// How the connection is closed: [`CloseCode::AuthFailed`], [`CloseCode::TooManyConnections`], [`CloseCode::AgentGone`].
    pub close: CloseCode,
    /// Why, for people.
    pub error: String,
    /// Why, for programs.
    pub code: Code,
}

/// The answer to [`Output::Fetch`]. The shell's position is behind the last of `messages` from then on.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// What comes next in the inbox, oldest first: as many as fit the room, and at least one (if there is one) where the room
    /// is the whole [`Settings::unsent_limit`].
    pub messages: Vec<Message>,
    /// Whether there is more behind them.
    pub more: bool,
}

/// What the shell is to do.
#[derive(Debug, Clone)]
pub enum Output {
    /// Verify the claim and find a place for the session, then [`Session::handle_verdict`](super::Session::handle_verdict).
    Authenticate(Box<Auth>),
    /// Take the message, durably, then [`Session::handle_send_outcome`](super::Session::handle_send_outcome).
    Accept(Box<Send>),
    /// Mark the message as delivered, if it exists and is this agent's.
    Delivered {
        /// Which; it has the shape of a [`MessageId`](crate::id::MessageId).
        message_id: String,
    },
    /// Read the inbox, then [`Session::handle_fetched`](super::Session::handle_fetched). There is one of these at a time.
    Fetch {
        /// Bytes that the frames may have together. When it is the whole limit, nothing waits to be written, and a single
        /// frame of any size may come.
        room: usize,
    },
    /// Write a text frame, then [`Session::handle_written`](super::Session::handle_written).
    Transmit(String),
    /// Write a ping of RFC 6455.
    Ping,
    /// Write what is left (within a time of the shell's choosing), then close. It is the last output.
    Close {
        /// How.
        code: CloseCode,
        /// Why; at most 123 bytes, as a close frame demands.
        reason: String,
    },
}
