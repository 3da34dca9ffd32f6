//! How many signed messages a second the relay accepts, each on disk before its answer, and what one costs it.

use crate::relay::Relay;
use crate::report::{Line, mebibytes, millis, quantile};
use crate::wire::{Connection, fresh_key};
use anyhow::ensure;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections, each with a sender of its own and one request in flight
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Messages over all connections
    #[arg(long, default_value_t = 30_000)]
    messages: usize,
    /// Bytes of text in each message
    #[arg(long, default_value_t = 1024)]
    size: usize,
    /// The relayd to measure; the one built beside this program where absent
    #[arg(long)]
    relayd: Option<PathBuf>,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Line>> {
    let relay = Relay::start(options.relayd.as_ref())?;
    let text = "x".repeat(options.size);
    // A warm-up round: agents are made, keys are decoded, files have grown.
    drive(&relay, options.connections, options.connections * 10, &text).await?;
    let cpu_before = relay.cpu()?;
    let begun = Instant::now();
    let mut latencies = drive(&relay, options.connections, options.messages, &text).await?;
    let elapsed = begun.elapsed();
    let cpu = relay.cpu()? - cpu_before;
    latencies.sort_unstable();
    let count = latencies.len();
    let per_message = cpu.as_micros() as f64 / count as f64;
    Ok(vec![
        Line::new("connections", options.connections.to_string()),
        Line::new("messages", count.to_string()),
        Line::new(
            "accepted, durable",
            format!("{:.0} messages/s", count as f64 / elapsed.as_secs_f64()),
        ),
        Line::new("relay CPU", format!("{per_message:.0} us/message")),
        Line::new("latency p50", millis(quantile(&latencies, 0.5))),
        Line::new("latency p99", millis(quantile(&latencies, 0.99))),
        Line::new("relay resident memory", mebibytes(relay.resident()?)),
    ])
}

/// Sends `messages` over `connections`, and returns how long each took. Recipients are fresh keys, as many as there are senders,
/// and are renewed so that no inbox fills up.
async fn drive(
    relay: &Relay,
    connections: usize,
    messages: usize,
    text: &str,
) -> anyhow::Result<Vec<Duration>> {
    const RENEWED_AFTER: usize = 1_000;
    let latencies = Rc::new(RefCell::new(Vec::with_capacity(messages)));
    let tasks = LocalSet::new();
    let mut senders = Vec::new();
    for index in 0..connections {
        let share = messages / connections + usize::from(index < messages % connections);
        let mut connection = Connection::open(relay.address, fresh_key()?).await?;
        let latencies = Rc::clone(&latencies);
        let text = text.to_owned();
        senders.push(tasks.spawn_local(async move {
            let mut recipient = fresh_key()?.public();
            for number in 0..share {
                if number % RENEWED_AFTER == RENEWED_AFTER - 1 {
                    recipient = fresh_key()?.public();
                }
                let body =
                    format!(r#"{{"recipient_key":"{recipient}","body":{{"text":"{text}"}}}}"#);
                let begun = Instant::now();
                let status = connection.post("/v1/messages", &body).await?;
                ensure!(status == 202, "the relay answered {status}");
                latencies.borrow_mut().push(begun.elapsed());
            }
            Ok::<(), anyhow::Error>(())
        }));
    }
    tasks.await;
    for sender in senders {
        sender.await??;
    }
    Ok(latencies.take())
}
