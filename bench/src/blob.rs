//! A large file up and down: how much the relay's memory grows meanwhile, and how fast it is beside nginx.

use crate::peer::nginx::Nginx;
use crate::process::{self, Programs};
use crate::relay::{Data, Relay};
use crate::report::{Outcome, Spread, mebibytes};
use crate::rows::{self, Goal, Mark};
use crate::wire::{Connection, Signer, fresh_key};
use anyhow::{Context as _, ensure};
use mrp_proto::relay_api::BlobInfo;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Mebibytes of each file
    #[arg(long, default_value_t = 100)]
    mebibytes: usize,
    /// Rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// A file that has the relay touch all that any file has it touch.
const SMALL: usize = 1 << 10;
const TYPE: &str = "application/octet-stream";

/// Mebibytes, and mebibytes a second, round by round.
#[derive(Debug, Default)]
struct Figures {
    up_memory: Vec<f64>,
    down_memory: Vec<f64>,
    up_rate: Vec<f64>,
    down_rate: Vec<f64>,
}

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    let nginx = Nginx::start()?;
    let mut outcome = Outcome::default();
    outcome.line("mebibytes of a file", options.mebibytes.to_string());
    for round in 0..options.rounds {
        let content = content(options.mebibytes << 20, round);
        measure_relay(programs, &content, &mut ours).await?;
        if let Some(nginx) = &nginx {
            measure_nginx(nginx, &content, round, &mut theirs).await?;
        }
    }
    for (name, figures, unit) in [
        ("relayd, up, memory grows by", &ours.up_memory, "MiB"),
        ("relayd, down, memory grows by", &ours.down_memory, "MiB"),
        ("relayd, up, hashed and on disk", &ours.up_rate, "MiB/s"),
        ("relayd, down", &ours.down_rate, "MiB/s"),
        ("nginx, up by dav, not synced", &theirs.up_rate, "MiB/s"),
        ("nginx, down by sendfile", &theirs.down_rate, "MiB/s"),
    ] {
        if !figures.is_empty() {
            outcome.line(name, Spread::of(figures).figure(unit));
        }
    }
    if let Some(nginx) = &nginx {
        let resident = process::memory(nginx.peer.id(), "VmHWM")?;
        outcome.line("nginx, most that was resident", mebibytes(resident));
    }
    let size = options.mebibytes;
    let memory =
        |goal, grown: &[f64]| Mark::new(goal, Spread::of(grown), format!("relayd, {size} MiB"));
    outcome.marks = vec![
        memory(&rows::BLOB_UP_MEMORY, &ours.up_memory),
        memory(&rows::BLOB_DOWN_MEMORY, &ours.down_memory),
        rate(
            &rows::BLOB_UP_RATE,
            &ours.up_rate,
            &theirs.up_rate,
            "on disk",
            "not synced",
        ),
        rate(
            &rows::BLOB_DOWN_RATE,
            &ours.down_rate,
            &theirs.down_rate,
            "to a signed request",
            "sendfile",
        ),
    ];
    Ok(outcome)
}

fn rate(goal: &'static Goal, ours: &[f64], theirs: &[f64], own: &str, other: &str) -> Mark {
    if theirs.is_empty() {
        return Mark::missing(goal, "nginx is not installed, or has no module for dav");
    }
    let (mine, peers) = (Spread::of(ours).median, Spread::of(theirs).median);
    let text = format!("relayd {mine:.0} MiB/s ({own}); nginx {peers:.0} MiB/s ({other})");
    Mark::new(goal, Spread::of_ratios(ours, theirs), text)
}

/// Different in each round, since the same bytes are stored once.
fn content(bytes: usize, round: usize) -> Vec<u8> {
    let mut state = round as u64 + 1;
    let mut content = Vec::with_capacity(bytes + 8);
    while content.len() < bytes {
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        content.extend(state.to_be_bytes());
    }
    content.truncate(bytes);
    content
}

