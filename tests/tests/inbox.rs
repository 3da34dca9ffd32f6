//! The inbox as work, as mail and as an archive, with a real relay and a real daemon.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use tests::process::{Process, eventually};
use tests::relay::Relay;
use tests::user::User;

/// Sends texts and waits until they are in the other's inbox.
fn deliver(from: &User, to: &User, texts: &[&str]) {
    let before = newest(to);
    let lines = texts.join("\n") + "\n";
    from.mrpctl_with(&["send", &to.key(), "--lines", "--async"], lines.as_bytes())
        .succeeded();
    eventually("the messages", || {
        (newest(to) >= before + texts.len() as u64).then_some(())
    });
}

fn newest(user: &User) -> u64 {
    let (_, status) = user.api("GET", "/v1/status", None);
    status["inbox"]["newest"].as_u64().unwrap()
}

/// Takes work; gives text, attempt and lease of each message.
fn claim(user: &User, body: &Value) -> Vec<Value> {
    let (status, answer) = user.api("POST", "/v1/claim", Some(body));
    assert_eq!(status, 200, "{answer}");
    answer.as_array().unwrap().clone()
}

/// Takes work without waiting for the answer.
fn start_claim(user: &User, body: &Value) -> Process {
    let mut curl = user.command("curl".into());
    curl.args(["-sS", "--max-time", "60", "--fail", "--unix-socket"])
        .arg(user.socket())
        .args(["--data-binary", "@-", "http://mrpd/v1/claim"]);
    Process::start(curl, body.to_string().as_bytes())
}

fn texts(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["text"].as_str().unwrap())
        .collect()
}

