//! `mrpctl request`, `event` and `progress`: what programs say to each other.

use serde_json::{Value, json};
use tests::process::Ended;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

const CAPABILITIES: &str = r#"
[[capability]]
name = "echo"
description = "gives back what it gets"
allow = ["*"]
stdin = "body"
shell = "cat"

[[capability]]
name = "fails"
description = "cannot"
allow = ["*"]
shell = '''printf '{"code":"no_disk","message":"there is no disk \\u001b[31m"}' >&3; exit 1'''
"#;

/// Two users who know each other; the second one answers requests.
fn pair(relay: &Relay) -> (User, User) {
    let client = User::at("client", relay);
    let server = User::at("server", relay);
    client
        .mrpctl(&["contact", "add", "server", &server.key()])
        .succeeded();
    server
        .mrpctl(&["contact", "add", "client", &client.key()])
        .succeeded();
    server.configure(CAPABILITIES);
    server.reload();
    (client, server)
}

#[test]
fn a_request_prints_the_result_or_says_why_there_is_none() {
    let relay = Relay::start();
    let (client, server) = pair(&relay);
    let ended = client.mrpctl(&[
        "request",
        "server",
        "echo",
        "text=Hello",
        "n:=1.0",
        "deep:={\"a\": [1]}",
    ]);
    assert_eq!(ended.stderr, "");
    assert_eq!(
        ended.succeeded(),
        "{\"text\":\"Hello\",\"n\":1.0,\"deep\":{\"a\": [1]}}\n"
    );
    let ended = client.mrpctl_with(&["call", &server.key(), "echo", "-d", "-"], b"{\"b\":1}");
    assert_eq!(ended.succeeded(), "{\"b\":1}\n");
    let ended = client.mrpctl(&[
        "req",
        "server",
        "echo",
        "text=Hello",
        "--fields",
        "text",
        "-o",
        "json",
    ]);
    assert_eq!(ended.succeeded(), "{\"text\":\"Hello\"}\n");

    client
        .mrpctl(&["request", "server", "fails"])
        .failed(3, "server answered no_disk: there is no disk \\e[31m");
    client
        .mrpctl(&["request", "server", "unheard-of"])
        .failed(3, "unsupported_action");
    let ended = client.mrpctl(&["request", "server", "fails", "-o", "json"]);
    let error: Value = serde_json::from_str(ended.stderr.trim()).unwrap();
    assert_eq!(
        (&error["error"]["code"], &error["error"]["exit"]),
        (&json!("peer_error"), &json!(3))
    );

    for (arguments, exit, words) in [
        (&["nobody", "echo"][..], 67, "nobody"),
        (&["server", "echo", "word"], 64, "expected K=V"),
        (&["server", "echo", "n:=x"], 64, "is not JSON"),
        (&["server", "echo", "a=1", "a=2"], 64, "a is given twice"),
        (
            &["server", "echo", "-d", "[1]"],
            65,
            "must be a JSON object",
        ),
        (&["@ops", "echo"], 64, "--gather"),
        (&["--jsn", "echo"], 64, "did you mean the flag --json?"),
    ] {
        client
            .mrpctl(&[&["request"], arguments].concat())
            .failed(exit, words);
    }
    let mut server = server;
    server.terminate_daemon();
    let ended = client.mrpctl(&["request", "server", "echo", "--timeout", "500ms"]);
    ended.failed(124, "no answer within 500ms");
}

#[test]
fn answers_of_a_group_come_as_they_are_given() {
    let relay = Relay::start();
    let (client, mut server) = pair(&relay);
    client.configure("[groups]\nops = [\"server\", \"client\"]\n");
    // Who serves something answers that there is nothing else.
    client.configure("[[capability]]\nname = \"other\"\ndescription = \"another\"\nallow = [\"*\"]\nshell = \"true\"\n");
    client
        .mrpctl(&["contact", "add", "client", &client.key()])
        .succeeded();
    client.reload();
    let ended = client.mrpctl(&["request", "@ops", "echo", "n:=1", "--gather"]);
    assert_eq!(ended.code(), 3, "{ended:?}");
    let mut answers = lines(&ended.stdout);
    answers.sort_by_key(|answer| answer["status"].to_string());
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert_eq!(answers[0]["error"]["code"], "unsupported_action");
    assert_eq!(
        (
            &answers[1]["from"]["name"],
            &answers[1]["result"],
            &answers[1]["verified"]
        ),
        (&json!("server"), &json!({"n": 1}), &json!(true))
    );
    server.terminate_daemon();
    let ended = client.mrpctl(&["request", "@ops", "echo", "--gather", "--timeout", "1s"]);
    assert_eq!(ended.code(), 124, "{ended:?}");
    assert!(ended.stderr.contains("no answer from server"), "{ended:?}");
}

#[test]
fn events_and_progress_are_what_programs_expect() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let body = |ended: Ended| -> (Value, Value) {
        assert_eq!(ended.stderr, "");
        let id = ended.succeeded();
        let shown = user.mrpctl(&["show", id.trim()]).succeeded();
        let shown: Value = serde_json::from_str(&shown).unwrap();
        (shown["kind"].clone(), shown["body"].clone())
    };
    for (arguments, kind, expected) in [
        (
            &["event", "me", "build.passed", "branch=main", "n:=3"][..],
            "event",
            json!({"event": "build.passed", "data": {"branch": "main", "n": 3}}),
        ),
        (&["event", "me", "up"], "event", json!({"event": "up"})),
        (
            &["event", "me", "up", "-d", "[1]"],
            "event",
            json!({"event": "up", "data": [1]}),
        ),
        (
            &["progress", "me", "--percent", "40", "--stage", "upload"],
            "status",
            json!({"progress": 0.4, "stage": "upload"}),
        ),
    ] {
        assert_eq!(
            body(user.mrpctl(arguments)),
            (json!(kind), expected),
            "{arguments:?}"
        );
    }
    user.mrpctl(&["progress", "me"]).failed(64, "--percent");
    user.mrpctl(&["progress", "me", "--percent", "101"])
        .failed(64, "0 to 100");
    user.mrpctl(&["event", "me", ""]).failed(64, "empty");
}
