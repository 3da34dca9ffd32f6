//! Signatures that are bound to the relay: used where it takes them, left where it does not, and never given up again.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helper fails its test by panicking"
)]

use futures_util::StreamExt as _;
use mrp_client::session::{Event, Settings, spawn};
use mrp_client::{Bindable, Binding, Poll, Relay, RelayUrl};
use mrp_proto::agent::{Change, ProfilePatch};
use mrp_proto::code::Code;
use mrp_proto::key::SecretKey;
use mrp_proto::message::SendRequest;
use relayd::{Config, Server};
use serde_json::Value;
use serde_json::value::RawValue;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

const BOTH: Bindable = Bindable {
    requests: true,
    sessions: true,
};
const PLAIN_HEALTH: &str = r#"{"status":"ok","version":"1","timestamp":"2026-03-04T08:00:00Z"}"#;
const EMPTY_PAGE: &str = r#"{"messages":[],"has_more":false}"#;

/// What should happen at once may take this long on a busy machine; what takes longer does not happen.
const DEADLINE: Duration = Duration::from_secs(30);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("it did not happen in time")
}

fn key(agent: u8) -> Arc<SecretKey> {
    Arc::new(SecretKey::from_seed(&[agent; 32]))
}

/// A relay of ours, as long as this lives.
struct Running {
    url: RelayUrl,
    _stop: oneshot::Sender<()>,
    _data: TempDir,
}

async fn relay_of_ours() -> Running {
    let data = tempfile::tempdir().unwrap();
    let config = Config {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        data_dir: data.path().join("data"),
        ..Config::default()
    };
    let server = soon(Server::bind(config)).await.unwrap();
    let url = server.url().parse().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(server.run(async { drop(stopped.await) }));
    Running {
        url,
        _stop: stop,
        _data: data,
    }
}

/// A peer that answers requests one by one, as a test says.
struct Scripted {
    listener: TcpListener,
    url: RelayUrl,
}

impl Scripted {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self {
            listener,
            url: url.parse().unwrap(),
        }
    }

    /// Takes a request, which has no body, and answers it; its head.
    async fn answer(&self, body: &str) -> String {
        let (mut stream, _) = soon(self.listener.accept()).await.unwrap();
        let head = read_head(&mut stream).await;
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        soon(stream.write_all(answer.as_bytes())).await.unwrap();
        head
    }

    /// Takes a request and hangs up.
    async fn hang_up(&self) -> String {
        let (mut stream, _) = soon(self.listener.accept()).await.unwrap();
        read_head(&mut stream).await
    }

    /// Takes a WebSocket; its first frame.
    async fn first_frame(&self) -> Value {
        let (stream, _) = soon(self.listener.accept()).await.unwrap();
        let mut socket = soon(tokio_tungstenite::accept_async(stream)).await.unwrap();
        let frame = soon(socket.next()).await.unwrap().unwrap();
        serde_json::from_str(frame.to_text().unwrap()).unwrap()
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert_ne!(soon(stream.read_buf(&mut head)).await.unwrap(), 0);
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

fn is_bound(head: &str) -> bool {
    assert_ne!(
        head.contains("\r\nx-m2m-signature: "),
        head.contains("\r\nsignature: ")
    );
    head.contains("\r\nsignature: ")
}

fn asks_health(head: &str) -> bool {
    head.starts_with("get /v1/health ") && !head.contains("signature")
}

#[tokio::test]
async fn an_agent_lives_with_a_relay_that_refuses_everything_unbound() {
    let running = relay_of_ours().await;
    let relay = Relay::new(running.url.clone(), key(1)).unwrap();
    let patch = ProfilePatch {
        require_bound_auth: Change::Set(true),
        ..ProfilePatch::default()
    };
    let profile = soon(relay.update_profile(&patch)).await.unwrap();
    assert!(profile.require_bound_auth);
    assert_eq!(relay.binding().level(), BOTH);

    let body = RawValue::from_string(r#"{"text":"ü"}"#.to_owned()).unwrap();
    let note = SendRequest {
        thread_id: Some("a thread/ü".to_owned()),
        ..SendRequest::new(relay.public_key(), body)
    };
    let accepted = soon(relay.send(&note, Some("k"))).await.unwrap();
    let again = soon(relay.send(&note, Some("k"))).await.unwrap();
    assert_eq!(again.message_id, accepted.message_id);
    let thread = soon(relay.thread("a thread/ü", Some(5), None))
        .await
        .unwrap();
    assert_eq!(thread.messages.len(), 1);

    let (handle, mut events) = spawn(running.url.clone(), key(1), Settings::default());
    assert!(matches!(soon(events.recv()).await, Some(Event::Up { .. })));
    let Some(Event::Message(message)) = soon(events.recv()).await else {
        panic!("expected the note")
    };
    assert_eq!(message.message_id, accepted.message_id);
    handle.stored(message.message_id);
    soon(handle.shutdown()).await;

    let unbound = Relay::with_binding(running.url.clone(), key(1), Binding::never()).unwrap();
    let refused = soon(unbound.poll(&Poll::default())).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::BoundAuthRequired));
    soon(relay.delete_agent()).await.unwrap();
    soon(unbound.poll(&Poll::default())).await.unwrap();
}

