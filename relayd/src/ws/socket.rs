//! A WebSocket as the session needs it: frames in, frames out, how many bytes have really left, and no memory kept for bursts.

mod frames;

use bytes::{Buf as _, Bytes};
use frames::{Excess, Frames};
use futures_util::{FutureExt as _, Sink as _, SinkExt as _, StreamExt as _};
use mrp_proto::frame::{CloseCode, MAX_FRAME};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

/// What the library takes at once, and keeps for each idle socket; its own default is 128 KiB. Most frames are shorter.
const READ_BUFFER: usize = 512;
/// What is read from the network at once; what the library has no room for is kept until it has.
const READ_AHEAD: usize = 4 << 10;
/// Frames are written one by one, so this holds one, and an answer to a ping.
const MAX_WRITE_BUFFER: usize = MAX_FRAME + (256 << 10);
/// The library's buffers keep the size of the largest frame they held. Beyond this they are given back.
const SWOLLEN: usize = 16 << 10;
/// How long a connection is read after our end of it was closed: closing it with unread bytes would reset it, and the peer could
/// lose the close frame.
const LINGER: Duration = Duration::from_secs(1);

/// What came.
#[derive(Debug)]
pub(super) enum Received {
    Text(Utf8Bytes),
    Binary,
    Ping,
    Pong,
    /// A frame, or fragments of one, beyond what may come now; nothing can be read after it.
    Oversized {
        bytes: usize,
    },
    /// Bytes that RFC 6455 does not allow, or that are cut too small; nothing can be read after them.
    Malformed {
        reason: String,
    },
    /// The peer closed, or is gone.
    Closed,
}

enum Outgoing {
    Text(String),
    Ping,
}

/// The frame that is being written.
struct Sending {
    /// Its payload, as far as it counts as text.
    bytes: u64,
    reported: u64,
    /// The meter when it began.
    begun: u64,
}

/// A connection after its opening handshake.
pub(super) struct Socket<S> {
    stream: WebSocketStream<Metered<S>>,
    outgoing: VecDeque<Outgoing>,
    sending: Option<Sending>,
    /// Messages and control frames that the library has given out.
    received: u64,
    is_swollen: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(super) fn new(io: S) -> Self {
        Self {
            stream: stream(Metered::new(io, Frames::default())),
            outgoing: VecDeque::new(),
            sending: None,
            received: 0,
            is_swollen: false,
        }
    }

    /// Takes frames of up to [`MAX_FRAME`] from now on; until then they are small, since nobody knows whose they are.
    pub(super) fn admit_large(&mut self) {
        self.stream.get_mut().frames.admit_large();
    }

    /// Puts a text frame behind those that wait.
    pub(super) fn send(&mut self, text: String) {
        self.is_swollen |= text.len() > SWOLLEN;
        self.outgoing.push_back(Outgoing::Text(text));
    }

    /// Puts a ping of RFC 6455 behind the frames that wait.
    pub(super) fn ping(&mut self) {
        self.outgoing.push_back(Outgoing::Ping);
    }

