//! A session that comes back: messages as they arrive, for as long as the program runs.
//!
//! One task per agent and relay. It connects, authenticates, hands over what the relay pushes, and acks what the program says it
//! has stored; when the connection is lost it connects again, after a pause that grows and is spread at random. What the
//! session says and when is decided by [`mrp_proto::session::agent`]; here are the socket, the clock and the pauses.
//!
//! Where something between the two knows no WebSockets, the task can poll instead ([`Transports`]): polls that mark nothing, and an
//! acknowledgement over HTTP once a message is stored. It does one or the other, never both at once.

mod alarm;
mod connect;
mod desk;
mod jump;
mod pace;
mod task;
mod timer;
#[cfg(target_os = "linux")]
mod timerfd;
mod wire;

use crate::binding::Binding;
use crate::error::Refusal;
use crate::url::RelayUrl;
use mrp_proto::backoff::Backoff;
use mrp_proto::frame::{self, ClientFrame, MAX_FRAME, SendOutcome};
use mrp_proto::id::MessageId;
use mrp_proto::key::SecretKey;
use mrp_proto::message::Message;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

/// Events that may wait for the program before the relay's frames are left in the socket.
const EVENT_QUEUE: usize = 16;
/// Sends that may wait for the socket before [`SendError::Busy`].
const SEND_QUEUE: usize = 64;
/// How long [`Handle::shutdown`] waits for the task before it takes the connection away from it.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// How a session keeps itself.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time between two pings to the relay. They keep the ways through routers open, and make a living relay say something.
    pub ping: Duration,
    /// How long the relay may be silent before the connection counts as lost.
    pub idle_timeout: Duration,
    /// The pauses between attempts: 1 s to 60 s with full jitter, unless set otherwise.
    pub backoff: Backoff,
    /// Bytes of a frame that this program takes; larger messages are announced as [`Event::Pending`]. Between
    /// [`SAFE_FRAME`](mrp_proto::frame::SAFE_FRAME) and [`MAX_FRAME`], the default.
    pub max_frame: usize,
    /// What is known about the relay's taking bound signatures. Where that is nothing, its health is asked before the first
    /// connection.
    pub binding: Binding,
    /// How messages may come.
    pub transports: Transports,
}

/// How messages come from a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// The relay pushes them over a WebSocket.
    WebSocket,
    /// They are asked for again and again, over HTTP. Only with relays that have the feature
    /// [`ack`](mrp_proto::relay_api::feature::ACK): without it, what a poll hands out counts as delivered before it is stored.
    Poll,
}

/// Which transports a session may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transports {
    /// This one.
    Only(Transport),
    /// A WebSocket; polls while there can be none. The WebSocket is tried again from time to time.
    Auto,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ping: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(75),
            backoff: Backoff::default(),
            max_frame: MAX_FRAME,
            binding: Binding::default(),
            transports: Transports::Only(Transport::WebSocket),
        }
    }
}

