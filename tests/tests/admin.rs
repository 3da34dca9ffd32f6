//! `relayd admin` against a running relay: what it asks, what it writes, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use tests::crafted::key_beginning_with;
use tests::process::{Ended, Process, eventually};
use tests::programs;
use tests::relay::Relay;
use tests::user::User;

fn admin(data: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(programs::path("relayd"));
    command
        .env_clear()
        .env("RELAYD_DATA_DIR", data)
        .arg("admin")
        .args(arguments);
    Process::start(command, b"").wait()
}

/// What a command writes where nobody watches: JSON lines.
fn lines(ended: Ended) -> Vec<Value> {
    let text = ended.succeeded();
    let parse = |line: &str| serde_json::from_str(line).unwrap();
    text.lines().map(parse).collect()
}

fn line(ended: Ended) -> Value {
    let lines = lines(ended);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.into_iter().next().unwrap()
}

#[test]
fn agents_are_listed_shown_suspended_and_resumed() {
    let relay = Relay::start();
    let (alice, bob) = (User::at("alice", &relay), User::at("bob", &relay));
    let (alice_key, bob_key) = (alice.key(), bob.key());
    let listed = |arguments: &[&str]| -> BTreeSet<String> {
        let agents = lines(admin(relay.data(), &[&["agents"], arguments].concat()));
        let key = |agent: &Value| agent["public_key"].as_str().unwrap().to_owned();
        agents.iter().map(key).collect()
    };
    let both = BTreeSet::from([alice_key.clone(), bob_key.clone()]);
    eventually("both agents", || (listed(&[]) == both).then_some(()));
    let suspended = line(admin(relay.data(), &["suspend", &alice_key]));
    assert_eq!(suspended["status"], "suspended");
    assert_eq!(
        listed(&["--status", "suspended"]),
        [alice_key.clone()].into()
    );
    assert_eq!(listed(&["--status", "active"]), [bob_key.clone()].into());
    // Its daemon's socket was closed, and no other is let in.
    eventually("the end of its session", || {
        let shown = line(admin(relay.data(), &["agent", &alice_key]));
        assert_eq!(shown["status"], "suspended");
        (shown["sockets"] == 0).then_some(())
    });
    let resumed = line(admin(relay.data(), &["resume", &alice_key, "--json"]));
    assert_eq!(resumed["status"], "active");
    assert!(listed(&["--status", "suspended"]).is_empty());
    eventually("its daemon's return", || {
        let shown = line(admin(relay.data(), &["agent", &alice_key]));
        (shown["sockets"] == 1).then_some(())
    });
}

#[test]
fn a_suspension_outlives_the_process() {
    let mut relay = Relay::start();
    let alice = User::at("alice", &relay);
    let key = alice.key();
    // The relay knows an agent from its first request on, which the daemon makes in its own time.
    eventually("the agent's record", || {
        (admin(relay.data(), &["agent", &key]).code() == 0).then_some(())
    });
    admin(relay.data(), &["suspend", &key]).succeeded();
    relay.kill();
    relay.resume();
    let shown = line(admin(relay.data(), &["agent", &key]));
    assert_eq!(shown["status"], "suspended");
    assert_eq!(line(admin(relay.data(), &["stats"]))["suspended_agents"], 1);
}

#[test]
fn figures_and_freeing_are_one_line_each() {
    let relay = Relay::start();
    let stats = line(admin(relay.data(), &["stats"]));
    assert_eq!(stats["pid"], relay.id());
    assert_eq!(stats["agents"], 0);
    assert!(stats["store"]["bytes"].as_u64().unwrap() > 0);
    let freed = line(admin(relay.data(), &["gc"]));
    assert_eq!(freed["expired_messages"], 0);
    assert!(freed.get("more").is_none());
}

#[test]
fn draining_ends_the_relay_in_order() {
    let mut relay = Relay::start();
    let answer = line(admin(relay.data(), &["drain"]));
    assert_eq!(answer["draining"], true);
    let ended = relay.await_end();
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(!relay.data().join("admin.sock").exists());
}

#[test]
fn what_goes_wrong_has_its_status_and_its_sentence() {
    let nowhere = tempfile::tempdir().unwrap();
    let relay = Relay::start();
    let unknown = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg";
    for (data, arguments, code, words) in [
        (nowhere.path(), &["stats"][..], 69, "no relay answers here"),
        (relay.data(), &["agent", unknown], 67, "knows no agent"),
        (relay.data(), &["suspend", unknown], 67, "knows no agent"),
        (relay.data(), &["suspend", "alice"], 64, "not a key"),
        (
            relay.data(),
            &["agents", "--status", "gone"],
            64,
            "suspended",
        ),
        (
            relay.data(),
            &["stats", "--config", "/nowhere"],
            78,
            "/nowhere",
        ),
        (relay.data(), &[], 64, "agents"),
    ] {
        let ended = admin(data, arguments);
        assert_eq!(ended.code(), code, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn a_key_may_look_like_an_option() {
    let relay = Relay::start();
    for beginning in ["-", "-h", "--"] {
        let (_, key) = key_beginning_with(beginning);
        for verb in ["agent", "suspend", "resume"] {
            for arguments in [&[verb, &key, "--json"][..], &[verb, "--json", &key]] {
                let ended = admin(relay.data(), arguments);
                let asked = ended.code() == 67 && ended.stderr.contains("knows no agent");
                assert!(asked, "{arguments:?}: {ended:?}");
            }
        }
        for mistyped in ["--jsn", "-x"] {
            let ended = admin(relay.data(), &["agent", mistyped, &key]);
            assert_eq!(ended.code(), 64, "{ended:?}");
        }
    }
}

#[test]
fn a_relay_for_listed_keys_says_what_is_wrong_with_its_list() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("keys");
    std::fs::write(&list, "# ours\nalice\n").unwrap();
    let field = format!("access.allowlist_file={}", list.display());
    for verb in ["check", "serve"] {
        let mut command = Command::new(programs::path("relayd"));
        command
            .env_clear()
            .args([verb, "--listen", "127.0.0.1:0", "--data-dir"]);
        command.arg(folder.path().join("data"));
        command.args(["--set", "access.registration=allowlist", "--set", &field]);
        let ended = Process::start(command, b"").wait();
        assert_eq!(ended.code(), 78, "{}", ended.stderr);
        let place = format!("{}, line 2: ", list.display());
        assert!(ended.stderr.contains(&place), "{}", ended.stderr);
        assert!(!folder.path().join("data").exists());
    }
}

#[test]
fn who_reads_no_further_is_no_failure() {
    let relay = Relay::start();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(programs::path("relayd"));
    command.env_clear().args(["admin", "stats", "--data-dir"]);
    command
        .arg(relay.data())
        .stdout(writer)
        .stderr(Stdio::piped());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}
