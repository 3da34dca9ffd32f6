//! What goes out: its stages, what is held, what expires, what is taken back, and how fast it goes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mrp_proto::envelope::Outgoing;
use mrp_proto::id::EnvelopeId;
use mrp_proto::key::{PublicKey, SecretKey};
use mrp_proto::plain;
use mrp_proto::time::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tests::agent::Agent;
use tests::process::eventually;
use tests::relay::Relay;
use tests::user::User;

fn send(user: &User, send: Value) -> Value {
    let (status, sent) = user.api("POST", "/v1/send", Some(&send));
    assert_eq!(status, 200, "{sent}");
    sent
}

fn text(to: &str, text: &str) -> Value {
    json!({ "to": to, "body": { "text": text } })
}

fn entry(user: &User, id: &Value) -> Value {
    let path = format!("/v1/outbox/{}", id.as_str().unwrap());
    let (status, entry) = user.api("GET", &path, None);
    assert_eq!(status, 200, "{entry}");
    entry
}

fn with(mut object: Value, more: Value) -> Value {
    let more = more.as_object().unwrap().clone();
    object.as_object_mut().unwrap().extend(more);
    object
}

fn dead(user: &User) -> Vec<Value> {
    let (status, dead) = user.api("GET", "/v1/dead", None);
    assert_eq!(status, 200, "{dead}");
    dead.as_array().unwrap().clone()
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_unix_millis(i64::try_from(now.as_millis()).unwrap())
}

#[test]
fn each_stage_can_be_seen() {
    let mut relay = Relay::start();
    let alice = User::at("alice", &relay);
    let mut bob = User::at("bob", &relay);
    let (alice_key, bob_key) = (alice.key(), bob.key());
    relay.kill();
    let sent = send(&alice, text(&bob_key, "question"));
    assert_eq!(entry(&alice, &sent["id"])["stage"], "queued");

    bob.terminate_daemon();
    relay.resume();
    let accepted = eventually("acceptance", || {
        let entry = entry(&alice, &sent["id"]);
        (entry["stage"] != "queued").then_some(entry)
    });
    assert_eq!(accepted["stage"], "accepted");
    let message_id = accepted["message_id"].as_str().unwrap().to_owned();
    // Under the relay's name it is found as well.
    assert_eq!(entry(&alice, &accepted["message_id"])["id"], sent["id"]);

    bob.start_daemon();
    eventually("delivery", || {
        (entry(&alice, &sent["id"])["stage"] == "delivered").then_some(())
    });
    let answer = with(
        text(&alice_key, "answer"),
        json!({ "reply_to": message_id }),
    );
    send(&bob, answer);
    let receipt = eventually("the answer", || {
        let path = format!("/v1/receipts/{message_id}");
        let (_, receipt) = alice.api("GET", &path, None);
        (receipt["stage"] == "replied").then_some(receipt)
    });
    assert_eq!(receipt["id"], sent["id"]);
    let answered = alice.inbox();
    assert_eq!(receipt["reply"], answered[0]["seq"]);
    let times = ["accepted_at", "delivered_at", "replied_at"].map(|name| {
        let time: Timestamp = receipt[name].as_str().unwrap().parse().unwrap();
        time
    });
    assert!(times.is_sorted(), "{receipt}");
    // It is too late to take it back, and what nobody sent has no stages.
    let path = format!("/v1/outbox/{}/cancel", sent["id"].as_str().unwrap());
    let (status, refused) = alice.api("POST", &path, None);
    assert_eq!(
        (status, &refused["error"]["code"]),
        (409, &json!("too_late"))
    );
    assert_eq!(alice.api("GET", "/v1/receipts/msg_none", None).0, 404);
}

