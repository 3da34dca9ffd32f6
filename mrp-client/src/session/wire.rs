//! The WebSocket: frames in, frames out, in one future that does both.
//!
//! Writing never keeps the task from reading: a relay that is itself waiting to write would otherwise wait for ever.

use super::connect::Duplex;
use futures_util::{Sink as _, Stream as _};
use mrp_proto::frame::CloseCode;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message, Utf8Bytes};

/// How long a farewell may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// What came from the relay.
#[derive(Debug)]
pub(super) enum Frame {
    Text(Utf8Bytes),
    Oversized { bytes: usize },
    Binary,
    Ping,
    Pong,
}

/// Why nothing more will come.
#[derive(Debug)]
pub(super) enum Ended {
    /// The relay closed.
    Closed { code: Option<u16>, reason: String },
    /// The connection broke.
    Broken { cause: String },
    /// What came is no WebSocket.
    Garbled { what: String },
}

/// Whether frames are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    On,
    Paused,
}

/// An open WebSocket and the frames that wait to go out on it.
#[derive(Debug)]
pub(super) struct Wire {
    socket: WebSocketStream<Box<dyn Duplex>>,
    unsent: VecDeque<Message>,
    unsent_bytes: usize,
    unflushed: bool,
    write_error: Option<WebSocketError>,
}

impl Wire {
    pub(super) fn new(socket: WebSocketStream<Box<dyn Duplex>>) -> Self {
        Self {
            socket,
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            unflushed: false,
            write_error: None,
        }
    }

    /// Has a text frame written by the next [`Wire::next`].
    pub(super) fn transmit(&mut self, text: String) {
        self.unsent_bytes += text.len();
        self.unsent.push_back(Message::Text(text.into()));
    }

    /// Has a ping of RFC 6455 written by the next [`Wire::next`].
    pub(super) fn ping(&mut self) {
        self.unsent.push_back(Message::Ping(bytes::Bytes::new()));
    }

    /// Bytes of text frames that wait to be written.
    pub(super) fn unsent_bytes(&self) -> usize {
        self.unsent_bytes
    }

    /// Writes what waits, and reads a frame unless reading is paused. Dropping the future loses nothing.
    pub(super) async fn next(&mut self, reading: Reading) -> Result<Frame, Ended> {
        poll_fn(|context| self.poll_next(context, reading)).await
    }

    /// Writes what waits, says goodbye and waits for the relay to do the same, for a short time. Without the wait, what the relay
    /// has sent meanwhile would reset the connection, and what was written last might not arrive.
    pub(super) async fn close(mut self, code: CloseCode) {
        let farewell = CloseFrame {
            code: code.number().into(),
            reason: Utf8Bytes::default(),
        };
        self.unsent.push_back(Message::Close(Some(farewell)));
        let parted = async { while self.next(Reading::On).await.is_ok() {} };
        // Whoever takes no farewell finds the connection closed.
        let _ = tokio::time::timeout(CLOSE_LIMIT, parted).await;
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        reading: Reading,
    ) -> Poll<Result<Frame, Ended>> {
        if self.write_error.is_none()
            && let Poll::Ready(Err(error)) = self.poll_write(context)
        {
            self.write_error = Some(error);
        }
        // What a relay says before it closes is read even when it takes nothing more: it may say why.
        let read = match (reading, &self.write_error) {
            (Reading::Paused, None) => return Poll::Pending,
            _ => self.poll_read(context),
        };
        match (read, &self.write_error) {
            (Poll::Pending, Some(error)) => Poll::Ready(Err(ended(error))),
            (read, _) => read,
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        let mut socket = Pin::new(&mut self.socket);
        loop {
            ready!(socket.as_mut().poll_ready(context))?;
            let Some(message) = self.unsent.pop_front() else {
                break;
            };
            if let Message::Text(text) = &message {
                self.unsent_bytes -= text.len();
            }
            self.unflushed = true;
            socket.as_mut().start_send(message)?;
        }
        if self.unflushed {
            ready!(socket.as_mut().poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<Frame, Ended>> {
        loop {
            let read = ready!(Pin::new(&mut self.socket).poll_next(context));
            return Poll::Ready(match read {
                Some(Ok(Message::Text(text))) => Ok(Frame::Text(text)),
                Some(Ok(Message::Binary(_))) => Ok(Frame::Binary),
                Some(Ok(Message::Ping(_))) => {
                    // The library has the pong ready, and the next turn writes it.
                    self.unflushed = true;
                    Ok(Frame::Ping)
                }
                Some(Ok(Message::Pong(_))) => Ok(Frame::Pong),
                Some(Ok(Message::Close(farewell))) => Err(Ended::Closed {
                    code: farewell.as_ref().map(|frame| frame.code.into()),
                    reason: farewell.map_or_else(String::new, |frame| frame.reason.to_string()),
                }),
                Some(Ok(Message::Frame(_))) => continue,
                Some(Err(WebSocketError::Capacity(CapacityError::MessageTooLong {
                    size, ..
                }))) => Ok(Frame::Oversized { bytes: size }),
                Some(Err(error)) => Err(ended(&error)),
                None => Err(Ended::Closed {
                    code: None,
                    reason: String::new(),
                }),
            });
        }
    }
}

fn ended(error: &WebSocketError) -> Ended {
    match error {
        WebSocketError::ConnectionClosed
        | WebSocketError::AlreadyClosed
        | WebSocketError::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing,
        ) => Ended::Broken {
            cause: "the connection ended without a farewell".to_owned(),
        },
        WebSocketError::Protocol(_) | WebSocketError::Utf8(_) | WebSocketError::Capacity(_) => {
            Ended::Garbled {
                what: crate::error::root_cause(error),
            }
        }
        error => Ended::Broken {
            cause: crate::error::root_cause(error),
        },
    }
}
