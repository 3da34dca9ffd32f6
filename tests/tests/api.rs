//! The daemon's local interface as programs without a client library meet it: its description, events, figures, and what is kept
//! going out into files and in again.

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use tests::process::{Process, eventually};
use tests::programs;
use tests::relay::Relay;
use tests::user::User;

fn send(user: &User, to: &str, text: &str) {
    user.mrpctl(&["send", to, text, "--wait", "delivered"])
        .succeeded();
}

fn get(user: &User, path: &str) -> String {
    user.start_curl(path, &["--fail-with-body"], b"")
        .wait()
        .succeeded()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

/// Reads up to the end of an answer's head: then whoever follows is known to follow.
fn skip_head(follower: &mut Process) {
    while !follower.line().trim().is_empty() {}
}

/// The next line that is no sign of life.
fn next(follower: &mut Process) -> String {
    loop {
        let line = follower.line();
        if !line.is_empty() && line != ":" {
            return line;
        }
    }
}

#[test]
fn the_command_writes_the_document_that_is_served() {
    let mut user = User::blank("laptop");
    user.start_daemon();
    let mut command = Command::new(programs::path("mrpd"));
    command.env_clear().env("HOME", user.home()).arg("openapi");
    let written = Process::start(command, b"").wait().succeeded();
    assert_eq!(written, get(&user, "/v1/openapi.json"));
    let document: Value = serde_json::from_str(&written).expect("JSON");
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3."))
    );
    let (status, answer) = user.api("GET", "/v1/nothing", None);
    assert_eq!(status, 404);
    assert_eq!(
        answer["error"]["hint"],
        "the paths are in GET /v1/openapi.json"
    );
}

#[test]
fn events_are_told_as_they_happen_and_filtered_by_kind() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let mut messages = user.start_curl("/v1/events?kinds=message", &["-i"], b"");
    let mut sse = user.start_curl(
        "/v1/events?kinds=message,session",
        &["-i", "-H", "accept: text/event-stream"],
        b"",
    );
    skip_head(&mut messages);
    skip_head(&mut sse);
    send(&user, "me", "hello");
    // To oneself a message goes out and comes in.
    let told = [next(&mut messages), next(&mut messages)];
    let told: Vec<Value> = told.iter().flat_map(|line| lines(line)).collect();
    let seqs: Vec<_> = told.iter().map(|event| event["seq"].as_u64()).collect();
    assert_eq!(seqs, [Some(1), Some(2)], "{told:?}");
    assert!(
        told.iter().all(|event| event["event"] == "message"),
        "{told:?}"
    );
    assert!(
        told.iter().all(|event| event["agent"] == "laptop"),
        "{told:?}"
    );
    // Its session may come up only now.
    while next(&mut sse) != "event: message" {}
    let data = next(&mut sse);
    let data: Value = serde_json::from_str(data.trim_start_matches("data: ")).expect("JSON");
    assert_eq!(data["seq"], 1);

    // A configuration without the relay ends the session; its events come in the same stream.
    let mut relay = relay;
    relay.kill();
    let down = loop {
        if next(&mut sse) == "event: session" {
            let data = next(&mut sse);
            let event: Value =
                serde_json::from_str(data.trim_start_matches("data: ")).expect("JSON");
            if event["state"] == "down" {
                break event;
            }
        }
    };
    assert_eq!(down["agent"], "laptop");
    assert!(down["reason"].is_string(), "{down}");

    let (status, refusal) = user.api("GET", "/v1/events?kinds=message,mesage", None);
    assert_eq!(status, 400);
    let message = refusal["error"]["message"].as_str().expect("a message");
    assert!(
        message.contains("\"mesage\"") && message.contains("session"),
        "{message}"
    );
    let (status, _) = user.api("GET", "/v1/events?kind=message", None);
    assert_eq!(status, 400, "a parameter that is not known is refused");
}

#[test]
fn a_stream_of_events_ends_with_the_daemon() {
    let mut user = User::blank("laptop");
    user.start_daemon();
    let mut follower = user.start_curl("/v1/events", &["-i"], b"");
    skip_head(&mut follower);
    user.terminate_daemon().succeeded();
    assert_eq!(follower.wait().code(), 0);
}