#[test]
fn a_delivery_is_told_without_being_asked_for() {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let mut bob = User::at("bob", &relay);
    let key = bob.key();
    bob.terminate_daemon();
    let mut events = alice.start_curl("/v1/events?kinds=stage", &["-i"], b"");
    while !events.line().trim().is_empty() {}
    let sent = send(&alice, text(&key, "are you there?"));
    let mut next = || -> Value {
        // Empty lines keep the stream open.
        let line = std::iter::repeat_with(|| events.line()).find(|line| !line.is_empty());
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_eq!(event["id"], sent["id"]);
        event["stage"].clone()
    };
    assert_eq!((next(), next()), (json!("queued"), json!("accepted")));
    bob.start_daemon();
    assert_eq!(next(), "delivered");
}

#[test]
fn whoever_waits_for_a_stage_is_told_when_it_is_reached() {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let waiting = json!({ "wait": "delivered", "wait_ms": 20_000 });
    let sent = send(&alice, with(text("me", "to myself"), waiting));
    assert_eq!(sent["stage"], "delivered");
    let waiting = json!({ "wait": "replied", "wait_ms": 300 });
    let begun = Instant::now();
    let sent = send(&alice, with(text("me", "nobody answers"), waiting));
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert!(["accepted", "delivered"].contains(&sent["stage"].as_str().unwrap()));
}

#[test]
fn what_is_held_goes_when_its_time_has_come_and_keeps_nothing_back() {
    let relay = Relay::start();
    let mut alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let key = bob.key();
    let late = send(
        &alice,
        with(text(&key, "much later"), json!({ "delay_ms": 3_600_000 })),
    );
    assert!(late["due_at"].is_string(), "{late}");
    let due: Timestamp = now().after(Duration::from_millis(2500));
    let at = json!({ "at": due.to_string() });
    send(&alice, with(text(&key, "soon"), at));
    send(&alice, text(&key, "now"));
    alice.kill_daemon();
    alice.start_daemon();
    eventually("two messages", || (bob.texts().len() == 2).then_some(()));
    assert_eq!(bob.texts(), ["now", "soon"]);
    let soon = &bob.inbox()[1];
    let created: Timestamp = soon["created_at"].as_str().unwrap().parse().unwrap();
    assert!(
        created >= due,
        "the relay took it at {created}, due was {due}"
    );
    assert_eq!(entry(&alice, &late["id"])["stage"], "queued");

    // By hand it goes at once, or never.
    let other = send(
        &alice,
        with(text(&key, "never"), json!({ "delay_ms": 3_600_000 })),
    );
    let path =
        |what: &str, sent: &Value| format!("/v1/outbox/{}/{what}", sent["id"].as_str().unwrap());
    assert_eq!(alice.api("POST", &path("cancel", &other), None).0, 204);
    assert_eq!(alice.api("POST", "/v1/outbox/flush", None).0, 204);
    assert_eq!(
        entry(&alice, &late["id"])["stage"],
        "queued",
        "it is held, not waiting"
    );
    assert_eq!(alice.api("POST", &path("retry", &late), None).0, 204);
    eventually("the one that was let go", || {
        (bob.texts().len() == 3).then_some(())
    });
    assert_eq!(bob.texts()[2], "much later");
    let (_, left) = alice.api("GET", "/v1/outbox", None);
    assert_eq!(left, json!([]));
    let (status, refused) = alice.api(
        "POST",
        "/v1/send",
        Some(&json!({
            "to": key, "body": {}, "at": "2026-01-01T00:00:00Z", "delay_ms": 5,
        })),
    );
    assert_eq!(
        (status, &refused["error"]["code"]),
        (400, &json!("invalid_request"))
    );
}

