//! The least of HTTP/1.1 that a load generator needs: signed requests on one kept-alive connection.

use crate::clock;
use anyhow::{Context as _, bail};
use mrp_proto::key::SecretKey;
use mrp_proto::sign::{BodyHash, request_bytes};
use mrp_proto::time::Timestamp;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    key: SecretKey,
    /// Two equal requests in one millisecond would have one signature, and the second would be a replay.
    last_stamp: Timestamp,
    buffer: Vec<u8>,
}

/// A key that no one else has.
pub(crate) fn fresh_key() -> anyhow::Result<SecretKey> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("no randomness")?;
    Ok(SecretKey::from_seed(&seed))
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr, key: SecretKey) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            key,
            last_stamp: Timestamp::EPOCH,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Posts a body and returns the status of the answer.
    pub(crate) async fn post(&mut self, target: &str, body: &str) -> anyhow::Result<u16> {
        self.request("POST", target, body).await
    }

    /// Patches with a body and returns the status of the answer.
    pub(crate) async fn patch(&mut self, target: &str, body: &str) -> anyhow::Result<u16> {
        self.request("PATCH", target, body).await
    }

    /// Gets a target and returns the status of the answer; the answer's body is [`Connection::body`] then.
    pub(crate) async fn get(&mut self, target: &str) -> anyhow::Result<u16> {
        self.request("GET", target, "").await
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        let head = self
            .buffer
            .windows(4)
            .position(|window| window == b"\r\n\r\n");
        &self.buffer[head.map_or(0, |end| end + 4)..]
    }

    async fn request(&mut self, method: &str, target: &str, body: &str) -> anyhow::Result<u16> {
        let next = self.last_stamp.after(Duration::from_millis(1));
        self.last_stamp = clock::now().max(next);
        let timestamp = self.last_stamp.to_string();
        let canonical = request_bytes(method, target, &timestamp, BodyHash::of(body.as_bytes()));
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: relay\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             x-m2m-public-key: {}\r\nx-m2m-timestamp: {timestamp}\r\nx-m2m-signature: {}\r\n\r\n{body}",
            body.len(),
            self.key.public(),
            self.key.sign(&canonical),
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.read_answer().await
    }

    async fn read_answer(&mut self) -> anyhow::Result<u16> {
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the relay closed the connection");
            }
            let Some(head_end) = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            else {
                continue;
            };
            let head = std::str::from_utf8(&self.buffer[..head_end])?;
            let length: usize = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length:")?
                        .trim()
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if self.buffer.len() >= head_end + 4 + length {
                return head
                    .split(' ')
                    .nth(1)
                    .context("a status line has a status")?
                    .parse()
                    .context("a number");
            }
        }
    }
}
