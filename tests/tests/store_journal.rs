//! What the daemon has answered is written down, and not yet in its store: a crash loses none of it, and a restore takes none of it
//! along.

use serde_json::json;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use tests::process::{Process, eventually};
use tests::programs;
use tests::relay::Relay;
use tests::user::User;

#[test]
fn a_send_that_was_answered_outlives_a_kill_at_once() {
    let relay = Relay::start();
    let bob = User::at("bob", &relay);
    let mut alice = User::at("alice", &relay);
    let key = bob.key();
    let mut expected = Vec::new();
    for number in 0..3 {
        let text = format!("number {number}");
        alice.mrpctl(&["send", &key, "--async", &text]).succeeded();
        alice.kill_daemon();
        alice.start_daemon();
        expected.push(text);
    }
    eventually("all of them, once", || {
        (bob.texts() == expected).then_some(())
    });
}

#[test]
fn a_daemon_that_is_killed_around_a_checkpoint_has_everything_after_it() {
    let relay = Relay::start();
    let mut user = User::at("alice", &relay);
    user.kill_daemon();
    let mut expected = Vec::new();
    for point in ["store.before-checkpoint", "store.checkpointed"] {
        // What it writes by itself may bring it there before anything is sent.
        loop {
            user.start_failing_daemon(&format!("{point}=return"));
            let flags = ["send", "me", "--async", "--id", point, point];
            let taken = eventually("the send to be taken, or a death", || {
                let taken = user.mrpctl(&flags).status.success();
                (taken || user.daemon().has_ended()).then_some(taken)
            });
            if taken {
                break;
            }
            user.await_daemon_death();
        }
        expected.push(point);
        let ended = user.await_daemon_death();
        assert_eq!(ended.status.signal(), Some(9), "{point}: {}", ended.stderr);
    }
    user.start_daemon();
    eventually("what was sent", || (user.texts() == expected).then_some(()));
}

#[test]
fn a_backup_that_is_restored_does_not_meet_what_was_written_after_it() {
    let relay = Relay::start();
    let mut user = User::at("alice", &relay);
    let send = |user: &User, text: &str| {
        let flags = [
            "send",
            "me",
            "--wait",
            "delivered",
            "--timeout",
            "30s",
            text,
        ];
        user.mrpctl(&flags).succeeded();
    };
    send(&user, "before");
    eventually("the first", || (user.texts() == ["before"]).then_some(()));
    let backup = user.home().join("backup").display().to_string();
    let (status, answer) = user.api("POST", "/v1/backup", Some(&json!({ "path": backup })));
    assert_eq!(status, 200, "{answer}");
    send(&user, "after");
    user.kill_daemon();

    let mut command = user.command(programs::path("mrpd"));
    command.args(["restore", "--force", &backup]);
    Process::start(command, b"").wait().succeeded();
    let names: Vec<String> = fs::read_dir(user.state_dir())
        .expect("a folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.contains("before-restore-"))
        .collect();
    // The store before it can be put back as it was, with what it had not taken over yet.
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        names.iter().any(|name| name.ends_with(".journal")),
        "{names:?}"
    );
    user.start_daemon();
    assert_eq!(user.texts(), ["before"]);
    let (_, status) = user.api("GET", "/v1/status", None);
    assert_eq!(status["warnings"], json!([]), "{status}");
}

#[test]
fn a_damaged_journal_stops_no_start_and_is_told() {
    let relay = Relay::start();
    let mut user = User::at("alice", &relay);
    let sent = ["whole", "damaged", "last"].map(|text| {
        let flags = ["send", "me", "--async", "--in", "1h", text];
        user.mrpctl(&flags).succeeded().trim().to_owned()
    });
    user.kill_daemon();
    let journal = user.state_dir().join("mrpd.redb.journal");
    for entry in fs::read_dir(&journal).expect("the journal") {
        let path = entry.expect("a file").path();
        let mut bytes = fs::read(&path).expect("a file");
        let mark = b"damaged";
        let place = bytes.windows(mark.len()).position(|window| window == mark);
        if let Some(place) = place {
            bytes[place] ^= 1;
            fs::write(&path, bytes).expect("a file");
        }
    }
    user.start_daemon();
    let (_, outbox) = user.api("GET", "/v1/outbox", None);
    let ids = outbox.as_array().expect("a list").iter();
    let ids: Vec<_> = ids.map(|entry| entry["id"].as_str()).collect();
    assert_eq!(ids, [Some(sent[0].as_str())], "what was whole");
    let (_, status) = user.api("GET", "/v1/status", None);
    let told = status["warnings"][0].as_str().unwrap_or_default();
    assert!(told.contains("mrpd.redb.journal.corrupt-"), "{status}");
}
