//! What the first page of a full inbox costs, for each message on it, beside that of an inbox that one page empties: by poll and by
//! WebSocket.

use crate::crowd;
use crate::filling::{self, Letter};
use crate::process::Programs;
use crate::relay::{Data, Relay};
use crate::report::{Outcome, Spread, quantile, thousands};
use crate::rows::{self, Mark};
use crate::socket::Socket;
use crate::wire::Client;
use anyhow::ensure;
use mrp_proto::key::SecretKey;
use mrp_proto::relay_api::MAX_PAGE;
use std::time::{Duration, Instant};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages in the full inbox
    #[arg(long, default_value_t = 10_000)]
    messages: usize,
    /// Pages of each inbox in a round
    #[arg(long, default_value_t = 50)]
    pages: usize,
    /// Rounds, each with inboxes of its own
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Bytes of each message
    #[arg(long, default_value_t = 1024)]
    size: usize,
}

/// The first page, without marking what is on it, so that it is the first again.
const POLL: &str = "/v1/messages?ack=manual&limit=100";
/// Senders of a backlog.
const SENDERS: usize = 1_000;
/// Which keys the inboxes have.
const FULL: u8 = 5;
const SMALL: u8 = 6;

/// Microseconds for each message, round by round.
#[derive(Debug, Default)]
struct Figures {
    poll: Vec<f64>,
    socket: Vec<f64>,
    /// Of the whole backlog.
    whole: Vec<f64>,
}

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let data = Data::temporary()?;
    fill(options, &data).await?;
    let relay = Relay::start_with(programs, data, Vec::new())?;
    let (mut full, mut small) = (Figures::default(), Figures::default());
    for round in 0..options.rounds {
        let keys = [crowd::key(FULL, round), crowd::key(SMALL, round)];
        let [of_full, of_small] = poll(&relay, &keys, options.pages).await?;
        full.poll.push(of_full);
        small.poll.push(of_small);
        let [of_full, of_small] = connect(&relay, &keys, options.pages).await?;
        full.socket.push(of_full);
        small.socket.push(of_small);
        full.whole
            .push(whole(&relay, &keys[0], options.messages).await?);
        small.whole.push(whole(&relay, &keys[1], MAX_PAGE).await?);
    }
    let mut outcome = Outcome::default();
    outcome.line("bytes of a message", options.size.to_string());
    for (messages, figures) in [(options.messages, &full), (MAX_PAGE, &small)] {
        let messages = thousands(messages);
        for (what, figures) in [
            ("first page by poll", &figures.poll),
            ("first page by WebSocket", &figures.socket),
            ("whole backlog by WebSocket", &figures.whole),
        ] {
            let value = Spread::of(figures).figure("us/message");
            outcome.line(format!("{messages} waiting, {what}"), value);
        }
    }
    for (goal, full, small) in [
        (&rows::BACKLOG_POLL, &full.poll, &small.poll),
        (&rows::BACKLOG_SOCKET, &full.socket, &small.socket),
    ] {
        let (most, least) = (Spread::of(full).median, Spread::of(small).median);
        let messages = thousands(options.messages);
        let text =
            format!("{most:.1} us/message with {messages} waiting; {least:.1} with {MAX_PAGE}");
        let mark = Mark::new(goal, Spread::of_ratios(full, small), text);
        outcome.marks.push(mark);
    }
    Ok(outcome)
}

/// Two inboxes for each round.
async fn fill(options: &Options, data: &Data) -> anyhow::Result<()> {
    let senders = filling::public_keys(1, SENDERS);
    let text = "x".repeat(options.size);
    let full = filling::public_keys(FULL, options.rounds);
    let small = filling::public_keys(SMALL, options.rounds);
    let inboxes = full.iter().map(|&inbox| (inbox, options.messages));
    let inboxes = inboxes.chain(small.iter().map(|&inbox| (inbox, MAX_PAGE)));
    let letters = inboxes.flat_map(|(recipient, messages)| {
        let (senders, text) = (&senders, &text);
        (0..messages).map(move |number| Letter {
            sender: senders[number % SENDERS],
            recipient,
            text,
            expires_in: None,
        })
    });
    filling::fill(&data.database(), letters).await
}

/// The first page of both inboxes in turn, by poll.
async fn poll(relay: &Relay, keys: &[SecretKey; 2], pages: usize) -> anyhow::Result<[f64; 2]> {
    let mut times = [Vec::new(), Vec::new()];
    let mut clients = Vec::new();
    for key in keys {
        let mut client = Client::open(relay.address, key.clone()).await?;
        let requests: Vec<_> = (0..pages).map(|_| client.ready(POLL)).collect();
        clients.push((client, requests.into_iter()));
    }
    for _ in 0..pages {
        for ((client, requests), times) in clients.iter_mut().zip(&mut times) {
            let request = requests.next().unwrap_or_default();
            let begun = Instant::now();
            let status = client.exchange(&request).await?;
            times.push(begun.elapsed());
            ensure!(status == 200, "the relay answered {status} to a poll");
            let body = String::from_utf8_lossy(client.body());
            let found = body.matches("\"message_id\"").count();
            ensure!(found == MAX_PAGE, "a page of {found} messages");
        }
    }
    Ok(times.map(each))
}

/// The first page of both inboxes in turn, from the authentication of a WebSocket on.
async fn connect(relay: &Relay, keys: &[SecretKey; 2], pages: usize) -> anyhow::Result<[f64; 2]> {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..pages {
        for (key, times) in keys.iter().zip(&mut times) {
            times.push(read(relay, key, MAX_PAGE).await?);
        }
    }
    Ok(times.map(each))
}

/// All that waits in an inbox; microseconds for each message.
async fn whole(relay: &Relay, key: &SecretKey, messages: usize) -> anyhow::Result<f64> {
    let took = read(relay, key, messages).await?;
    Ok(took.as_secs_f64() * 1e6 / messages as f64)
}

/// The first so many messages that a WebSocket brings. None is acknowledged, so that they come again.
async fn read(relay: &Relay, key: &SecretKey, messages: usize) -> anyhow::Result<Duration> {
    let mut socket = Socket::open(relay.address, key).await?;
    for _ in 0..messages {
        socket.message().await?;
    }
    let took = socket.begun.elapsed();
    socket.close().await?;
    Ok(took)
}

/// The median for each message of a page, in microseconds.
fn each(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    quantile(&times, 0.5).as_secs_f64() * 1e6 / MAX_PAGE as f64
}
