//! The log at its finest level has nothing in it that is somebody's secret.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::Value;
use tests::relay::Relay;
use tests::user::User;
use tests::wire::{Agent, Connection, Request, get};

/// Does what agents do, well and badly; returns what no log may have.
fn live_through(relay: &Relay) -> Vec<String> {
    let (alice, bob) = (Agent::numbered(1), Agent::numbered(2));
    let mut secrets = vec![alice.key().to_string(), bob.key().to_string()];
    let mut connection = Connection::to(relay.address());
    let mut ask = |request: Request, status: u16| {
        let reply = connection.ask(&request.text).expect(status);
        secrets.push(request.signature);
        reply
    };
    let body = format!(
        r#"{{"recipient_key":"{}","body":{{"word":"swordfish"}},"thread_id":"thread-of-ours","metadata":{{"x":"meta-of-ours"}}}}"#,
        bob.key()
    );
    let headers = "idempotency-key: key-of-ours\r\nauthorization: Bearer token-of-ours\r\n";
    let sent = ask(alice.request("POST", "/v1/messages", headers, &body), 202).json();
    let id = sent["message_id"].as_str().unwrap();
    ask(
        bob.request(
            "GET",
            "/v1/messages?ack=manual&thread_id=thread-of-ours",
            "",
            "",
        ),
        200,
    );
    ask(
        bob.request("GET", "/v1/messages/threads/thread-of-ours", "", ""),
        200,
    );
    ask(
        bob.request("POST", &format!("/v1/messages/{id}/ack"), "", ""),
        204,
    );
    ask(
        alice.request("POST", "/v1/messages", "", "{\"swordfish\": \r"),
        400,
    );
    ask(
        alice.request("GET", "/v1/nothing/path-of-ours?q=query-of-ours", "", ""),
        404,
    );
    let profile = r#"{"display_name":"name-of-ours"}"#;
    let path = format!("/v1/agents/{}", alice.key());
    ask(alice.request("PATCH", &path, "", profile), 200);
    let mut forged = alice.send(&bob, "\"swordfish\"");
    forged.text = forged.text.replace("swordfish", "sw0rdfish");
    ask(forged, 401);
    for word in [
        "swordfish",
        "sw0rdfish",
        "thread-of-ours",
        "meta-of-ours",
        "key-of-ours",
        "token-of-ours",
        "path-of-ours",
        "query-of-ours",
        "name-of-ours",
    ] {
        secrets.push(word.to_owned());
    }
    secrets
}

fn live_through_sockets(relay: &Relay) -> Vec<String> {
    let (carol, dave) = (User::at("carol", relay), User::at("dave", relay));
    let (key, other) = (dave.key(), carol.key());
    carol
        .mrpctl(&["send", &key, "swordfish over a socket"])
        .succeeded();
    tests::process::eventually("the message", || (!dave.texts().is_empty()).then_some(()));
    vec![key, other, "over a socket".to_owned()]
}

fn assert_silent(log: &str, secrets: &[String]) {
    for secret in secrets {
        let found = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(found, None, "{secret}");
    }
}

#[test]
fn a_log_at_trace_level_has_no_body_secret_signature_or_whole_key() {
    let mut relay = Relay::start_with(&["--set", "log=trace", "--set", "log_format=json"]);
    let mut secrets = live_through(&relay);
    secrets.extend(live_through_sockets(&relay));
    let id = Connection::to(relay.address()).ask(&get("/v1/health"));
    let id = id
        .head
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "))
        .unwrap()
        .to_owned();
    let log = relay.terminate().stderr;
    assert_silent(&log, &secrets);
    let mut answered = 0;
    let mut sessions = 0;
    for line in log.lines() {
        let event: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            event["timestamp"].is_string() && event["level"].is_string(),
            "{line}"
        );
        if event["message"] == "answered" {
            answered += 1;
            assert!(
                event["span"]["request_id"]
                    .as_str()
                    .unwrap()
                    .starts_with("req_"),
                "{line}"
            );
        }
        sessions += usize::from(
            event["message"] == "a session began" && event["span"]["request_id"].is_string(),
        );
    }
    assert!(answered > 10, "{log}");
    assert!(sessions >= 2, "{log}");
    let line = log.lines().find(|line| line.contains(&id)).unwrap();
    assert!(line.contains("/v1/health"), "{line}");
}

#[test]
fn a_log_of_text_says_no_more_and_each_event_is_one_line() {
    let mut relay = Relay::start_with(&["--set", "log=trace", "--set", "log_format=text"]);
    let secrets = live_through(&relay);
    let log = relay.terminate().stderr;
    assert_silent(&log, &secrets);
    for line in log.lines() {
        assert!(
            line.chars().all(|character| !character.is_control()),
            "{line:?}"
        );
        assert!(
            ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]
                .iter()
                .any(|level| line.contains(level)),
            "{line:?}"
        );
    }
    assert!(log.contains("request_id="), "{log}");
}
