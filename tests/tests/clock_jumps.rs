//! A clock that is set while the daemon runs, by an hour either way: nothing ends before its time, and nothing waits for an hour.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mrp_proto::time::Timestamp;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tests::clock::Clock;
use tests::process::eventually;
use tests::relay::Relay;
use tests::user::User;

/// An hour, but for as much as signatures may be late at a relay that bears an hour.
const HOUR: i64 = 58 * 60;
/// Longer than any test may take.
const LONG: u64 = 20 * 60 * 1000;
/// It passes while a test waits for it.
const SHORT: u64 = 1500;

/// A user's machine with a clock of its own, and a relay elsewhere that bears it.
struct Machine {
    clock: Clock,
    relay: Relay,
    user: User,
    _folder: TempDir,
}

impl Machine {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let Some(clock) = Clock::new(folder.path()) else {
            tests::skip("libfaketime is not installed");
            return None;
        };
        let relay = patient_relay();
        let user = User::with_clock("me", &relay, &clock);
        Some(Self {
            clock,
            relay,
            user,
            _folder: folder,
        })
    }

    /// Has messages of these texts in the inbox.
    fn receive(&self, texts: &[&str]) {
        for text in texts {
            self.send(text, json!({ "wait": "delivered", "wait_ms": 30_000 }));
        }
        eventually("the messages", || {
            let all = self.user.texts();
            texts
                .iter()
                .all(|text| all.iter().any(|one| one == text))
                .then_some(())
        });
    }

    fn send(&self, text: &str, more: Value) -> Value {
        let mut send = json!({ "to": "me", "body": { "text": text } });
        let more = more.as_object().unwrap().clone();
        send.as_object_mut().unwrap().extend(more);
        self.post("/v1/send", send)
    }

    fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.user.api("POST", path, Some(&body));
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// Takes one message, and gives its text and its lease.
    fn claim(&self, lease: u64, wait: u64) -> Option<(String, Value)> {
        let claimed = self.post("/v1/claim", json!({ "lease_ms": lease, "wait_ms": wait }));
        let message = claimed.get(0)?;
        Some((
            message["text"].as_str()?.to_owned(),
            message["lease"].clone(),
        ))
    }

    fn stage(&self, sent: &Value) -> String {
        let path = format!("/v1/outbox/{}", sent["id"].as_str().unwrap());
        let (_, entry) = self.user.api("GET", &path, None);
        entry["stage"].as_str().unwrap().to_owned()
    }

    /// The names of what was given up, once there is any.
    fn dead(&self) -> Vec<Value> {
        eventually("something that is given up", || {
            let (_, dead) = self.user.api("GET", "/v1/dead", None);
            let dead = dead.as_array()?.iter().map(|one| one["id"].clone());
            Some(dead.collect::<Vec<_>>()).filter(|dead| !dead.is_empty())
        })
    }
}

fn patient_relay() -> Relay {
    Relay::start_with(&["--set", "auth.timestamp_tolerance=1h"])
}

