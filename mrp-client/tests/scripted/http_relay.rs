//! A listener that answers one request with given bytes and tells what it was asked.

use crate::soon;
use mrp_client::{Binding, Relay, RelayUrl};
use mrp_proto::key::SecretKey;
use mrp_proto::sign::{BodyHash, TIMESTAMP_TOLERANCE, Unverified, request_bytes};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request as it came.
pub(crate) struct Asked {
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn request_line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// Checks the signature over the target as it stands on the request line, with its query.
    pub(crate) fn assert_signed_by(&self, key: &SecretKey) {
        let mut line = self.request_line().split(' ');
        let (method, target) = (line.next().unwrap(), line.next().unwrap());
        let timestamp = self.header("x-m2m-timestamp").unwrap();
        let claim = Unverified::decode(
            self.header("x-m2m-public-key").unwrap(),
            timestamp,
            self.header("x-m2m-signature").unwrap(),
            timestamp.parse().unwrap(),
            TIMESTAMP_TOLERANCE,
        )
        .unwrap();
        let canonical = request_bytes(method, target, timestamp, BodyHash::of(&self.body));
        claim
            .verify(&key.public().verifier(), [&*canonical])
            .unwrap();
    }
}

pub(crate) fn key() -> Arc<SecretKey> {
    Arc::new(SecretKey::from_seed(&[5; 32]))
}

pub(crate) async fn listener() -> (TcpListener, RelayUrl) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url.parse().unwrap())
}

/// A client, and the request that its first call will make, answered with `answer`.
pub(crate) async fn relay_that_answers(answer: impl Into<Vec<u8>>) -> (Relay, JoinHandle<Asked>) {
    let (listener, url) = listener().await;
    let answer = answer.into();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = soon(listener.accept()).await.unwrap();
        let mut read = Vec::new();
        let (head, mut body) = loop {
            assert_ne!(soon(stream.read_buf(&mut read)).await.unwrap(), 0);
            if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                let body = read.split_off(end + 4);
                break (String::from_utf8(read).unwrap(), body);
            }
        };
        let mut asked = Asked {
            head,
            body: Vec::new(),
        };
        let length: usize = asked
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        while body.len() < length {
            assert_ne!(soon(stream.read_buf(&mut body)).await.unwrap(), 0);
        }
        asked.body = body;
        // A client that has heard enough hangs up.
        let _ = soon(stream.write_all(&answer)).await;
        asked
    });
    let relay = Relay::with_binding(url, key(), Binding::never());
    (relay.unwrap(), asked)
}

/// An answer with a JSON body.
pub(crate) fn json(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
