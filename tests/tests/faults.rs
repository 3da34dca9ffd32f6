//! What is wrong is said, with what to do about it: keys, configuration, sockets, disks.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use tests::agent::Agent;
use tests::disk::SmallDisk;
use tests::process::{Ended, Process, eventually};
use tests::programs;
use tests::relay::Relay;
use tests::skip;
use tests::user::User;

fn configure(user: &User, text: &str) {
    let folder = user.home().join(".config/mrp");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("mrpd.toml"), text).expect("a file");
}

fn start_mrpd(user: &User) -> Ended {
    Process::start(user.command(programs::path("mrpd")), b"").wait()
}

fn assert_says(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(
        ended.code(),
        code,
        "stdout: {}\nstderr: {}",
        ended.stdout,
        ended.stderr
    );
    for word in words {
        assert!(
            ended.stderr.contains(word),
            "{word:?} is not in {}",
            ended.stderr
        );
    }
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[test]
fn a_mistake_in_the_daemons_configuration_is_named_with_file_line_and_field() {
    let user = User::blank("laptop");
    configure(
        &user,
        "log = \"info\"\n\n[[relay]]\nname = \"home\"\nurl = \"ftp://example.net\"\n",
    );
    assert_says(&start_mrpd(&user), 78, &["mrpd.toml", "5", "url", "http"]);
    configure(&user, "[[relay]\n");
    assert_says(&start_mrpd(&user), 78, &["mrpd.toml"]);
}

#[test]
fn a_mistake_in_the_relays_configuration_is_named_with_file_line_and_field() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("relayd.toml");
    for (text, words) in [
        (
            "listen = \"127.0.0.1:0\"\n[limits]\nbody = \"lots\"\n",
            &["relayd.toml", "3", "limits.body", "lots", "2MiB"][..],
        ),
        (
            "[limits]\nsend_per_minuet = 3\n",
            &["relayd.toml", "2", "send_per_minuet", "send_per_minute"],
        ),
        ("listen = \"localhost\"\n", &["relayd.toml", "1", "listen"]),
    ] {
        fs::write(&file, text).expect("a file");
        let mut command = Command::new(programs::path("relayd"));
        command
            .env_clear()
            .env("HOME", folder.path())
            .args(["serve", "--config"])
            .arg(&file);
        assert_says(&Process::start(command, b"").wait(), 78, words);
    }
}

#[test]
fn a_key_file_that_others_can_read_or_that_is_no_key_is_refused() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let mut user = user;
    user.terminate_daemon();
    let key = user.home().join(".mrp/keys/laptop.key");
    let mode = fs::metadata(&key)
        .expect("the key file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("ours");
    assert_says(&start_mrpd(&user), 78, &["laptop.key", "chmod 600"]);
    fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("ours");
    fs::write(&key, b"too short").expect("ours");
    assert_says(&start_mrpd(&user), 78, &["laptop.key", "32 bytes", "9"]);
    fs::remove_file(&key).expect("ours");
    assert_says(&start_mrpd(&user), 78, &["laptop.key", "mrpctl init"]);
}

#[test]
fn a_socket_path_that_is_too_long_is_refused_with_the_limit() {
    let user = User::blank("laptop");
    let long = user.home().join("x".repeat(120)).join("mrpd.sock");
    let mut command = user.command(programs::path("mrpd"));
    command.env("MRPD_SOCKET", &long);
    let ended = Process::start(command, b"").wait();
    assert_says(&ended, 78, &["107", "choose a shorter one"]);
}

#[test]
fn a_second_daemon_and_a_second_relay_are_refused_with_the_holders_pid() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    let holder = user.daemon().id().to_string();
    let ended = start_mrpd(&user);
    assert_ne!(ended.code(), 0);
    assert!(
        ended.stderr.contains(&holder),
        "{holder} is not in {}",
        ended.stderr
    );
    // The first one still answers.
    user.mrpctl(&["status"]).succeeded();

    let mut command = Command::new(programs::path("relayd"));
    command
        .env_clear()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(relay.data());
    let ended = Process::start(command, b"").wait();
    assert_ne!(ended.code(), 0);
    assert!(
        ended.stderr.contains(&format!("process {}", relay.id())),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_stale_socket_does_not_keep_a_daemon_from_starting() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    user.kill_daemon();
    assert!(
        user.home().join("run/mrp/mrpd.sock").exists(),
        "a killed daemon leaves its socket"
    );
    user.start_daemon();
    user.mrpctl(&["status"]).succeeded();
}