/// What a clock shows that is so many seconds ahead.
fn shown(ahead: i64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_unix_millis(i64::try_from(now.as_millis()).unwrap() + ahead * 1000)
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn a_lease_lasts_as_long_as_was_said() {
    let Some(mut machine) = Machine::start() else {
        return;
    };
    machine.receive(&["long", "delayed", "short"]);
    let (text, long) = machine.claim(LONG, 0).unwrap();
    assert_eq!(text, "long");
    let (_, delayed) = machine.claim(LONG, 0).unwrap();
    let delayed = json!({ "leases": [delayed["token"]], "delay_ms": LONG });
    machine.post("/v1/nack", delayed);
    machine.claim(SHORT, 0).unwrap();
    machine.clock.set(HOUR);
    // The first that comes back is the one whose time is over.
    let (text, short) = machine.claim(LONG, 30_000).unwrap();
    assert_eq!(text, "short");
    let left = time(&short["until"]).since(shown(HOUR));
    assert!(
        left > Duration::ZERO && left <= Duration::from_millis(LONG),
        "{left:?}"
    );
    assert_eq!(machine.claim(SHORT, 0), None);
    let touched = machine.post("/v1/touch", json!({ "leases": [long["token"]] }));
    assert!(time(&touched["until"]) > shown(HOUR), "{touched}");
    machine.post(
        "/v1/ack",
        json!({ "leases": [long["token"], short["token"]] }),
    );

    machine.receive(&["again"]);
    machine.claim(SHORT, 0).unwrap();
    machine.clock.set(0);
    let (text, _) = machine.claim(SHORT, 30_000).unwrap();
    assert_eq!(text, "again");
    // Nor does it last longer where the clock is put back while no daemon runs.
    machine.user.kill_daemon();
    machine.clock.set(-HOUR);
    machine.user.start_daemon();
    let (text, _) = machine.claim(SHORT, 30_000).unwrap();
    assert_eq!(text, "again");
}

#[test]
fn what_goes_out_waits_expires_and_is_tried_as_long_as_was_said() {
    let Some(mut machine) = Machine::start() else {
        return;
    };
    let half_an_hour = shown(HOUR / 2).to_string();
    let named = machine.send("named", json!({ "at": half_an_hour, "expires_in": 120 }));
    let span = machine.send("span", json!({ "delay_ms": LONG }));
    machine.relay.kill();
    let patient = machine.send("patient", json!({ "expires_in": 1200 }));
    machine.clock.set(HOUR);
    let brief = machine.send("brief", json!({ "expires_in": 1 }));
    // Its time is over, that of the others is not.
    assert_eq!(machine.dead(), [brief["id"].clone()]);
    for sent in [&named, &span, &patient] {
        assert_eq!(machine.stage(sent), "queued");
    }
    machine.relay.resume();
    eventually("what is due", || {
        let texts = machine.user.texts();
        (texts.len() == 2).then_some(())
    });
    let mut texts = machine.user.texts();
    texts.sort();
    // A time that was named has come with the clock.
    assert_eq!(texts, ["named", "patient"]);
    assert_eq!(machine.stage(&span), "queued");

    machine.post("/v1/dead/drop", json!({ "ids": [brief["id"]] }));
    machine.relay.kill();
    let brief = machine.send("brief", json!({ "expires_in": 2 }));
    let soon = machine.send("soon", json!({ "delay_ms": SHORT }));
    machine.clock.set(0);
    assert_eq!(machine.dead(), [brief["id"].clone()]);
    machine.relay.resume();
    eventually("what was delayed", || {
        let texts = machine.user.texts();
        texts.contains(&"soon".to_owned()).then_some(())
    });
    assert!(["accepted", "delivered"].contains(&machine.stage(&soon).as_str()));
}

#[test]
fn a_key_is_remembered_and_what_came_since_is_found() {
    let Some(machine) = Machine::start() else {
        return;
    };
    let user = &machine.user;
    let send = |text: &str| {
        let sent = user.mrpctl(&["send", "me", "--id", "once", "--wait", "delivered", text]);
        sent.succeeded()
    };
    let first = send("keyed");
    machine.receive(&["before"]);
    machine.clock.set(HOUR);
    machine.receive(&["ahead"]);
    assert_eq!(send("keyed"), first);
    machine.clock.set(0);
    machine.receive(&["after"]);
    assert_eq!(send("keyed"), first);
    let inbox = user.inbox();
    let texts = user.texts();
    assert_eq!(texts, ["keyed", "before", "ahead", "after"]);
    // Of a time, everything is found that came at it or later by the clock of its moment.
    let since = inbox[3]["received_at"].as_str().unwrap();
    let found = user.api_lines(&format!("/v1/messages?since={since}"));
    let found: Vec<&str> = found
        .iter()
        .filter_map(|one| one["text"].as_str())
        .collect();
    assert_eq!(found, ["ahead", "after"]);
    // A place is a place, whatever the clock says.
    let place = &inbox[2]["seq"];
    let found = user.api_lines(&format!("/v1/messages?after={place}"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["text"], "after");
}

#[test]
fn a_hook_is_tried_again_when_its_pause_is_over() {
    let Some(mut machine) = Machine::start() else {
        return;
    };
    let runs = machine.user.home().join("runs");
    let count = || std::fs::read_to_string(&runs).map_or(0, |text| text.lines().count());
    machine.user.configure(&format!(
        "[[hook]]\nname = \"stubborn\"\nfrom = [\"me\"]\nretry = {{ max_attempts = 1000, min = \"1s\", max = \"2s\" }}\nshell = 'echo x >> {}; exit 75'\n",
        runs.display()
    ));
    machine.user.reload();
    machine.receive(&["try"]);
    eventually("a run", || (count() > 0).then_some(()));
    for ahead in [HOUR, 0, -HOUR] {
        machine.clock.set(ahead);
        let before = count();
        eventually("two more runs", || (count() >= before + 2).then_some(()));
    }
    machine.user.kill_daemon();
    machine.clock.set(-3 * HOUR);
    let before = count();
    machine.user.start_daemon();
    eventually("two more runs", || (count() >= before + 2).then_some(()));
}

#[test]
fn nothing_goes_because_a_clock_was_set() {
    let Some(machine) = Machine::start() else {
        return;
    };
    machine.receive(&["young", "old"]);
    let user = &machine.user;
    let exported = user.api_lines("/v1/export");
    let is_old = |one: &&Value| one["text"] == "old" && one["dir"] == "in";
    let old = exported.iter().find(is_old).unwrap();
    // The same once more, from two hours ago.
    let two_hours_ago = shown(-2 * HOUR).to_string();
    let mut older = old.clone();
    older["id"] = json!("msg_1700000000_aaaaaaaaaaaa");
    older["text"] = json!("older");
    older["body"] = json!({ "text": "older" });
    for field in ["created_at", "received_at"] {
        older[field] = json!(two_hours_ago);
    }
    user.import(&older);
    let ids: Vec<Value> = user.inbox().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids.len(), 3);
    machine.post("/v1/messages/mark", json!({ "ids": ids, "as": "read" }));
    let file = user.home().join("waits");
    std::fs::write(&file, "attached later").unwrap();
    let (status, blob) = user.give("PUT", "/v1/blobs", &file);
    assert_eq!(status, 201, "{blob}");
    machine.clock.set(HOUR);
    user.configure("[inbox]\nkeep = \"30m\"");
    user.reload();
    eventually("the oldest to go", || {
        let texts = user.texts();
        (!texts.contains(&"older".to_owned())).then_some(())
    });
    assert_eq!(user.texts(), ["young", "old"]);
    // Nor is it too late for a file that is still to be sent.
    machine.receive(&["more"]);
    let files = json!({ "attachments": [{ "id": blob["id"] }], "wait": "accepted" });
    machine.send("with a file", files);
}

#[test]
fn a_sender_whose_clock_is_wrong_is_believed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let Some(clock) = Clock::new(folder.path()) else {
        return tests::skip("libfaketime is not installed");
    };
    let relay = patient_relay();
    let alice = User::with_clock("alice", &relay, &clock);
    let bob = User::at("bob", &relay);
    let bob_key = bob.key();
    for (ahead, text) in [(HOUR, "from ahead"), (-HOUR, "from behind")] {
        clock.set(ahead);
        alice.mrpctl(&["send", &bob_key, text]).succeeded();
    }
    let inbox = eventually("both", || {
        Some(bob.inbox()).filter(|inbox| inbox.len() == 2)
    });
    for message in inbox {
        assert_eq!(message["verified"], true, "{message}");
    }
}
