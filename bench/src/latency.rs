//! How long a message takes from its sender to a recipient that is connected, at a moderate rate: our relay and the systems that people
//! would otherwise pick, in turn, round after round.

mod subscriber;

use crate::crowd::{self, Part};
use crate::load::Turn;
use crate::process::Programs;
use crate::report::{Outcome, Spread, quantile};
use crate::rows::{self, Mark};
use crate::system::{self, Kind, Publisher, System};
use anyhow::Context as _;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use subscriber::Subscriber;
use tokio::task::LocalSet;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages a second
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Senders, each with a connection of its own, in turn
    #[arg(long, default_value_t = 8)]
    senders: usize,
    /// Rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds that each system has in a round
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Bytes of each message
    #[arg(long, default_value_t = 1024)]
    size: usize,
}

/// Milliseconds of each round.
#[derive(Debug, Default)]
struct Figures {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

const KINDS: [Kind; 4] = [Kind::Relay, Kind::Redis, Kind::Nats, Kind::Mosquitto];
/// How long the last message may be on its way.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let (systems, missing) = system::start(&KINDS, programs).await?;
    let mut figures: Vec<Figures> = systems.iter().map(|_| Figures::default()).collect();
    // A first round that does not count, as for every rate.
    for round in 0..=options.rounds {
        for (system, figures) in systems.iter().zip(&mut figures) {
            let times = measure(system, options, round).await?;
            if round > 0 {
                let part = |part| quantile(&times, part).as_secs_f64() * 1e3;
                figures.p50.push(part(0.5));
                figures.p99.push(part(0.99));
            }
        }
    }
    let mut outcome = Outcome::default();
    let sizes = format!("{}, {}", options.rate, options.size);
    outcome.line("messages a second, bytes of each", sizes);
    for (system, figures) in systems.iter().zip(&figures) {
        let (p50, p99) = (Spread::of(&figures.p50), Spread::of(&figures.p99));
        let (p50, p99) = (p50.figure("ms"), p99.figure("ms"));
        let value = format!("p50 {p50}, p99 {p99}, {}", system.durability());
        outcome.line(system.name(), value);
    }
    for name in missing {
        outcome.line("missing", name);
    }
    outcome.marks = marks(&systems, &figures);
    Ok(outcome)
}

fn marks(systems: &[System], figures: &[Figures]) -> Vec<Mark> {
    let mut compared = systems.iter().zip(figures);
    let redis = compared.find(|(system, _)| system.kind() == Kind::Redis);
    let (Some(ours), Some((redis, theirs))) = (figures.first(), redis) else {
        let goals = [&rows::LATENCY_P50, &rows::LATENCY_P99];
        let missing = goals.map(|goal| Mark::missing(goal, Kind::Redis.missing()));
        return Vec::from(missing);
    };
    let mark = |goal, ours: &[f64], theirs: &[f64]| {
        let (own, other) = (Spread::of(ours).median, Spread::of(theirs).median);
        let text = format!(
            "relayd {own:.2} ms (on disk); {} {other:.2} ms ({})",
            redis.name(),
            redis.durability()
        );
        Mark::new(goal, Spread::of_ratios(ours, theirs), text)
    };
    vec![
        mark(&rows::LATENCY_P50, &ours.p50, &theirs.p50),
        mark(&rows::LATENCY_P99, &ours.p99, &theirs.p99),
    ]
}

/// The time of each message from before its send begins until its frame is read, in order of size.
async fn measure(
    system: &System,
    options: &Options,
    round: usize,
) -> anyhow::Result<Vec<Duration>> {
    let (mut subscriber, recipient) = Subscriber::open(system, round).await?;
    let messages = (options.rate * options.seconds) as usize;
    let texts = Rc::new(texts(messages, options.size));
    let sent = Rc::new(RefCell::new(vec![None; messages]));
    let begun = Instant::now() + Duration::from_millis(200);
    let tasks = LocalSet::new();
    let mut sending = Vec::new();
    for sender in 0..options.senders {
        let part = Part::of_one(crowd::key(3, sender), &recipient);
        let mut publisher = system.connect(part).await?;
        for text in texts.iter().skip(sender).step_by(options.senders) {
            publisher.prepare(text);
        }
        let turn = Turn {
            begun,
            rate: options.rate,
            sender,
            senders: options.senders,
        };
        let (texts, sent) = (Rc::clone(&texts), Rc::clone(&sent));
        sending.push(tasks.spawn_local(send(publisher, turn, texts, sent)));
    }
    let reading = async {
        let mut times = Vec::with_capacity(messages);
        while times.len() < messages {
            let number = subscriber.next().await?;
            let now = Instant::now();
            let sent = sent.borrow().get(number).copied().flatten();
            times.push(now - sent.context("what is read was sent")?);
            subscriber.confirm().await?;
        }
        Ok::<_, anyhow::Error>(times)
    };
    let most = Duration::from_secs(u64::from(options.seconds)) + PATIENCE;
    let reading = tokio::time::timeout(most, reading);
    let times = tasks.run_until(reading).await;
    let mut times = times.with_context(|| format!("{} loses messages", system.name()))??;
    for sending in sending {
        tasks.run_until(sending).await??;
    }
    subscriber.close().await?;
    times.sort_unstable();
    Ok(times)
}

async fn send(
    mut publisher: Publisher,
    turn: Turn,
    texts: Rc<Vec<String>>,
    sent: Rc<RefCell<Vec<Option<Instant>>>>,
) -> anyhow::Result<()> {
    for number in turn.numbers(texts.len()) {
        let asked = turn.wait(number).await;
        sent.borrow_mut()[number] = Some(asked);
        publisher.publish(&texts[number]).await?;
    }
    Ok(())
}

/// Texts that begin with their numbers.
fn texts(messages: usize, size: usize) -> Vec<String> {
    let rest = "x".repeat(size.saturating_sub(subscriber::DIGITS));
    let digits = subscriber::DIGITS;
    (0..messages)
        .map(|number| format!("{number:0digits$}{rest}"))
        .collect()
}