#[test]
fn the_socket_and_its_folder_are_the_users_alone() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let mode = |path: &str| {
        fs::metadata(user.home().join(path))
            .expect("it exists")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("run/mrp"), 0o700);
    assert_eq!(mode("run/mrp/mrpd.sock"), 0o600);
    assert_eq!(mode(".local/state/mrp/mrpd.redb"), 0o600);
    assert_eq!(mode(".mrp/keys"), 0o700);
    assert_eq!(mode(".config/mrp/mrpd.toml") & 0o077, 0);
}

#[test]
fn a_full_disk_at_the_relay_refuses_and_keeps_what_was_accepted() {
    let Some(disk) = SmallDisk::mount("24m") else {
        return skip("mounting a small file system needs root");
    };
    let mut relay = Relay::start_in(disk.path());
    let alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let key = bob.key();
    let mut bob = bob;
    bob.terminate_daemon();

    let text = "x".repeat(500_000);
    let mut accepted = Vec::new();
    let refused = (0..100).find_map(|number| {
        let numbered = format!("{number} {text}");
        let ended = alice.mrpctl_with(
            &["send", &key, "--wait", "accepted", "--timeout", "20s"],
            numbered.as_bytes(),
        );
        if ended.stdout.starts_with("msg_") {
            accepted.push(numbered);
            None
        } else {
            Some(ended)
        }
    });
    let refused = refused.expect("24 MiB hold less than 100 messages of half a MiB");
    assert!(!accepted.is_empty());
    assert!(!refused.stderr.contains("panicked"));

    // With room again, what had been accepted is there, in order, and what waited in the outbox follows.
    disk.resize("200m");
    if relay.has_ended() {
        relay.resume();
    }
    bob.start_daemon();
    eventually("what was accepted, and what waited", || {
        let texts = bob.texts();
        (texts.len() > accepted.len()).then(|| assert_eq!(texts[..accepted.len()], accepted))
    });
}

#[test]
fn a_disk_that_is_nearly_full_takes_messages_but_no_uploads() {
    let Some(disk) = SmallDisk::mount("200m") else {
        return skip("mounting a small file system needs root");
    };
    let relay = Relay::start_in(disk.path());
    let agent = Agent::new(1);
    agent.upload(relay.address(), b"x");
    // Between a tenth and a twentieth is left.
    disk.fill(15 << 20);
    let refused = agent.request(relay.address(), "POST", "/v1/blobs", b"x");
    assert_eq!(refused.json(507)["error"]["code"], "insufficient_storage");
    let message = format!(r#"{{"recipient_key":"{}","body":1}}"#, agent.key());
    let sent = agent.request(relay.address(), "POST", "/v1/messages", message.as_bytes());
    sent.expect(202);
}

#[test]
fn a_full_disk_at_the_daemon_acknowledges_nothing_that_it_did_not_store() {
    let Some(disk) = SmallDisk::mount("16m") else {
        return skip("mounting a small file system needs root");
    };
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let mut bob = User::at("bob", &relay);
    let key = bob.key();
    bob.terminate_daemon();
    bob.keep_state_in(disk.path());
    bob.start_daemon();

    let text = "y".repeat(500_000);
    let expected: Vec<String> = (0..40).map(|number| format!("{number} {text}")).collect();
    for numbered in &expected {
        alice
            .mrpctl_with(
                &["send", &key, "--wait", "accepted", "--timeout", "20s"],
                numbered.as_bytes(),
            )
            .succeeded();
    }
    eventually("the daemon to say that its disk is full", || {
        let status = bob.mrpctl(&["status", "-o", "json"]);
        (status.stdout.contains("disk") || bob.daemon().has_ended()).then_some(())
    });
    disk.resize("400m");
    if bob.daemon().has_ended() {
        bob.await_daemon_death();
        bob.start_daemon();
    }
    // Until the store has been opened anew, reading is refused as well.
    let texts = eventually("all messages", || {
        let texts = bob.texts_unless_refused()?;
        (texts.len() >= expected.len()).then_some(texts)
    });
    assert_eq!(texts, expected);
}
