//! Capabilities: requests are answered by a program, and a failure is an answer too.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::fs;
use tests::process::eventually;
use tests::relay::Relay;
use tests::user::User;

/// A user whose capability `name` runs a line of shell.
fn serving(relay: &Relay, capabilities: &[(&str, &str, &str)]) -> User {
    let user = User::at("server", relay);
    for (name, shell, more) in capabilities {
        user.configure(&format!(
            "[[capability]]\nname = \"{name}\"\ndescription = \"a test\"\nshell = '''{shell}'''\n{more}"
        ));
    }
    user.reload();
    user
}

fn ask(user: &User, to: &str, body: &Value) -> String {
    let send = json!({ "to": to, "body": body, "wait": "accepted" });
    let (status, sent) = user.api("POST", "/v1/send", Some(&send));
    assert_eq!(status, 200, "{sent}");
    sent["message_id"].as_str().unwrap().to_owned()
}

/// The answer to a request, by its id.
fn answer(user: &User, id: &str) -> Value {
    eventually("an answer", || {
        let inbox = user.inbox();
        inbox.into_iter().find(|message| message["reply_to"] == id)
    })
}

fn call(user: &User, to: &str, action: &str, params: Value) -> Value {
    let id = ask(user, to, &json!({ "action": action, "params": params }));
    let answer = answer(user, &id);
    assert_eq!(answer["kind"], "response", "{answer}");
    assert_eq!(answer["metadata"]["mrpd-auto"], "1", "{answer}");
    answer["body"].clone()
}

#[test]
fn a_request_is_answered_with_what_the_program_writes() {
    let relay = Relay::start();
    let server = serving(
        &relay,
        &[
            ("disk:usage", "cat", "allow = [\"client\"]"),
            (
                "fails",
                "echo a secret >&2; echo x; exit 1",
                "stdin = \"json\"",
            ),
            (
                "told",
                "echo '{\"code\":\"no_disk\",\"message\":\"none\"}' >&3; exit 1",
                "",
            ),
            ("garbled", "echo not json", ""),
            (
                "later",
                "exit 75",
                "retry = { max_attempts = 2, min = \"10ms\", max = \"10ms\" }",
            ),
            (
                "slow",
                "sleep 60",
                "timeout = \"200ms\"\nkill_after = \"100ms\"",
            ),
        ],
    );
    let client = User::at("client", &relay);
    let (key, own) = (server.key(), client.key());
    server
        .mrpctl(&["contact", "add", "client", &own])
        .succeeded();
    let params = json!({ "path": "/", "'; touch x": "$(touch x)" });
    let done = call(&client, &key, "disk:usage", params.clone());
    assert_eq!(done, json!({ "status": "ok", "result": params }));
    for (action, code) in [
        ("fails", "handler_failed"),
        ("told", "no_disk"),
        ("garbled", "handler_failed"),
        ("later", "handler_failed"),
        ("slow", "handler_failed"),
        ("nothing", "unsupported_action"),
    ] {
        let body = call(&client, &key, action, json!({}));
        assert_eq!(body["status"], "error", "{action}: {body}");
        assert_eq!(body["error"]["code"], code, "{action}: {body}");
        assert!(!body.to_string().contains("secret"), "{action}: {body}");
    }
}

#[test]
fn who_may_not_ask_is_refused_if_known_and_not_answered_if_not() {
    let relay = Relay::start();
    let server = serving(
        &relay,
        &[(
            "mine",
            "echo {}; echo ran >> \"$HOME/ran\"",
            "allow = [\"boss\"]",
        )],
    );
    let (boss, known, eve) = (
        User::at("boss", &relay),
        User::at("known", &relay),
        User::at("eve", &relay),
    );
    let key = server.key();
    for contact in [&boss, &known] {
        server
            .mrpctl(&["contact", "add", contact.name(), &contact.key()])
            .succeeded();
    }
    let request = json!({ "action": "mine", "params": {} });
    ask(&eve, &key, &request);
    ask(&eve, &key, &json!({ "action": "other" }));
    let refused = call(&known, &key, "mine", json!({}));
    assert_eq!(refused["error"]["code"], "forbidden", "{refused}");
    // In clear and unsigned it is only the relay's word that it is the boss.
    let plain =
        json!({ "to": key, "body": request, "sealing": "plain", "metadata": { "mrpd-auto": "1" } });
    assert_eq!(boss.api("POST", "/v1/send", Some(&plain)).0, 200);
    let done = call(&boss, &key, "mine", json!({}));
    assert_eq!(done, json!({ "status": "ok", "result": {} }));
    let ran = fs::read_to_string(server.home().join("ran")).unwrap();
    assert!(
        ran.lines().count() <= 2,
        "once for each message of the boss: {ran}"
    );
    assert_eq!(eve.inbox(), Vec::<Value>::new(), "strangers get no answer");
    assert_eq!(
        boss.inbox().len(),
        1,
        "an automatic message is not answered"
    );
}

#[test]
fn requests_survive_a_kill_and_are_answered_once() {
    let relay = Relay::start();
    let mut server = serving(
        &relay,
        &[(
            "count",
            "echo \"$MRP_MESSAGE_ID\" >> \"$HOME/ran\"; sleep 0.05; cat",
            "",
        )],
    );
    let client = User::at("client", &relay);
    let key = server.key();
    server
        .mrpctl(&["contact", "add", "client", &client.key()])
        .succeeded();
    let ids: Vec<String> = (0..30)
        .map(|number| {
            ask(
                &client,
                &key,
                &json!({ "action": "count", "params": { "n": number } }),
            )
        })
        .collect();
    for part in 1..=3 {
        eventually("a part of the answers", || {
            (client.inbox().len() >= part * 5).then_some(())
        });
        server.kill_daemon();
        server.start_daemon();
    }
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(
            answer(&client, id)["body"]["result"],
            json!({ "n": number })
        );
    }
    assert_eq!(client.inbox().len(), 30, "each is answered once");
    let ran = fs::read_to_string(server.home().join("ran")).unwrap();
    assert!(
        ids.iter().all(|id| ran.contains(id.as_str())),
        "each was run for"
    );
}
