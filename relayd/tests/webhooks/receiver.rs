//! A receiver: records every delivery, and answers as a test wants it to.

use crate::rig::soon;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

/// What a receiver does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Status(u16),
    /// A status after a moment.
    Slow(Duration, u16),
    /// These bytes, and the end.
    Raw(String),
    /// Nothing, with the connection held open.
    Silence,
    /// A head without end, a byte now and then.
    Trickle,
}

/// A delivery as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        });
        value.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn id(&self) -> String {
        self.json()["delivery_id"].as_str().unwrap().to_owned()
    }

    /// The message's body.
    pub(crate) fn message(&self) -> Value {
        self.json()["message"]["body"].clone()
    }
}

type Behaviour = dyn Fn(usize, &Received) -> Answer + Send + Sync;

struct Shared {
    behaviour: Box<Behaviour>,
    received: watch::Sender<Vec<Received>>,
    connections: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    lock: Mutex<()>,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

impl Receiver {
    /// Answers each request by its number, from 0, and its content.
    pub(crate) async fn start(
        behaviour: impl Fn(usize, &Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::listen(behaviour, None).await
    }

    pub(crate) async fn with_tls(acceptor: TlsAcceptor) -> Self {
        Self::listen(|_, _| Answer::Status(200), Some(acceptor)).await
    }

    async fn listen(
        behaviour: impl Fn(usize, &Received) -> Answer + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            behaviour: Box::new(behaviour),
            received: watch::Sender::new(Vec::new()),
            connections: AtomicUsize::new(0),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            lock: Mutex::new(()),
        });
        let serving = tokio::spawn(accept(listener, tls, Arc::clone(&shared)));
        Self {
            address,
            shared,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// Says yes to everything.
    pub(crate) async fn good() -> Self {
        Self::start(|_, _| Answer::Status(200)).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?token=t", self.address)
    }

    /// The deliveries so far, once there are so many.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut received = self.shared.received.subscribe();
        let enough = received.wait_for(|received| received.len() >= count);
        let received = soon(&format!("{count} deliveries"), enough).await;
        received.unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.received.borrow().len()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The most deliveries that were here at one moment.
    pub(crate) fn most_at_a_time(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            match tls {
                None => serve(stream, &shared).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, &shared).await;
                    }
                }
            }
        });
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) {
    let Some(received) = read(&mut stream).await else {
        return;
    };
    let here = shared.now.fetch_add(1, Ordering::SeqCst) + 1;
    shared.most.fetch_max(here, Ordering::SeqCst);
    let answer = {
        let _order = shared.lock.lock().unwrap();
        let number = shared.received.borrow().len();
        let answer = (shared.behaviour)(number, &received);
        shared
            .received
            .send_modify(|all| all.push(received.clone()));
        answer
    };
    let status = |status| format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
    let text = match answer {
        Answer::Status(number) => status(number),
        Answer::Slow(pause, number) => {
            tokio::time::sleep(pause).await;
            status(number)
        }
        Answer::Raw(text) => text,
        Answer::Trickle => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await;
            while stream.write_all(b"y").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            String::new()
        }
        Answer::Silence => {
            // Until the other end has had enough.
            let _ = stream.read(&mut [0]).await;
            String::new()
        }
    };
    shared.now.fetch_sub(1, Ordering::SeqCst);
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let body = bytes.split_off(head);
    let mut received = Received {
        head: String::from_utf8(bytes).unwrap(),
        body: String::new(),
    };
    let length: usize = received.header("content-length").parse().unwrap();
    let mut body = body;
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    received.body = String::from_utf8(body).unwrap();
    Some(received)
}
