//! A connection: the socket, what was read of it already, and its part of the counts.

use super::admission::Admission;
use bytes::{Buf as _, Bytes};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

/// How long the rest of a request is thrown away after the last answer, so that the peer reads that answer: a socket that is
/// closed with unread bytes takes back what it has sent.
const LINGER: Duration = Duration::from_secs(2);
/// How much of it is thrown away.
const LINGER_BYTES: usize = 8 << 20;

/// The socket.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    /// Boxed, since what TLS keeps of a connection is large beside a socket.
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// What hyper, and after an upgrade the WebSocket, reads and writes.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    prefix: Bytes,
    /// How long the peer may take nothing, and the time that is running while it does.
    patience: Duration,
    stall: Option<Pin<Box<Sleep>>>,
    linger: Option<Box<Linger>>,
    /// None for a connection that was not admitted, and is refused.
    admission: Option<Arc<Admission>>,
    _room: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Linger {
    sleep: Pin<Box<Sleep>>,
    left: usize,
}

impl Connection {
    pub(super) fn new(
        stream: Stream,
        admission: Option<Arc<Admission>>,
        room: OwnedSemaphorePermit,
        patience: Duration,
    ) -> Self {
        Self {
            stream,
            prefix: Bytes::new(),
            patience,
            stall: None,
            linger: None,
            admission,
            _room: room,
        }
    }

    /// Puts back what was read, to be read again.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        self.prefix = bytes;
    }

    /// Gives up a peer that takes nothing: what waits for it takes memory.
    fn within_patience<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall = None;
            return written;
        }
        let patience = self.patience;
        let stall = self
            .stall
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stall.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Reads on after the last answer until the peer is done, or has had its time.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| {
            Box::new(Linger {
                sleep: Box::pin(tokio::time::sleep(LINGER)),
                left: LINGER_BYTES,
            })
        });
        let mut discarded = [0_u8; 4096];
        loop {
            if linger.sleep.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::new(&mut discarded);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() && buffer.filled().len() < linger.left => {
                    linger.left -= buffer.filled().len();
                }
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = self.prefix.len().min(buffer.remaining());
        buffer.put_slice(&self.prefix[..length]);
        self.prefix.advance(length);
        if self.prefix.is_empty() {
            // An empty rest would keep the whole allocation alive.
            self.prefix = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within_patience(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.within_patience(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        if self
            .admission
            .as_ref()
            .is_none_or(|admission| admission.is_unread())
        {
            ready!(self.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}

/// The same call on whichever socket it is.
macro_rules! delegate {
    ($stream:expr, |$inner:ident| $call:expr) => {
        match $stream.get_mut() {
            Stream::Tcp($inner) => $call,
            Stream::Tls($inner) => $call,
            Stream::Unix($inner) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self, |stream| Pin::new(stream).poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, |stream| Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, |stream| Pin::new(stream)
            .poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, |stream| Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, |stream| Pin::new(stream).poll_shutdown(context))
    }
}
