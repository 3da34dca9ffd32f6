//! A hook that settles a message alone, and a later one that has not come to it yet.

use serde_json::{Value, json};
use std::time::Duration;
use tests::process::eventually;
use tests::relay::Relay;
use tests::user::User;

/// More than wait for one hook in memory.
const MANY: usize = 1050;

/// How long so many take at most to be taken by the outbox, on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(300);

/// The first takes what says so, and settles it alone; the second takes everything, once it may go on.
const HOOKS: &str = r#"
[[hook]]
name = "first"
match = 'text == "enough"'
shell = 'exit 99'

[[hook]]
name = "second"
batch = 100
shell = 'until [ -e "$HOME/go" ]; do sleep 0.02; done; cat >>"$HOME/second"'
"#;

fn hook(user: &User, name: &str) -> Value {
    let (status, hook) = user.api("GET", &format!("/v1/hooks/{name}"), None);
    assert_eq!(status, 200, "{hook}");
    hook
}

fn seen_by_second(user: &User, text: &str) -> usize {
    let lines = std::fs::read_to_string(user.home().join("second")).unwrap_or_default();
    let messages = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    messages
        .filter(|message: &Value| message["text"] == text)
        .count()
}

#[test]
fn it_holds_for_a_later_hook_whose_queue_is_full_and_survives_a_kill() {
    let relay = Relay::start();
    let mut alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let key = alice.key();
    let contact = json!({ "key": bob.key() });
    assert_eq!(alice.api("PUT", "/v1/contacts/bob", Some(&contact)).0, 200);
    alice.configure(HOOKS);
    alice.reload();
    let many: String = (0..MANY).map(|number| format!("{number}\n")).collect();
    let sending = bob.start_mrpctl(&["send", &key, "--lines", "--async"], many.as_bytes());
    sending.wait_for(PATIENCE).succeeded();
    bob.mrpctl(&["send", &key, "enough"]).succeeded();
    eventually("the first to settle it", || {
        (hook(&alice, "first")["handled"] == 1).then_some(())
    });
    let second = hook(&alice, "second");
    assert!(
        second["cursor"].as_u64() <= Some(MANY as u64),
        "the second has not come to it: {second}"
    );
    alice.kill_daemon();
    alice.start_daemon();
    std::fs::write(alice.home().join("go"), "").expect("the second goes on");
    bob.mrpctl(&["send", &key, "last"]).succeeded();
    eventually("the second to come to the end", || {
        (seen_by_second(&alice, "last") > 0).then_some(())
    });
    assert_eq!(seen_by_second(&alice, &(MANY - 1).to_string()), 1);
    assert_eq!(seen_by_second(&alice, "enough"), 0);
    // Whoever sets it back by hand means it.
    let (status, answer) = alice.api(
        "POST",
        "/v1/hooks/second/replay?since=2020-01-01T00:00:00Z",
        None,
    );
    assert_eq!(status, 200, "{answer}");
    eventually("the second to have run for it", || {
        (seen_by_second(&alice, "enough") > 0).then_some(())
    });
}
