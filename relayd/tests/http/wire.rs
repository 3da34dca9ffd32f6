//! Over real sockets: what the HTTP library, the accept loop and the time limits do.

use crate::harness::{PATIENCE, agent, on_the_wire as signed};
use relayd::{Config, ListenAddress, RunError, Server};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A time limit that a test waits out.
pub(crate) const SHORT: Duration = Duration::from_millis(200);

pub(crate) struct Running {
    pub(crate) addresses: Vec<ListenAddress>,
    pub(crate) urls: Vec<String>,
    end: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), RunError>>,
    pub(crate) data_dir: TempDir,
}

pub(crate) async fn start(change: impl FnOnce(&mut Config, &TempDir)) -> Running {
    let data_dir = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.set("listen=127.0.0.1:0").unwrap();
    config.data_dir = data_dir.path().join("data");
    change(&mut config, &data_dir);
    let server = Server::bind(config).await.unwrap();
    let (addresses, urls) = (server.addresses(), server.urls());
    let (end, ended) = oneshot::channel();
    let served = tokio::spawn(server.run(async {
        let _ = ended.await;
    }));
    Running {
        addresses,
        urls,
        end: Some(end),
        served,
        data_dir,
    }
}

impl Running {
    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        let ListenAddress::Tcp(address) = self.addresses[0] else {
            panic!("not TCP")
        };
        assert_ne!(address, SocketAddr::from(([127, 0, 0, 1], 0)));
        Client::new(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) async fn end(mut self) {
        let _ = self.end.take().unwrap().send(());
        timeout(PATIENCE, self.served)
            .await
            .expect("the relay ends in time")
            .unwrap()
            .unwrap();
    }
}

pub(crate) struct Client<S> {
    pub(crate) stream: S,
    read: Vec<u8>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(
            (self.status, &body["error"]["code"]),
            (status, &code.into()),
            "{}",
            self.head
        );
        let id = body["error"]["request_id"].as_str().unwrap();
        assert!(
            self.head.contains(&format!("x-request-id: {id}\r\n")),
            "{}",
            self.head
        );
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        let read = Vec::new();
        Self { stream, read }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads one answer with a Content-Length.
    pub(crate) async fn answer(&mut self) -> Answer {
        timeout(PATIENCE, self.read_answer())
            .await
            .expect("an answer in time")
    }

    async fn read_answer(&mut self) -> Answer {
        loop {
            if let Some(end) = self
                .read
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                let head = String::from_utf8(self.read[..end + 4].to_vec())
                    .unwrap()
                    .to_lowercase();
                let length = head
                    .split("content-length: ")
                    .nth(1)
                    .map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
                while self.read.len() < end + 4 + length {
                    assert_ne!(
                        self.stream.read_buf(&mut self.read).await.unwrap(),
                        0,
                        "cut off: {head}"
                    );
                }
                let rest = self.read.split_off(end + 4 + length);
                let body = String::from_utf8(self.read[end + 4..].to_vec()).unwrap();
                self.read = rest;
                return Answer {
                    status: head[9..12].parse().unwrap(),
                    head,
                    body,
                };
            }
            assert_ne!(
                self.stream.read_buf(&mut self.read).await.unwrap(),
                0,
                "closed without an answer"
            );
        }
    }

    /// Waits until the relay closes, and asserts that it said nothing more.
    pub(crate) async fn closed(&mut self) {
        let read = timeout(PATIENCE, self.stream.read_to_end(&mut self.read))
            .await
            .expect("closed in time");
        // A reset is a way of closing, too.
        drop(read);
        assert!(self.read.is_empty(), "{}", self.read.escape_ascii());
    }

    pub(crate) async fn get_health(&mut self) {
        self.write("GET /v1/health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            .await;
        assert_eq!(self.answer().await.status, 200);
    }
}

