//! An agent that speaks to a relay by hand: signed requests over a connection that stays open.

use crate::DEADLINE;
use mrp_proto::key::{PublicKey, SecretKey};
use mrp_proto::sign::{BodyHash, request_bytes};
use mrp_proto::time::Timestamp;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// An agent.
#[derive(Debug)]
pub struct Agent(SecretKey);

/// A request as it goes over the wire, and what in it is nobody else's business.
#[derive(Debug)]
pub struct Request {
    /// All of it.
    pub text: String,
    /// Its signature.
    pub signature: String,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The head, in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The reply, if its status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

impl Agent {
    /// An agent of its own for each number.
    pub fn numbered(number: u8) -> Self {
        Self(SecretKey::from_seed(&[number; 32]))
    }

    /// Its address.
    pub fn key(&self) -> PublicKey {
        self.0.public()
    }

    /// A signed request with further header lines, each with its line break.
    pub fn request(&self, method: &str, target: &str, headers: &str, body: &str) -> Request {
        let time = fresh_time().to_string();
        let bytes = request_bytes(method, target, &time, BodyHash::of(body.as_bytes()));
        let signature = self.0.sign(&bytes).to_string();
        let (key, length) = (self.key(), body.len());
        let text = format!(
            "{method} {target} HTTP/1.1\r\nhost: relay\r\nx-m2m-public-key: {key}\r\nx-m2m-timestamp: {time}\r\n\
             x-m2m-signature: {signature}\r\n{headers}content-length: {length}\r\n\r\n{body}"
        );
        Request { text, signature }
    }

    /// A send.
    pub fn send(&self, to: &Self, body: &str) -> Request {
        self.request("POST", "/v1/messages", "", &send_body(to, body))
    }
}

/// What a send of a JSON value carries.
pub fn send_body(to: &Agent, body: &str) -> String {
    format!(r#"{{"recipient_key":"{}","body":{body}}}"#, to.key())
}

/// Now, or a millisecond after the last time: two equal requests of one millisecond would have one signature.
fn fresh_time() -> Timestamp {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.expect("the clock is right").as_millis();
    let now = i64::try_from(now).expect("the clock is right");
    let next = |last: i64| now.max(last + 1);
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
        Some(next(last))
    });
    Timestamp::from_unix_millis(next(last.expect("there is always a next one")))
}

/// A connection to a relay.
#[derive(Debug)]
pub struct Connection<S>(BufReader<S>);

impl Connection<TcpStream> {
    /// To an address such as `127.0.0.1:8080`.
    pub fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the relay listens");
        let bounded = stream.set_read_timeout(Some(DEADLINE));
        bounded.expect("a deadline can be set");
        Self(BufReader::new(stream))
    }
}

impl Connection<UnixStream> {
    /// To a Unix socket.
    pub fn to_socket(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("the relay listens");
        let bounded = stream.set_read_timeout(Some(DEADLINE));
        bounded.expect("a deadline can be set");
        Self(BufReader::new(stream))
    }
}

impl<S: Read + Write> Connection<S> {
    /// Asks, and waits for the answer.
    pub fn ask(&mut self, request: &str) -> Reply {
        self.try_ask(request).expect("the relay answers")
    }

    /// The same where the relay may be gone.
    ///
    /// # Errors
    /// What the connection says.
    pub fn try_ask(&mut self, request: &str) -> std::io::Result<Reply> {
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let head = head.to_ascii_lowercase();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().expect("a number"));
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Reply {
            status: status.expect("a status"),
            head,
            body: String::from_utf8(body).expect("text"),
        })
    }
}

/// A request that nobody signs.
pub fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: relay\r\n\r\n")
}
