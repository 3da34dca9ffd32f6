//! A relay on a free port that lets webhooks come to loopback, and agents that sign.

use http::StatusCode;
use mrp_proto::key::{PublicKey, SecretKey};
use mrp_proto::sign::{BodyHash, request_bytes};
use mrp_proto::time::Timestamp;
use relayd::{Config, ListenAddress, RunError, Server};
use serde_json::{Value, json};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Nothing here takes that long.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for something that must come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(DEADLINE, future).await;
    outcome.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// Asks again and again until there is something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(what, looking).await
}

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    shutdown: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), RunError>>,
    _data: TempDir,
}

impl Relay {
    /// Everything that fails is tried again soon.
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
        config.webhooks.allow_http = true;
        config.webhooks.allow_networks = vec!["127.0.0.0/8".parse().unwrap()];
        config.webhooks.schedule.retries = [Duration::from_millis(20); 6];
        config.webhooks.schedule.again = Duration::from_millis(200);
        config.webhooks.limits.give_up_for = Duration::from_millis(100);
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
            _data: data,
        }
    }

    /// Ends it in order.
    pub(crate) async fn end(mut self) {
        drop(self.shutdown.take());
        soon("the relay's end", self.running)
            .await
            .unwrap()
            .unwrap();
    }

    pub(crate) async fn register(&self, agent: &Agent, url: &str) -> Value {
        register(self.address, agent, url).await
    }

    pub(crate) async fn send(&self, from: &Agent, to: &Agent, body: &str) -> String {
        send(self.address, from, to, body).await
    }

    pub(crate) async fn webhook(&self, agent: &Agent) -> Value {
        let reply = ask(self.address, agent, "GET", &agent.webhook(), "").await;
        reply.expect(200)
    }

    /// Where a message stands.
    pub(crate) async fn status(&self, agent: &Agent, id: &str) -> String {
        let path = format!("/v1/messages/{id}/status");
        let reply = ask(self.address, agent, "GET", &path, "").await.expect(200);
        reply["status"].as_str().unwrap().to_owned()
    }
}

pub(crate) async fn register(relay: SocketAddr, agent: &Agent, url: &str) -> Value {
    let body = json!({ "url": url, "secret": SECRET }).to_string();
    let reply = ask(relay, agent, "PUT", &agent.webhook(), &body).await;
    reply.expect(200)
}

pub(crate) async fn send(relay: SocketAddr, from: &Agent, to: &Agent, body: &str) -> String {
    let request = format!(r#"{{"recipient_key":"{}","body":{body}}}"#, to.key());
    let accepted = ask(relay, from, "POST", "/v1/messages", &request).await;
    let accepted = accepted.expect(202);
    accepted["message_id"].as_str().unwrap().to_owned()
}

pub(crate) struct Agent(pub(crate) SecretKey);

pub(crate) fn agent(seed: u8) -> Agent {
    Agent(SecretKey::from_seed(&[seed; 32]))
}

impl Agent {
    pub(crate) fn key(&self) -> PublicKey {
        self.0.public()
    }

    pub(crate) fn webhook(&self) -> String {
        format!("/v1/agents/{}/webhook", self.key())
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    body: Value,
}

impl Reply {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self.body
    }
}

/// A signed request on a connection of its own.
pub(crate) async fn ask(
    relay: SocketAddr,
    agent: &Agent,
    method: &str,
    target: &str,
    body: &str,
) -> Reply {
    let time = fresh_time().to_string();
    let hash = BodyHash::of(body.as_bytes());
    let signature = agent.0.sign(&request_bytes(method, target, &time, hash));
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-m2m-public-key: {}\r\nx-m2m-timestamp: {time}\r\n\
         x-m2m-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
        agent.key(),
        body.len()
    );
    let mut stream = TcpStream::connect(relay).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("an answer", stream.read_to_string(&mut answer))
        .await
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Reply {
        status: head[9..12].parse().unwrap(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

/// Now, or a millisecond later than the last time: two equal requests of one millisecond would have one signature.
pub(crate) fn fresh_time() -> Timestamp {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(since.as_millis()).unwrap();
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
        Some(now.max(last + 1))
    });
    Timestamp::from_unix_millis(now.max(last.unwrap() + 1))
}