#[tokio::test]
async fn requests_follow_each_other_and_may_be_pipelined() {
    let relay = start(|_, _| {}).await;
    let alice = agent(1);
    let mut client = relay.connect().await;
    client.get_health().await;
    let body = format!(r#"{{"recipient_key":"{}","body":"hi"}}"#, alice.key());
    let requests = [
        signed(&alice, "POST", "/v1/messages", &body),
        signed(&alice, "GET", "/v1/messages", ""),
        "GET /none HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
    ];
    client.write(requests.concat()).await;
    assert_eq!(client.answer().await.status, 202);
    let page = client.answer().await;
    assert!(page.body.contains(r#""body":"hi""#), "{}", page.body);
    client.answer().await.refused(404, "not_found");
    client.get_health().await;
    relay.end().await;
}

#[tokio::test]
async fn heads_that_are_too_large_or_none_are_told_so() {
    let relay = start(|_, _| {}).await;
    let long = "x".repeat(9000);
    for (request, status, code) in [
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), 414, "uri_too_long"),
        (
            format!("GET / HTTP/1.1\r\na: {long}\r\nb: {long}\r\n\r\n"),
            431,
            "headers_too_large",
        ),
        (
            format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65)),
            431,
            "headers_too_large",
        ),
        (
            "GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(),
            400,
            "bad_request",
        ),
        ("PRI * HTTP/2.0\r\n\r\n".to_owned(), 400, "bad_request"),
        ("\u{16}\u{3}\u{1}\n\n".to_owned(), 400, "bad_request"),
    ] {
        let mut client = relay.connect().await;
        client.write(request).await;
        client.answer().await.refused(status, code);
        client.closed().await;
    }
    // On a connection in use, the library answers what it cannot read; the connection ends all the same.
    let mut client = relay.connect().await;
    client.get_health().await;
    client
        .write(format!("GET / HTTP/1.1\r\na: {long}\r\nb: {long}\r\n\r\n"))
        .await;
    assert_eq!(client.answer().await.status, 431);
    client.closed().await;
    let mut client = relay.connect().await;
    client.get_health().await;
    client.write(format!("GET /{long} HTTP/1.1\r\n\r\n")).await;
    client.answer().await.refused(414, "uri_too_long");
    relay.end().await;
}

#[tokio::test]
async fn ambiguous_framing_is_refused() {
    let relay = start(|_, _| {}).await;
    for headers in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: +5\r\n",
        "content-length: 0x5\r\n",
        "transfer-encoding: identity\r\n",
    ] {
        let mut client = relay.connect().await;
        client
            .write(format!(
                "POST /v1/messages HTTP/1.1\r\nhost: x\r\n{headers}\r\nhello"
            ))
            .await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 400, "{headers}: {}", answer.head);
        client.closed().await;
    }
    relay.end().await;
}

#[tokio::test]
async fn a_head_that_takes_too_long_is_answered_and_silence_is_not() {
    let relay = start(|config, _| config.timeouts.head = SHORT).await;
    let mut slow = relay.connect().await;
    slow.write("GET / HTTP/1.1\r\nhost:").await;
    slow.answer().await.refused(408, "request_timeout");
    slow.closed().await;
    drop(slow);
    relay.connect().await.closed().await;
    relay.end().await;
}

