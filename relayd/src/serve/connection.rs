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
use tokio::time::{Instant, Sleep};
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
    /// How long a head may take after the first one, and the one that has begun.
    head_limit: Duration,
    head: Option<Head>,
    /// None for a connection that was not admitted, and is refused.
    admission: Option<Arc<Admission>>,
    _room: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Linger {
    sleep: Pin<Box<Sleep>>,
    left: usize,
}

/// A head that has begun and is not whole.
#[derive(Debug)]
struct Head {
    /// Which pause between requests it came in.
    pause: usize,
    due: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "a head took too long")
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
            head_limit: Duration::from_secs(10),
            head: None,
            admission,
            _room: room,
        }
    }

    /// Puts back what was read, to be read again.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        self.prefix = bytes;
    }

    /// Gives up a peer whose later heads take longer than this.
    pub(super) fn limit_heads(&mut self, limit: Duration) {
        self.head_limit = limit;
    }

    /// Gives up a peer that has begun a head and does not come to its end. The pause before it is not counted.
    fn within_head_limit(
        &mut self,
        context: &mut Context<'_>,
        read: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let Some(pause) = self.admission.as_ref().and_then(|it| it.pause()) else {
            self.head = None;
            return read;
        };
        // What is left from an earlier pause is over.
        let head = self.head.take_if(|head| head.pause == pause);
        match (read, head) {
            (Poll::Ready(Ok(bytes)), head) if bytes > 0 => {
                let due = Instant::now() + self.head_limit;
                let head = head.unwrap_or(Head {
                    pause,
                    due,
                    sleep: None,
                });
                let is_late = Instant::now() >= head.due;
                self.head = Some(head);
                Poll::Ready(if is_late { Err(late()) } else { Ok(bytes) })
            }
            // Most heads come whole: there is no timer before one does not.
            (Poll::Pending, Some(mut head)) => {
                let due = head.due;
                let sleep = head
                    .sleep
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
                let is_late = sleep.as_mut().poll(context).is_ready();
                self.head = Some(head);
                if is_late {
                    Poll::Ready(Err(late()))
                } else {
                    Poll::Pending
                }
            }
            (read, _) => read,
        }
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
            let before = buffer.filled().len();
            let read = Pin::new(&mut self.stream)
                .poll_read(context, buffer)
                .map_ok(|()| buffer.filled().len() - before);
            return self.within_head_limit(context, read).map_ok(drop);
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
        // Under TLS what was written may still be here.
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.within_patience(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            let shut = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.within_patience(context, shut))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, RootCertStore, ServerConfig};
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;
    use tokio::time::timeout;
    use tokio_rustls::{TlsAcceptor, TlsConnector, client};

    /// Both ends of a connection with TLS.
    async fn pair() -> (TlsStream<TcpStream>, client::TlsStream<TcpStream>) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let cert = CertificateDer::from(made.cert.der().to_vec());
        let key = PrivateKeyDer::try_from(made.key_pair.serialize_der()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connecting = async {
            let stream = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let connector = TlsConnector::from(Arc::new(client));
            connector.connect(name, stream).await.unwrap()
        };
        let accepting = async {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(server));
            acceptor.accept(stream).await.unwrap()
        };
        tokio::join!(accepting, connecting)
    }

    #[tokio::test]
    async fn who_takes_nothing_is_given_up_also_where_tls_took_it_for_them() {
        let (stream, _deaf) = pair().await;
        let room = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let stream = Stream::Tls(Box::new(stream));
        let mut connection = Connection::new(stream, None, room, Duration::from_millis(100));
        // What is written fits into TLS's own buffer each time, so that it is the flush that waits.
        let flushed = async {
            loop {
                connection.write_all(&[0; 16 << 10]).await.unwrap();
                if let Err(error) = connection.flush().await {
                    break error;
                }
            }
        };
        let error = timeout(Duration::from_secs(20), flushed).await.unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // Nor does the end wait for them, which is a record that has to be taken, too.
        let shut = timeout(Duration::from_secs(20), connection.shutdown()).await;
        assert!(shut.unwrap().is_err());
    }
}