    /// Writes what waits. Ready when more of it has left: with the bytes of text frames that did.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        loop {
            let Some(sending) = &mut self.sending else {
                if !self.begin_next()? {
                    return Poll::Pending;
                }
                continue;
            };
            let flushed = self.stream.poll_flush_unpin(context)?;
            // Headers, and answers to pings, are in the meter too, so it is an upper bound until the frame is through.
            let left = match flushed {
                Poll::Ready(()) => sending.bytes,
                Poll::Pending => sending
                    .bytes
                    .min(self.stream.get_ref().written - sending.begun),
            };
            let progress = left - sending.reported;
            sending.reported = left;
            if flushed.is_ready() {
                self.sending = None;
            }
            if progress > 0 {
                return Poll::Ready(Ok(usize::try_from(progress).unwrap_or(usize::MAX)));
            }
            if flushed.is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// The next frame. Pings are answered by the library.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        let message = match ready!(self.stream.poll_next_unpin(context)) {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Poll::Ready(Received::from_error(&error)),
            None => return Poll::Ready(Received::Closed),
        };
        self.is_swollen |= message.len() > SWOLLEN;
        self.received += 1;
        Poll::Ready(match message {
            Message::Text(text) => Received::Text(text),
            Message::Binary(_) | Message::Frame(_) => Received::Binary,
            Message::Ping(_) => Received::Ping,
            Message::Pong(_) => Received::Pong,
            Message::Close(_) => Received::Closed,
        })
    }

    /// Whether a burst has left memory behind.
    pub(super) fn is_swollen(&self) -> bool {
        self.is_swollen
    }

    /// Gives back the memory of a burst, if nothing is in it.
    ///
    /// The library keeps its buffers, so it is replaced. It may hold frames, or the beginning of one, and does not say so, but the
    /// meter does: it knows how many messages came whole, and whether another has begun.
    pub(super) fn shed(&mut self) {
        if !self.is_swollen || self.sending.is_some() || !self.outgoing.is_empty() {
            return;
        }
        let is_flushed = matches!(self.stream.flush().now_or_never(), Some(Ok(())));
        let meter = self.stream.get_mut();
        if !is_flushed || meter.is_ahead() || meter.frames.whole() != Some(self.received) {
            return;
        }
        if let Some(io) = meter.io.take() {
            let frames = meter.frames.restarted();
            self.stream = stream(Metered::new(io, frames));
            self.received = 0;
            self.is_swollen = false;
        }
    }

    /// Writes what waits and a close frame, as far as `patience` lasts, and closes.
    pub(super) async fn close(mut self, code: CloseCode, reason: String, patience: Duration) {
        let frame = CloseFrame {
            code: code.number().into(),
            reason: reason.into(),
        };
        let farewell = async {
            self.write_all().await?;
            self.stream.send(Message::Close(Some(frame))).await
        };
        let outcome = timeout(patience, farewell).await;
        if let Ok(Err(error)) = outcome {
            tracing::debug!(%error, "a close frame was not taken");
        }
        self.hang_up().await;
    }

    /// Closes after the peer did, or is gone: only the library's answer is still to be written.
    pub(super) async fn finish(mut self, patience: Duration) {
        // A failure means that the connection is gone, which is what is wanted here.
        let _ = timeout(patience, self.stream.flush()).await;
        self.hang_up().await;
    }

    async fn write_all(&mut self) -> Result<(), Error> {
        while self.sending.is_some() || !self.outgoing.is_empty() {
            poll_fn(|context| match self.poll_write(context) {
                Poll::Ready(outcome) => Poll::Ready(outcome.map(drop)),
                Poll::Pending if self.sending.is_none() && self.outgoing.is_empty() => {
                    Poll::Ready(Ok(()))
                }
                Poll::Pending => Poll::Pending,
            })
            .await?;
        }
        Ok(())
    }

    async fn hang_up(mut self) {
        // Below the meter: what comes now need not be frames.
        let Some(io) = &mut self.stream.get_mut().io else {
            return;
        };
        let goodbye = async {
            io.shutdown().await?;
            let mut unread = vec![0; READ_AHEAD];
            while io.read(&mut unread).await? > 0 {}
            io::Result::Ok(())
        };
        // However it ends: what follows is the same.
        let _ = timeout(LINGER, goodbye).await;
    }

    /// Hands the next frame to the library; whether there was one.
    fn begin_next(&mut self) -> Result<bool, Error> {
        let Some(outgoing) = self.outgoing.pop_front() else {
            // A burst does not leave its buffer behind.
            self.outgoing = VecDeque::new();
            return Ok(false);
        };
        let (bytes, message) = match outgoing {
            Outgoing::Text(text) => (text.len() as u64, Message::Text(text.into())),
            Outgoing::Ping => (0, Message::Ping(Bytes::new())),
        };
        let begun = self.stream.get_ref().written;
        Pin::new(&mut self.stream).start_send(message)?;
        self.sending = Some(Sending {
            bytes,
            reported: 0,
            begun,
        });
        Ok(true)
    }
}

fn stream<S: AsyncRead + AsyncWrite + Unpin>(io: Metered<S>) -> WebSocketStream<Metered<S>> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME))
        .accept_unmasked_frames(false);
    WebSocketStream::from_raw_socket(io, Role::Server, Some(config))
        .now_or_never()
        .expect("without a handshake there is nothing to wait for")
}

impl Received {
    fn from_error(error: &Error) -> Self {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { size, .. }) => {
                Self::Oversized { bytes: *size }
            }
            Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(Excess::Bytes(bytes)) => Self::Oversized {
                    bytes: usize::try_from(*bytes).unwrap_or(usize::MAX),
                },
                Some(excess @ Excess::Fragments) => Self::Malformed {
                    reason: excess.to_string(),
                },
                None => Self::Closed,
            },
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Tls(_)
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Closed,
            _ => Self::Malformed {
                reason: "not a frame of RFC 6455".to_owned(),
            },
        }
    }
}

/// The connection below the library, with an account of what went through.
struct Metered<S> {
    /// `None` only while the library above is replaced.
    io: Option<S>,
    frames: Frames,
    written: u64,
    /// What was read and is not taken yet.
    ahead: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Metered<S> {
    fn new(io: S, frames: Frames) -> Self {
        Self {
            io: Some(io),
            frames,
            written: 0,
            ahead: Bytes::new(),
        }
    }

    fn is_ahead(&self) -> bool {
        !self.ahead.is_empty()
    }

    fn io(&mut self) -> io::Result<Pin<&mut S>> {
        self.io
            .as_mut()
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.is_ahead() {
            let taken = self.ahead.len().min(buffer.remaining());
            buffer.put_slice(&self.ahead[..taken]);
            self.ahead.advance(taken);
            if !self.is_ahead() {
                self.ahead = Bytes::new();
            }
        } else {
            let mut room = [const { MaybeUninit::uninit() }; READ_AHEAD];
            let mut read = ReadBuf::uninit(&mut room);
            ready!(self.io()?.poll_read(context, &mut read))?;
            let taken = read.filled().len().min(buffer.remaining());
            let (now, later) = read.filled().split_at(taken);
            buffer.put_slice(now);
            self.ahead = Bytes::copy_from_slice(later);
        }
        let passed = self.frames.pass(&buffer.filled()[before..]);
        Poll::Ready(passed.map_err(io::Error::other))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.io()?.poll_write(context, bytes))?;
        self.written += written as u64;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io()?.poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
