//! `mrpctl send` as scripts meet it: where the body comes from, who it goes to, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use tests::agent::Agent;
use tests::crafted::key_beginning_with;
use tests::process::{Ended, eventually, sent};
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

const MIB: usize = 1024 * 1024;

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
    let as_file = "... | mrpctl send TO -f - --filename NAME";
    for (arguments, input, exit, words) in [
        (&[][..], &b""[..], 66, "standard input is empty"),
        (&[], b"\n", 66, "standard input is empty"),
        (&[], b"a\xffb", 65, "not UTF-8"),
        (&[], b"a\xffb", 65, as_file),
        (&[], &large, 65, "too large"),
        (&[], &large, 65, as_file),
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
        (
            &["hi", "-f", "missing.pdf"],
            b"",
            66,
            "cannot read missing.pdf",
        ),
        (&["hi", "-f", "/"], b"", 66, "is a folder"),
        (&["hi", "-f", "-"], b"x", 64, "no name"),
        (&["hi", "--attach", "report.pdf"], b"", 65, "not an id"),
        (&["hi", "--attach", "file_1"], b"", 66, "no file"),
        (&["hi", "--at", "noon"], b"", 64, "expected a time"),
        (
            &["hi", "--at", "09:00", "--in", "1h"],
            b"",
            64,
            "cannot be used with",
        ),
        (&["hi", "--relay", "nowhere"], b"", 78, "nowhere"),
        (&["hi", "-a", "nobody"], b"", 78, "nobody"),
    ] {
        let ended = user.mrpctl_with(&[&["send", "me"], arguments].concat(), input);
        ended.failed(exit, words);
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
        laptop.mrpctl(&["send", to, "hi"]).failed(exit, words);
    }
    laptop
        .mrpctl(&["send"])
        .failed(64, "the recipient is missing");
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
    let (seed, key) = key_beginning_with("-");
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
    other.failed(65, "idempotency key");
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

#[test]
fn a_group_gets_one_message_each() {
    let relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let server = User::at("server", &relay);
    let key = server.key();
    laptop.configure("[groups]\nops = [\"server\", \"gone\", \"self\"]\nnobody = [\"gone\"]\n");
    laptop
        .mrpctl(&["contact", "add", "server", &key])
        .succeeded();
    laptop
        .mrpctl(&["contact", "add", "self", &laptop.key()])
        .succeeded();
    laptop.reload();
    let ended = laptop.mrpctl(&["send", "@ops", "disk is full", "-o", "jsonl"]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.stderr.contains("@ops names gone"), "{ended:?}");
    let results = lines(&ended.stdout);
    let mut keys: Vec<_> = results
        .iter()
        .map(|sent| sent["to"].as_str().unwrap())
        .collect();
    let mut expected = [key.clone(), laptop.key()];
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected);
    let arrived = server.mrpctl(&["tail", "-c", "1", "-o", "raw"]);
    assert_eq!(arrived.succeeded(), "disk is full\n");
    laptop
        .mrpctl(&["send", "@dev", "hi"])
        .failed(67, "known: nobody, ops");
    laptop
        .mrpctl(&["send", "@nobody", "hi"])
        .failed(67, "nobody in @nobody is a contact");
    let ended = laptop.mrpctl_with(&["send", "@ops", "--lines"], b"hi\n");
    ended.failed(64, "goes to one recipient");
}

#[test]
fn a_dry_run_sends_nothing_and_tells_what_it_would() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    std::fs::write(user.home().join("a.txt"), "abc").unwrap();
    let ended = user.mrpctl(&["send", "me", "hi", "-f", "a.txt", "--dry-run", "-o", "json"]);
    let shown: Value = serde_json::from_str(&ended.succeeded()).unwrap();
    assert_eq!(
        (
            &shown["key"],
            &shown["encrypted"],
            &shown["body"],
            &shown["bytes"]
        ),
        (
            &json!(user.key()),
            &json!(true),
            &json!({"text": "hi"}),
            &json!(13)
        )
    );
    assert_eq!(shown["files"], json!([{"file": "a.txt", "bytes": 3}]));
    let text = user
        .mrpctl(&["send", "me", "hi", "--plain", "--dry-run", "-o", "text"])
        .succeeded();
    assert!(
        text.contains("sealed") && text.contains("nothing was sent"),
        "{text}"
    );
    let lines = user
        .mrpctl_with(&["--dry-run", "send", "me", "--lines"], b"a\nb\n")
        .succeeded();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    user.mrpctl(&["send", "nobody", "hi", "--dry-run"])
        .failed(67, "no contact");
    user.mrpctl(&["contact", "rm", "me", "--dry-run"])
        .failed(64, "commands that send");
    assert_eq!(
        user.mrpctl(&["tail", "--all", "--no-follow"]).succeeded(),
        ""
    );
    let (_, blobs) = user.api("GET", "/v1/blobs", None);
    assert_eq!(blobs, json!([]));
}

