//! The door: connections from outside, one request on each, all of it bounded in bytes and time, for whoever connects has shown
//! nothing yet. What they say is for [`request`](super::request) to judge.

use super::request::{self, Answer, Posted, Wanted};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// Connections at a time; more wait in the system's queue.
const CONNECTIONS: usize = 32;
/// How long a head may take.
const HEAD: Duration = Duration::from_secs(10);
/// Bytes of a head.
const MAX_HEAD: usize = 16 << 10;
/// How long a connection may last: head, body and answer have bounds of their own, which are less together.
const LIFE: Duration = Duration::from_secs(45);
/// How long the loop rests after a failed accept.
const PAUSE: Duration = Duration::from_millis(100);

/// What connections tell.
pub(super) enum Event {
    /// A delivery that is believed, and who waits for an answer.
    Delivered(Box<Posted>, oneshot::Sender<Answer>),
    /// Somebody was turned away, for a reason.
    TurnedAway(String),
}

/// A bound listener, and the task that serves on it.
pub(super) struct Door {
    address: SocketAddr,
    closing: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Door {
    pub(super) async fn open(
        address: SocketAddr,
        wanted: Wanted,
        events: mpsc::Sender<Event>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (closing, closes) = watch::channel(false);
        let serving = tokio::spawn(serve(listener, Arc::new(wanted), events, closes));
        Ok(Self {
            address,
            closing,
            serving,
        })
    }

    /// Where it listens, with the port that it was given.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nobody is let in any more; those inside are served.
    pub(super) fn shut(&self) {
        self.closing.send_replace(true);
    }

    /// Lets those inside be served, for so long.
    pub(super) async fn close(self, patience: Duration) {
        self.shut();
        // Who is still there then is cut off, and asks again.
        let _ = timeout(patience, self.serving).await;
    }
}

async fn serve(
    listener: TcpListener,
    wanted: Arc<Wanted>,
    events: mpsc::Sender<Event>,
    mut closes: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            Some(_) = connections.join_next() => continue,
            _ = closes.wait_for(|closes| *closes) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (wanted, events) = (Arc::clone(&wanted), events.clone());
                connections.spawn(async move {
                    attend(stream, peer, &wanted, &events).await;
                    drop(place);
                });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
    drop((listener, events));
    while connections.join_next().await.is_some() {}
}

async fn attend(
    stream: TcpStream,
    peer: SocketAddr,
    wanted: &Wanted,
    events: &mpsc::Sender<Event>,
) {
    let service = service_fn(|request| async move {
        Ok::<_, Infallible>(match request::receive(wanted, events, request).await {
            Ok(answer) => answer.response(),
            Err(refusal) => {
                let why = format!("turned away {}: {}", peer.ip(), refusal.text());
                // Where there is no room for complaints there are enough of them.
                let _ = events.try_send(Event::TurnedAway(why));
                refusal.response()
            }
        })
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MAX_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // How a connection ends is of no interest: what counts was answered, or comes again.
    let _ = timeout(LIFE, serving).await;
}
