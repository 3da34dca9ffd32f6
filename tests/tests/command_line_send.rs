//! `mrpctl send` as scripts meet it: where the body comes from, who it goes to, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mrp_proto::key::SecretKey;
use serde_json::{Value, json};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use tests::process::Ended;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

const MIB: usize = 1024 * 1024;

/// What went wrong: the exit status, nothing on standard output, and the words on standard error.
fn failed(ended: &Ended, exit: i32, words: &str) {
    assert_eq!(ended.code(), exit, "{ended:?}");
    assert_eq!(ended.stdout, "", "{ended:?}");
    assert!(
        ended.stderr.contains(words),
        "{words:?} is not in {ended:?}"
    );
}

/// The id alone on standard output, and nothing on standard error.
fn sent(ended: Ended) -> String {
    assert_eq!(ended.stderr, "", "{ended:?}");
    let out = ended.succeeded();
    let id = out.strip_suffix('\n').unwrap();
    assert!(id.starts_with("msg_") && !id.contains('\n'), "{out:?}");
    id.to_owned()
}

fn body_of(user: &User, id: &str) -> String {
    let shown = user.mrpctl(&["show", id, "--body"]).succeeded();
    shown.trim_end().to_owned()
}

#[test]
fn the_body_is_the_words_or_the_data_or_the_pipe() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    std::fs::write(user.home().join("b.json"), " {\"n\": 1.0}\n").unwrap();
    for (arguments, input, body) in [
        (
            &["build", "is green"][..],
            "not read",
            r#"{"text":"build is green"}"#,
        ),
        (&["--text", "--dashes"], "", r#"{"text":"--dashes"}"#),
        (&["--", "-5", "degrees"], "", r#"{"text":"-5 degrees"}"#),
        (
            &["-d", r#"{"b":1,"a":[ ]}"#],
            "not read",
            r#"{"b":1,"a":[ ]}"#,
        ),
        (&["-d", "-"], "[1, 2]\n", "[1, 2]"),
        (&["-d", "@b.json"], "", r#"{"n": 1.0}"#),
        (&[], "two\nlines\n", r#"{"text":"two\nlines"}"#),
        (
            &[],
            "{\"not\":\"guessed\"}\n",
            r#"{"text":"{\"not\":\"guessed\"}"}"#,
        ),
        (
            &[],
            "one newline goes\n\n",
            r#"{"text":"one newline goes\n"}"#,
        ),
        (&["--allow-empty"], "", r#"{"text":""}"#),
    ] {
        let arguments = [&["send", "me"], arguments].concat();
        let id = sent(user.mrpctl_with(&arguments, input.as_bytes()));
        assert_eq!(body_of(&user, &id), body, "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_a_body_is_refused_before_anything_is_sent() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let large = vec![b'x'; MIB + 1];
    for (arguments, input, exit, words) in [
        (&[][..], &b""[..], 66, "standard input is empty"),
        (&[], b"\n", 66, "standard input is empty"),
        (&[], b"a\xffb", 65, "not UTF-8"),
        (&[], &large, 65, "too large"),
        (&["-d", "-"], b"", 66, "the body is empty"),
        (&["-d", "{\"a\":"], b"", 65, "not JSON"),
        (
            &["-d", "@missing.json"],
            b"",
            66,
            "cannot read missing.json",
        ),
        (&["-d", "{}", "words"], b"", 64, "given twice"),
        (&["--text", "a", "b"], b"", 64, "given twice"),
        (&["--text", "a", "-d", "{}"], b"", 64, "cannot be used with"),
        (
            &["--encrypt", "--plain", "hi"],
            b"",
            64,
            "cannot be used with",
        ),
        (&["hi", "--expires", "31d"], b"", 64, "1s to 30d"),
        (&["hi", "-m", "novalue"], b"", 64, "K=V"),
        (&["hi", "--wait", "someday"], b"", 64, "someday"),
        (&["--lines"], b"", 66, "standard input is empty"),
        (&["--jsonl"], b"", 66, "standard input is empty"),
        (&["--lines", "word"], b"x\n", 64, "one too many"),
        (&["hi", "--relay", "nowhere"], b"", 78, "nowhere"),
        (&["hi", "-a", "nobody"], b"", 78, "nobody"),
    ] {
        let ended = user.mrpctl_with(&[&["send", "me"], arguments].concat(), input);
        failed(&ended, exit, words);
    }
    assert_eq!(
        user.mrpctl(&["tail", "--all", "--no-follow"]).succeeded(),
        ""
    );
}

#[test]
fn recipients_are_named_in_every_documented_way() {
    let relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let server = User::at("server", &relay);
    let key = server.key();
    laptop
        .mrpctl(&["contact", "add", "server", &key])
        .succeeded();
    let card = server.mrpctl(&["card"]).succeeded();
    let prefixed = format!("ed25519:{key}");
    for to in ["server", "SERVER", &key, &prefixed, card.trim(), &key[..8]] {
        let shown = laptop.mrpctl(&["send", to, "hi", "-o", "json"]).succeeded();
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(
            (&shown["to"], &shown["stage"]),
            (&json!(key), &json!("accepted")),
            "{to}"
        );
        assert_eq!(shown["encrypted"], true);
    }
    for (to, exit, words) in [
        ("nobody", 67, "mrpctl contact add nobody"),
        (&key[..7], 67, "no contact"),
        ("ed25519:x", 67, "not a key"),
        ("mrp:x", 67, "not a key"),
        ("", 64, "empty"),
        ("--jsn", 64, "did you mean the flag --json?"),
        ("-x", 64, "no such contact: -x"),
    ] {
        failed(&laptop.mrpctl(&["send", to, "hi"]), exit, words);
    }
    failed(&laptop.mrpctl(&["send"]), 64, "the recipient is missing");
}

#[test]
fn a_key_that_begins_with_a_hyphen_is_a_recipient() {
    let relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let server = User::blank("server");
    let file = server.home().join("hyphen.key");
    let key = write_hyphen_key(&file);
    let init = server.mrpctl(&[
        "init",
        "--name",
        "server",
        "--relay",
        &relay.url(),
        "--key",
        "hyphen.key",
        "-o",
        "raw",
    ]);
    assert_eq!(init.succeeded().trim(), key);
    let mut server = server;
    server.start_daemon();
    sent(laptop.mrpctl(&["send", &key, "by key", "--plain"]));
    laptop.mrpctl(&["contact", "add", "dash", &key]).succeeded();
    sent(laptop.mrpctl(&["send", "--to", &key, "by option"]));
    sent(laptop.mrpctl(&["send", &key[..12], "by prefix"]));
    laptop.mrpctl(&["contact", "show", &key]).succeeded();
    let arrived = server.mrpctl(&["tail", "-n", "3", "-c", "3", "-o", "raw"]);
    assert_eq!(arrived.succeeded(), "by key\nby option\nby prefix\n");
}

fn write_hyphen_key(file: &Path) -> String {
    let (seed, key) = (0..=u16::MAX)
        .map(|number| {
            let mut seed = [7; 32];
            seed[..2].copy_from_slice(&number.to_be_bytes());
            (seed, SecretKey::from_seed(&seed).public().to_string())
        })
        .find(|(_, key)| key.starts_with('-'))
        .unwrap();
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .unwrap();
    std::io::Write::write_all(&mut file, &seed).unwrap();
    key
}

#[test]
fn several_recipients_are_told_one_by_one() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let ended = user.mrpctl(&[
        "send", "--to", "me", "--to", "nobody", "all", "words", "-o", "json",
    ]);
    assert_eq!(ended.code(), 67, "{ended:?}");
    let list: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(error_of(&ended)["code"], "unknown_recipient");
    let id = list[0]["message_id"].as_str().unwrap();
    assert_eq!(body_of(&user, id), r#"{"text":"all words"}"#);
}

#[test]
fn every_line_is_a_message_and_has_a_result() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let ids = user
        .mrpctl_with(&["send", "me", "--lines"], b"one\n\nthree")
        .succeeded();
    let bodies: Vec<String> = ids.lines().map(|id| body_of(&user, id)).collect();
    assert_eq!(
        bodies,
        [r#"{"text":"one"}"#, r#"{"text":""}"#, r#"{"text":"three"}"#]
    );

    let input = "{\"to\":\"me\",\"body\":[ 1]}\n\nnonsense\n{\"text\":\"to whom?\"}\n";
    let ended = user.mrpctl_with(&["send", "--jsonl", "-o", "jsonl"], input.as_bytes());
    assert_eq!(ended.code(), 65, "{ended:?}");
    let results = lines(&ended.stdout);
    let numbers: Vec<_> = results
        .iter()
        .map(|result| result["line"].as_u64())
        .collect();
    assert_eq!(numbers, [Some(1), Some(3), Some(4)]);
    assert_eq!(
        body_of(&user, results[0]["message_id"].as_str().unwrap()),
        "[ 1]"
    );
    assert_eq!(results[1]["error"]["code"], "invalid_data");
    assert!(
        ended.stderr.contains("line 4: the recipient is missing"),
        "{ended:?}"
    );

    let ended = user.mrpctl_with(&["send", "--jsonl"], b"nonsense\n");
    assert_eq!((ended.code(), ended.stdout.as_str()), (65, "-\n"));
}

#[test]
fn the_stage_that_was_asked_for_decides_how_it_ends() {
    let mut relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let mut server = User::at("server", &relay);
    let key = server.key();
    for flags in [&["--wait", "queued"][..], &["--async"]] {
        let id = laptop
            .mrpctl(&[&["send", &key, "hi"], flags].concat())
            .succeeded();
        assert!(id.starts_with("out_"), "{id}");
    }
    sent(laptop.mrpctl(&["send", &key, "hi", "--wait", "accepted"]));
    sent(laptop.mrpctl(&["send", &key, "hi", "--wait", "delivered"]));
    server.terminate_daemon();
    let ended = laptop.mrpctl(&["send", &key, "hi", "--wait", "reply", "--timeout", "500ms"]);
    assert_eq!(ended.code(), 124, "{ended:?}");
    assert!(
        ended.stdout.starts_with("msg_"),
        "it is sent all the same: {ended:?}"
    );

    relay.terminate();
    let ended = laptop.mrpctl(&["send", &key, "hi", "--timeout", "500ms"]);
    assert_eq!(ended.code(), 0, "what is in the outbox is sent: {ended:?}");
    assert!(ended.stdout.starts_with("out_"), "{ended:?}");
    assert!(ended.stderr.contains("is in the outbox"), "{ended:?}");
    let id = ended.stdout.trim();
    let entries = lines(&laptop.mrpctl(&["outbox"]).succeeded());
    assert!(
        entries
            .iter()
            .any(|entry| entry["id"] == id && entry["stage"] == "queued")
    );
    let entry: Value = serde_json::from_str(&laptop.mrpctl(&["show", id]).succeeded()).unwrap();
    assert_eq!(
        (&entry["to"], &entry["stage"]),
        (&json!(key), &json!("queued"))
    );
    let ended = laptop.mrpctl(&[
        "send",
        &key,
        "hi",
        "--wait",
        "delivered",
        "--timeout",
        "300ms",
    ]);
    assert_eq!(ended.code(), 124, "{ended:?}");
}

#[test]
fn one_key_is_one_message() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let first = sent(user.mrpctl(&["send", "me", "--id", "standup", "at ten"]));
    let again = sent(user.mrpctl(&["send", "me", "--id", "standup", "at ten"]));
    assert_eq!(first, again);
    let other = user.mrpctl(&["send", "me", "--id", "standup", "at eleven"]);
    failed(&other, 65, "idempotency key");
    let sent = user.mrpctl(&["tail", "--sent", "--no-follow"]).succeeded();
    assert_eq!(sent.lines().count(), 1);
}

#[test]
fn what_goes_beside_the_body_arrives_with_it() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let flags = [
        "-t",
        "thread-1",
        "-r",
        "msg_1_a",
        "-m",
        "k=v",
        "--type",
        "text/x-note",
        "--expires",
        "1h",
    ];
    let id = sent(user.mrpctl(&[&["send", "me", "hi", "--plain"], &flags[..]].concat()));
    let shown: Value = serde_json::from_str(&user.mrpctl(&["show", &id]).succeeded()).unwrap();
    assert_eq!(
        (
            &shown["thread"],
            &shown["reply_to"],
            &shown["metadata"],
            &shown["type"],
            &shown["encrypted"]
        ),
        (
            &json!("thread-1"),
            &json!("msg_1_a"),
            &json!({"k": "v"}),
            &json!("text/x-note"),
            &json!(false)
        )
    );
}

fn error_of(ended: &Ended) -> Value {
    let error: Value = serde_json::from_str(ended.stderr.trim()).unwrap();
    error["error"].clone()
}