#[tokio::test]
async fn a_pause_between_requests_ends() {
    let relay = start(|config, _| config.timeouts.keep_alive = SHORT).await;
    let mut client = relay.connect().await;
    client.get_health().await;
    client.closed().await;
    relay.end().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    for change in [
        (|config: &mut Config, _: &TempDir| config.timeouts.body_idle = SHORT)
            as fn(&mut Config, &TempDir),
        |config, _| config.timeouts.body = SHORT,
    ] {
        let relay = start(change).await;
        let mut client = relay.connect().await;
        let request = signed(&agent(1), "POST", "/v1/messages", "0123456789");
        client.write(&request[..request.len() - 5]).await;
        client.answer().await.refused(408, "request_timeout");
        drop(client);
        relay.end().await;
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_comes() {
    let relay = start(|_, _| {}).await;
    let mut client = relay.connect().await;
    client.write("POST /v1/messages HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2097153\r\n\r\n").await;
    client.answer().await.refused(413, "payload_too_large");
    drop(client);
    // One that is sent all the same does not cost the client its answer.
    let mut client = relay.connect().await;
    client
        .write("POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 4000000\r\n\r\n")
        .await;
    client.write(vec![b'x'; 4_000_000]).await;
    client.answer().await.refused(413, "payload_too_large");
    drop(client);
    relay.end().await;
}

#[tokio::test]
async fn a_chunked_body_is_measured_as_it_comes() {
    let relay = start(|_, _| {}).await;
    let mut client = relay.connect().await;
    let length = (2 << 20) + 1;
    // Correctly signed as far as anyone can tell before its end.
    let head = signed(&agent(1), "POST", "/v1/messages", "")
        .replace("content-length: 0", "transfer-encoding: chunked");
    client.write(format!("{head}{length:x}\r\n")).await;
    client.write(vec![b'x'; length]).await;
    client.answer().await.refused(413, "payload_too_large");
    drop(client);
    let mut client = relay.connect().await;
    let body = format!(r#"{{"recipient_key":"{}","body":1}}"#, agent(1).key());
    let head = signed(&agent(1), "POST", "/v1/messages", &body);
    let head = head.replace(
        &format!("content-length: {}", body.len()),
        "transfer-encoding: chunked",
    );
    let (head, _) = head.split_once("\r\n\r\n").unwrap();
    let (first, second) = body.split_at(10);
    client
        .write(format!(
            "{head}\r\n\r\na\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
            second.len()
        ))
        .await;
    assert_eq!(client.answer().await.status, 202);
    relay.end().await;
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_no_more() {
    let relay = start(|config, _| {
        config.set("public_url=https://relay.example.net").unwrap();
        config.set("limits.connections_per_ip=3").unwrap();
        config
            .set("limits.unauthenticated_connections_per_ip=2")
            .unwrap();
    })
    .await;
    let mut first = relay.connect().await;
    first.get_health().await;
    let mut second = relay.connect().await;
    second.get_health().await;
    let mut third = relay.connect().await;
    third.answer().await.refused(429, "rate_limit_exceeded");
    third.closed().await;
    // A good signature makes room for another stranger.
    first
        .write(signed(&agent(1), "GET", "/v1/messages", ""))
        .await;
    assert_eq!(first.answer().await.status, 200);
    let mut third = relay.connect().await;
    third
        .write(signed(&agent(1), "GET", "/v1/messages", ""))
        .await;
    assert_eq!(third.answer().await.status, 200);
    relay
        .connect()
        .await
        .answer()
        .await
        .refused(429, "rate_limit_exceeded");
    relay.end().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let relay = start(|config, _| {
        config.set("limits.connections=1").unwrap();
        config.timeouts.write = SHORT;
    })
    .await;
    let alice = agent(1);
    let mut greedy = relay.connect().await;
    let body = format!(
        r#"{{"recipient_key":"{}","body":"{}"}}"#,
        alice.key(),
        "x".repeat(1_000_000)
    );
    greedy
        .write(signed(&alice, "POST", "/v1/messages", &body))
        .await;
    assert_eq!(greedy.answer().await.status, 202);
    // More answers than fit into the system's buffers, and none of them is read.
    let polls: Vec<_> = (0..64)
        .map(|_| signed(&alice, "GET", "/v1/messages?ack=manual", ""))
        .collect();
    greedy.write(polls.concat()).await;
    // There is room for one connection: the next one is served once the first is given up.
    let mut next = relay.connect().await;
    next.get_health().await;
    relay.end().await;
}

#[tokio::test]
async fn at_its_capacity_the_relay_lets_them_wait() {
    let relay = start(|config, _| config.set("limits.connections=1").unwrap()).await;
    let mut first = relay.connect().await;
    first.get_health().await;
    let mut second = relay.connect().await;
    second
        .write("GET /v1/health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert!(timeout(SHORT, second.read_answer()).await.is_err());
    drop(first);
    assert_eq!(second.answer().await.status, 200);
    relay.end().await;
}

#[tokio::test]
async fn a_unix_socket_serves_too_and_is_taken_over_from_the_dead() {
    let listen = |config: &mut Config, directory: &TempDir| {
        let path = directory.path().join("http.sock");
        // What a process that was killed leaves behind.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        config.listen = vec![ListenAddress::Unix(path)];
    };
    let relay = start(listen).await;
    let path = relay.data_dir.path().join("http.sock");
    let mut client = Client::new(UnixStream::connect(&path).await.unwrap());
    client.get_health().await;
    let second = Config {
        data_dir: relay.data_dir.path().join("second"),
        listen: relay.addresses.clone(),
        ..Config::default()
    };
    let refused = Server::bind(second).await.unwrap_err().to_string();
    assert!(refused.contains("http.sock: cannot listen"), "{refused}");
    let directory = relay.data_dir.path().to_owned();
    relay.end().await;
    assert!(!directory.join("http.sock").exists());
}

#[tokio::test]
async fn a_relay_that_cannot_listen_everywhere_leaves_no_socket() {
    for (second, problem) in [
        ("missing/second.sock", "second.sock: cannot listen"),
        (&"s".repeat(108), "may have 107 bytes"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let socket = |name: &str| ListenAddress::Unix(directory.path().join(name));
        let config = Config {
            data_dir: directory.path().join("data"),
            listen: vec![socket("first.sock"), socket(second)],
            ..Config::default()
        };
        let refused = Server::bind(config).await.unwrap_err().to_string();
        assert!(refused.contains(problem), "{refused}");
        assert!(!directory.path().join("first.sock").exists());
    }
}

#[tokio::test]
async fn what_is_under_way_is_finished_when_the_relay_ends() {
    let relay = start(|_, _| {}).await;
    let (alice, bob) = (agent(1), agent(2));
    let mut idle = relay.connect().await;
    idle.get_health().await;
    let mut waiting = relay.connect().await;
    waiting
        .write(signed(&alice, "GET", "/v1/messages?wait=30", ""))
        .await;
    let mut sending = relay.connect().await;
    let body = format!(r#"{{"recipient_key":"{}","body":1}}"#, alice.key());
    let request = signed(&bob, "POST", "/v1/messages", &body);
    // The body is asked for only by a handler that waits for it: then the request is under way.
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    sending
        .write(format!("{head}\r\nexpect: 100-continue\r\n\r\n"))
        .await;
    assert_eq!(sending.answer().await.status, 100);
    let finish = async {
        idle.closed().await;
        sending.write(&body).await;
        let answer = sending.answer().await;
        assert_eq!(answer.status, 202);
        assert!(answer.head.contains("connection: close"), "{}", answer.head);
        // The poll is answered without waiting for its time.
        assert_eq!(waiting.answer().await.status, 200);
    };
    tokio::join!(relay.end(), finish);
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_the_relay() {
    let relay = start(|config, _| config.timeouts.drain = SHORT).await;
    let mut client = relay.connect().await;
    let request = signed(&agent(1), "POST", "/v1/messages", "0123456789");
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    client
        .write(format!("{head}\r\nexpect: 100-continue\r\n\r\n"))
        .await;
    assert_eq!(client.answer().await.status, 100);
    relay.end().await;
}

#[tokio::test]
async fn messages_survive_the_relay() {
    let first = start(|_, _| {}).await;
    let alice = agent(1);
    let body = format!(r#"{{"recipient_key":"{}","body":"kept"}}"#, alice.key());
    let request = signed(&alice, "POST", "/v1/messages", &body);
    let mut client = first.connect().await;
    client.write(&request).await;
    assert_eq!(client.answer().await.status, 202);
    drop(client);
    let Running {
        end,
        served,
        data_dir,
        ..
    } = first;
    let _ = end.unwrap().send(());
    served.await.unwrap().unwrap();
    let data = data_dir.path().join("data");
    let second = start(move |config, _| config.data_dir = data).await;
    let mut client = second.connect().await;
    // What took effect before stays a replay.
    client.write(&request).await;
    client.answer().await.refused(409, "replay_detected");
    client
        .write(signed(&alice, "GET", "/v1/messages", ""))
        .await;
    let page = client.answer().await;
    assert!(page.body.contains(r#""body":"kept""#), "{}", page.body);
    second.end().await;
}
