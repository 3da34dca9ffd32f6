//! mosquitto: a broker that acknowledges what it has in memory (MQTT 3.1.1, QoS 1).

use super::{Peer, folder, free_address, installed};
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
        let folder = folder("mosquitto")?;
        let config = folder.path().join("mosquitto.conf");
        let (ip, port) = (address.ip(), address.port());
        // Without a limit, since a broker that drops what it has acknowledged is no comparison.
        let settings =
            format!("listener {port} {ip}\nallow_anonymous true\nmax_queued_messages 0\n");
        std::fs::write(&config, settings)?;
        let mut command = Command::new(server);
        command.arg("-c").arg(config);
        Ok(Some(Self {
            peer: Peer::start(command, address)?,
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
        let mut packet = vec![0, 1];
        packet.extend(string(TOPIC));
        packet.push(1);
        subscriber.write(0x82, &packet).await?;
        let mut answer = [0; 5];
        subscriber.stream.read_exact(&mut answer).await?;
        ensure!(
            answer == [0x90, 3, 0, 1, 1],
            "mosquitto refused: {answer:?}"
        );
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