#[test]
fn a_held_message_waits_in_the_outbox() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let ended = user.mrpctl(&["send", "me", "later", "--in", "1h", "-o", "json"]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.stderr.contains("is held until"), "{ended:?}");
    let sent: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(sent["stage"], "queued");
    assert!(sent["due_at"].is_string(), "{sent}");
    let ended = user.mrpctl(&["send", "me", "at once", "--at", "2020-01-01T00:00:00Z"]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    let arrived = user.mrpctl(&["tail", "-c", "1", "-o", "raw"]).succeeded();
    assert_eq!(arrived, "at once\n");
}

#[test]
fn a_stream_keeps_its_order_however_fast_it_comes() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let input: String = (0..300).map(|number| format!("line {number}\n")).collect();
    let ended = user.mrpctl_with(&["send", "me", "--lines", "-o", "jsonl"], input.as_bytes());
    assert_eq!(ended.stderr, "");
    let results = lines(&ended.succeeded());
    let numbers = results.iter().filter_map(|one| one["line"].as_u64());
    assert!(numbers.eq(1..=300));
    assert!(results.iter().all(|one| one["message_id"].is_string()));
    let expected: Vec<String> = input.lines().map(str::to_owned).collect();
    let arrived = eventually("all messages", || {
        let texts = user.texts();
        (texts.len() == expected.len()).then_some(texts)
    });
    assert!(arrived == expected, "the order is another");
}

#[test]
fn a_reply_goes_back_the_way_the_message_came() {
    let relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let server = User::at("server", &relay);
    let id = sent(laptop.mrpctl(&["send", &server.key(), "ready?", "-t", "talk"]));
    server.mrpctl(&["tail", "-c", "1"]).succeeded();
    sent(server.mrpctl(&["reply", &id, "yes", "-e"]));
    let answer = laptop.mrpctl(&["tail", "-c", "1"]).succeeded();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (
            &answer["text"],
            &answer["thread"],
            &answer["reply_to"],
            &answer["from"]["key"]
        ),
        (
            &json!("yes"),
            &json!("talk"),
            &json!(id),
            &json!(server.key())
        )
    );
    sent(laptop.mrpctl_with(&["reply", &id], b"and more\n"));
    let more = server
        .mrpctl(&["tail", "-n", "2", "-c", "2", "-o", "raw"])
        .succeeded();
    assert_eq!(more, "ready?\nand more\n");
    laptop
        .mrpctl(&["reply", "msg_1_nothing", "hi"])
        .failed(1, "msg_1_nothing");
    laptop
        .mrpctl(&["reply", &id, "hi", "-d", "{}"])
        .failed(64, "given twice");
}

/// A client that lists what it can do but not that it opens sealed messages, as older ones do.
#[test]
fn who_may_not_be_able_to_read_it_is_named_in_one_line() {
    let relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let older = Agent::new(77);
    let profile =
        br#"{"capabilities":[{"name":"text:translate","description":"d","version":"1"}]}"#;
    older
        .request(
            relay.address(),
            "PATCH",
            &format!("/v1/agents/{}", older.key()),
            profile,
        )
        .expect(200);
    let ended = laptop.mrpctl(&["send", &older.key(), "hi"]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert!(ended.stderr.contains("send with --plain"), "{ended:?}");
    sent(laptop.mrpctl(&["send", &older.key(), "hi", "--plain"]));
}

fn error_of(ended: &Ended) -> Value {
    let error: Value = serde_json::from_str(ended.stderr.trim()).unwrap();
    error["error"].clone()
}
