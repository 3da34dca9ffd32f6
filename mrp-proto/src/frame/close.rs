//! How a WebSocket is closed.

/// Why a WebSocket is closed (protocol A8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// Nothing is wrong.
    Normal,
    /// The relay shuts down.
    GoingAway,
    /// A frame over [`MAX_FRAME`](super::MAX_FRAME).
    TooBig,
    /// A malformed or unexpected frame.
    BadFrame,
    /// Authentication failed.
    AuthFailed,
    /// The agent has as many connections as it may.
    TooManyConnections,
    /// No authentication in time.
    AuthTimeout,
    /// The peer was silent for too long, or took nothing for too long.
    KeepaliveTimeout,
    /// The agent was suspended or deleted.
    AgentGone,
    /// Too many frames.
    RateLimited,
}

impl CloseCode {
    /// The number on the wire.
    pub fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::TooBig => 1009,
            Self::BadFrame => 4000,
            Self::AuthFailed => 4001,
            Self::TooManyConnections => 4002,
            Self::AuthTimeout => 4003,
            Self::KeepaliveTimeout => 4004,
            Self::AgentGone => 4005,
            Self::RateLimited => 4008,
        }
    }
}
