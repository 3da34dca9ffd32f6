//! The commands that move messages and files between the daemon and the disk, and that look after what goes out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tests::crafted::sealed_with_file;
use tests::process::{Ended, eventually};
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

/// What went wrong: the exit status, and the words on standard error.
fn failed(ended: &Ended, exit: i32, words: &str) {
    assert_eq!(ended.code(), exit, "{ended:?}");
    assert!(
        ended.stderr.contains(words),
        "{words:?} is not in {ended:?}"
    );
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// A message with a file of that name, once it is here.
fn with_file(relay: &Relay, user: &User, name: &str, content: &[u8]) -> String {
    let id = sealed_with_file(relay, 7, user, content, &json!({ "filename": name }));
    eventually("the message", || {
        (user.mrpctl(&["show", &id]).code() == 0).then_some(())
    });
    id
}

#[test]
fn attachments_are_saved_whole_under_harmless_names() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let id = with_file(&relay, &user, "../../.ssh/\u{202e}keys", b"first");
    let open = |more: &[&str]| user.mrpctl(&[&["open", &id, "--out", "out"], more].concat());
    let out = user.home().join("out");
    assert_eq!(open(&["-o", "raw"]).succeeded(), "out/keys\n");
    assert_eq!(fs::read(out.join("keys")).unwrap(), b"first");
    // What is there is left alone, unless it is said otherwise.
    fs::write(out.join("keys"), "mine").unwrap();
    assert_eq!(open(&["-o", "raw"]).succeeded(), "out/keys-1\n");
    let skipped = open(&["--conflict", "skip"]);
    assert!(skipped.stderr.contains("is there already"), "{skipped:?}");
    let told = &lines(&skipped.succeeded())[0];
    assert_eq!(
        (&told["path"], &told["saved"], &told["filename"]),
        (
            &json!("out/keys"),
            &json!(false),
            &json!("../../.ssh/\u{202e}keys")
        )
    );
    assert_eq!(fs::read(out.join("keys")).unwrap(), b"mine");
    // A link that somebody put there is replaced, and not followed.
    fs::remove_file(out.join("keys")).unwrap();
    std::os::unix::fs::symlink(user.home().join("victim"), out.join("keys")).unwrap();
    open(&["--conflict", "overwrite"]).succeeded();
    assert_eq!(fs::read(out.join("keys")).unwrap(), b"first");
    assert!(!user.home().join("victim").exists());
    assert_eq!(names(&out), ["keys", "keys-1"]);
    failed(&open(&["--conflict", "ask"]), 64, "ask");
    failed(&user.mrpctl(&["open", "msg_none"]), 1, "msg_none");
    fs::write(user.home().join("file"), "").unwrap();
    failed(&user.mrpctl(&["open", &id, "--out", "file"]), 73, "file");
    let plain = user.mrpctl(&["send", "me", "hi", "--wait", "delivered"]);
    failed(
        &user.mrpctl(&["open", plain.succeeded().trim()]),
        1,
        "no attachments",
    );
}

