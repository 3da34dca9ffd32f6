//! Recipients that are connected and wait.

use crate::crowd;
use crate::peer::{mosquitto, nats, redis};
use crate::socket::Socket;
use crate::system::System;
use anyhow::{Context as _, bail};
use std::collections::VecDeque;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Digits of the number with which a text begins.
pub(super) const DIGITS: usize = 12;

pub(super) enum Subscriber {
    Relay {
        socket: Box<Socket>,
        frame: Utf8Bytes,
    },
    Redis {
        connection: redis::Connection,
        stream: String,
        /// The last entry that was read.
        last: Vec<u8>,
        /// Texts that came together with an earlier one.
        waiting: VecDeque<Vec<u8>>,
    },
    Nats(nats::Subscription),
    Mosquitto(mosquitto::Subscription),
}

impl Subscriber {
    /// A new one for each round, and the name under which it is written to.
    pub(super) async fn open(system: &System, round: usize) -> anyhow::Result<(Self, String)> {
        let stream = format!("live-{round}");
        Ok(match system {
            System::Relay(relay) => {
                let key = crowd::key(4, round);
                let socket = Socket::open(relay.address, &key).await?;
                let socket = Box::new(socket);
                let frame = Utf8Bytes::default();
                (Self::Relay { socket, frame }, key.public().to_string())
            }
            System::Redis(redis) => {
                let connection = redis::Connection::open(redis.peer.address).await?;
                let subscriber = Self::Redis {
                    connection,
                    stream: stream.clone(),
                    last: b"0-0".to_vec(),
                    waiting: VecDeque::new(),
                };
                (subscriber, stream)
            }
            System::Nats(nats) => {
                let subscription = nats::Subscription::open(nats.peer.address).await?;
                (Self::Nats(subscription), stream)
            }
            System::Mosquitto(mosquitto) => {
                let address = mosquitto.peer.address;
                let subscription = mosquitto::Subscription::open(address, &stream).await?;
                (Self::Mosquitto(subscription), stream)
            }
            System::Postgres(_) => bail!("PostgreSQL has no subscribers"),
        })
    }

    /// The number of the next message.
    pub(super) async fn next(&mut self) -> anyhow::Result<usize> {
        match self {
            Self::Relay { socket, frame } => {
                *frame = socket.message().await?;
                let (_, text) = frame
                    .split_once(r#""text":""#)
                    .context("a body has a text")?;
                number(text.as_bytes())
            }
            Self::Redis {
                connection,
                stream,
                last,
                waiting,
            } => {
                if waiting.is_empty() {
                    let words = [b"XREAD".as_slice(), b"BLOCK", b"0", b"STREAMS"];
                    let words = [&words[..], &[stream.as_bytes(), last]].concat();
                    connection.write(&words).await?;
                    // The stream's name, then for each entry its name, and the name and the text of its one field.
                    let texts = connection.texts().await?;
                    for entry in texts.get(1..).unwrap_or_default().chunks_exact(3) {
                        last.clone_from(&entry[0]);
                        waiting.push_back(entry[2].clone());
                    }
                }
                number(&waiting.pop_front().context("XREAD waits for an entry")?)
            }
            Self::Nats(subscription) => number(subscription.next().await?),
            Self::Mosquitto(subscription) => number(subscription.next().await?),
        }
    }

    /// Says that the message is here, where a system wants to know.
    pub(super) async fn confirm(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Relay { socket, frame } => socket.ack(frame).await,
            Self::Redis { .. } => Ok(()),
            Self::Nats(subscription) => subscription.confirm().await,
            Self::Mosquitto(subscription) => subscription.confirm().await,
        }
    }

    pub(super) async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Relay { socket, .. } => socket.close().await,
            _ => Ok(()),
        }
    }
}

fn number(text: &[u8]) -> anyhow::Result<usize> {
    let digits = text
        .get(..DIGITS)
        .context("a text begins with its number")?;
    Ok(std::str::from_utf8(digits)?.parse()?)
}
