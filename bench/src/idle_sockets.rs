//! What an idle connection costs: an authenticated WebSocket of the relay's, and connections of other systems that have said once who
//! they are.

use crate::peer::{mosquitto, nats, redis};
use crate::process::{self, Programs};
use crate::report::{Outcome, Spread, thousands};
use crate::rows::{self, Mark};
use crate::socket::Socket;
use crate::system::{self, Kind, System};
use crate::wire::fresh_key;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections to each system
    #[arg(long, default_value_t = 5_000)]
    sockets: usize,
    /// Rounds, each with new processes
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

const KINDS: [Kind; 4] = [Kind::Relay, Kind::Redis, Kind::Nats, Kind::Mosquitto];
/// The first few pay for what all share: threads, caches, allocator arenas.
const FIRST: usize = 16;
/// How long a system may finish what it does for the last of them.
const SETTLING: Duration = Duration::from_secs(1);

/// A connection that does nothing; held for its memory at the other end.
enum Idle {
    Relay { _socket: Box<Socket> },
    Redis { _connection: redis::Connection },
    Nats { _connection: nats::Connection },
    Mosquitto { _connection: mosquitto::Connection },
    None,
}

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    process::raise_descriptor_limit()?;
    let mut grown: [Vec<f64>; KINDS.len()] = Default::default();
    let mut outcome = Outcome::default();
    outcome.line("idle connections", thousands(options.sockets));
    for round in 0..options.rounds {
        for (kind, grown) in KINDS.iter().zip(&mut grown) {
            let (systems, missing) = system::start(&[*kind], programs).await?;
            for system in &systems {
                grown.push(measure(system, options.sockets).await?);
            }
            for name in missing.iter().filter(|_| round == 0) {
                outcome.line("missing", *name);
            }
        }
    }
    for (kind, grown) in KINDS
        .iter()
        .zip(&grown)
        .filter(|(_, grown)| !grown.is_empty())
    {
        let mut value = Spread::of(grown).figure("KiB");
        if *kind == Kind::Relay {
            value += ", authenticated";
        }
        outcome.line(name(*kind), value);
    }
    let [ours, redis, nats, mosquitto] = &grown;
    if !mosquitto.is_empty() {
        let ratio = Spread::of_ratios(ours, mosquitto).median;
        outcome.line("ours to mosquitto's", format!("{ratio:.2}x"));
    }
    for (goal, kind, theirs) in [
        (&rows::IDLE_REDIS, Kind::Redis, redis),
        (&rows::IDLE_NATS, Kind::Nats, nats),
    ] {
        outcome.marks.push(if theirs.is_empty() {
            Mark::missing(goal, kind.missing())
        } else {
            let median = |figures| Spread::of(figures).median;
            let (own, other) = (median(ours), median(theirs));
            let text = format!("relayd {own:.2} KiB; {} {other:.2} KiB", name(kind));
            Mark::new(goal, Spread::of_ratios(ours, theirs), text)
        });
    }
    Ok(outcome)
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Relay => "relayd, each WebSocket",
        Kind::Redis => "redis, each connection",
        Kind::Nats => "nats-server, each connection",
        Kind::Mosquitto => "mosquitto, each connection",
        Kind::Postgres => "postgresql, each connection",
    }
}

/// Kibibytes by which the system's resident memory grows for each connection.
async fn measure(system: &System, sockets: usize) -> anyhow::Result<f64> {
    let mut held = Vec::with_capacity(sockets + FIRST);
    for number in 0..FIRST {
        held.push(connect(system, number).await?);
    }
    tokio::time::sleep(SETTLING).await;
    let before = process::resident(system.process())?;
    for number in 0..sockets {
        held.push(connect(system, FIRST + number).await?);
    }
    tokio::time::sleep(SETTLING).await;
    let after = process::resident(system.process())?;
    Ok(after.saturating_sub(before) as f64 / sockets as f64 / 1024.0)
}

async fn connect(system: &System, number: usize) -> anyhow::Result<Idle> {
    Ok(match system {
        System::Relay(relay) => Idle::Relay {
            _socket: Box::new(Socket::open(relay.address, &fresh_key()?).await?),
        },
        System::Redis(redis) => {
            let mut connection = redis::Connection::open(redis.peer.address).await?;
            connection.ask(&[b"PING"]).await?;
            Idle::Redis {
                _connection: connection,
            }
        }
        System::Nats(nats) => Idle::Nats {
            _connection: nats::Connection::open(nats.peer.address).await?,
        },
        System::Mosquitto(mosquitto) => {
            let (address, client) = (mosquitto.peer.address, format!("idle-{number}"));
            let session = mosquitto::Session::Clean;
            Idle::Mosquitto {
                _connection: mosquitto::Connection::open(address, &client, session).await?,
            }
        }
        System::Postgres(_) => Idle::None,
    })
}