#[tokio::test]
async fn a_relay_that_lists_nothing_is_asked_once_and_gets_the_published_scheme() {
    let scripted = Scripted::start().await;
    let relay = Relay::new(scripted.url.clone(), key(1)).unwrap();
    let peer = async {
        assert!(asks_health(&scripted.answer(PLAIN_HEALTH).await));
        assert!(!is_bound(&scripted.answer(EMPTY_PAGE).await));
        assert!(!is_bound(&scripted.answer(EMPTY_PAGE).await));
    };
    let client = async {
        relay.poll(&Poll::default()).await.unwrap();
        relay.poll(&Poll::default()).await.unwrap();
    };
    soon(async { tokio::join!(peer, client) }).await;
    assert_eq!(relay.binding().level(), Bindable::default());
}

#[tokio::test]
async fn a_relay_that_once_could_is_not_talked_down() {
    let scripted = Scripted::start().await;
    let binding = Binding::remembered(BOTH);
    let relay = Relay::with_binding(scripted.url.clone(), key(1), binding.clone()).unwrap();
    let peer = async {
        assert!(is_bound(&scripted.answer(EMPTY_PAGE).await));
        assert!(asks_health(&scripted.answer(PLAIN_HEALTH).await));
        assert!(is_bound(&scripted.answer(EMPTY_PAGE).await));
    };
    let client = async {
        relay.poll(&Poll::default()).await.unwrap();
        relay.health().await.unwrap();
        relay.poll(&Poll::default()).await.unwrap();
    };
    soon(async { tokio::join!(peer, client) }).await;
    let settings = Settings {
        binding,
        ..Settings::default()
    };
    let _session = spawn(scripted.url.clone(), key(1), settings);
    let frame = scripted.first_frame().await;
    assert_eq!(
        (&frame["v"], frame["audience"].as_str()),
        (&2.into(), Some(scripted.url.origin()))
    );
}

#[tokio::test]
async fn without_an_answer_what_is_remembered_holds() {
    let scripted = Scripted::start().await;
    let remembered = Bindable {
        sessions: true,
        ..Bindable::default()
    };
    let settings = Settings {
        binding: Binding::remembered(remembered),
        ..Settings::default()
    };
    let _session = spawn(scripted.url.clone(), key(1), settings);
    assert!(asks_health(&scripted.hang_up().await));
    assert_eq!(scripted.first_frame().await["v"], 2);

    let _session = spawn(scripted.url.clone(), key(2), Settings::default());
    assert!(asks_health(&scripted.hang_up().await));
    let frame = scripted.first_frame().await;
    assert_eq!(frame["public_key"], key(2).public().to_string());
    assert!(frame.get("v").is_none() && frame.get("audience").is_none());
}

#[test]
fn what_is_to_be_remembered_can_be_written_down() {
    let written = serde_json::to_string(&BOTH).unwrap();
    assert_eq!(written, r#"{"requests":true,"sessions":true}"#);
    assert_eq!(serde_json::from_str::<Bindable>(&written).unwrap(), BOTH);
    assert_eq!(
        serde_json::from_str::<Bindable>("{}").unwrap(),
        Bindable::default()
    );
}
