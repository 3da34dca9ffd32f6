//! nats-server with JetStream: acknowledged when it is written, synced to disk every two minutes.

use super::{Peer, free_address, installed};
use crate::scratch;
use anyhow::{bail, ensure};
use std::net::SocketAddr;
use std::process::Command;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Nats {
    pub(crate) peer: Peer,
    /// Held for its end.
    _folder: TempDir,
}

/// Makes a stream that keeps everything in files.
const STREAM: &str = r#"{"name":"bench","subjects":["bench"],"storage":"file","retention":"limits","discard":"old","max_msgs":-1,"max_bytes":-1,"num_replicas":1}"#;

impl Nats {
    /// `None` where nats-server is not installed.
    pub(crate) async fn start() -> anyhow::Result<Option<Self>> {
        let Some(program) = installed("nats-server") else {
            return Ok(None);
        };
        let address = free_address()?;
        let folder = scratch::folder("nats")?;
        let mut command = Command::new(program);
        command
            .args(["-a", &address.ip().to_string()])
            .args(["-p", &address.port().to_string()])
            .arg("-js")
            .arg("-sd")
            .arg(folder.path());
        let peer = Peer::start(command, address, folder.path())?;
        let mut connection = Connection::open(address).await?;
        connection
            .ask("$JS.API.STREAM.CREATE.bench", STREAM.as_bytes())
            .await?;
        Ok(Some(Self {
            peer,
            _folder: folder,
        }))
    }
}

/// A connection that asks one thing at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    inbox: String,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let inbox = format!("_INBOX.{}", getrandom::u64()?);
        let mut connection = Self {
            stream: BufReader::new(stream),
            inbox,
        };
        let greeting = format!(
            "CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB {} 1\r\nPING\r\n",
            connection.inbox
        );
        connection.write(greeting.as_bytes()).await?;
        while connection.line().await?.trim() != "PONG" {}
        Ok(connection)
    }

    /// Publishes and waits for the acknowledgement.
    pub(crate) async fn publish(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        self.ask("bench", payload).await
    }

    async fn ask(&mut self, subject: &str, payload: &[u8]) -> anyhow::Result<()> {
        let mut request =
            format!("PUB {subject} {} {}\r\n", self.inbox, payload.len()).into_bytes();
        request.extend(payload);
        request.extend(b"\r\n");
        self.write(&request).await?;
        loop {
            let line = self.line().await?;
            if line.starts_with("PING") {
                self.write(b"PONG\r\n").await?;
            } else if line.starts_with("-ERR") {
                bail!("nats-server: {line}");
            } else if line.starts_with("MSG ") {
                let answer = self.payload(&line).await?;
                let answer = String::from_utf8_lossy(&answer);
                ensure!(!answer.contains("\"error\""), "nats-server: {answer}");
                return Ok(());
            }
        }
    }

    /// What comes behind the line that announces a message.
    async fn payload(&mut self, line: &str) -> anyhow::Result<Vec<u8>> {
        let length = line.split_whitespace().last().unwrap_or_default();
        let mut payload = vec![0; length.parse::<usize>()? + 2];
        self.stream.read_exact(&mut payload).await?;
        Ok(payload)
    }

    async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.get_mut().write_all(bytes).await?)
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await?;
        ensure!(read > 0, "nats-server closed the connection");
        Ok(line)
    }
}

/// A connection to which the stream's messages are pushed, each to be acknowledged.
#[derive(Debug)]
pub(crate) struct Subscription {
    connection: Connection,
    payload: Vec<u8>,
    /// Where the last message is acknowledged.
    reply: String,
}

impl Subscription {
    /// For messages that come from now on.
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let mut connection = Connection::open(address).await?;
        let subject = format!("deliver.{}", getrandom::u64()?);
        let subscribe = format!("SUB {subject} 2\r\n");
        connection.write(subscribe.as_bytes()).await?;
        let consumer = format!(
            r#"{{"stream_name":"bench","config":{{"deliver_subject":"{subject}","deliver_policy":"new","ack_policy":"explicit"}}}}"#
        );
        let create = "$JS.API.CONSUMER.CREATE.bench";
        connection.ask(create, consumer.as_bytes()).await?;
        Ok(Self {
            connection,
            payload: Vec::new(),
            reply: String::new(),
        })
    }

    /// The payload of the next message.
    pub(crate) async fn next(&mut self) -> anyhow::Result<&[u8]> {
        loop {
            let line = self.connection.line().await?;
            if line.starts_with("PING") {
                self.connection.write(b"PONG\r\n").await?;
            } else if line.starts_with("MSG ") {
                self.payload = self.connection.payload(&line).await?;
                let reply = line.split_whitespace().nth(3).unwrap_or_default();
                reply.clone_into(&mut self.reply);
                return Ok(&self.payload);
            }
        }
    }

    /// Acknowledges the last message.
    pub(crate) async fn confirm(&mut self) -> anyhow::Result<()> {
        let ack = format!("PUB {} 4\r\n+ACK\r\n", self.reply);
        self.connection.write(ack.as_bytes()).await
    }
}
