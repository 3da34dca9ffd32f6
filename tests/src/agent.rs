//! An agent that speaks HTTP byte by byte: for bodies that are large, slow, broken off or not what was signed.

use crate::DEADLINE;
use mrp_proto::key::SecretKey;
use mrp_proto::sign::{BodyHash, request_bytes};
use mrp_proto::time::Timestamp;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// An agent with a key of its own.
#[derive(Debug)]
pub struct Agent(SecretKey);

/// What a relay answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head, in lower case.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Agent {
    /// The agent of a number.
    pub fn new(number: u8) -> Self {
        Self(SecretKey::from_seed(&[number; 32]))
    }

    /// The agent whose private key these bytes are.
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        Self(SecretKey::from_seed(seed))
    }

    /// Its public key.
    pub fn key(&self) -> String {
        self.0.public().to_string()
    }

    /// The head of a request for a body with a hash, up to the headers about the body.
    pub fn head(&self, method: &str, target: &str, hash: BodyHash) -> String {
        let time = fresh_time().to_string();
        let signature = self.0.sign(&request_bytes(method, target, &time, hash));
        format!(
            "{method} {target} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\nx-m2m-public-key: {}\r\n\
             x-m2m-timestamp: {time}\r\nx-m2m-signature: {signature}\r\n",
            self.key()
        )
    }

    /// Sends a request on a connection of its own and reads the answer.
    pub fn request(&self, address: &str, method: &str, target: &str, body: &[u8]) -> Answer {
        self.request_with(address, method, target, "", body)
    }

    /// The same with further headers, each with its line end.
    pub fn request_with(
        &self,
        address: &str,
        method: &str,
        target: &str,
        headers: &str,
        body: &[u8],
    ) -> Answer {
        let head = self.head(method, target, BodyHash::of(body));
        let mut stream = connect(address);
        let length = body.len();
        let head = format!("{head}{headers}content-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("the relay reads");
        stream.write_all(body).expect("the relay reads");
        read_answer(stream)
    }

    /// Uploads a blob and returns its path.
    pub fn upload(&self, address: &str, bytes: &[u8]) -> String {
        let info = self.request(address, "POST", "/v1/blobs", bytes).json(201);
        format!("/v1/blobs/{}", info["blob_id"].as_str().expect("an id"))
    }
}

impl Answer {
    /// A header of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The body, if the status is the expected one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Vec<u8> {
        let shown = String::from_utf8_lossy(&self.body[..self.body.len().min(1000)]);
        assert_eq!(self.status, status, "{}{shown}", self.head);
        self.body
    }

    /// The same as JSON.
    #[track_caller]
    pub fn json(self, status: u16) -> Value {
        serde_json::from_slice(&self.expect(status)).expect("JSON")
    }
}

/// A connection on which nothing takes for ever.
pub fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the relay listens");
    for limit in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
        limit(&stream, Some(DEADLINE)).expect("a time that is not zero");
    }
    stream
}

/// Reads an answer to the end of its connection.
pub fn read_answer(stream: TcpStream) -> Answer {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        let read = reader.read_line(&mut line).expect("the relay answers");
        assert!(read > 0, "the relay ended the connection after {head:?}");
        if line == "\r\n" {
            break;
        }
        head.push_str(&line.to_ascii_lowercase());
    }
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let mut body = Vec::new();
    reader.read_to_end(&mut body).expect("the relay answers");
    Answer {
        status: status.expect("a status"),
        head,
        body,
    }
}

/// Now, or a millisecond later than the last time: two equal requests of one millisecond would have one signature.
fn fresh_time() -> Timestamp {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
    let later = |last: i64| now.max(last + 1);
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
        Some(later(last))
    });
    Timestamp::from_unix_millis(later(last.unwrap_or_default()))
}