#[test]
fn the_figures_are_those_of_what_happened() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    send(&user, "me", "counted");
    let figures = eventually("the message", || {
        let figures = get(&user, "/metrics");
        figures
            .contains("mrpd_messages{dir=\"in\"} 1\n")
            .then_some(figures)
    });
    for line in [
        "mrpd_messages{dir=\"out\"} 1\n",
        "mrpd_newest_seq 2\n",
        "mrpd_sessions{state=\"up\"} 1\n",
        "mrpd_session_changes_total{state=\"up\"} 1\n",
        "mrpd_store_failing 0\n",
        "# EOF\n",
    ] {
        assert!(figures.contains(line), "{line:?} is not in {figures}");
    }
    let commits = figures
        .lines()
        .find_map(|line| line.strip_prefix("mrpd_store_commit_seconds_count "))
        .expect("commits are measured");
    assert!(commits.parse::<u64>().expect("a number") > 0);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mrpd.prom");
    user.configure(&format!(
        "[metrics]\ntextfile = {:?}\ninterval = \"1s\"",
        file.display().to_string()
    ));
    user.reload();
    let written = eventually("the file", || fs::read_to_string(&file).ok());
    assert!(written.ends_with("# EOF\n"), "{written}");
    let mode = fs::metadata(&file)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
    fs::remove_file(&file).expect("it is there");
    eventually("the next one", || fs::read_to_string(&file).ok());
}

#[test]
fn an_export_is_taken_in_elsewhere_once_and_bad_lines_are_named() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    for text in ["one", "two"] {
        send(&user, "me", text);
    }
    eventually("all of it", || (user.texts().len() == 2).then_some(()));
    let exported = get(&user, "/v1/export");
    assert_eq!(lines(&exported).len(), 4, "both ways: {exported}");
    let only_in = get(&user, "/v1/export?dir=in");
    assert_eq!(lines(&only_in).len(), 2, "{only_in}");
    let (status, _) = user.api("GET", "/v1/export?follow=1", None);
    assert_eq!(status, 400);

    let mut other = User::blank("phone");
    other.start_daemon();
    let import = |text: &str| -> Value {
        let posted = other.start_curl("/v1/import", &["--data-binary", "@-"], text.as_bytes());
        let answer = posted.wait().succeeded();
        serde_json::from_str(&answer).expect("JSON")
    };
    let (first, rest) = exported.split_once('\n').expect("lines");
    let broken = format!("{first}\n\n{{\"v\":1}}\nnonsense\n{rest}{}", &first[..40]);
    let summary = import(&broken);
    assert_eq!(summary["imported"], 4, "{summary}");
    assert_eq!(summary["refused"], 3, "{summary}");
    let numbers: Vec<_> = summary["refused_lines"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| {
            (
                line["line"].as_u64(),
                line["reason"]
                    .as_str()
                    .is_some_and(|reason| !reason.is_empty()),
            )
        })
        .collect();
    assert_eq!(numbers, [(Some(3), true), (Some(4), true), (Some(8), true)]);
    let again = import(&exported);
    assert_eq!(
        (&again["imported"], &again["present"]),
        (&json!(0), &json!(4))
    );
    let strip = |text: &str| -> Vec<Value> {
        let mut messages = lines(text);
        for message in &mut messages {
            // Names are whoever's who looks; a place is each store's own.
            message["from"] = message["from"]["key"].take();
            message["seq"] = Value::Null;
        }
        messages
    };
    assert_eq!(strip(&get(&other, "/v1/export")), strip(&exported));
    // At home everything is there, and keeps its place.
    let posted = user.start_curl("/v1/import", &["--data-binary", "@-"], exported.as_bytes());
    let summary: Value = serde_json::from_str(&posted.wait().succeeded()).expect("JSON");
    assert_eq!(summary["present"], 4, "{summary}");
    assert_eq!(get(&user, "/v1/export"), exported);
}

