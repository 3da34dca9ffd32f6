//! `mrpctl send --lines` and `--jsonl` as filters meet them: what is said once, and what they wait for.

use serde_json::{Value, json};
use tests::agent::Agent;
use tests::process::eventually;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

/// Messages that an outbox has room for.
const ROOM: usize = 10_000;

/// Agents that list what they can do, but not that they open sealed messages, as older programs do.
fn older(relay: &Relay, number: u8) -> String {
    let agent = Agent::new(number);
    let profile =
        br#"{"capabilities":[{"name":"text:translate","description":"d","version":"1"}]}"#;
    let path = format!("/v1/agents/{}", agent.key());
    agent
        .request(relay.address(), "PATCH", &path, profile)
        .expect(200);
    agent.key()
}

#[test]
fn a_stream_names_who_may_not_be_able_to_read_it_once_each() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let (one, other) = (older(&relay, 77), older(&relay, 78));
    let line = |to: &str, text: &str| format!("{}\n", json!({"to": to, "text": text}));
    let mut input = String::new();
    for text in ["a", "b", "c"] {
        input.push_str(&line(&one, text));
        input.push_str(&line("me", text));
        input.push_str(&line(&other, text));
    }
    let ended = user.mrpctl_with(&["send", "--jsonl", "-o", "jsonl"], input.as_bytes());
    assert_eq!(ended.code(), 0, "{ended:?}");
    let said: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(said.len(), 2, "{said:?}");
    for (said, key) in said.iter().zip([&one, &other]) {
        assert!(said.contains(&key[..8]), "{said}");
        assert!(said.contains("send with --plain"), "{said}");
    }
    let results = lines(&ended.stdout);
    let warned: Vec<usize> = results
        .iter()
        .map(|result| result["warnings"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(warned, [1, 0, 1, 0, 0, 0, 0, 0, 0]);

    let plain = user.mrpctl_with(&["send", &one, "--lines", "--plain"], b"a\nb\n");
    assert_eq!((plain.code(), plain.stderr.as_str()), (0, ""));
}

/// Puts so many messages into the outbox that stay there; gives their names.
fn hold(user: &User, count: usize) -> Vec<String> {
    let held = json!({"send": {
        "to": "me", "body": {"text": "held"}, "sealing": "plain", "delay_ms": 3_600_000,
    }});
    let mut ids = Vec::new();
    while ids.len() < count {
        let some = vec![held.clone(); (count - ids.len()).min(1000)];
        let (status, answer) = user.api("POST", "/v1/send/many", Some(&json!({"sends": some})));
        assert_eq!(status, 200, "{answer}");
        let answers = answer.as_array().expect("a list");
        ids.extend(answers.iter().map(id_of));
    }
    ids
}

fn id_of(outcome: &Value) -> String {
    let id = outcome["sent"]["id"].as_str();
    id.unwrap_or_else(|| panic!("{outcome}")).to_owned()
}

#[test]
fn lines_wait_while_the_outbox_is_full() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let held = hold(&user, ROOM - 1);
    // Held as well, so that nothing makes room by itself.
    let stream = ["send", "me", "--lines", "--in", "1h", "-o", "jsonl"];
    let mut stream = user.start_mrpctl(&stream, b"one\ntwo\nthree\n");
    let mut ids = vec![object(&stream.line())["id"].clone()];

    let late = ["send", "me", "--lines", "--async", "--timeout", "300ms"];
    let late = user.mrpctl_with(&late, b"late\n\n");
    assert_eq!((late.code(), late.stdout.as_str()), (124, "-\n-\n"));
    for words in [
        "the lines wait until there is room",
        "line 1: the outbox is full",
        "line 2: the outbox is full",
        "(--timeout)",
    ] {
        assert!(late.stderr.contains(words), "{words:?} is not in {late:?}");
    }
    assert!(!stream.has_ended());

    user.mrpctl(&["outbox", "cancel", &held[0]]).succeeded();
    ids.push(object(&stream.line())["id"].clone());
    user.mrpctl(&["outbox", "cancel", &held[1]]).succeeded();
    ids.push(object(&stream.line())["id"].clone());
    let ended = stream.wait();
    assert_eq!((ended.code(), ended.stdout.as_str()), (0, ""));
    let waited = ended.stderr.matches("wait until there is room").count();
    assert_eq!(waited, 1, "it is said once: {ended:?}");

    let texts: Vec<Value> = ids
        .iter()
        .map(|id| {
            let shown = user.mrpctl(&["show", id.as_str().unwrap_or_default()]);
            object(&shown.succeeded())["id"].clone()
        })
        .collect();
    assert_eq!(texts, ids);
}

/// What the relay takes makes room: nothing is lost of a stream that is longer than the outbox.
#[test]
fn a_stream_goes_on_as_the_outbox_drains() {
    let mut relay = Relay::start();
    let user = User::at("laptop", &relay);
    relay.terminate();
    hold(&user, ROOM - 3);
    let input: String = (0..20).map(|number| format!("line {number}\n")).collect();
    let mut stream = user.start_mrpctl(&["send", "me", "--lines", "--async"], input.as_bytes());
    (0..3).for_each(|_| assert!(stream.line().starts_with("out_")));
    assert!(!stream.has_ended());
    relay.resume();
    let ended = stream.wait();
    assert_eq!(
        (ended.code(), ended.stdout.lines().count()),
        (0, 17),
        "{ended:?}"
    );
    let expected: Vec<String> = input.lines().map(str::to_owned).collect();
    let arrived = eventually("all messages", || {
        let texts = user.texts();
        (texts.len() == expected.len()).then_some(texts)
    });
    assert!(arrived == expected, "the order is another");
}

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// Whoever has seen enough of the receipts has not said that the rest is not to be sent.
#[test]
fn a_stream_is_sent_to_its_end_when_nobody_reads_the_receipts() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let script = "seq 1500 | sed '$s/.*/\\xff/' | \"$1\" send me --lines --in 1h -o json | head -n 1; \
                  echo ended ${PIPESTATUS[2]}";
    let mut command = user.command("bash".into());
    command
        .args(["-c", script, "bash"])
        .arg(tests::programs::path("mrpctl"));
    let ended = tests::process::Process::start(command, b"").wait();
    assert_eq!(ended.stdout, "[\nended 65\n", "{ended:?}");
    let (_, status) = user.api("GET", "/v1/status", None);
    assert_eq!(status["outbox"]["queued"], 1499, "{}", status["outbox"]);
}