#[test]
fn tail_saves_attachments_before_their_message_is_shown() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let ids = [b"1", b"2"].map(|content| with_file(&relay, &user, "a.txt", content));
    let tail = [
        "tail",
        "--no-follow",
        "--download",
        "files",
        "--fields",
        "id",
    ];
    let progress = ["--progress", "json"];
    let shown = user.mrpctl(&[&tail[..], &progress].concat());
    let told = lines(&shown.stderr);
    assert_eq!(lines(&shown.succeeded()).len(), 2);
    for (id, content) in ids.iter().zip(["1", "2"]) {
        let file = user.home().join("files").join(id).join("a.txt");
        assert_eq!(fs::read_to_string(file).unwrap(), content);
    }
    let first: Vec<(&Value, &Value)> = told
        .iter()
        .map(|line| (&line["done"], &line["finished"]))
        .collect();
    let (none, all) = (json!(0), json!(1));
    let (no, yes) = (json!(false), json!(true));
    assert_eq!(
        first,
        [(&none, &no), (&all, &yes), (&none, &no), (&all, &yes)]
    );
    assert_eq!(told[0]["progress"], "a.txt");
    assert_eq!(told[1]["total"], 1);
    // What was saved before is not fetched again: no relay is needed, and nothing is told.
    let again = user.mrpctl(&[&tail[..], &progress].concat());
    assert_eq!(again.stderr, "");
    assert_eq!(lines(&again.succeeded()).len(), 2);
    // One that cannot be saved keeps no message back.
    let blocked = user.home().join("blocked");
    fs::create_dir(&blocked).unwrap();
    fs::write(blocked.join(&ids[0]), "in the way").unwrap();
    let partly = user.mrpctl(&["tail", "--no-follow", "--download", "blocked"]);
    failed(&partly, 73, &ids[0]);
    assert_eq!(lines(&partly.stdout).len(), 2);
    assert_eq!(names(&blocked.join(&ids[1])), ["a.txt"]);
}

#[test]
fn an_export_is_imported_once_and_refused_lines_are_named() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    for text in ["one", "two"] {
        user.mrpctl(&["send", "me", text, "--wait", "delivered"])
            .succeeded();
    }
    let exported = user.mrpctl(&["export", "--progress", "json"]);
    let told = lines(&exported.stderr);
    let last = told.last().unwrap();
    assert_eq!(
        last,
        &json!({ "progress": "export", "unit": "messages", "done": 4, "total": 4, "finished": true })
    );
    let exported = exported.succeeded();
    assert_eq!(lines(&exported).len(), 4, "both ways");
    let quiet = user.mrpctl(&["export", "--kind", "text", "--since", "1h"]);
    assert_eq!(quiet.stderr, "");
    assert_eq!(lines(&quiet.succeeded()).len(), 4);
    let none = ["export", "--since", "2099-01-01T00:00:00Z"];
    assert_eq!(user.mrpctl(&none).succeeded(), "");
    failed(&user.mrpctl(&["export", "--since", "soon"]), 64, "soon");
    // Into another's inbox, from a file and from a pipe.
    let other = User::at("other", &relay);
    let summary = |ended: Ended| lines(&ended.succeeded())[0].clone();
    let taken = summary(other.mrpctl_with(&["import"], exported.as_bytes()));
    assert_eq!(
        (&taken["imported"], &taken["present"]),
        (&json!(4), &json!(0))
    );
    fs::write(other.home().join("inbox.jsonl"), &exported).unwrap();
    let again = other.mrpctl(&["import", "inbox.jsonl", "--progress", "json"]);
    let told = lines(&again.stderr);
    let bytes = json!(exported.len());
    assert_eq!(
        (
            &told.last().unwrap()["done"],
            &told.last().unwrap()["total"]
        ),
        (&bytes, &bytes)
    );
    assert_eq!(summary(again)["present"], 4);
    let mixed = format!("no message\n{exported}{{}}\n");
    let partly = other.mrpctl_with(&["import", "-o", "text"], mixed.as_bytes());
    failed(&partly, 65, "line 1: ");
    assert!(partly.stderr.contains("line 6: "), "{partly:?}");
    assert_eq!(
        partly.stdout,
        "0 imported, 4 were here already, 2 refused\n"
    );
    failed(&other.mrpctl(&["import", "missing"]), 66, "missing");
    failed(&other.mrpctl(&["import", "."]), 66, "a folder");
}

