//! A relay on a free port, raw clients, and signed requests.

use futures_util::{SinkExt as _, StreamExt as _};
use mrp_proto::key::SecretKey;
use mrp_proto::sign::{BodyHash, request_bytes, websocket_bytes};
use mrp_proto::time::Timestamp;
use relayd::{Config, ListenAddress, RunError, Server};
use serde_json::{Value, json};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Nothing here takes that long.
const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for something that must come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(DEADLINE, future).await;
    outcome.unwrap_or_else(|_| panic!("{what} did not come"))
}

pub(crate) struct Relay {
    address: SocketAddr,
    shutdown: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), RunError>>,
    data: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Relay {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config {
            listen: vec![ListenAddress::Tcp(([127, 0, 0, 1], 0).into())],
            data_dir: data.path().join("data"),
            ..Config::default()
        };
        configure(&mut config);
        let server = Server::bind(config).await.unwrap();
        let Some(ListenAddress::Tcp(address)) = server.addresses().first().cloned() else {
            panic!("the relay listens nowhere");
        };
        let (shutdown, told) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            // Dropped without a word means the same.
            let _ = told.await;
        }));
        Self {
            address,
            shutdown: Some(shutdown),
            running,
            data,
        }
    }

    /// What a client on this machine calls the relay: host and port.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Tells the relay to end.
    pub(crate) fn begin_shutdown(&mut self) {
        drop(self.shutdown.take());
    }

    /// Waits until it has.
    pub(crate) async fn ended(self) {
        soon("the relay's end", self.running)
            .await
            .unwrap()
            .unwrap();
    }

    pub(crate) async fn connect(&self) -> Peer {
        self.connect_as("a-client/1.0").await
    }

    pub(crate) async fn connect_as(&self, user_agent: &str) -> Peer {
        let mut request = format!("ws://{}/v1/ws", self.address)
            .into_client_request()
            .unwrap();
        request
            .headers_mut()
            .insert("user-agent", user_agent.parse().unwrap());
        let stream = TcpStream::connect(self.address).await.unwrap();
        let config = WebSocketConfig::default().read_buffer_size(4096);
        let (stream, response) = client_async_with_config(request, stream, Some(config))
            .await
            .unwrap();
        assert!(!response.headers().contains_key("sec-websocket-extensions"));
        assert!(response.headers().contains_key("x-request-id"));
        Peer { stream }
    }

    /// A connection with a session.
    pub(crate) async fn session(&self, key: &SecretKey) -> Peer {
        self.session_as("a-client/1.0", key).await
    }

    pub(crate) async fn session_as(&self, user_agent: &str, key: &SecretKey) -> Peer {
        let mut peer = self.connect_as(user_agent).await;
        peer.authenticate(key).await;
        peer
    }

    /// A connection after the opening handshake, for bytes that no library would write, or to be deaf.
    pub(crate) async fn upgraded(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "GET /v1/ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(
                soon("the handshake's answer", stream.read_u8())
                    .await
                    .unwrap(),
            );
        }
        assert!(
            head.starts_with(b"HTTP/1.1 101 "),
            "{}",
            String::from_utf8_lossy(&head)
        );
        stream
    }

    /// A signed request.
    pub(crate) async fn request(
        &self,
        key: &SecretKey,
        method: &str,
        target: &str,
        body: &str,
    ) -> Answer {
        let timestamp = fresh_timestamp().to_string();
        let signature = key.sign(&request_bytes(
            method,
            target,
            &timestamp,
            BodyHash::of(body.as_bytes()),
        ));
        let head = format!(
            "X-M2M-Public-Key: {}\r\nX-M2M-Timestamp: {timestamp}\r\nX-M2M-Signature: {signature}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n",
            key.public(),
            body.len(),
        );
        self.raw_request(&format!("{method} {target} HTTP/1.1"), &head, body)
            .await
    }

    pub(crate) async fn raw_request(&self, line: &str, head: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{line}\r\nHost: {}\r\nConnection: close\r\n{head}\r\n{body}",
            self.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        read_answer(stream).await
    }

    /// Has the operator do something with an agent.
    pub(crate) async fn administer(&self, agent: &SecretKey, verb: &str) -> Answer {
        let path = self.data.path().join("data/admin.sock");
        let mut stream = UnixStream::connect(path).await.unwrap();
        let target = format!("/v1/agents/{}/{verb}", agent.public());
        let request = format!("POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        read_answer(stream).await
    }

    /// Sends a message over HTTP; its id.
    pub(crate) async fn send(&self, from: &SecretKey, to: &SecretKey, body: Value) -> String {
        let request = json!({ "recipient_key": to.public(), "body": body }).to_string();
        let answer = self.request(from, "POST", "/v1/messages", &request).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.body["message_id"].as_str().unwrap().to_owned()
    }

    /// Waits until a message has a status, as its sender sees it.
    pub(crate) async fn until_status(&self, sender: &SecretKey, message_id: &str, status: &str) {
        let target = format!("/v1/messages/{message_id}/status");
        let reached = async {
            while self.request(sender, "GET", &target, "").await.body["status"] != status {
                tokio::task::yield_now().await;
            }
        };
        soon(status, reached).await;
    }
}

