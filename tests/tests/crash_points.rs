//! mrpd killed between every pair of steps of receiving and of sending: nothing lost, nothing doubled.

use std::process::Command;
use tests::process::{Process, eventually};
use tests::programs;
use tests::relay::Relay;
use tests::user::User;

/// The names of all crash points, from the program that has them.
fn crash_points() -> Vec<String> {
    let mut command = Command::new(programs::path("mrpd-failpoints"));
    command.env_clear().arg("--list-failpoints");
    let listed = Process::start(command, b"").wait().succeeded();
    // Those of hooks and of salvage are reached only where there is a hook or damage: they have tests of their own.
    let points: Vec<String> = listed
        .lines()
        .filter(|point| point.starts_with("receive.") || point.starts_with("send."))
        .map(str::to_owned)
        .collect();
    assert!(points.len() >= 8, "{points:?}");
    points
}

/// Whether the send was taken: it is in the outbox, or beyond.
fn try_to_send(user: &User, to: &str, key: &str, text: &str) -> bool {
    let ended = user.mrpctl(&["send", to, "--async", "--id", key, text]);
    ended.status.success()
}

/// What a script does that has no answer: it asks again, with the same key.
fn send_until_taken(user: &User, to: &str, key: &str, text: &str) {
    eventually("the send to be taken", || {
        try_to_send(user, to, key, text).then_some(())
    });
}

#[test]
fn killed_at_every_step_of_receiving_and_sending() {
    let relay = Relay::start();
    let dying = User::at("dying", &relay);
    kill_at_every_step(&relay, dying);
}

#[test]
fn killed_at_every_step_while_messages_are_polled() {
    let relay = Relay::start();
    let dying = User::at("dying", &relay);
    dying.set_transport("poll");
    kill_at_every_step(&relay, dying);
}

fn kill_at_every_step(relay: &Relay, mut dying: User) {
    let steady = User::at("steady", relay);
    let (dying_key, steady_key) = (dying.key(), steady.key());
    let points = crash_points();
    for point in &points {
        dying.kill_daemon();
        // Armed once: the first message that passes the point, either way, kills the daemon, after a stall in which
        // whatever was said too early reaches the relay.
        dying.start_failing_daemon(&format!("{point}=1*return(200)"));
        send_until_taken(&steady, &dying_key, point, &format!("in {point}"));
        // A send that was answered is the daemon's to remember; only one that was not is made again.
        let text = format!("out {point}");
        let mut taken = false;
        eventually(&format!("{point} to kill the daemon"), || {
            taken = taken || try_to_send(&dying, &steady_key, point, &text);
            dying.daemon().has_ended().then_some(())
        });
        dying.await_daemon_death();
        dying.start_daemon();
        if !taken {
            send_until_taken(&dying, &steady_key, point, &text);
        }
        eventually("both messages", || {
            let came = |user: &User, text: String| user.texts().contains(&text);
            (came(&steady, format!("out {point}")) && came(&dying, format!("in {point}")))
                .then_some(())
        });
    }
    let expected = |word: &str| {
        points
            .iter()
            .map(|point| format!("{word} {point}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(steady.texts(), expected("out"));
    assert_eq!(dying.texts(), expected("in"));
}
