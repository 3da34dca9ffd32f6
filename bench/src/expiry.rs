//! What sends feel of very many messages that expire at once.

use crate::clock;
use crate::crowd::Crowd;
use crate::filling::{self, Letter};
use crate::load::{Pace, keep_pace};
use crate::peer::free_address;
use crate::process::{self, Programs};
use crate::relay::{Data, Relay};
use crate::report::{Outcome, Spread, mebibytes, quantile, thousands};
use crate::rows::{self, Mark};
use crate::system::System;
use crate::wire::Connection;
use anyhow::{Context as _, ensure};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages that expire
    #[arg(long, default_value_t = 1_000_000)]
    messages: usize,
    /// Bytes of each message
    #[arg(long, default_value_t = 1024)]
    size: usize,
    /// Sends a second meanwhile
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// Connections that send
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Seconds of each part; the p99 of each part counts once
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Parts before the messages expire, and parts after they have
    #[arg(long, default_value_t = 5)]
    parts: usize,
}

/// Keys that send, and that are written to.
const KEYS: usize = 10_000;
/// Messages that can be stored in a second, however slow the machine is.
const SLOWEST: usize = 4_000;
/// How long the relay may take from when they are due until it has begun to free them: it looks four times a minute.
const BEGINNING: Duration = Duration::from_secs(60);
/// How long it may take to free a thousand of them.
const PATIENCE: Duration = Duration::from_millis(600);

/// The 99th percentile of each part, in milliseconds.
#[derive(Debug, Default)]
struct Figures {
    without: Vec<f64>,
    during: Vec<f64>,
}

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    outcome.line("messages that expire", thousands(options.messages));
    let text = "x".repeat(options.size);
    let before =
        Duration::from_secs(u64::from(options.seconds)) * u32::try_from(options.parts + 2)?;
    let filling = Duration::from_secs((options.messages / SLOWEST) as u64 + 2);
    let due = Instant::now() + filling + before;
    let data = Data::temporary()?;
    fill(options, &data, due, &text).await?;
    let left = due.saturating_duration_since(Instant::now());
    ensure!(
        left >= before,
        "the machine is too slow to store so many messages in {filling:?}"
    );
    let metrics = free_address()?;
    let settings = vec![format!("metrics.listen={metrics}")];
    let system = System::Relay(Relay::start_with(programs, data, settings)?);
    let crowd = Crowd::new(1_000, KEYS);
    let pace = Pace {
        connections: options.connections,
        rate: options.rate,
        seconds: options.seconds,
        text: &text,
    };
    // A first part that does not count, as for every rate.
    part(&system, &crowd, pace).await?;
    let mut figures = Figures::default();
    for _ in 0..options.parts {
        figures.without.push(part(&system, &crowd, pace).await?);
    }
    tokio::time::sleep_until(due.into()).await;
    let took = during(options, &system, &crowd, pace, metrics, &mut figures).await?;
    for _ in 0..options.parts {
        figures.without.push(part(&system, &crowd, pace).await?);
    }
    let (without, during) = (Spread::of(&figures.without), Spread::of(&figures.during));
    outcome.line("sends a second", options.rate.to_string());
    outcome.line("p99 without", without.figure("ms"));
    outcome.line("p99 while they expire", during.figure("ms"));
    outcome.line(
        "all are freed after",
        format!("{:.0} s", took.as_secs_f64()),
    );
    let peak = mebibytes(process::memory(system.process(), "VmHWM")?);
    outcome.line("relayd, most that was resident", peak);
    let ratios: Vec<f64> = figures
        .during
        .iter()
        .map(|part| part / without.median)
        .collect();
    let (messages, rate) = (thousands(options.messages), options.rate);
    let text = format!(
        "{:.2} ms while {messages} expire; {:.2} ms without, at {rate} sends a second",
        during.median, without.median
    );
    outcome.marks = vec![Mark::new(&rows::EXPIRY, Spread::of(&ratios), text)];
    Ok(outcome)
}

/// All expire at one time, or what is left of it in whole seconds.
async fn fill(options: &Options, data: &Data, due: Instant, text: &str) -> anyhow::Result<()> {
    let (senders, recipients) = (filling::public_keys(1, KEYS), filling::public_keys(2, KEYS));
    let letters = (0..options.messages).map(|number| Letter {
        sender: senders[number / 7 % KEYS],
        recipient: recipients[number % KEYS],
        text,
        expires_in: i64::try_from(
            due.saturating_duration_since(Instant::now())
                .as_secs()
                .max(1),
        )
        .ok(),
    });
    filling::fill(&data.database(), letters).await
}

/// Sends from when the messages are due until all are freed. The part in which that begins counts only if there is no other.
async fn during(
    options: &Options,
    system: &System,
    crowd: &Crowd,
    pace: Pace<'_>,
    metrics: SocketAddr,
    figures: &mut Figures,
) -> anyhow::Result<Duration> {
    let due = clock::now();
    let most = BEGINNING + PATIENCE * u32::try_from(options.messages / 1_000)?;
    let (mut begun, mut freed) = (None, 0);
    let mut first = None;
    while freed < options.messages {
        let since = clock::now().since(due);
        ensure!(
            since < most,
            "only {freed} messages were freed in {since:?}"
        );
        let p99 = part(system, crowd, pace).await?;
        let now_freed = expired(metrics).await?;
        if now_freed > 0 && freed == 0 {
            begun = Some(Instant::now());
            first = Some(p99);
        } else if now_freed > freed && now_freed < options.messages {
            figures.during.push(p99);
        }
        freed = now_freed;
    }
    if figures.during.is_empty() {
        figures.during.extend(first);
    }
    let seconds = Duration::from_secs(u64::from(options.seconds));
    Ok(begun.map_or(Duration::ZERO, |begun| begun.elapsed() + seconds))
}

/// The 99th percentile of sends, in milliseconds.
async fn part(system: &System, crowd: &Crowd, pace: Pace<'_>) -> anyhow::Result<f64> {
    let times = keep_pace(system, crowd, pace).await?;
    Ok(quantile(&times, 0.99).as_secs_f64() * 1e3)
}

/// How many messages the relay has freed because they expired.
async fn expired(metrics: SocketAddr) -> anyhow::Result<usize> {
    const NAME: &str = r#"relayd_freed_total{kind="expired"} "#;
    let mut connection = Connection::open(metrics).await?;
    let request = b"GET /metrics HTTP/1.1\r\nhost: relay\r\n\r\n";
    let status = connection.exchange(request).await?;
    ensure!(status == 200, "the metrics answer {status}");
    let text = String::from_utf8_lossy(connection.body()).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix(NAME));
    Ok(line
        .context("the metrics count what expired")?
        .trim()
        .parse()?)
}
