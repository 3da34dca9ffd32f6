//! mosquitto: a broker that acknowledges what it has in memory (MQTT 3.1.1, QoS 1).

use super::{Peer, free_address, installed};
use crate::scratch;
use anyhow::{Context as _, ensure};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Mosquitto {
    pub(crate) peer: Peer,
    /// Its one-shot client.
    publisher: PathBuf,
    /// Held for its end.
    _folder: TempDir,
}

/// The topic of everything.
const TOPIC: &str = "bench";

impl Mosquitto {
    /// `None` where mosquitto or its client is not installed.
    pub(crate) fn start() -> anyhow::Result<Option<Self>> {
        let (Some(server), Some(publisher)) = (installed("mosquitto"), installed("mosquitto_pub"))
        else {
            return Ok(None);
        };
        let address = free_address()?;
        let folder = scratch::folder("mosquitto")?;
        let config = folder.path().join("mosquitto.conf");
        let (ip, port) = (address.ip(), address.port());
        // Without a limit, since a broker that drops what it has acknowledged is no comparison.
        let settings =
            format!("listener {port} {ip}\nallow_anonymous true\nmax_queued_messages 0\n");
        std::fs::write(&config, settings)?;
        let mut command = Command::new(server);
        command.arg("-c").arg(config);
        Ok(Some(Self {
            peer: Peer::start(command, address, folder.path())?,
            publisher,
            _folder: folder,
        }))
    }

    /// Publishes one message with acknowledgement, by a program that ends when it has it.
    pub(crate) fn publish(&self, text: &str) -> Command {
        let address = self.peer.address;
        let mut command = Command::new(&self.publisher);
        command
            .args(["-q", "1", "-t", TOPIC, "-m", text])
            .args(["-h", &address.ip().to_string()])
            .args(["-p", &address.port().to_string()]);
        command
    }

    /// Has a subscriber that is away, for whom everything is kept.
    pub(crate) async fn absent_subscriber(&self) -> anyhow::Result<()> {
        let mut subscriber = Connection::open(self.peer.address, "absent", Session::Kept).await?;
        subscriber.subscribe().await?;
        subscriber.write(0xe0, &[]).await
    }
}

/// A connection that publishes.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// Number of the last packet; never zero.
    packet: u16,
}

/// What the broker does with what it has for a client that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    Clean,
    Kept,
}

impl Connection {
    pub(crate) async fn open(
        address: SocketAddr,
        client: &str,
        session: Session,
    ) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut connection = Self { stream, packet: 0 };
        let mut packet = string("MQTT");
        let flags = if session == Session::Clean { 2 } else { 0 };
        packet.extend([4, flags, 0, 0]);
        packet.extend(string(client));
        connection.write(0x10, &packet).await?;
        let mut answer = [0; 4];
        connection.stream.read_exact(&mut answer).await?;
        ensure!(answer[3] == 0, "mosquitto refused with {}", answer[3]);
        Ok(connection)
    }

    /// Publishes and waits for the acknowledgement.
    pub(crate) async fn publish(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        self.packet = self.packet.checked_add(1).unwrap_or(1);
        let mut packet = string(TOPIC);
        packet.extend(self.packet.to_be_bytes());
        packet.extend(payload);
        self.write(0x32, &packet).await?;
        let mut answer = [0; 4];
        self.stream.read_exact(&mut answer).await?;
        ensure!(answer[0] == 0x40, "mosquitto answered {answer:?}");
        Ok(())
    }

    /// Subscribes with acknowledgement.
    async fn subscribe(&mut self) -> anyhow::Result<()> {
        let mut packet = vec![0, 1];
        packet.extend(string(TOPIC));
        packet.push(1);
        self.write(0x82, &packet).await?;
        let mut answer = [0; 5];
        self.stream.read_exact(&mut answer).await?;
        let is_taken = answer == [0x90, 3, 0, 1, 1];
        ensure!(is_taken, "mosquitto refused: {answer:?}");
        Ok(())
    }

    /// A packet with its length in front, seven bits a byte.
    async fn write(&mut self, kind: u8, content: &[u8]) -> anyhow::Result<()> {
        let mut packet = vec![kind];
        let mut left = content.len();
        loop {
            let low = u8::try_from(left & 0x7f).context("seven bits")?;
            left >>= 7;
            packet.push(if left == 0 { low } else { low | 0x80 });
            if left == 0 {
                break;
            }
        }
        packet.extend(content);
        Ok(self.stream.write_all(&packet).await?)
    }
}

/// A text with its length in front.
fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

/// A connection to which everything comes, each to be acknowledged.
#[derive(Debug)]
pub(crate) struct Subscription {
    connection: Connection,
    /// What was read and not taken yet.
    buffer: Vec<u8>,
    payload: Vec<u8>,
    /// The last message's number.
    packet: [u8; 2],
}

impl Subscription {
    pub(crate) async fn open(address: SocketAddr, client: &str) -> anyhow::Result<Self> {
        let mut connection = Connection::open(address, client, Session::Clean).await?;
        connection.subscribe().await?;
        Ok(Self {
            connection,
            buffer: Vec::new(),
            payload: Vec::new(),
            packet: [0; 2],
        })
    }

    /// The payload of the next message.
    pub(crate) async fn next(&mut self) -> anyhow::Result<&[u8]> {
        loop {
            if let Some((kind, content, end)) = packet(&self.buffer) {
                // Type 3 is a message; its quality of service is in the second and third bit.
                if kind >> 4 == 3 {
                    let rest = &self.buffer[content..end];
                    let topic = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
                    self.packet = [rest[topic + 2], rest[topic + 3]];
                    self.payload = rest[topic + 4..].to_vec();
                }
                self.buffer.drain(..end);
                if kind >> 4 == 3 {
                    return Ok(&self.payload);
                }
                continue;
            }
            let read = self.connection.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "mosquitto closed the connection");
        }
    }

    /// Acknowledges the last message.
    pub(crate) async fn confirm(&mut self) -> anyhow::Result<()> {
        self.connection.write(0x40, &self.packet).await
    }
}

/// The first packet, if it is there whole: its first byte, where its content begins, and where it ends.
fn packet(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (mut length, mut place) = (0, 1);
    loop {
        let byte = *bytes.get(place)?;
        length |= usize::from(byte & 0x7f) << (7 * (place - 1));
        place += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let end = place + length;
    (bytes.len() >= end).then_some((bytes[0], place, end))
}
