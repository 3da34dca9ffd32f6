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
    let points: Vec<String> = listed.lines().map(str::to_owned).collect();
    assert!(points.len() >= 8, "{points:?}");
    points
}

/// What a script does that has no answer: it asks again, with the same key.
fn send_until_taken(user: &User, to: &str, key: &str, text: &str) {
    eventually("the send to be taken", || {
        user.mrpctl(&["send", to, "--async", "--id", key, text])
            .status
            .success()
            .then_some(())
    });
}

#[test]
fn killed_at_every_step_of_receiving_and_sending() {
    let relay = Relay::start();
    let mut dying = User::at("dying", &relay);
    let steady = User::at("steady", &relay);
    let (dying_key, steady_key) = (dying.key(), steady.key());
    let points = crash_points();
    for point in &points {
        dying.kill_daemon();
        // Armed once: the first message that passes the point, either way, kills the daemon.
        dying.start_failing_daemon(&format!("{point}=1*return"));
        send_until_taken(&steady, &dying_key, point, &format!("in {point}"));
        eventually(&format!("{point} to kill the daemon"), || {
            // What the point does to this send is the test's business, not this command's.
            dying.mrpctl(&[
                "send",
                &steady_key,
                "--async",
                "--id",
                point,
                &format!("out {point}"),
            ]);
            dying.daemon().has_ended().then_some(())
        });
        dying.await_daemon_death();
        dying.start_daemon();
        send_until_taken(&dying, &steady_key, point, &format!("out {point}"));
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
