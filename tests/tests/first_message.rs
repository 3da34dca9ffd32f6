//! The first thing a user does, with real programs: a message from a pipe, through a relay, to a tail.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tests::process::Process;
use tests::programs;
use tests::relay::Relay;
use tests::user::User;

#[test]
fn a_piped_message_arrives_sealed_and_verified_and_the_relay_never_sees_it() {
    let secret = "a text that only its recipient may read";
    let mut relay = Relay::start();
    let mut laptop = User::at("laptop", &relay);
    let mut server = User::at("server", &relay);

    let id = laptop
        .mrpctl_with(&["send", &server.key()], format!("{secret}\n").as_bytes())
        .succeeded();
    assert!(id.starts_with("msg_"), "{id}");

    let line = server.mrpctl(&["tail", "-c", "1", "-n", "1"]).succeeded();
    let message: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(message["text"], secret);
    assert_eq!(message["body"]["text"], secret);
    assert_eq!(message["id"], id.trim());
    assert_eq!(message["from"]["key"], laptop.key());
    assert_eq!(
        (&message["encrypted"], &message["verified"]),
        (&Value::Bool(true), &Value::Bool(true))
    );
    assert_eq!(
        (
            message["v"].as_u64(),
            message["seq"].as_u64(),
            &message["dir"]
        ),
        (Some(1), Some(1), &"in".into())
    );

    laptop.terminate_daemon();
    server.terminate_daemon();
    let ended = relay.terminate();
    assert!(ended.status.success());
    assert!(
        !ended.stderr.contains(secret),
        "the relay logged a body: {}",
        ended.stderr
    );
    assert!(
        !folder_contains(relay.data(), secret.as_bytes()),
        "the relay's files hold the text"
    );
    // The oracle can fail: what the relay must have is found.
    assert!(folder_contains(
        relay.data(),
        b"application/x-m2m-encrypted"
    ));
}

#[test]
fn a_plain_message_is_signed_and_shows_as_verified() {
    let relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let server = User::at("server", &relay);
    let key = server.key();
    laptop
        .mrpctl(&["send", &key, "--plain", "for", "everyone"])
        .succeeded();
    let line = server.mrpctl(&["tail", "-c", "1", "-n", "1"]).succeeded();
    let message: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(message["text"], "for everyone");
    assert_eq!(
        (&message["encrypted"], &message["verified"]),
        (&Value::Bool(false), &Value::Bool(true))
    );
    assert!(
        folder_contains(relay.data(), b"for everyone"),
        "a plain message is readable at the relay"
    );
}

#[test]
fn a_body_keeps_its_bytes_all_the_way() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let body = r#"{"z":1.10,"a":"é\u00e9","big":123456789012345678901234567890}"#;
    user.mrpctl(&["send", "me", "-d", body]).succeeded();
    let line = user.mrpctl(&["tail", "-c", "1", "-n", "1"]).succeeded();
    assert!(line.contains(&format!(r#""body":{body}"#)), "{line}");
}

#[test]
fn the_demo_shows_a_message_arrive_and_leaves_nothing_behind() {
    let temporary = tempfile::Builder::new().prefix("mrp").tempdir().unwrap();
    let mut command = Command::new(programs::path("mrpctl"));
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", temporary.path())
        .env("TMPDIR", temporary.path());
    command.arg("demo");
    let ended = Process::start(command, b"").wait();
    let shown = format!("{}{}", ended.stdout, ended.stderr);
    assert!(ended.status.success(), "{shown}");
    for expected in [
        "relayd serve",
        "mrpctl init",
        r#"echo "hello from a pipe" | mrpctl send server"#,
        "mrpctl tail",
        "hello from a pipe",
    ] {
        assert!(shown.contains(expected), "{expected:?} is not in {shown}");
    }
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_daemon_starts_itself_and_init_can_be_repeated() {
    let relay = Relay::start();
    let user = User::blank("laptop");
    let run = |arguments: &[&str]| {
        let mut command = user.command(programs::path("mrpctl"));
        command.env_remove("MRPD_AUTOSTART").args(arguments);
        Process::start(command, b"").wait()
    };
    for _ in 0..2 {
        let shown = run(&["init", "--name", "laptop", "--relay", &relay.url()]).succeeded();
        assert!(shown.contains(&user.key()), "{shown}");
    }
    assert!(
        run(&["send", "me", "hello"])
            .succeeded()
            .starts_with("msg_")
    );
    assert!(run(&["tail", "-c", "1", "-n", "1", "-o", "raw"]).code() == 0);
    run(&["daemon", "stop"]).succeeded();
    let ended = user.mrpctl(&["status"]);
    assert_eq!(ended.code(), 69, "{}", ended.stderr);
}

/// Whether a file of the folder has these bytes; sockets have none.
fn folder_contains(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return folder_contains(&path, needle);
        }
        if !path.is_file() {
            return false;
        }
        let content = std::fs::read(&path).unwrap();
        content.windows(needle.len()).any(|window| window == needle)
    })
}
