//! A relay's end of a WebSocket, one word at a time.

use crate::soon;
use futures_util::{SinkExt as _, StreamExt as _};
use mrp_client::session::{Event, Handle, Settings, spawn};
use mrp_client::{Binding, RelayUrl};
use mrp_proto::backoff::Backoff;
use mrp_proto::key::SecretKey;
use mrp_proto::sign::{TIMESTAMP_TOLERANCE, Unverified, websocket_bytes};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::{WebSocketStream, accept_async};

/// Listens, and does nothing else by itself.
pub(crate) struct ScriptedRelay {
    listener: TcpListener,
    url: RelayUrl,
}

/// One connection of the client.
pub(crate) struct Peer {
    socket: WebSocketStream<TcpStream>,
}

pub(crate) fn key() -> Arc<SecretKey> {
    Arc::new(SecretKey::from_seed(&[6; 32]))
}

/// Settings with pauses that a test can wait for.
pub(crate) fn quick() -> Settings {
    Settings {
        backoff: Backoff::new(Duration::from_millis(5), Duration::from_secs(60)),
        binding: Binding::never(),
        ..Settings::default()
    }
}

/// A message from the agent to itself.
pub(crate) fn message_frame(number: usize) -> String {
    let address = key().public();
    format!(
        r#"{{"type":"message","message":{{"message_id":"msg_{number}_x","sender_key":"{address}","recipient_key":"{address}","content_type":"application/json","body":{number},"attachments":[],"status":"sent","created_at":"2026-03-04T08:00:00Z","expires_at":"2026-03-11T08:00:00Z"}}}}"#
    )
}

pub(crate) async fn next(events: &mut mpsc::Receiver<Event>) -> Event {
    soon(events.recv()).await.expect("the session goes on")
}

impl ScriptedRelay {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self {
            listener,
            url: url.parse().unwrap(),
        }
    }

    pub(crate) fn session(&self, settings: Settings) -> (Handle, mpsc::Receiver<Event>) {
        spawn(self.url.clone(), key(), settings)
    }

    pub(crate) async fn accept_tcp(&self) -> TcpStream {
        soon(self.listener.accept()).await.unwrap().0
    }

    pub(crate) async fn accept(&self) -> Peer {
        let stream = self.accept_tcp().await;
        let socket = soon(accept_async(stream)).await.unwrap();
        Peer { socket }
    }

    /// Accepts, and lets the client in.
    pub(crate) async fn admit(&self) -> Peer {
        let mut peer = self.accept().await;
        peer.hear_auth().await;
        peer.say(r#"{"type":"auth_result","status":"ok"}"#).await;
        peer
    }

    /// A session that is up, and the relay's end of it.
    pub(crate) async fn open(&self, settings: Settings) -> (Handle, mpsc::Receiver<Event>, Peer) {
        let (handle, mut events) = self.session(settings);
        let peer = self.admit().await;
        assert!(matches!(next(&mut events).await, Event::Up { .. }));
        (handle, events, peer)
    }
}

impl Peer {
    pub(crate) async fn say(&mut self, text: impl Into<String>) {
        soon(self.socket.send(Frame::text(text.into())))
            .await
            .unwrap();
    }

    /// Sends the head of a text frame of that many bytes, and nothing of the rest (RFC 6455 section 5.2).
    pub(crate) async fn announce_text(&mut self, bytes: u64) {
        let mut head = vec![0x81, 127];
        head.extend(bytes.to_be_bytes());
        soon(self.socket.get_mut().write_all(&head)).await.unwrap();
    }

    /// The client's next text frame.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            if let Frame::Text(text) = self.hear_anything().await.expect("the client is there") {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The client's next frame of any kind, or its end.
    pub(crate) async fn hear_anything(&mut self) -> Option<Frame> {
        soon(self.socket.next()).await?.ok()
    }

    /// The client's first frame, whose signature is checked and returned.
    pub(crate) async fn hear_auth(&mut self) -> String {
        let auth = self.hear().await;
        assert_eq!(auth["type"], "auth");
        let text = |name: &str| auth[name].as_str().unwrap();
        let timestamp = text("timestamp");
        let claim = Unverified::decode(
            text("public_key"),
            timestamp,
            text("signature"),
            timestamp.parse().unwrap(),
            TIMESTAMP_TOLERANCE,
        )
        .unwrap();
        let canonical = websocket_bytes(timestamp);
        claim
            .verify(&key().public().verifier(), [&*canonical])
            .unwrap();
        assert_eq!(auth["max_frame"], 2 << 20);
        text("signature").to_owned()
    }

    /// Closes the connection under the client, without a word.
    pub(crate) fn vanish(self) {
        drop(self);
    }
}
