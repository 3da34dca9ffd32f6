//! The systems that are compared: our relay, and those that people would otherwise pick.

use crate::peer::mosquitto::{self, Mosquitto, Session};
use crate::peer::nats::{self, Nats};
use crate::peer::postgres::{self, Postgres};
use crate::peer::redis::{self, Redis};
use crate::relay::Relay;
use crate::wire::{self, fresh_key};
use anyhow::ensure;
use mrp_proto::key::PublicKey;
use std::path::PathBuf;

/// A system that is measured.
pub(crate) enum System {
    Relay(Relay),
    Redis(Redis),
    Postgres(Postgres),
    Nats(Nats),
    Mosquitto(Mosquitto),
}

/// Those that are installed, ours first, and the names of those that are not.
pub(crate) async fn all(
    relayd: Option<&PathBuf>,
) -> anyhow::Result<(Vec<System>, Vec<&'static str>)> {
    let mut systems = vec![System::Relay(Relay::start(relayd)?)];
    let mut missing = Vec::new();
    match Redis::start()? {
        Some(redis) => systems.push(System::Redis(redis)),
        None => missing.push("redis"),
    }
    match Postgres::start().await? {
        Some(postgres) => systems.push(System::Postgres(postgres)),
        None => missing.push("postgresql"),
    }
    match Nats::start().await? {
        Some(nats) => systems.push(System::Nats(nats)),
        None => missing.push("nats-server"),
    }
    match Mosquitto::start()? {
        Some(mosquitto) => {
            mosquitto.absent_subscriber().await?;
            systems.push(System::Mosquitto(mosquitto));
        }
        None => missing.push("mosquitto"),
    }
    Ok((systems, missing))
}

impl System {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Relay(_) => "relayd, signed",
            Self::Redis(_) => "redis, appendfsync always",
            Self::Postgres(_) => "postgresql insert",
            Self::Nats(_) => "nats jetstream, file",
            Self::Mosquitto(_) => "mosquitto, qos 1",
        }
    }

    /// Whether what it has acknowledged is on disk.
    pub(crate) fn durability(&self) -> &'static str {
        match self {
            Self::Relay(_) | Self::Redis(_) | Self::Postgres(_) => "on disk",
            Self::Nats(_) => "not yet on disk",
            Self::Mosquitto(_) => "in memory",
        }
    }

    pub(crate) fn process(&self) -> u32 {
        match self {
            Self::Relay(relay) => relay.id(),
            Self::Redis(redis) => redis.peer.id(),
            Self::Postgres(postgres) => postgres.peer.id(),
            Self::Nats(nats) => nats.peer.id(),
            Self::Mosquitto(mosquitto) => mosquitto.peer.id(),
        }
    }

    pub(crate) async fn connect(&self, number: usize) -> anyhow::Result<Publisher> {
        Ok(match self {
            Self::Relay(relay) => Publisher::Relay {
                connection: Box::new(wire::Connection::open(relay.address, fresh_key()?).await?),
                recipient: fresh_key()?.public(),
                sent: 0,
            },
            Self::Redis(redis) => {
                let connection = redis::Connection::open(redis.peer.address).await?;
                let stream = format!("stream:{number}");
                Publisher::Redis { connection, stream }
            }
            Self::Postgres(postgres) => {
                Publisher::Postgres(postgres::Connection::open(postgres.peer.address).await?)
            }
            Self::Nats(nats) => Publisher::Nats(nats::Connection::open(nats.peer.address).await?),
            Self::Mosquitto(mosquitto) => {
                let (address, client) = (mosquitto.peer.address, format!("publisher-{number}"));
                let opened = mosquitto::Connection::open(address, &client, Session::Clean);
                Publisher::Mosquitto(opened.await?)
            }
        })
    }
}

/// A connection to one of them.
pub(crate) enum Publisher {
    Relay {
        connection: Box<wire::Connection>,
        recipient: PublicKey,
        sent: usize,
    },
    Redis {
        connection: redis::Connection,
        stream: String,
    },
    Postgres(postgres::Connection),
    Nats(nats::Connection),
    Mosquitto(mosquitto::Connection),
}

/// Messages to one recipient, so that no inbox fills up.
const RENEWED_AFTER: usize = 1_000;

impl Publisher {
    pub(crate) async fn publish(&mut self, text: &str) -> anyhow::Result<()> {
        match self {
            Self::Relay {
                connection,
                recipient,
                sent,
            } => {
                *sent += 1;
                if *sent % RENEWED_AFTER == 0 {
                    *recipient = fresh_key()?.public();
                }
                let body =
                    format!(r#"{{"recipient_key":"{recipient}","body":{{"text":"{text}"}}}}"#);
                let status = connection.post("/v1/messages", &body).await?;
                ensure!(status == 202, "the relay answered {status}");
                Ok(())
            }
            Self::Redis { connection, stream } => {
                connection.publish(stream.as_bytes(), text.as_bytes()).await
            }
            Self::Postgres(connection) => connection.publish("bench", text.as_bytes()).await,
            Self::Nats(connection) => connection.publish(text.as_bytes()).await,
            Self::Mosquitto(connection) => connection.publish(text.as_bytes()).await,
        }
    }
}