#[test]
fn what_expires_or_is_refused_goes_to_the_dead_box_and_can_be_tried_anew() {
    let mut relay = Relay::start();
    let alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let key = bob.key();
    relay.kill();
    let lost = send(
        &alice,
        with(text(&key, "late news"), json!({ "expires_in": 1 })),
    );
    let letter = eventually("the dead letter", || dead(&alice).pop());
    assert_eq!(
        (&letter["id"], &letter["source"]),
        (&lost["id"], &json!("outbox"))
    );
    assert!(
        letter["why"].as_str().unwrap().contains("expired"),
        "{letter}"
    );
    assert_eq!(entry(&alice, &lost["id"])["stage"], "failed");
    let (_, status) = alice.api("GET", "/v1/status", None);
    assert_eq!(status["outbox"], json!({ "queued": 0, "failed": 1 }));

    relay.resume();
    // The news live for a second, so whom they are for must be there.
    eventually("the session of the recipient", || {
        let (_, status) = bob.api("GET", "/v1/status", None);
        (status["sessions"][0]["state"] == "up").then_some(())
    });
    let ids = json!({ "ids": ["out_none", lost["id"]] });
    let (status, missing) = alice.api("POST", "/v1/dead/retry", Some(&ids));
    assert_eq!(status, 404, "{missing}");
    assert!(
        missing["error"]["message"]
            .as_str()
            .unwrap()
            .ends_with(": out_none")
    );
    eventually("the late news", || {
        (bob.texts() == ["late news"]).then_some(())
    });

    // Refused for good: the recipient takes nothing from alice.
    let path = format!("/v1/acl/{}", alice.key());
    let (status, applied) = bob.api("PUT", &path, Some(&json!({ "type": "block" })));
    assert_eq!(
        (status, &applied["relays"][0]["error"]),
        (200, &Value::Null)
    );
    let waiting = json!({ "wait": "accepted", "wait_ms": 20_000 });
    let refused = send(&alice, with(text(&key, "unwanted"), waiting));
    assert_eq!(
        (&refused["stage"], &refused["error"]["code"]),
        (&json!("failed"), &json!("not_permitted"))
    );
    let ids = json!({ "ids": [refused["id"]] });
    assert_eq!(alice.api("POST", "/v1/dead/drop", Some(&ids)).0, 204);
    assert_eq!(dead(&alice), [Value::Null; 0]);
}

#[test]
fn what_no_relay_can_have_is_taken_back_after_a_crash_too() {
    let mut relay = Relay::start();
    let mut alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let key = bob.key();
    let cancel = |user: &User, sent: &Value| {
        let path = format!("/v1/outbox/{}/cancel", sent["id"].as_str().unwrap());
        user.api("POST", &path, None)
    };
    relay.kill();
    let first = send(&alice, text(&key, "first"));
    let second = send(&alice, text(&key, "second"));
    eventually("an attempt that fails", || {
        let entry = entry(&alice, &first["id"]);
        entry["attempts"].as_u64().filter(|&attempts| attempts > 0)
    });
    let taken = eventually("the end of an attempt", || {
        let (status, answer) = cancel(&alice, &first);
        (status != 409).then_some((status, answer))
    });
    assert_eq!(taken.0, 204, "{}", taken.1);
    // After a clean end everything is known; after a crash an attempt may have got through.
    alice.terminate_daemon();
    alice.start_daemon();
    let third = send(&alice, text(&key, "third"));
    assert_eq!(cancel(&alice, &third).0, 204);
    alice.kill_daemon();
    alice.start_daemon();
    let (status, refused) = cancel(&alice, &second);
    assert_eq!(
        (status, &refused["error"]["code"]),
        (409, &json!("too_late"))
    );
    relay.resume();
    eventually("what was left", || (!bob.texts().is_empty()).then_some(()));
    assert_eq!(bob.texts(), ["second"]);
}

#[test]
fn the_relays_limit_is_never_run_into() {
    let relay = Relay::start_with(&["--set", "limits.send_per_minute=6"]);
    let mut alice = User::at("alice", &relay);
    for number in 0..12 {
        send(&alice, text("me", &number.to_string()));
    }
    let allowance = || {
        let (_, status) = alice.api("GET", "/v1/status", None);
        status["allowances"][0].clone()
    };
    let used_up = eventually("a budget that is used up", || {
        let allowance = allowance();
        (allowance["left"] == 0).then_some(allowance)
    });
    assert_eq!(
        (&used_up["per_minute"], &used_up["told"]),
        (&json!(6), &json!(true))
    );
    eventually("six messages", || (alice.texts().len() == 6).then_some(()));
    let (_, left) = alice.api("GET", "/v1/outbox", None);
    let left = left.as_array().unwrap();
    assert_eq!(left.len(), 6);
    for entry in left {
        assert_eq!(
            (&entry["attempts"], &entry["error"]),
            (&json!(0), &Value::Null)
        );
    }
    let log = alice.terminate_daemon().stderr;
    assert!(!log.contains("rate_limit"), "{log}");
}