#[test]
fn an_import_is_not_bounded_by_what_fits_a_request_nor_by_memory() {
    let mut user = User::blank("laptop");
    user.start_daemon();
    let message = |number: u32| {
        json!({
            "v": 1, "seq": number, "id": format!("msg_{number}"), "dir": "in", "agent": "laptop", "relay": "home",
            "from": {"key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "name": null, "short": "11qYAYKx", "trust": "unknown"},
            "to": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kind": "text", "type": "application/json", "text": null,
            "body": {"text": "x".repeat(8000)}, "thread": null, "reply_to": null, "attachments": [], "metadata": {},
            "encrypted": true, "verified": true, "state": "archived", "attempt": 0,
            "created_at": "2026-01-01T00:00:00.000Z", "received_at": "2026-01-01T00:00:00.000Z",
            "expires_at": "2026-01-08T00:00:00.000Z"
        })
        .to_string()
    };
    let file: Vec<String> = (1..=2000).map(message).collect();
    let file = file.join("\n");
    assert!(file.len() > 16 << 20, "more than a request may have");
    let posted = user.start_curl(
        "/v1/import",
        &["-H", "expect:", "-X", "POST", "-T", "-"],
        file.as_bytes(),
    );
    let summary: Value = serde_json::from_str(&posted.wait().succeeded()).expect("JSON");
    assert_eq!(summary["imported"], 2000, "{summary}");
    let (_, status) = user.api("GET", "/v1/status", None);
    assert_eq!(status["inbox"]["received"], 2000);
    assert_eq!(
        status["inbox"]["unread"], 0,
        "archived they come, archived they stay"
    );
    let before = peak_memory(user.daemon().id());
    assert_eq!(get(&user, "/v1/export").lines().count(), 2000);
    let after = peak_memory(user.daemon().id());
    assert!(
        after < before + (24 << 10),
        "an export took {} KiB more",
        after - before
    );
}

/// The most memory that a process had at a time, in KiB.
fn peak_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

#[test]
fn a_backup_is_taken_while_the_daemon_works_and_restored_while_it_does_not() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    send(&user, "me", "before");
    eventually("it", || (user.texts() == ["before"]).then_some(()));
    let (_, put) = user.api("PUT", "/v1/cursors/reader", Some(&json!({"seq": 2})));
    assert_eq!(put, Value::Null);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mrpd.backup");
    let path = file.display().to_string();
    let (status, answer) = user.api("POST", "/v1/backup", Some(&json!({"path": path})));
    assert_eq!(status, 200, "{answer}");
    let data = fs::metadata(&file).expect("it is there");
    assert_eq!(answer["bytes"], data.len());
    assert_eq!(data.permissions().mode() & 0o777, 0o600);
    assert_eq!(
        fs::read_dir(folder.path()).expect("a folder").count(),
        1,
        "nothing is left beside"
    );
    send(&user, "me", "after");

    let (status, refusal) = user.api("POST", "/v1/backup", Some(&json!({"path": path})));
    assert_eq!(
        (status, &refusal["error"]["code"]),
        (422, &json!("cannot_create"))
    );
    let (status, _) = user.api("POST", "/v1/backup", Some(&json!({"path": "here"})));
    assert_eq!(status, 400);

    let restore = |user: &User, arguments: &[&str]| {
        let mut command = user.command(programs::path("mrpd"));
        command.arg("restore").args(arguments);
        Process::start(command, b"").wait()
    };
    let running = restore(&user, &[&path, "--force"]);
    assert_eq!(running.code(), 69, "{}", running.stderr);
    assert!(
        running.stderr.contains("already running"),
        "{}",
        running.stderr
    );
    user.terminate_daemon().succeeded();
    let exists = restore(&user, &[&path]);
    assert_eq!(exists.code(), 73, "{}", exists.stderr);
    assert!(exists.stderr.contains("--force"), "{}", exists.stderr);
    let store = user.state_dir().join("mrpd.redb");
    let no_backup = folder.path().join("no-backup");
    fs::write(&no_backup, "hello".repeat(2000)).expect("a file");
    let refused = restore(&user, &[&no_backup.display().to_string(), "--force"]);
    assert_eq!(refused.code(), 65, "{}", refused.stderr);
    let before = fs::read(&store).expect("the store is as it was");
    let restored = restore(&user, &[&path, "--force"]);
    assert!(
        restored.stderr.contains("before-restore-"),
        "{}",
        restored.stderr
    );
    restored.succeeded();
    let kept = fs::read_dir(user.state_dir())
        .expect("a folder")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.display().to_string().contains("before-restore-"))
        .expect("the store before is kept");
    assert!(fs::read(kept).expect("a file") == before);
    assert_eq!(
        fs::metadata(&store).expect("a store").permissions().mode() & 0o777,
        0o600
    );
    user.start_daemon();
    assert_eq!(user.texts(), ["before"]);
    let (_, cursor) = user.api("GET", "/v1/cursors/reader", None);
    assert_eq!(cursor["seq"], 2);
    send(&user, "me", "and on");
    eventually("what comes behind", || {
        (user.texts() == ["before", "and on"]).then_some(())
    });
}