/// Up to a new relay, and down from one that was started anew, so that neither has the other's memory.
async fn measure_relay(
    programs: &Programs,
    content: &[u8],
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let mut signer = Signer::new(fresh_key()?);
    let relay = Relay::start(programs)?;
    let small = upload(&relay, &mut signer, &content[..SMALL]).await?;
    download(&relay, &mut signer, &small.id, SMALL).await?;
    let up = upload(&relay, &mut signer, content).await?;
    figures.up_memory.push(up.grown);
    figures
        .up_rate
        .push(mebibytes_a_second(content.len(), up.took));
    let data: Data = relay.close();
    let relay = Relay::start_with(programs, data, Vec::new())?;
    upload(&relay, &mut signer, &content[1..SMALL]).await?;
    download(&relay, &mut signer, &small.id, SMALL).await?;
    let down = download(&relay, &mut signer, &up.id, content.len()).await?;
    figures.down_memory.push(down.grown);
    figures
        .down_rate
        .push(mebibytes_a_second(content.len(), down.took));
    Ok(())
}

/// What a transfer came to.
struct Transfer {
    took: Duration,
    /// Mebibytes by which the most that was resident exceeds what was before.
    grown: f64,
    /// The blob's name.
    id: String,
}

async fn upload(relay: &Relay, signer: &mut Signer, content: &[u8]) -> anyhow::Result<Transfer> {
    let head = signer.head("POST", "/v1/blobs", TYPE, content);
    let before = start_watching(relay)?;
    let mut connection = Connection::open(relay.address).await?;
    let begun = Instant::now();
    connection.write(&head).await?;
    connection.write(content).await?;
    let status = connection.answer().await?;
    let took = begun.elapsed();
    ensure!(status == 201, "the relay answered {status} to an upload");
    let info: BlobInfo = serde_json::from_slice(connection.body())?;
    Ok(Transfer {
        took,
        grown: growth_since(relay, before)?,
        id: info.blob_id.to_string(),
    })
}

async fn download(
    relay: &Relay,
    signer: &mut Signer,
    id: &str,
    bytes: usize,
) -> anyhow::Result<Transfer> {
    let request = signer.request("GET", &format!("/v1/blobs/{id}"), "");
    let before = start_watching(relay)?;
    let took = fetch(relay.address, &request, bytes).await?;
    Ok(Transfer {
        took,
        grown: growth_since(relay, before)?,
        id: id.to_owned(),
    })
}

async fn fetch(address: SocketAddr, request: &[u8], bytes: usize) -> anyhow::Result<Duration> {
    let mut connection = Connection::open(address).await?;
    let begun = Instant::now();
    connection.write(request).await?;
    let (status, length) = connection.discard().await?;
    let took = begun.elapsed();
    ensure!(
        status == 200 && length == bytes,
        "{status} with {length} bytes"
    );
    Ok(took)
}

/// What is resident now; from now on the system keeps the most.
fn start_watching(relay: &Relay) -> anyhow::Result<u64> {
    process::forget_peak(relay.id()).context("the system measures the most resident memory")?;
    process::memory(relay.id(), "VmRSS")
}

fn growth_since(relay: &Relay, before: u64) -> anyhow::Result<f64> {
    let most = process::memory(relay.id(), "VmHWM")?;
    Ok(most.saturating_sub(before) as f64 / f64::from(1 << 20))
}

async fn measure_nginx(
    nginx: &Nginx,
    content: &[u8],
    round: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let address = nginx.peer.address;
    let name = format!("blob-{round}");
    if nginx.has_dav {
        let length = content.len();
        let head =
            format!("PUT /{name} HTTP/1.1\r\nhost: nginx\r\ncontent-length: {length}\r\n\r\n");
        let mut connection = Connection::open(address).await?;
        let begun = Instant::now();
        connection.write(head.as_bytes()).await?;
        connection.write(content).await?;
        let status = connection.answer().await?;
        let took = begun.elapsed();
        ensure!(
            [201, 204].contains(&status),
            "nginx answered {status} to an upload"
        );
        figures.up_rate.push(mebibytes_a_second(length, took));
    } else {
        nginx.put(&name, content)?;
    }
    nginx.sync(&name)?;
    let request = format!("GET /{name} HTTP/1.1\r\nhost: nginx\r\n\r\n");
    let took = fetch(address, request.as_bytes(), content.len()).await?;
    figures
        .down_rate
        .push(mebibytes_a_second(content.len(), took));
    Ok(())
}

fn mebibytes_a_second(bytes: usize, took: Duration) -> f64 {
    bytes as f64 / f64::from(1 << 20) / took.as_secs_f64()
}