/// The answer on a connection that ends with it.
async fn read_answer(mut stream: impl AsyncRead + Unpin) -> Answer {
    let mut answer = String::new();
    soon("an answer", stream.read_to_string(&mut answer))
        .await
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

pub(crate) fn agent(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// A time that no signature of these tests has yet: each is a millisecond before the last.
pub(crate) fn fresh_timestamp() -> Timestamp {
    static NEXT: OnceLock<AtomicI64> = OnceLock::new();
    let next = NEXT.get_or_init(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        AtomicI64::new(i64::try_from(now.as_millis()).unwrap())
    });
    Timestamp::from_unix_millis(next.fetch_sub(1, Ordering::Relaxed))
}

pub(crate) fn auth_frame(key: &SecretKey) -> Value {
    let timestamp = fresh_timestamp().to_string();
    let signature = key.sign(&websocket_bytes(&timestamp)).to_string();
    json!({
        "type": "auth",
        "public_key": key.public(),
        "timestamp": timestamp,
        "signature": signature,
    })
}

/// A masked text frame of up to 65,535 bytes; the mask is zero, so it changes nothing.
pub(crate) fn text_frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    let mut frame = vec![0x81, 0x80 | 126, length[0], length[1], 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// The code of the close frame that these bytes end with.
pub(crate) fn close_code(bytes: &[u8]) -> Option<u16> {
    let reason_lengths = 0..=123;
    reason_lengths.into_iter().find_map(|length| {
        let frame = bytes.get(bytes.len().checked_sub(length + 4)?..)?;
        let is_close = frame[0] == 0x88 && usize::from(frame[1]) == length + 2;
        is_close.then(|| u16::from_be_bytes([frame[2], frame[3]]))
    })
}

/// The client's end of a WebSocket.
pub(crate) struct Peer {
    stream: WebSocketStream<TcpStream>,
}

impl Peer {
    pub(crate) async fn authenticate(&mut self, key: &SecretKey) {
        self.say(&auth_frame(key)).await;
        let result = self.hear().await;
        assert_eq!(result["type"], "auth_result", "{result}");
        assert_eq!(result["status"], "ok", "{result}");
        assert_eq!(result["public_key"], json!(key.public()));
    }

    pub(crate) async fn say(&mut self, frame: &Value) {
        self.send(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        soon("room for a frame", self.stream.send(message))
            .await
            .unwrap();
    }

    /// As [`Peer::send`], where the relay may close before it has read everything.
    pub(crate) async fn try_send(&mut self, message: Message) {
        let _ = soon("room for a frame", self.stream.send(message)).await;
    }

    pub(crate) async fn ack(&mut self, message_id: &str) {
        self.say(&json!({ "type": "ack", "message_id": message_id }))
            .await;
    }

    /// The next frame of either kind; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Message, Error>> {
        soon("a frame", self.stream.next()).await
    }

    /// The next text frame.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            match self.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?} came instead of a text frame"),
            }
        }
    }

    /// The next frame of this type; there must be none before it but pings.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.hear().await;
            if frame["type"] == kind {
                return frame;
            }
            assert_eq!(frame["type"], "ping", "{frame} came instead of {kind}");
        }
    }

    /// The next message: its id and body.
    pub(crate) async fn message(&mut self) -> (String, Value) {
        let frame = self.expect("message").await;
        let message = &frame["message"];
        (
            message["message_id"].as_str().unwrap().to_owned(),
            message["body"].clone(),
        )
    }

    /// The bodies of the next messages, none of which is acked.
    pub(crate) async fn bodies(&mut self, count: usize) -> Vec<Value> {
        let mut bodies = Vec::with_capacity(count);
        while bodies.len() < count {
            bodies.push(self.message().await.1);
        }
        bodies
    }

    /// The close code that comes next, pings aside, and that the connection then ends.
    pub(crate) async fn closed(&mut self) -> u16 {
        let code = loop {
            match self.next().await.unwrap().unwrap() {
                Message::Close(frame) => break frame.unwrap().code.into(),
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Text(text) if text.contains(r#""type":"ping""#) => {}
                other => panic!("{other:?} came instead of a close frame"),
            }
        };
        assert!(
            self.next().await.is_none_or(|last| last.is_err()),
            "nothing follows a close frame"
        );
        code
    }

    /// That the session is there: a ping is answered, and nothing but pings comes before the answer.
    pub(crate) async fn assert_quiet(&mut self) {
        self.say(&json!({ "type": "ping" })).await;
        self.expect("pong").await;
    }

    /// Answers pings of both kinds until the connection ends.
    pub(crate) async fn stay(mut self) {
        while let Some(Ok(message)) = self.stream.next().await {
            if matches!(&message, Message::Text(text) if text.contains(r#""type":"ping""#)) {
                self.say(&json!({ "type": "pong" })).await;
            }
        }
    }
}
