//! mrpd killed while messages come and a hook runs: no message is lost, and the hook has run for each of them.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::Duration;
use tests::process::eventually;
use tests::relay::Relay;
use tests::user::User;

const POINTS: &[&str] = &[
    "hook.before-queue",
    "hook.queued",
    "hook.begun",
    "hook.exited",
    "hook.replied",
    "hook.recorded",
];

/// Alice with a hook that writes down each run, and Bob, her contact.
fn pair(relay: &Relay, hook: &str) -> (User, User) {
    let alice = User::at("alice", relay);
    let bob = User::at("bob", relay);
    let contact = json!({ "key": bob.key() });
    let (status, answer) = alice.api("PUT", "/v1/contacts/bob", Some(&contact));
    assert_eq!(status, 200, "{answer}");
    alice.configure(hook);
    alice.reload();
    (alice, bob)
}

/// The attempts that the hook has seen of each message.
fn runs(alice: &User) -> BTreeMap<String, Vec<u32>> {
    let text = std::fs::read_to_string(alice.home().join("runs")).unwrap_or_default();
    let mut runs: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for line in text.lines() {
        let (message, attempt) = line.rsplit_once(' ').expect("message and attempt");
        let attempt = attempt.parse().expect("an attempt is a number");
        runs.entry(message.to_owned()).or_default().push(attempt);
    }
    runs
}

const NOTE: &str = "[[hook]]\nname = \"note\"\nreply = \"text\"\n\
    shell = 'echo \"$MRP_TEXT $MRP_ATTEMPT\" >>\"$HOME/runs\"; echo \"to $MRP_TEXT\"'\n";

#[test]
fn killed_at_every_step_of_a_hook() {
    let relay = Relay::start();
    let (mut alice, bob) = pair(&relay, NOTE);
    let key = alice.key();
    for point in POINTS {
        alice.kill_daemon();
        alice.start_failing_daemon(&format!("{point}=1*return(200)"));
        bob.mrpctl(&["send", &key, "--async", point]).succeeded();
        eventually(&format!("{point} to kill the daemon"), || {
            alice.daemon().has_ended().then_some(())
        });
        alice.await_daemon_death();
        alice.start_daemon();
        eventually(&format!("the reply to {point}"), || {
            bob.texts().contains(&format!("to {point}")).then_some(())
        });
        // The reply may be that of the run before the kill, and the one after it still going on.
        eventually("the hook to have nothing left", || {
            let (_, hook) = alice.api("GET", "/v1/hooks/note", None);
            (hook["queued"] == 0).then_some(())
        });
    }
    let runs = runs(&alice);
    for point in POINTS {
        let attempts = &runs[*point];
        let expected: &[u32] = match *point {
            // Not begun, or done and recorded.
            "hook.before-queue" | "hook.queued" | "hook.recorded" => &[1],
            // Begun, but the program was not: the attempt counts.
            "hook.begun" => &[2],
            _ => &[1, 2],
        };
        assert_eq!(attempts, expected, "{point}");
    }
    let expected: Vec<String> = POINTS.iter().map(|point| format!("to {point}")).collect();
    assert_eq!(bob.texts(), expected, "each reply once, in order");
    let log = alice.api_lines("/v1/hooks/log");
    let last = log.iter().rev().find(|entry| entry["outcome"] == "handled");
    assert_eq!(last.map(|entry| &entry["attempt"]), Some(&Value::from(1)));
}

/// A stream of messages while the daemon is killed again and again.
fn storm(kills: usize, messages: usize) {
    let relay = Relay::start();
    let hook = "[[hook]]\nname = \"note\"\nconcurrency = 8\n\
        shell = 'echo \"$MRP_TEXT $MRP_ATTEMPT\" >>\"$HOME/runs\"'\n";
    let (mut alice, _) = pair(&relay, hook);
    let key = alice.key();
    // Several senders, so that runs overlap.
    let senders: Vec<User> = ["carol", "dave", "erin"]
        .into_iter()
        .map(|name| User::at(name, &relay))
        .collect();
    for sender in &senders {
        let contact = json!({ "key": sender.key() });
        let path = format!("/v1/contacts/{}", sender.name());
        assert_eq!(alice.api("PUT", &path, Some(&contact)).0, 200);
    }
    let texts = |sender: &User| -> Vec<String> {
        (1..=messages / 3)
            .map(|number| format!("{}-{number}", sender.name()))
            .collect()
    };
    let sending: Vec<_> = senders
        .iter()
        .map(|sender| {
            let lines = texts(sender).join("\n") + "\n";
            sender.start_mrpctl(&["send", &key, "--lines", "--async"], lines.as_bytes())
        })
        .collect();
    for round in 0..kills {
        let seen = runs(&alice).len();
        // It is killed in the middle of its work: once it has run the hook again, and a moment of a length of its own later.
        eventually("the hook to run again, or to be done", || {
            let now = runs(&alice).len();
            (now > seen || now >= messages / 3 * 3).then_some(())
        });
        std::thread::park_timeout(Duration::from_millis((round as u64 * 37) % 90));
        alice.kill_daemon();
        alice.start_daemon();
    }
    for process in sending {
        process.wait_for(Duration::from_secs(600)).succeeded();
    }
    let expected: BTreeSet<String> = senders.iter().flat_map(texts).collect();
    let deadline = std::time::Instant::now() + Duration::from_secs(600);
    while runs(&alice).len() < expected.len() {
        assert!(
            std::time::Instant::now() < deadline,
            "{} of {} came",
            runs(&alice).len(),
            expected.len()
        );
        std::thread::park_timeout(Duration::from_millis(100));
    }
    eventually("the hook to have nothing left", || {
        let (_, hook) = alice.api("GET", "/v1/hooks/note", None);
        (hook["queued"] == 0).then_some(())
    });
    let runs = runs(&alice);
    assert_eq!(runs.keys().cloned().collect::<BTreeSet<_>>(), expected);
    let mut again = 0;
    for (message, attempts) in &runs {
        // What an earlier daemon had begun may end after what the next one began.
        let distinct: BTreeSet<&u32> = attempts.iter().collect();
        assert_eq!(
            distinct.len(),
            attempts.len(),
            "{message} saw the attempts {attempts:?}"
        );
        again += usize::from(attempts.len() > 1);
    }
    let inbox: BTreeSet<String> = alice.texts().into_iter().collect();
    assert_eq!(inbox, expected, "the inbox has each of them");
    let (_, dead) = alice.api("GET", "/v1/dead", None);
    assert_eq!(dead, json!([]));
    // The figures are what one runs the long form for.
    let _ = writeln!(
        std::io::stderr(),
        "{kills} kills, {} messages, {again} of them run for more than once",
        expected.len()
    );
}

#[test]
fn killed_again_and_again_while_messages_come() {
    storm(8, 150);
}

/// By hand: `cargo test -p tests --test hooks_crash -- --ignored --nocapture`.
#[test]
#[ignore = "takes many minutes"]
fn killed_two_hundred_times_while_ten_thousand_messages_come() {
    storm(200, 10_000);
}