/// What a session tells the program.
#[derive(Debug, Clone)]
pub enum Event {
    /// Connected and authenticated, or polling. What waits at the relay comes next, oldest first. Also told when a session goes
    /// over from one transport to the other.
    Up {
        /// How messages come from now on.
        transport: Transport,
    },
    /// A message. Store it, drop it if it was stored before, and say [`Handle::stored`] in either case. Until then the relay
    /// keeps it, and hands it out again on the next connection.
    Message(Box<Message>),
    /// What became of a [`Handle::send`].
    SendResult {
        /// The program's name for the send.
        request_id: String,
        /// What became of it.
        outcome: SendOutcome,
    },
    /// A message waits that is larger than [`Settings::max_frame`]: read it with [`Relay::message`](crate::Relay::message) and
    /// ack it with [`Relay::ack`](crate::Relay::ack).
    Pending {
        /// Which.
        message_id: MessageId,
        /// Bytes of its frame.
        size: u64,
    },
    /// The connection is lost, or an attempt to make one failed; the task goes on by itself. What became of sends that have no
    /// result yet is unknown: repeat them under their idempotency keys.
    Down {
        /// Why.
        reason: DownReason,
        /// How long until the next attempt.
        retry_in: Duration,
    },
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DownReason {
    /// No connection could be made, or it broke.
    #[error("the relay cannot be reached: {cause}")]
    Unreachable {
        /// What failed, down to the operating system's words.
        cause: String,
    },
    /// Connecting or authenticating took too long.
    #[error("the relay did not answer in time")]
    TimedOut,
    /// The relay does not make this HTTP connection a WebSocket.
    #[error("the relay refused the WebSocket with HTTP status {status}")]
    UpgradeRefused {
        /// HTTP status.
        status: u16,
        /// How long the relay asked to be left alone; a day at most.
        retry_after: Option<Duration>,
    },
    /// The relay does not take this agent, or not now. Tried again, at least half a minute later unless the code says that
    /// it will pass.
    #[error("the relay refused the agent: {error}")]
    AuthRefused {
        /// Why, for people.
        error: String,
        /// Why, for programs: a [`Code`](mrp_proto::code::Code)'s text; absent from some relays.
        code: Option<String>,
    },
    /// Nothing came from the relay for [`Settings::idle_timeout`], not even to pings: the other end is gone.
    #[error("the relay fell silent")]
    Silent,
    /// What answered does not speak the protocol.
    #[error("the relay said what no relay says: {what}")]
    Nonsense {
        /// What it was.
        what: String,
    },
    /// A poll or an acknowledgement over HTTP was refused.
    #[error("the relay refused: {0}")]
    Refused(Box<Refusal>),
    /// The relay cannot be polled without losing messages when this program or machine dies: it takes no acknowledgements over
    /// HTTP.
    #[error("the relay cannot be polled safely: it takes no acknowledgements over HTTP")]
    PollUnsupported,
    /// The relay shuts down or restarts, and says so.
    #[error("the relay is going away for a while")]
    GoingAway {
        /// When it asked this agent to come back; a day at most.
        reconnect_after: Duration,
    },
    /// The relay closed the connection.
    #[error("the relay closed the connection{}", closing_words(*.code, .reason))]
    Closed {
        /// A [`CloseCode`](mrp_proto::frame::CloseCode)'s number.
        code: Option<u16>,
        /// Why, for people; may be empty.
        reason: String,
    },
    /// The wall clock moved by itself: the machine was asleep, or its clock was set. The connection is made anew at once rather
    /// than found dead later.
    #[error("the clock jumped by {by:?}")]
    ClockJumped {
        /// By how much, in either direction.
        by: Duration,
    },
    /// This machine's setup is wrong.
    #[error("{what}")]
    Setup {
        /// What is wrong, and what would be right.
        what: String,
    },
}

fn closing_words(code: Option<u16>, reason: &str) -> String {
    match (code, reason) {
        (None, _) => String::new(),
        (Some(code), "") => format!(" ({code})"),
        (Some(code), reason) => format!(" ({code}: {reason})"),
    }
}

/// Why a send was not taken. It has not been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no WebSocket at the moment; [`Event::Up`] says when there is. While the session polls,
    /// [`Relay::send`](crate::Relay::send) is the way.
    #[error("there is no WebSocket with the relay at the moment")]
    NotUp,
    /// Too many sends wait for the socket already; wait for results.
    #[error("too many sends wait for the relay already")]
    Busy,
    /// The frame would be larger than any relay takes.
    #[error("the message makes a frame of {actual} bytes, a relay takes at most {limit}")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes needed.
        actual: usize,
    },
}

/// The program's hold on a session. The session ends with [`shutdown`](Handle::shutdown), or when all handles or the receiver
/// of its events are dropped.
#[derive(Clone)]
pub struct Handle {
    stored: mpsc::UnboundedSender<desk::Storing>,
    sends: mpsc::Sender<desk::QueuedSend>,
    stop: Arc<watch::Sender<bool>>,
    up: watch::Receiver<Option<desk::Epoch>>,
    task: AbortHandle,
}

