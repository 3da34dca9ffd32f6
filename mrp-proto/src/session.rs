//! The two ends of a WebSocket session as state machines (protocol A8): [`relay::Session`] and [`agent::Session`].
//!
//! Neither knows a socket, a clock or a store. A shell takes one input (a frame, a deadline that has passed, an answer from the
//! store), hands it over, and then drains `poll_output` until it is empty: in that order, always. `poll_timeout` says when to
//! call `handle_timeout`, `wants_input` whether to read the socket at all. That the connection is lost is the shell's business: it
//! drops the machine, and nothing else has to be told.

use std::time::Duration;

pub mod agent;
pub mod relay;

/// A point in time, as the time since an origin of the shell's choosing. It must be monotonic; a deadline may lie in the past
/// when it is asked for, so what remains until it is computed with [`Duration::saturating_sub`].
pub type Moment = Duration;

/// What came from the peer. Text frames are whole: the shell has put fragments together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text frame.
    Text(&'a str),
    /// A text or binary frame that the shell refused to read because it exceeds [`crate::frame::MAX_FRAME`], or [`crate::frame::MAX_AUTH_FRAME`].
    Oversized {
        /// Its bytes, as far as they are known.
        bytes: usize,
    },
    /// A binary frame; no frame of the protocol is.
    Binary,
    /// A ping of RFC 6455. Answering it is the shell's (or its library's) business.
    Ping,
    /// A pong of RFC 6455.
    Pong,
}
