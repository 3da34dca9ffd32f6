//! What was accepted arrives, once and in order, whatever dies in between.

use std::collections::HashSet;
use std::time::{Duration, Instant};
use tests::process::{Process, eventually};
use tests::relay::Relay;
use tests::user::User;

/// `first 1`, `first 2`, ... one a line.
fn numbered(word: &str, count: usize) -> Vec<String> {
    (1..=count)
        .map(|number| format!("{word} {number}"))
        .collect()
}

fn send_lines(user: &User, to: &str, lines: &[String]) {
    start_sending(user, to, lines).wait().succeeded();
}

fn start_sending(user: &User, to: &str, lines: &[String]) -> Process {
    let input = lines.join("\n") + "\n";
    user.start_mrpctl(&["send", to, "--lines", "--async"], input.as_bytes())
}

/// Waits until so many messages came, and a moment's proof that no more do: what is asked for is in the inbox, in order, once.
fn assert_inbox(user: &User, expected: &[String]) {
    let texts = eventually("all messages", || {
        let texts = user.texts();
        (texts.len() >= expected.len()).then_some(texts)
    });
    assert_eq!(texts, expected);
}

#[test]
fn a_thousand_messages_each_way_arrive_in_order() {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let (to_bob, to_alice) = (numbered("to bob", 1000), numbered("to alice", 1000));
    let (alice_key, bob_key) = (alice.key(), bob.key());
    let sending = [
        start_sending(&alice, &bob_key, &to_bob),
        start_sending(&bob, &alice_key, &to_alice),
    ];
    for process in sending {
        assert_eq!(
            process.wait().succeeded().lines().count(),
            1000,
            "one result a line"
        );
    }
    assert_inbox(&bob, &to_bob);
    assert_inbox(&alice, &to_alice);
    let numbers: Vec<u64> = bob
        .inbox()
        .iter()
        .filter_map(|message| message["seq"].as_u64())
        .collect();
    let ascending = numbers.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(ascending, "seq is the order");
}

/// Lines of a stream in which somebody dies.
const STREAM: usize = 500;

/// Waits until some of the stream has come. If all of it had, the kill that follows would prove nothing; of the first one that is
/// made sure.
fn await_part(user: &User, part: usize) {
    let came = eventually("a part of the stream", || {
        Some(user.texts().len()).filter(|&came| came >= part * 40)
    });
    assert!(
        part > 1 || came < STREAM,
        "the stream was over before the first kill"
    );
}

#[test]
fn a_relay_killed_in_mid_stream_loses_and_doubles_nothing() {
    let mut relay = Relay::start();
    let alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let lines = numbered("line", STREAM);
    let key = bob.key();
    send_lines(&alice, &key, &lines);
    for part in 1..=3 {
        await_part(&bob, part);
        relay.kill();
        relay.resume();
    }
    assert_inbox(&bob, &lines);
}

#[test]
fn a_daemon_killed_in_mid_stream_loses_and_doubles_nothing() {
    let relay = Relay::start();
    let mut alice = User::at("alice", &relay);
    let mut bob = User::at("bob", &relay);
    let lines = numbered("line", STREAM);
    let key = bob.key();
    send_lines(&alice, &key, &lines);
    for part in 1..=3 {
        await_part(&bob, part);
        bob.kill_daemon();
        alice.kill_daemon();
        bob.start_daemon();
        alice.start_daemon();
    }
    assert_inbox(&bob, &lines);
}

#[test]
fn a_daemon_asked_to_end_loses_nothing() {
    let relay = Relay::start();
    let mut alice = User::at("alice", &relay);
    let mut bob = User::at("bob", &relay);
    let lines = numbered("line", 200);
    let key = bob.key();
    send_lines(&alice, &key, &lines);
    for _ in 0..3 {
        assert!(alice.terminate_daemon().status.success());
        assert!(bob.terminate_daemon().status.success());
        alice.start_daemon();
        bob.start_daemon();
    }
    assert_inbox(&bob, &lines);
}

#[test]
fn a_minute_without_the_relay_is_made_up_for() {
    let mut relay = Relay::start();
    let alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let key = bob.key();
    relay.kill();
    let ended = alice.mrpctl(&["send", &key, "--async", "into the dark"]);
    assert!(
        ended.stderr.is_empty() || ended.stderr.contains("queued"),
        "{}",
        ended.stderr
    );
    assert!(ended.succeeded().starts_with("out_"));
    // The minute is the scenario, not a wait for something else.
    let minute = Instant::now() + Duration::from_secs(60);
    while Instant::now() < minute {
        std::thread::park_timeout(minute.saturating_duration_since(Instant::now()));
    }
    assert!(bob.texts().is_empty());
    relay.resume();
    // Back-off may have grown to its cap of a minute, on either side.
    let begun = Instant::now();
    while bob.texts().is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(150),
            "the message never came: {:?}",
            alice.mrpctl(&["status"])
        );
        std::thread::park_timeout(Duration::from_millis(200));
    }
    assert_eq!(bob.texts(), ["into the dark"]);
}

#[test]
fn the_same_key_is_sent_once() {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let key = bob.key();
    let ids: HashSet<String> = (0..3)
        .map(|_| {
            alice
                .mrpctl(&["send", &key, "--id", "standup-47", "Standup at 10"])
                .succeeded()
        })
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let ended = alice.mrpctl(&["send", &key, "--id", "standup-47", "another text"]);
    assert_eq!(ended.code(), 65, "{}", ended.stderr);
    alice.mrpctl(&["send", &key, "the end"]).succeeded();
    assert_inbox(&bob, &["Standup at 10".to_owned(), "the end".to_owned()]);
}