impl Handle {
    /// The message is in the program's own store: ack it. Never waits.
    ///
    /// Without a session this does nothing: the message comes again with the next one, and is to be answered the same way.
    pub fn stored(&self, message_id: MessageId) {
        // A task that has ended acks no more, and then the relay hands the message out again.
        let _ = self.stored.send(desk::Storing::Done(message_id));
    }

    /// The message could not be stored: make room for others. The relay keeps it and hands it out again on the next connection;
    /// while the session polls, after a pause. Never waits.
    pub fn not_stored(&self, message_id: MessageId) {
        let _ = self.stored.send(desk::Storing::Failed(message_id));
    }

    /// Sends a message over the session. Never waits; what becomes of it, an [`Event::SendResult`] tells, or [`Event::Down`]
    /// if nobody knows.
    ///
    /// # Errors
    /// A [`SendError`] if the message was not taken and will not be sent.
    pub fn send(&self, send: frame::Send) -> Result<(), SendError> {
        let epoch = (*self.up.borrow()).ok_or(SendError::NotUp)?;
        let frame = ClientFrame::Send(Box::new(send));
        let actual = frame.encode().len();
        if actual > MAX_FRAME {
            let limit = MAX_FRAME;
            return Err(SendError::TooLarge { limit, actual });
        }
        let ClientFrame::Send(send) = frame else {
            unreachable!("the frame was made of a send");
        };
        self.sends
            .try_send(desk::QueuedSend { epoch, send })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => SendError::Busy,
                mpsc::error::TrySendError::Closed(_) => SendError::NotUp,
            })
    }

    /// Ends the session: acks what was said to be stored, closes the connection, and returns when the task is gone, after 5 s
    /// at the latest. Messages that were handed over and not stored stay with the relay.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let mut up = self.up.clone();
        let ended = async { while up.changed().await.is_ok() {} };
        if tokio::time::timeout(SHUTDOWN_LIMIT, ended).await.is_err() {
            self.task.abort();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Handle")
            .field("up", &self.up.borrow().is_some())
            .finish_non_exhaustive()
    }
}

/// Starts a session of `key` with the relay at `url`, on the current Tokio runtime. The first attempt is made at once.
///
/// The receiver must be read: what is not read stays with the relay, and pauses the session. So does, while it polls, a message of
/// which the program says neither [`stored`](Handle::stored) nor [`not_stored`](Handle::not_stored).
///
/// # Panics
/// Outside of a Tokio runtime.
pub fn spawn(
    url: RelayUrl,
    key: Arc<SecretKey>,
    settings: Settings,
) -> (Handle, mpsc::Receiver<Event>) {
    let (events, receiver) = mpsc::channel(EVENT_QUEUE);
    // Holds at most one entry for each message that was handed over, and the state machine limits those.
    let (stored, stored_receiver) = mpsc::unbounded_channel();
    let (sends, sends_receiver) = mpsc::channel(SEND_QUEUE);
    let (stop, stop_receiver) = watch::channel(false);
    let (up_sender, up) = watch::channel(None);
    let desk = desk::Desk::new(
        stored_receiver,
        sends_receiver,
        stop_receiver,
        events,
        up_sender,
    );
    let task = tokio::spawn(task::Task::new(url, key, settings, desk).run());
    let handle = Handle {
        stored,
        sends,
        stop: Arc::new(stop),
        up,
        task: task.abort_handle(),
    };
    (handle, receiver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_reads_as_a_sentence() {
        let closed = |code, reason: &str| {
            DownReason::Closed {
                code,
                reason: reason.to_owned(),
            }
            .to_string()
        };
        assert_eq!(closed(None, ""), "the relay closed the connection");
        assert_eq!(
            closed(Some(1001), ""),
            "the relay closed the connection (1001)"
        );
        assert_eq!(
            closed(Some(4004), "keepalive timeout"),
            "the relay closed the connection (4004: keepalive timeout)"
        );
    }
}