#[test]
fn what_goes_out_is_looked_after() {
    let mut relay = Relay::start();
    let user = User::at("laptop", &relay);
    let sent = user.mrpctl(&["send", "me", "hi", "--wait", "delivered"]);
    let sent = sent.succeeded();
    let receipt = user.mrpctl(&["receipts", sent.trim(), "-o", "json"]);
    let receipt = &lines(&receipt.succeeded())[0];
    assert_eq!(
        (&receipt["stage"], &receipt["message_id"]),
        (&json!("delivered"), &json!(sent.trim()))
    );
    assert!(receipt["delivered_at"].is_string(), "{receipt}");
    let out = receipt["id"].as_str().unwrap();
    assert_eq!(
        user.mrpctl(&["receipts", out, "-o", "raw"]).succeeded(),
        "delivered\n"
    );
    let text = user.mrpctl(&["receipts", out, "-o", "text"]).succeeded();
    assert!(text.contains("\ndelivered  20"), "{text}");
    failed(&user.mrpctl(&["receipts", "msg_none"]), 1, "msg_none");
    assert_eq!(user.mrpctl(&["outbox"]).succeeded(), "");
    assert_eq!(user.mrpctl(&["dead", "-o", "json"]).succeeded(), "[]\n");
    relay.kill();
    let queue = |text: &str| {
        let queued = user.mrpctl(&["send", "me", text, "--async"]).succeeded();
        queued.trim().to_owned()
    };
    let ids = [queue("first"), queue("second")];
    let listed = lines(&user.mrpctl(&["outbox", "ls"]).succeeded());
    let listed: Vec<&Value> = listed.iter().map(|entry| &entry["id"]).collect();
    assert_eq!(listed, [&json!(ids[0]), &json!(ids[1])]);
    let table = user.mrpctl(&["outbox", "-o", "text"]).succeeded();
    assert!(
        table.starts_with("ID ") && table.contains(&ids[1]),
        "{table}"
    );
    // Every one is tried; the first that fails decides how it ends.
    let tried = user.mrpctl(&["outbox", "cancel", "out_none", &ids[1]]);
    failed(&tried, 1, "out_none");
    failed(
        &user.mrpctl(&["outbox", "retry", "out_none"]),
        1,
        "out_none",
    );
    failed(&user.mrpctl(&["outbox", "cancel"]), 64, "required");
    user.mrpctl(&["outbox", "retry", &ids[0]]).succeeded();
    relay.resume();
    user.mrpctl(&["outbox", "flush"]).succeeded();
    eventually("the message", || {
        user.texts().contains(&"first".to_owned()).then_some(())
    });
    assert_eq!(user.mrpctl(&["outbox"]).succeeded(), "");
    assert!(!user.texts().contains(&"second".to_owned()));
}

#[test]
fn what_was_given_up_is_tried_again_or_dropped() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let other = User::at("other", &relay);
    let key = other.key();
    let close = ("PUT", "/v1/policy");
    let (status, answer) = other.api(close.0, close.1, Some(&json!({ "policy": "closed" })));
    assert_eq!(status, 200, "{answer}");
    for text in ["one", "two"] {
        user.mrpctl(&[
            "send",
            &key,
            text,
            "--wait",
            "delivered",
            "--timeout",
            "30s",
        ]);
    }
    let dead = eventually("what was given up", || {
        let dead = lines(&user.mrpctl(&["dead"]).succeeded());
        (dead.len() == 2).then_some(dead)
    });
    let ids: Vec<&str> = dead
        .iter()
        .map(|letter| letter["id"].as_str().unwrap())
        .collect();
    let table = user.mrpctl(&["dead", "ls", "-o", "table"]).succeeded();
    assert!(
        table.starts_with("ID ") && table.contains("outbox"),
        "{table}"
    );
    let dropped = user.mrpctl(&["dead", "drop", "out_none", ids[0]]);
    failed(&dropped, 1, "out_none");
    failed(&user.mrpctl(&["dead", "drop", ids[0]]), 1, ids[0]);
    let (status, answer) = other.api(close.0, close.1, Some(&json!({ "policy": "open" })));
    assert_eq!(status, 200, "{answer}");
    user.mrpctl(&["dead", "retry", ids[1]]).succeeded();
    eventually("the message", || (other.texts() == ["two"]).then_some(()));
    assert_eq!(user.mrpctl(&["dead"]).succeeded(), "");
}