#[test]
fn a_message_that_comes_by_two_relays_arrives_once() {
    let relays = [Relay::start(), Relay::start()];
    let bob = User::at("bob", &relays[0]);
    bob.mrpctl(&["init", "--name", "bob", "--relay", &relays[1].url()])
        .succeeded();
    eventually("both sessions", || {
        let (_, status) = bob.api("GET", "/v1/status", None);
        let sessions = status["sessions"].as_array()?;
        let up = sessions.iter().filter(|session| session["state"] == "up");
        (up.count() == 2).then_some(())
    });
    let secret = SecretKey::from_seed(&[9; 32]);
    let recipient: PublicKey = bob.key().parse().unwrap();
    let id = EnvelopeId::from_parts(now(), [7; 10]);
    let body = RawValue::from_string(r#"{"text":"once"}"#.to_owned()).unwrap();
    let outgoing = Outgoing {
        id: &id,
        body: Some(&body),
        content_type: "application/json",
        attachments: &[],
        thread_id: None,
        in_reply_to: None,
        sent_at: now(),
    };
    let entries = plain::sign(&secret, &recipient, &outgoing).unwrap();
    let metadata: serde_json::Map<String, Value> = entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let message =
        json!({ "recipient_key": bob.key(), "body": { "text": "once" }, "metadata": metadata });
    let bytes = serde_json::to_vec(&message).unwrap();
    for relay in &relays {
        Agent::new(9)
            .request(relay.address(), "POST", "/v1/messages", &bytes)
            .expect(202);
    }
    // What comes behind it by both ways shows that both have come.
    for relay in &relays {
        let last = json!({ "recipient_key": bob.key(), "body": { "text": relay.address() } });
        let bytes = serde_json::to_vec(&last).unwrap();
        Agent::new(9)
            .request(relay.address(), "POST", "/v1/messages", &bytes)
            .expect(202);
    }
    let texts = eventually("both that come behind", || {
        let texts = bob.texts();
        let came = |relay: &Relay| texts.iter().any(|text| text == relay.address());
        relays.iter().all(came).then_some(texts)
    });
    assert_eq!(
        texts.iter().filter(|text| *text == "once").count(),
        1,
        "{texts:?}"
    );
}

#[test]
fn many_go_in_their_order_and_none_keeps_another_back() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let one = |key: &str, to: &str, words: &str| json!({ "key": key, "send": text(to, words) });
    let sends = json!({ "sends": [
        one("a", "me", "first"),
        one("b", "nobody", "to whom?"),
        one("a", "me", "first"),
        one("a", "me", "another under the same key"),
        one("c", "me", "last"),
    ] });
    let (status, answers) = user.api("POST", "/v1/send/many", Some(&sends));
    assert_eq!(status, 200, "{answers}");
    let answers = answers.as_array().unwrap();
    let codes: Vec<&Value> = answers.iter().map(|one| &one["error"]["code"]).collect();
    let (unknown, mismatch) = (json!("unknown_recipient"), json!("idempotency_mismatch"));
    let none = Value::Null;
    assert_eq!(codes, [&none, &unknown, &none, &mismatch, &none]);
    assert_eq!(answers[0]["sent"]["id"], answers[2]["sent"]["id"]);
    let texts = eventually("both messages", || {
        let texts = user.texts();
        (texts.len() == 2).then_some(texts)
    });
    assert_eq!(texts, ["first", "last"]);
    let sends: Vec<Value> = (0..1001).map(|_| one("k", "me", "")).collect();
    let (status, refused) = user.api("POST", "/v1/send/many", Some(&json!({ "sends": sends })));
    assert_eq!(
        (status, &refused["error"]["code"]),
        (400, &json!("invalid_request"))
    );
}
