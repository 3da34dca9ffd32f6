//! A store that is damaged, and a disk that is full: what is there is kept as far as it can be, what waits at the relays comes
//! again, and the user is told.

use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::process::ExitStatusExt as _;
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

/// Damages the pages that have a trace of ids, but for those that have the messages themselves.
fn damage_what_can_be_made_again(store: &Path) {
    let whole = fs::read(store).expect("the store");
    let page = 4096;
    let mut damaged = 0;
    for (number, bytes) in whole.chunks(page).enumerate().skip(1) {
        let has = |text: &str| {
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        };
        if has("msg_") && !has("\"content_type\"") && !has("\"body\"") {
            overwrite(store, (number * page) as u64, &[0xa5; 4096]);
            damaged += 1;
        }
    }
    assert!(damaged > 0, "there are such pages");
}

#[test]
fn what_can_be_read_of_damaged_pages_is_kept_and_sends_that_are_lost_are_counted() {
    let relay = Relay::start();
    let (_alice, mut bob) = away(&relay);
    damage_what_can_be_made_again(&bob.state_dir().join("mrpd.redb"));
    let texts = comes_back(&mut bob);
    assert_eq!(texts, ["one", "two", "three", "while away"]);
}

/// Starts a daemon that is killed at a point of its way to a new store.
fn dies_at(bob: &mut User, plan: &str) {
    bob.start_failing_daemon(plan);
    let ended = bob.await_daemon_death();
    assert_eq!(ended.status.signal(), Some(9), "{plan}: {}", ended.stderr);
}

#[test]
fn a_rescue_that_is_killed_at_any_step_is_finished_by_the_next_start() {
    for plans in [
        &["salvage.table-saved=return"][..],
        &["salvage.table-saved=5*off->return"],
        &["salvage.saved=return"],
        &["salvage.set-aside=return"],
        // What finishes it may be killed as well.
        &[
            "salvage.set-aside=return",
            "salvage.table-saved=5*off->return",
        ],
        &[
            "salvage.saved=return",
            "salvage.table-saved=return",
            "salvage.set-aside=return",
        ],
    ] {
        let relay = Relay::start();
        let (_alice, mut bob) = away(&relay);
        damage_what_can_be_made_again(&bob.state_dir().join("mrpd.redb"));
        for plan in plans {
            dies_at(&mut bob, plan);
        }
        let texts = comes_back(&mut bob);
        assert_eq!(texts, ["one", "two", "three", "while away"], "{plans:?}");
        let left = bob.state_dir().join("mrpd.redb.salvaging");
        assert!(!left.exists(), "{plans:?}");
    }
}

#[test]
fn a_daemon_that_is_killed_once_the_new_store_is_in_place_goes_on_with_it() {
    let relay = Relay::start();
    let (_alice, mut bob) = away(&relay);
    damage_what_can_be_made_again(&bob.state_dir().join("mrpd.redb"));
    dies_at(&mut bob, "salvage.installed=return");
    bob.start_daemon();
    eventually("everything", || {
        (bob.texts() == ["one", "two", "three", "while away"]).then_some(())
    });
    assert_eq!(set_aside(&bob).len(), 1);
    assert!(warnings(&bob).iter().any(|told| told.contains("damaged")));
}

