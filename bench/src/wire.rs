//! The least of HTTP/1.1 that a load generator needs: requests signed beforehand or on the way, on one kept-alive connection.

use crate::clock;
use anyhow::{Context as _, bail};
use mrp_proto::key::SecretKey;
use mrp_proto::sign::{BodyHash, request_bytes};
use mrp_proto::time::Timestamp;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A key that no one else has.
pub(crate) fn fresh_key() -> anyhow::Result<SecretKey> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("no randomness")?;
    Ok(SecretKey::from_seed(&seed))
}

/// A key that signs requests.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    key: SecretKey,
    /// Two equal requests in one millisecond would have one signature, and the second would be a replay.
    last_stamp: Timestamp,
}

impl Signer {
    pub(crate) fn new(key: SecretKey) -> Self {
        Self {
            key,
            last_stamp: Timestamp::EPOCH,
        }
    }

    /// A whole request. It is good for five minutes.
    pub(crate) fn request(&mut self, method: &str, target: &str, body: &str) -> Vec<u8> {
        let mut request = self.head(method, target, "application/json", body.as_bytes());
        request.extend(body.bytes());
        request
    }

    /// A request without its body.
    pub(crate) fn head(
        &mut self,
        method: &str,
        target: &str,
        content_type: &str,
        body: &[u8],
    ) -> Vec<u8> {
        let next = self.last_stamp.after(Duration::from_millis(1));
        self.last_stamp = clock::now().max(next);
        let timestamp = self.last_stamp.to_string();
        let canonical = request_bytes(method, target, &timestamp, BodyHash::of(body));
        format!(
            "{method} {target} HTTP/1.1\r\nhost: relay\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\
             x-m2m-public-key: {}\r\nx-m2m-timestamp: {timestamp}\r\nx-m2m-signature: {}\r\n\r\n",
            body.len(),
            self.key.public(),
            self.key.sign(&canonical),
        )
        .into_bytes()
    }
}

/// A connection on which one request is under way at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The server said that its last answer was the last one here, as a relay does after many.
    is_over: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            address,
            stream,
            buffer: Vec::with_capacity(4096),
            is_over: false,
        })
    }

    /// Writes a whole request, on a new connection if this one is over, and returns the status of the answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        if self.is_over {
            *self = Self::open(self.address).await?;
        }
        self.write(request).await?;
        self.answer().await
    }

    /// Writes some of a request.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Reads a whole answer and returns its status.
    pub(crate) async fn answer(&mut self) -> anyhow::Result<u16> {
        let (status, head, length) = self.head().await?;
        while self.buffer.len() < head + length {
            self.fill().await?;
        }
        Ok(status)
    }

    /// Reads a whole answer, throws its body away, and returns its status and the body's length.
    pub(crate) async fn discard(&mut self) -> anyhow::Result<(u16, usize)> {
        let (status, head, length) = self.head().await?;
        let mut left = length.saturating_sub(self.buffer.len() - head);
        let mut part = vec![0; 256 << 10];
        while left > 0 {
            let read = self.stream.read(&mut part).await?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            left = left.saturating_sub(read);
        }
        Ok((status, length))
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        let head = end_of_head(&self.buffer);
        &self.buffer[head.unwrap_or(0)..]
    }

    /// Reads the head of an answer: its status, its length, and that of the body.
    async fn head(&mut self) -> anyhow::Result<(u16, usize, usize)> {
        self.buffer.clear();
        let end = loop {
            self.fill().await?;
            if let Some(end) = end_of_head(&self.buffer) {
                break end;
            }
        };
        let head = std::str::from_utf8(&self.buffer[..end])?;
        let status = head.split(' ').nth(1).context("a status line")?.parse()?;
        let field = |wanted: &str| {
            head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let is_wanted = name.eq_ignore_ascii_case(wanted);
                is_wanted.then(|| value.trim())
            })
        };
        let length = field("content-length").and_then(|value| value.parse().ok());
        self.is_over = field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Ok((status, end, length.unwrap_or(0)))
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

fn end_of_head(answer: &[u8]) -> Option<usize> {
    let place = answer.windows(4).position(|part| part == b"\r\n\r\n");
    place.map(|place| place + 4)
}

/// An agent with a connection of its own.
#[derive(Debug)]
pub(crate) struct Client {
    connection: Connection,
    signer: Signer,
}

impl Client {
    pub(crate) async fn open(address: SocketAddr, key: SecretKey) -> anyhow::Result<Self> {
        Ok(Self {
            connection: Connection::open(address).await?,
            signer: Signer::new(key),
        })
    }

    /// Patches with a body and returns the status of the answer.
    pub(crate) async fn patch(&mut self, target: &str, body: &str) -> anyhow::Result<u16> {
        let request = self.signer.request("PATCH", target, body);
        self.connection.exchange(&request).await
    }

    /// A signed request for a target, not sent yet.
    pub(crate) fn ready(&mut self, target: &str) -> Vec<u8> {
        self.signer.request("GET", target, "")
    }

    /// Sends a request that is ready and returns the status of the answer; the answer's body is [`Client::body`] then.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.connection.exchange(request).await
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        self.connection.body()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_connection_that_is_over_is_made_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                for field in ["x: y", "Connection: close"] {
                    let mut request = [0; 3];
                    stream.read_exact(&mut request).await.unwrap();
                    let answer =
                        format!("HTTP/1.1 202 Accepted\r\n{field}\r\ncontent-length: 0\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        let mut connection = Connection::open(address).await.unwrap();
        for _ in 0..4 {
            assert_eq!(connection.exchange(b"GET").await.unwrap(), 202);
        }
        serving.await.unwrap();
    }
}
