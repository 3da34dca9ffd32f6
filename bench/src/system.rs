//! The systems that are compared: our relay, and those that people would otherwise pick.

use crate::crowd::Part;
use crate::peer::mosquitto::{self, Mosquitto, Session};
use crate::peer::nats::{self, Nats};
use crate::peer::postgres::{self, Postgres};
use crate::peer::redis::{self, Redis};
use crate::process::Programs;
use crate::relay::Relay;
use crate::wire;
use anyhow::ensure;

/// A system that is measured.
pub(crate) enum System {
    Relay(Relay),
    Redis(Redis),
    Postgres(Postgres),
    Nats(Nats),
    Mosquitto(Mosquitto),
}

/// Which system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Relay,
    Redis,
    Postgres,
    Nats,
    Mosquitto,
}

/// Those of the given kinds that are installed, and why the others are missing.
pub(crate) async fn start(
    kinds: &[Kind],
    programs: &Programs,
) -> anyhow::Result<(Vec<System>, Vec<&'static str>)> {
    let (mut systems, mut missing) = (Vec::new(), Vec::new());
    for &kind in kinds {
        let system = match kind {
            Kind::Relay => Some(System::Relay(Relay::start(programs)?)),
            Kind::Redis => Redis::start()?.map(System::Redis),
            Kind::Postgres => Postgres::start().await?.map(System::Postgres),
            Kind::Nats => Nats::start().await?.map(System::Nats),
            Kind::Mosquitto => Mosquitto::start()?.map(System::Mosquitto),
        };
        match system {
            Some(system) => systems.push(system),
            None => missing.push(kind.missing()),
        }
    }
    Ok((systems, missing))
}

impl Kind {
    /// What is to be said where it cannot be started.
    pub(crate) fn missing(self) -> &'static str {
        match self {
            Self::Relay => "relayd",
            Self::Redis => "redis-server is not installed",
            Self::Postgres => {
                "postgresql is not installed, or its user cannot enter the folder of the data (see --data)"
            }
            Self::Nats => "nats-server is not installed",
            Self::Mosquitto => "mosquitto or mosquitto-clients is not installed",
        }
    }
}

impl System {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Relay(_) => Kind::Relay,
            Self::Redis(_) => Kind::Redis,
            Self::Postgres(_) => Kind::Postgres,
            Self::Nats(_) => Kind::Nats,
            Self::Mosquitto(_) => Kind::Mosquitto,
        }
    }

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

    /// A connection for these senders.
    pub(crate) async fn connect(&self, part: Part) -> anyhow::Result<Publisher> {
        let wire = match self {
            Self::Relay(relay) => Wire::Relay(wire::Connection::open(relay.address).await?),
            Self::Redis(redis) => Wire::Redis(redis::Connection::open(redis.peer.address).await?),
            Self::Postgres(postgres) => {
                Wire::Postgres(postgres::Connection::open(postgres.peer.address).await?)
            }
            Self::Nats(nats) => Wire::Nats(nats::Connection::open(nats.peer.address).await?),
            Self::Mosquitto(mosquitto) => {
                let client = format!("publisher-{}", getrandom::u64()?);
                let address = mosquitto.peer.address;
                let opened = mosquitto::Connection::open(address, &client, Session::Clean);
                Wire::Mosquitto(opened.await?)
            }
        };
        Ok(Publisher { wire, part })
    }
}

/// A connection that publishes.
pub(crate) struct Publisher {
    wire: Wire,
    part: Part,
}

enum Wire {
    Relay(wire::Connection),
    Redis(redis::Connection),
    Postgres(postgres::Connection),
    Nats(nats::Connection),
    Mosquitto(mosquitto::Connection),
}

impl Publisher {
    /// Does for one message what is to be done before the clock runs.
    pub(crate) fn prepare(&mut self, text: &str) {
        if let Wire::Relay(_) = self.wire {
            self.part.prepare(text);
        }
    }

    /// Publishes, waits for the acknowledgement, and says whether the message was prepared, where that is needed.
    pub(crate) async fn publish(&mut self, text: &str) -> anyhow::Result<bool> {
        match &mut self.wire {
            Wire::Relay(connection) => {
                let (request, was_ready) = self.part.send(text);
                let status = connection.exchange(&request).await?;
                ensure!(status == 202, "the relay answered {status}");
                return Ok(was_ready);
            }
            Wire::Redis(connection) => {
                let stream = self.part.recipient().as_bytes();
                connection.publish(stream, text.as_bytes()).await?;
            }
            Wire::Postgres(connection) => {
                let recipient = self.part.recipient();
                connection.publish(recipient, text.as_bytes()).await?;
            }
            Wire::Nats(connection) => connection.publish(text.as_bytes()).await?,
            Wire::Mosquitto(connection) => connection.publish(text.as_bytes()).await?,
        }
        Ok(true)
    }
}