/// What the relay still has comes again, and where it is not known that it came, its hooks run again; what was acknowledged stays
/// done with.
#[test]
fn without_the_memory_of_what_came_hooks_run_again_only_for_what_was_not_acknowledged() {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let mut bob = User::at("bob", &relay);
    let key = bob.key();
    let contact = json!({ "key": alice.key() });
    assert_eq!(bob.api("PUT", "/v1/contacts/alice", Some(&contact)).0, 200);
    bob.configure("[[hook]]\nname = \"note\"\nshell = 'echo \"$MRP_TEXT\" >>\"$HOME/runs\"'\n");
    bob.reload();
    let flags = ["send", &key, "--wait", "delivered", "--timeout", "30s"];
    alice.mrpctl_with(&flags, b"acknowledged").succeeded();
    eventually("the hook to be done with it", || {
        let (_, hook) = bob.api("GET", "/v1/hooks/note", None);
        (hook["handled"] == 1).then_some(())
    });
    bob.terminate_daemon().succeeded();
    bob.start_failing_daemon("receive.before-ack=return");
    send(&alice, &key, "not acknowledged");
    bob.await_daemon_death();
    damage_what_can_be_made_again(&bob.state_dir().join("mrpd.redb"));
    bob.start_daemon();
    assert_eq!(set_aside(&bob).len(), 1);
    send(&alice, &key, "last");
    let runs = eventually("the last one, which comes behind the others", || {
        let runs = fs::read_to_string(bob.home().join("runs")).ok()?;
        runs.contains("last").then_some(runs)
    });
    let count = |text: &str| runs.lines().filter(|line| *line == text).count();
    assert_eq!(count("acknowledged"), 1, "{runs}");
    assert!((1..=2).contains(&count("not acknowledged")), "{runs}");
    assert_eq!(count("last"), 1, "{runs}");
}

/// Large messages that are more together than is looked at as a whole after a clean end.
const LARGE: u32 = 30;

fn large(number: u32) -> String {
    format!("number {number} {}", "x".repeat(700_000))
}

/// A user whose daemon runs and has met damage in a large store.
fn meets_damage(relay: &Relay) -> User {
    let alice = User::at("alice", relay);
    let mut bob = User::at("bob", relay);
    let key = bob.key();
    for number in 0..LARGE {
        send(&alice, &key, &large(number));
    }
    eventually("all of them", || {
        (bob.api_lines("/v1/messages?last=1")[0]["seq"] == LARGE).then_some(())
    });
    bob.terminate_daemon().succeeded();
    send(&alice, &key, "while away");
    let store = bob.state_dir().join("mrpd.redb");
    let whole = fs::read(&store).expect("the store");
    assert!(whole.len() > 16 << 20, "{} bytes", whole.len());
    let mark = b"number 12 x";
    let places = whole.windows(mark.len()).enumerate();
    for (place, _) in places.filter(|(_, window)| *window == mark) {
        overwrite(&store, place as u64, b"\"");
    }
    // Nobody has come to it yet.
    bob.start_daemon();
    assert_eq!(set_aside(&bob), Vec::<PathBuf>::new());
    let read = bob.mrpctl(&["tail", "--no-follow", "-n", "1000"]);
    assert!(!read.status.success(), "{}", read.stderr);
    bob
}

/// What is left of it, once it was mended.
fn assert_mended(bob: &mut User) {
    let texts = comes_back(bob);
    let expected = (0..LARGE).filter(|number| *number != 12).map(large);
    let expected: Vec<String> = expected.chain(["while away".to_owned()]).collect();
    assert!(texts == expected, "{} texts", texts.len());
}

#[test]
fn damage_that_is_met_in_use_is_mended_at_the_next_start() {
    let relay = Relay::start();
    let mut bob = meets_damage(&relay);
    let ended = bob.terminate_daemon();
    assert!(
        ended.stderr.contains("the store is damaged"),
        "{}",
        ended.stderr
    );
    assert_mended(&mut bob);
}

#[test]
fn damage_that_was_met_is_mended_also_where_the_daemon_was_killed_then() {
    let relay = Relay::start();
    let mut bob = meets_damage(&relay);
    bob.kill_daemon();
    assert_mended(&mut bob);
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
    let Some(disk) = SmallDisk::mount("32m") else {
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
    // More than there is room for in what the daemon has of the disk already.
    const MANY: usize = 12;
    let large = "x".repeat(200_000);
    for _ in 0..MANY {
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
        (texts.iter().filter(|text| **text == large).count() == MANY).then_some(())
    });
    eventually("the figure", || (!figures()).then_some(()));
}
