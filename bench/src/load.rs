//! Load: many connections to one system, with one message in flight on each.

use crate::crowd::Crowd;
use crate::process;
use crate::system::{Publisher, System};
use anyhow::ensure;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

/// What load there is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) connections: usize,
    pub(crate) until: Until,
    pub(crate) text: &'a str,
    /// Sends that are signed before the clock runs, so that the processors are the server's then; what more is needed is signed
    /// meanwhile.
    pub(crate) stock: usize,
}

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
    /// Sends that had to be signed while the clock ran.
    pub(crate) signed_meanwhile: usize,
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

/// What all connections write down.
#[derive(Debug, Default)]
struct Tally {
    latencies: Vec<Duration>,
    signed_meanwhile: usize,
}

/// Publishes on new connections.
pub(crate) async fn drive(system: &System, crowd: &Crowd, plan: Plan<'_>) -> anyhow::Result<Load> {
    let connections = plan.connections;
    let mut publishers = Vec::with_capacity(connections);
    for number in 0..connections {
        let mut publisher = system.connect(crowd.part(number, connections)).await?;
        for _ in 0..plan.stock.div_ceil(connections) {
            publisher.prepare(plan.text);
        }
        publishers.push(publisher);
    }
    let tally = Rc::new(RefCell::new(Tally::default()));
    let cpu_before = process::family_cpu(system.process())?;
    let begun = Instant::now();
    let tasks = LocalSet::new();
    let senders: Vec<_> = publishers
        .into_iter()
        .map(|publisher| {
            let (tally, text) = (Rc::clone(&tally), plan.text.to_owned());
            tasks.spawn_local(publish(publisher, text, tally, plan.until))
        })
        .collect();
    tasks.await;
    let elapsed = begun.elapsed();
    // The connections are open still, so that what a system has started for one is counted.
    let cpu = process::family_cpu(system.process())?.saturating_sub(cpu_before);
    for sender in senders {
        sender.await??;
    }
    let mut tally = tally.take();
    tally.latencies.sort_unstable();
    ensure!(
        !tally.latencies.is_empty(),
        "{} took nothing",
        system.name()
    );
    Ok(Load {
        latencies: tally.latencies,
        elapsed,
        cpu,
        signed_meanwhile: tally.signed_meanwhile,
    })
}

async fn publish(
    mut publisher: Publisher,
    text: String,
    tally: Rc<RefCell<Tally>>,
    until: Until,
) -> anyhow::Result<Publisher> {
    let begun = Instant::now();
    let goes_on = || match until {
        Until::After(time) => begun.elapsed() < time,
        Until::Messages(count) => tally.borrow().latencies.len() < count,
    };
    while goes_on() {
        let asked = Instant::now();
        let was_ready = publisher.publish(&text).await?;
        let took = asked.elapsed();
        let mut tally = tally.borrow_mut();
        tally.latencies.push(took);
        tally.signed_meanwhile += usize::from(!was_ready);
    }
    Ok(publisher)
}

/// When one of several senders has its turn, at a steady rate of all together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) begun: Instant,
    /// Messages a second.
    pub(crate) rate: u32,
    /// Number of this sender.
    pub(crate) sender: usize,
    pub(crate) senders: usize,
}

impl Turn {
    /// The numbers of its messages, of so many.
    pub(crate) fn numbers(self, messages: usize) -> impl Iterator<Item = usize> {
        (self.sender..messages).step_by(self.senders)
    }

    /// Waits until a message is due. If it was already, its time runs since then.
    pub(crate) async fn wait(self, number: usize) -> Instant {
        let due = self.begun + Duration::from_secs_f64(number as f64 / f64::from(self.rate));
        if due < Instant::now() {
            return due;
        }
        tokio::time::sleep_until(due.into()).await;
        Instant::now()
    }
}

/// A load that is steady.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace<'a> {
    pub(crate) connections: usize,
    /// Messages a second.
    pub(crate) rate: u32,
    pub(crate) seconds: u32,
    pub(crate) text: &'a str,
}

/// Publishes at a steady rate, all signed before; the times until each was acknowledged, in order of size.
pub(crate) async fn keep_pace(
    system: &System,
    crowd: &Crowd,
    pace: Pace<'_>,
) -> anyhow::Result<Vec<Duration>> {
    let Pace {
        connections: senders,
        rate,
        text,
        ..
    } = pace;
    let messages = (rate * pace.seconds) as usize;
    let times = Rc::new(RefCell::new(Vec::with_capacity(messages)));
    let mut publishers = Vec::with_capacity(senders);
    for number in 0..senders {
        let mut publisher = system.connect(crowd.part(number, senders)).await?;
        for _ in 0..messages.div_ceil(senders) {
            publisher.prepare(text);
        }
        publishers.push(publisher);
    }
    let begun = Instant::now();
    let tasks = LocalSet::new();
    let mut sending = Vec::new();
    for (sender, mut publisher) in publishers.into_iter().enumerate() {
        let turn = Turn {
            begun,
            rate,
            sender,
            senders,
        };
        let (times, text) = (Rc::clone(&times), text.to_owned());
        sending.push(tasks.spawn_local(async move {
            for number in turn.numbers(messages) {
                let asked = turn.wait(number).await;
                publisher.publish(&text).await?;
                times.borrow_mut().push(asked.elapsed());
            }
            Ok::<(), anyhow::Error>(())
        }));
    }
    tasks.await;
    for sending in sending {
        sending.await??;
    }
    let mut times = times.take();
    times.sort_unstable();
    Ok(times)
}
