//! Load: many connections to one system, with one message in flight on each.

use crate::process;
use crate::system::{Publisher, System};
use anyhow::ensure;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

/// When there was enough of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// For so long.
    After(Duration),
    /// With so many messages.
    Messages(usize),
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Load {
    /// From a message's being written to its acknowledgement, in order of size; never empty.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) elapsed: Duration,
    /// Processor time of the system.
    pub(crate) cpu: Duration,
}

impl Load {
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// Processor time of one message, in microseconds.
    pub(crate) fn cpu_each(&self) -> f64 {
        self.cpu.as_micros() as f64 / self.latencies.len() as f64
    }
}

/// Publishes `text` on new connections.
pub(crate) async fn drive(
    system: &System,
    connections: usize,
    until: Until,
    text: &str,
) -> anyhow::Result<Load> {
    let mut publishers = Vec::with_capacity(connections);
    for number in 0..connections {
        publishers.push(system.connect(number).await?);
    }
    let latencies = Rc::new(RefCell::new(Vec::new()));
    let cpu_before = process::family_cpu(system.process())?;
    let begun = Instant::now();
    let tasks = LocalSet::new();
    let senders: Vec<_> = publishers
        .into_iter()
        .map(|publisher| {
            let (latencies, text) = (Rc::clone(&latencies), text.to_owned());
            tasks.spawn_local(publish(publisher, text, latencies, until))
        })
        .collect();
    tasks.await;
    let elapsed = begun.elapsed();
    // The connections are open still, so that what a system has started for one is counted.
    let cpu = process::family_cpu(system.process())?.saturating_sub(cpu_before);
    for sender in senders {
        sender.await??;
    }
    let mut latencies = latencies.take();
    latencies.sort_unstable();
    ensure!(!latencies.is_empty(), "{} took nothing", system.name());
    Ok(Load {
        latencies,
        elapsed,
        cpu,
    })
}

async fn publish(
    mut publisher: Publisher,
    text: String,
    latencies: Rc<RefCell<Vec<Duration>>>,
    until: Until,
) -> anyhow::Result<Publisher> {
    let begun = Instant::now();
    let goes_on = || match until {
        Until::After(time) => begun.elapsed() < time,
        Until::Messages(count) => latencies.borrow().len() < count,
    };
    while goes_on() {
        let asked = Instant::now();
        publisher.publish(&text).await?;
        latencies.borrow_mut().push(asked.elapsed());
    }
    Ok(publisher)
}