fn post(user: &User, path: &str, body: Value) -> Value {
    let (status, answer) = user.api("POST", path, Some(&body));
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// Lines of a stream.
fn lines(user: &User, path: &str) -> Vec<Value> {
    let mut curl = user.command("curl".into());
    curl.args(["-sS", "--max-time", "60", "--fail", "--unix-socket"])
        .arg(user.socket())
        .arg(format!("http://mrpd{path}"));
    let output = Process::start(curl, b"").wait().succeeded();
    output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_claim_survives_a_crash_and_comes_back_when_its_lease_ends() {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let mut bob = User::at("bob", &relay);
    deliver(&alice, &bob, &["one", "two", "three"]);
    let long = claim(&bob, &json!({"lease_ms": 600_000}));
    let short = claim(&bob, &json!({"lease_ms": 1_000}));
    assert_eq!((texts(&long), texts(&short)), (vec!["one"], vec!["two"]));
    bob.kill_daemon();
    bob.start_daemon();
    // The third is free, the first is not, and the second comes back by itself for whoever waits.
    let waited = claim(&bob, &json!({"wait_ms": 20_000, "lease_ms": 600_000}));
    assert_eq!(texts(&waited), ["three"]);
    let waited = claim(&bob, &json!({"wait_ms": 20_000, "lease_ms": 600_000}));
    assert_eq!(texts(&waited), ["two"]);
    assert_eq!(waited[0]["attempt"], 2);
    let late = json!({"leases": [short[0]["lease"]["token"]]});
    let (status, refused) = bob.api("POST", "/v1/ack", Some(&late));
    assert_eq!(
        (status, &refused["error"]["code"]),
        (409, &json!("lease_lost"))
    );
    let done = json!({"leases": [long[0]["lease"]["token"], waited[0]["lease"]["token"]]});
    post(&bob, "/v1/ack", done);
    bob.kill_daemon();
    bob.start_daemon();
    let states: Vec<Value> = bob
        .inbox()
        .iter()
        .map(|message| message["state"].clone())
        .collect();
    assert_eq!(states, ["done", "done", "claimed"]);
}

#[test]
fn workers_that_run_at_once_never_get_the_same_message_and_delays_are_kept() {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let all: Vec<String> = (1..=60).map(|number| format!("job {number}")).collect();
    deliver(
        &alice,
        &bob,
        &all.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let mut done = Vec::new();
    loop {
        let claims: Vec<Process> = (0..4)
            .map(|_| start_claim(&bob, &json!({"n": 2})))
            .collect();
        let taken = claims
            .into_iter()
            .flat_map(|claim| -> Vec<Value> {
                serde_json::from_str(&claim.wait().succeeded()).unwrap()
            })
            .collect::<Vec<_>>();
        if taken.is_empty() {
            break;
        }
        let leases: Vec<&Value> = taken.iter().map(|work| &work["lease"]["token"]).collect();
        post(&bob, "/v1/ack", json!({ "leases": leases }));
        done.extend(texts(&taken).into_iter().map(str::to_owned));
    }
    let mut wanted = all;
    wanted.sort();
    done.sort();
    assert_eq!(done, wanted);

    deliver(&alice, &bob, &["later", "never"]);
    let work = claim(&bob, &json!({"n": 2}));
    let id = |index: usize| work[index]["id"].clone();
    post(&bob, "/v1/nack", json!({"ids": [id(0)], "delay_ms": 1_500}));
    post(&bob, "/v1/nack", json!({"ids": [id(1)], "dead": true}));
    assert!(claim(&bob, &json!({})).is_empty());
    let begun = std::time::Instant::now();
    let again = claim(&bob, &json!({"wait_ms": 20_000}));
    assert_eq!(texts(&again), ["later"]);
    assert!(begun.elapsed().as_millis() < 15_000);
    let dead = lines(&bob, "/v1/messages?state=dead");
    assert_eq!(texts(&dead), ["never"]);
}

#[test]
fn strangers_wait_outside_until_they_are_let_in() {
    let relay = Relay::start();
    let bob = User::at("bob", &relay);
    let (alice, eve) = (User::at("alice", &relay), User::at("eve", &relay));
    bob.configure("[inbox]\nhold_unknown_senders = true");
    bob.reload();
    let contact = json!({"key": alice.key()});
    assert_eq!(bob.api("PUT", "/v1/contacts/alice", Some(&contact)).0, 200);
    let held = |count: u64| {
        eventually("held messages", || {
            let (_, status) = bob.api("GET", "/v1/status", None);
            (status["inbox"]["held"] == count).then_some(())
        });
    };
    let send = |from: &User, text: &str| {
        from.mrpctl(&["send", &bob.key(), text, "--async"])
            .succeeded();
    };
    send(&eve, "let me in");
    held(1);
    deliver(&alice, &bob, &["hello"]);
    send(&eve, "please");
    held(2);
    assert_eq!(bob.texts(), ["hello"]);
    let pending = lines(&bob, "/v1/pending");
    assert_eq!(texts(&pending), ["let me in", "please"]);
    assert_eq!(pending[0]["state"], "held");
    assert_eq!(pending[0]["from"]["trust"], "unknown");
    assert_eq!(texts(&claim(&bob, &json!({"n": 9}))), ["hello"]);

    let accept = json!({"ids": [pending[0]["id"]]});
    assert_eq!(post(&bob, "/v1/pending/accept", accept)["messages"], 2);
    assert_eq!(bob.texts(), ["hello", "let me in", "please"]);
    deliver(&eve, &bob, &["thank you"]);
    held(0);

    // Whoever is written to may answer.
    let carol = User::at("carol", &relay);
    bob.mrpctl(&["send", &carol.key(), "who are you?"])
        .succeeded();
    deliver(&carol, &bob, &["carol"]);
    held(0);

    let mallory = User::at("mallory", &relay);
    send(&mallory, "buy this");
    held(1);
    let reject = json!({"from": [mallory.key()]});
    assert_eq!(post(&bob, "/v1/pending/reject", reject)["messages"], 1);
    held(0);
}

#[test]
fn mail_is_marked_searched_and_followed_through_threads() {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let mut bob = User::at("bob", &relay);
    let send = |from: &User, to: &User, text: &str, thread: &str| {
        let key = to.key();
        let sent = from.mrpctl(&["send", &key, text, "--thread", thread]);
        sent.succeeded().trim().to_owned()
    };
    let question = send(&alice, &bob, "Is the Backup green?", "backup");
    eventually("the question", || (newest(&bob) == 1).then_some(()));
    send(&bob, &alice, "it is: BACKUP done", "backup");
    deliver(&alice, &bob, &["something else"]);

    let thread = lines(&bob, "/v1/threads/backup");
    assert_eq!(
        texts(&thread),
        ["Is the Backup green?", "it is: BACKUP done"]
    );
    let (_, threads) = bob.api("GET", "/v1/threads", None);
    assert_eq!(
        (&threads[0]["thread"], &threads[0]["count"]),
        (&json!("backup"), &json!(2))
    );
    let found = lines(&bob, "/v1/search?text=backup");
    assert_eq!(
        texts(&found),
        ["it is: BACKUP done", "Is the Backup green?"]
    );

    let read = json!({"ids": [question], "as": "read"});
    post(&bob, "/v1/messages/mark", read);
    bob.kill_daemon();
    bob.start_daemon();
    assert_eq!(
        texts(&lines(&bob, "/v1/messages?unread=1")),
        ["something else"]
    );
    let matched = lines(
        &bob,
        "/v1/messages?match=state%20%3D%3D%20%22read%22%20and%20%22green%22%20in%20body.text",
    );
    assert_eq!(texts(&matched), ["Is the Backup green?"]);
    let newest_first = lines(&bob, "/v1/messages?order=desc&limit=1&all=1");
    assert_eq!(texts(&newest_first), ["something else"]);

    let prune = json!({"older_ms": 0, "keep_unread": true});
    assert_eq!(post(&bob, "/v1/prune", prune)["removed"], 2);
    assert_eq!(bob.texts(), ["something else"]);
    deliver(&alice, &bob, &["and more"]);
    let seqs: Vec<Value> = bob
        .inbox()
        .iter()
        .map(|message| message["seq"].clone())
        .collect();
    assert_eq!(seqs, [3, 4], "numbers are not used again");
}

#[test]
fn what_is_too_much_goes_by_itself_and_unread_mail_stays() {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let text = "x".repeat(20_000);
    let many: Vec<String> = (0..12).map(|number| format!("{number} {text}")).collect();
    deliver(
        &alice,
        &bob,
        &many.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let ids: Vec<Value> = bob
        .inbox()
        .iter()
        .take(6)
        .map(|message| message["id"].clone())
        .collect();
    post(&bob, "/v1/messages/mark", json!({"ids": ids, "as": "read"}));
    bob.configure("[inbox]\nmax_bytes = \"180KiB\"");
    bob.reload();
    eventually("room", || {
        let (_, status) = bob.api("GET", "/v1/status", None);
        (status["inbox"]["bytes"].as_u64()? < 180 << 10).then_some(())
    });
    let left = bob.inbox();
    assert!((6..12).contains(&left.len()), "{}", left.len());
    let unread = lines(&bob, "/v1/messages?unread=1");
    assert_eq!(unread.len(), 6);
    // With nothing left that may go, it says so.
    let path = bob.home().join(".config/mrp/mrpd.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config.replace("180KiB", "50KiB")).unwrap();
    bob.reload();
    eventually("a warning", || {
        let (_, status) = bob.api("GET", "/v1/status", None);
        let warnings = status["warnings"].to_string();
        warnings.contains("max_bytes").then_some(())
    });
    assert_eq!(bob.inbox().len(), 6);
}
