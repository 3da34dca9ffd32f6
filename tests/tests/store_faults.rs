//! A store that is damaged, and a disk that is full: what is there is kept as far as it can be, what waits at the relays comes
//! again, and the user is told.

use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use tests::disk::SmallDisk;
use tests::process::{Process, eventually};
use tests::relay::Relay;
use tests::skip;
use tests::user::User;

fn send(from: &User, to: &str, text: &str) {
    let flags = ["send", to, "--wait", "accepted", "--timeout", "30s"];
    from.mrpctl_with(&flags, text.as_bytes()).succeeded();
}

fn warnings(user: &User) -> Vec<String> {
    let (status, answer) = user.api("GET", "/v1/status", None);
    assert_eq!(status, 200, "{answer}");
    let list = answer["warnings"].as_array().expect("a list");
    list.iter()
        .map(|sentence| sentence.as_str().expect("a sentence").to_owned())
        .collect()
}

fn set_aside(user: &User) -> Vec<PathBuf> {
    fs::read_dir(user.state_dir())
        .expect("a folder")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.display().to_string().contains("mrpd.redb.corrupt-"))
        .collect()
}

/// Two users; the second has mail, some of it behind its back, and its daemon does not run.
fn away(relay: &Relay) -> (User, User) {
    let alice = User::at("alice", relay);
    let mut bob = User::at("bob", relay);
    let key = bob.key();
    for text in ["one", "two", "three"] {
        send(&alice, &key, text);
    }
    eventually("what was sent", || (bob.texts().len() == 3).then_some(()));
    bob.terminate_daemon().succeeded();
    send(&alice, &key, "while away");
    (alice, bob)
}

/// The daemon starts all the same, says what happened, and has what the relay still had.
fn comes_back(bob: &mut User) -> Vec<String> {
    bob.start_daemon();
    let aside = set_aside(bob);
    assert_eq!(aside.len(), 1, "{aside:?}");
    let name = aside[0].display().to_string();
    let told = warnings(bob);
    let told: Vec<_> = told.iter().filter(|told| told.contains(&name)).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("was damaged"), "{told:?}");
    eventually("what waited at the relay", || {
        bob.texts()
            .iter()
            .any(|text| text == "while away")
            .then_some(())
    });
    let texts = bob.texts();
    let stderr = {
        let ended = bob.terminate_daemon();
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        ended.stderr
    };
    let lines: Vec<_> = stderr.lines().filter(|line| line.contains(&name)).collect();
    assert_eq!(lines.len(), 1, "one clear line: {stderr}");
    // The status goes on saying it while the file lies there, and no longer.
    bob.start_daemon();
    assert!(warnings(bob).iter().any(|told| told.contains(&name)));
    bob.terminate_daemon().succeeded();
    fs::remove_file(&aside[0]).expect("it is there");
    bob.start_daemon();
    assert!(!warnings(bob).iter().any(|told| told.contains("damaged")));
    assert_eq!(bob.texts(), texts);
    texts
}

/// The next line that is no sign of life.
fn next(follower: &mut Process) -> String {
    loop {
        let line = follower.line();
        if !line.is_empty() {
            return line;
        }
    }
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new()
        .write(true)
        .open(path)
        .expect("the store is there");
    file.seek(SeekFrom::Start(at)).expect("a place");
    file.write_all(bytes).expect("it is written");
}

#[test]
fn a_store_that_is_no_store_is_set_aside() {
    let relay = Relay::start();
    let (_alice, mut bob) = away(&relay);
    let store = bob.state_dir().join("mrpd.redb");
    overwrite(&store, 0, b"these are no pages");
    assert_eq!(comes_back(&mut bob), ["while away"]);
}

#[test]
fn a_store_that_was_cut_off_is_set_aside() {
    let relay = Relay::start();
    let (_alice, mut bob) = away(&relay);
    let store = bob.state_dir().join("mrpd.redb");
    let size = fs::metadata(&store).expect("it is there").len();
    let file = OpenOptions::new().write(true).open(&store).expect("it");
    file.set_len(size / 3).expect("it is cut off");
    drop(file);
    let texts = comes_back(&mut bob);
    assert_eq!(texts.last().map(String::as_str), Some("while away"));
}

#[test]
fn what_can_be_read_of_damaged_pages_is_kept_and_sends_that_are_lost_are_counted() {
    let relay = Relay::start();
    let (_alice, mut bob) = away(&relay);
    let store = bob.state_dir().join("mrpd.redb");
    let whole = fs::read(&store).expect("the store");
    // The page that has the texts stays; every other one that has a trace of the index of ids goes.
    let page = 4096;
    let mut damaged = 0;
    for (number, bytes) in whole.chunks(page).enumerate().skip(1) {
        let has = |text: &str| {
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        };
        if has("msg_") && !has("\"content_type\"") && !has("\"body\"") {
            overwrite(&store, (number * page) as u64, &[0xa5; 4096]);
            damaged += 1;
        }
    }
    assert!(damaged > 0, "there are such pages");
    let texts = comes_back(&mut bob);
    assert_eq!(texts, ["one", "two", "three", "while away"]);
}

#[test]
fn garbage_all_over_does_not_keep_the_daemon_down() {
    let relay = Relay::start();
    let (_alice, mut bob) = away(&relay);
    let store = bob.state_dir().join("mrpd.redb");
    let size = fs::metadata(&store).expect("it is there").len();
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    for at in (4096..size).step_by(512) {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        overwrite(&store, at, &noise.to_le_bytes().repeat(8));
    }
    let texts = comes_back(&mut bob);
    assert_eq!(texts.last().map(String::as_str), Some("while away"));
}

#[test]
fn a_daemon_that_was_killed_finds_its_store_sound() {
    let relay = Relay::start();
    let (_alice, mut bob) = away(&relay);
    for _ in 0..3 {
        bob.start_daemon();
        bob.kill_daemon();
    }
    bob.start_daemon();
    eventually("everything", || (bob.texts().len() == 4).then_some(()));
    assert_eq!(set_aside(&bob), Vec::<PathBuf>::new());
}

#[test]
fn a_full_disk_stops_what_comes_and_the_figures_and_events_say_so() {
    let Some(disk) = SmallDisk::mount("16m") else {
        return skip("mounting a small file system needs root");
    };
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let mut bob = User::at("bob", &relay);
    let key = bob.key();
    bob.terminate_daemon().succeeded();
    bob.keep_state_in(disk.path());
    bob.start_daemon();
    send(&alice, &key, "before");
    eventually("the first", || (bob.texts() == ["before"]).then_some(()));
    let mut events = bob.start_curl("/v1/events?kinds=session", &["-i"], b"");
    while !events.line().trim().is_empty() {}

    disk.fill(0);
    let large = "x".repeat(200_000);
    for _ in 0..4 {
        send(&alice, &key, &large);
    }
    let down: Value = serde_json::from_str(&next(&mut events)).expect("an event");
    assert_eq!(down["state"], "down", "{down}");
    assert!(
        down["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("store")),
        "{down}"
    );
    let figures = || {
        bob.start_curl("/metrics", &[], b"")
            .wait()
            .succeeded()
            .contains("mrpd_store_failing 1\n")
    };
    eventually("the figure", || figures().then_some(()));
    assert!(
        warnings(&bob)
            .iter()
            .any(|told| told.contains("messages stay at the relays")),
    );
    disk.clear();
    eventually("everything", || {
        let texts = bob.texts_unless_refused()?;
        (texts.iter().filter(|text| **text == large).count() == 4).then_some(())
    });
    eventually("the figure", || (!figures()).then_some(()));
}
