//! A backup that is taken while the relay works has all that was promised before, and one that is not finished looks like none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use nix::sys::signal::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::process::{Ended, Process, eventually};
use tests::relay::Relay;
use tests::wire::{Agent, Connection, send_body};
use tests::{DEADLINE, programs};

const SENDERS: u8 = 4;

fn recipient() -> Agent {
    Agent::numbered(200)
}

/// Somebody who sends numbers, one after the other, until told to end.
struct Sender {
    acknowledged: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

fn start_sender(number: u8, relay: &Relay, end: &Arc<AtomicBool>) -> Sender {
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let (count, end, address) = (
        Arc::clone(&acknowledged),
        Arc::clone(end),
        relay.address().to_owned(),
    );
    let thread = std::thread::spawn(move || {
        let (agent, recipient) = (Agent::numbered(number), recipient());
        let mut connection = Connection::to(&address);
        while !end.load(Ordering::SeqCst) {
            let next = count.load(Ordering::SeqCst) + 1;
            let request = agent.send(&recipient, &format!("[{number},{next}]"));
            connection.ask(&request.text).expect(202);
            count.store(next, Ordering::SeqCst);
        }
    });
    Sender {
        acknowledged,
        thread,
    }
}

/// What waits for the recipient, as (sender, number), in the order of the inbox.
fn inbox(relay: &Relay) -> Vec<(u8, usize)> {
    let mut connection = Connection::to(relay.address());
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let target = format!("/v1/messages?ack=manual&limit=100{cursor}");
        let request = recipient().request("GET", &target, "", "");
        let page = connection.ask(&request.text).expect(200).json();
        for message in page["messages"].as_array().unwrap() {
            let body = &message["body"];
            let number = body[1].as_u64().unwrap();
            found.push((
                body[0].as_u64().unwrap().try_into().unwrap(),
                usize::try_from(number).unwrap(),
            ));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

fn restore(backup: &Path, data: &Path) -> Ended {
    let mut command = Command::new(programs::path("relayd"));
    command
        .env_clear()
        .arg("restore")
        .arg(backup)
        .arg("--data-dir")
        .arg(data);
    Process::start(command, b"").wait()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_backup_under_load_has_all_that_was_acknowledged_before_it_began() {
    let relay = Relay::start();
    let home = tempfile::tempdir().unwrap();
    let keyed = Agent::numbered(100);
    let keyed_send = || {
        keyed.request(
            "POST",
            "/v1/messages",
            "idempotency-key: once\r\n",
            &send_body(&keyed, "1"),
        )
    };
    let upload = keyed.request(
        "POST",
        "/v1/blobs",
        "content-type: text/plain\r\n",
        "bytes of ours",
    );
    let blob = Connection::to(relay.address())
        .ask(&upload.text)
        .expect(201)
        .json();
    let first = Connection::to(relay.address())
        .ask(&keyed_send().text)
        .expect(202)
        .json();

    let end = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (1..=SENDERS)
        .map(|number| start_sender(number, &relay, &end))
        .collect();
    let counts = || -> Vec<usize> {
        senders
            .iter()
            .map(|sender| sender.acknowledged.load(Ordering::SeqCst))
            .collect()
    };
    eventually("some messages of each", || {
        counts().iter().all(|count| *count >= 40).then_some(())
    });
    let before = counts();
    let backup = home.path().join("backup");
    let said = relay.run(&["backup", text(&backup)]).succeeded();
    assert!(
        said.starts_with("backed up ") && said.contains("and 1 blobs"),
        "{said}"
    );
    let after = counts();
    assert!(
        after.iter().sum::<usize>() > before.iter().sum(),
        "nothing was sent meanwhile: {before:?}"
    );
    end.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.thread.join().unwrap();
    }

    let data = home.path().join("restored");
    let said = restore(&backup, &data).succeeded();
    assert!(said.starts_with("restored "), "{said}");
    let copy = Relay::start_in(&data);
    let there = inbox(&copy);
    for (number, before) in (1..=SENDERS).zip(before) {
        let of_one: Vec<_> = there
            .iter()
            .filter(|(sender, _)| *sender == number)
            .map(|(_, count)| *count)
            .collect();
        let whole: Vec<_> = (1..=of_one.len()).collect();
        assert_eq!(of_one, whole, "in order, once, nothing left out");
        assert!(
            of_one.len() >= before,
            "{before} were acknowledged, {} are there",
            of_one.len()
        );
    }
    let again = Connection::to(copy.address())
        .ask(&keyed_send().text)
        .expect(202);
    assert!(
        again.head.contains("idempotency-replayed: true"),
        "{again:?}"
    );
    assert_eq!(again.json()["message_id"], first["message_id"]);
    let target = format!("/v1/blobs/{}", blob["blob_id"].as_str().unwrap());
    let download = keyed.request("GET", &target, "", "");
    let there_too = Connection::to(copy.address())
        .ask(&download.text)
        .expect(200);
    assert_eq!(there_too.body, "bytes of ours");
    // The one it was taken of was not disturbed.
    assert!(inbox(&relay).len() >= there.len());
}

/// A relay with so much in it that a copy takes a while.
fn heavy_relay() -> Relay {
    let relay = Relay::start();
    let body = format!("\"{}\"", "x".repeat(1_000_000));
    let mut connection = Connection::to(relay.address());
    // A sender may not have everything in a long inbox.
    for number in 0..80 {
        let sender = Agent::numbered(1 + number / 20);
        connection
            .ask(&sender.send(&recipient(), &body).text)
            .expect(202);
    }
    relay
}

/// Begins a backup and waits until it is being written.
fn begin_backup(relay: &Relay, home: &TempDir) -> (Process, PathBuf, PathBuf) {
    let (backup, partial) = (
        home.path().join("backup"),
        home.path().join(".backup.partial"),
    );
    let left = partial.join("left");
    if partial.exists() {
        fs::write(&left, "by one that was killed").unwrap();
    }
    let process = relay.begin(&["backup", text(&backup)]);
    let begun = Instant::now();
    while left.exists() || !partial.join("relay.redb").exists() {
        assert!(begun.elapsed() < DEADLINE && !backup.exists());
        std::thread::park_timeout(Duration::from_millis(1));
    }
    // The stream is many times longer than what is on its way, so it cannot be over while its reader sleeps.
    process.signal(Signal::SIGSTOP);
    (process, backup, partial)
}

#[test]
fn a_backup_that_dies_leaves_nothing_that_looks_like_one() {
    let mut relay = heavy_relay();
    let home = tempfile::tempdir().unwrap();
    let (process, backup, partial) = begin_backup(&relay, &home);
    process.signal(Signal::SIGKILL);
    assert!(
        !process.wait().status.success(),
        "it was over before it was killed"
    );
    assert!(!backup.exists());
    let refused = restore(&partial, &home.path().join("restored"));
    assert_eq!(refused.code(), 74, "{refused:?}");
    assert!(!home.path().join("restored").exists());

    // The relay dies under it: it says so, and takes away what it has.
    let (process, backup, partial) = begin_backup(&relay, &home);
    relay.kill();
    process.signal(Signal::SIGCONT);
    let ended = process.wait();
    assert_eq!(ended.code(), 70, "{ended:?}");
    assert!(ended.stderr.contains("broke off"), "{}", ended.stderr);
    assert!(!backup.exists() && !partial.exists());

    // And the next one is whole, with nobody to ask but the files.
    let said = relay.run(&["backup", text(&backup)]).succeeded();
    assert!(said.contains("80 messages"), "{said}");
    assert!(!partial.exists());
    restore(&backup, &home.path().join("restored")).succeeded();
}

/// Files of blobs in a data directory or a backup.
fn blob_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.path() {
            path if path.is_dir() => blob_files(&path),
            path => usize::from(!path.to_string_lossy().ends_with(".part")),
        })
        .sum()
}

fn upload(relay: &Relay, agent: &Agent, bytes: &str) -> String {
    let request = agent.request("POST", "/v1/blobs", "content-type: text/plain\r\n", bytes);
    let info = Connection::to(relay.address())
        .ask(&request.text)
        .expect(201)
        .json();
    info["blob_id"].as_str().unwrap().to_owned()
}

fn read(relay: &Relay, agent: &Agent, blob_id: &str, status: u16) -> String {
    let request = agent.request("GET", &format!("/v1/blobs/{blob_id}"), "", "");
    Connection::to(relay.address())
        .ask(&request.text)
        .expect(status)
        .body
}

#[test]
fn a_backup_has_the_blobs_that_it_names_and_no_others() {
    let relay = heavy_relay();
    let home = tempfile::tempdir().unwrap();
    let (owner, other) = (Agent::numbered(100), Agent::numbered(101));
    let attached = upload(&relay, &owner, "is attached");
    let given_up = upload(&relay, &owner, "is given up meanwhile");
    let send = format!(
        r#"{{"recipient_key":"{}","attachments":[{{"blob_id":"{attached}"}}]}}"#,
        other.key()
    );
    let send = owner.request("POST", "/v1/messages", "", &send);
    Connection::to(relay.address()).ask(&send.text).expect(202);

    let (process, backup, _) = begin_backup(&relay, &home);
    let late = upload(&relay, &owner, "comes too late");
    let delete = owner.request("DELETE", &format!("/v1/blobs/{given_up}"), "", "");
    Connection::to(relay.address())
        .ask(&delete.text)
        .expect(204);
    let blobs = fs::File::open(relay.data().join("blobs")).unwrap();
    assert!(
        blobs.try_lock().is_err(),
        "nothing keeps the bytes from being removed"
    );
    process.signal(Signal::SIGCONT);
    process.wait().succeeded();
    blobs.try_lock().unwrap();
    drop(blobs);
    assert_eq!(blob_files(&backup.join("blobs")), 2);

    let data = home.path().join("restored");
    restore(&backup, &data).succeeded();
    let copy = Relay::start_in(&data);
    assert_eq!(read(&copy, &other, &attached, 200), "is attached");
    assert_eq!(read(&copy, &owner, &given_up, 200), "is given up meanwhile");
    read(&copy, &owner, &late, 404);
}

/// Somebody who uploads and gives up until told to end; what is answered is what was kept.
fn start_uploader(number: u8, relay: &Relay, end: &Arc<AtomicBool>) -> JoinHandle<Vec<String>> {
    let (end, address) = (Arc::clone(end), relay.address().to_owned());
    std::thread::spawn(move || {
        let agent = Agent::numbered(number);
        let mut connection = Connection::to(&address);
        let mut ids = Vec::new();
        while !end.load(Ordering::SeqCst) && ids.len() < 80 {
            let bytes = format!("blob {} of {number}", ids.len());
            let request = agent.request("POST", "/v1/blobs", "", &bytes);
            let info = connection.ask(&request.text).expect(201).json();
            let id = info["blob_id"].as_str().unwrap().to_owned();
            if ids.len() % 2 == 1 {
                let request = agent.request("DELETE", &format!("/v1/blobs/{id}"), "", "");
                connection.ask(&request.text).expect(204);
            }
            ids.push(id);
        }
        ids
    })
}

#[test]
fn what_a_restored_relay_knows_of_it_has() {
    let relay = Relay::start();
    let home = tempfile::tempdir().unwrap();
    let end = Arc::new(AtomicBool::new(false));
    let uploaders: Vec<_> = (1..=3)
        .map(|number| start_uploader(number, &relay, &end))
        .collect();
    eventually("some blobs", || {
        (blob_files(&relay.data().join("blobs")) > 10).then_some(())
    });
    let backup = home.path().join("backup");
    relay.run(&["backup", text(&backup)]).succeeded();
    end.store(true, Ordering::SeqCst);
    let data = home.path().join("restored");
    restore(&backup, &data).succeeded();
    let copy = Relay::start_in(&data);
    let mut there = 0;
    for (number, uploader) in (1..=3).zip(uploaders) {
        for (count, id) in uploader.join().unwrap().iter().enumerate() {
            let request =
                Agent::numbered(number).request("GET", &format!("/v1/blobs/{id}"), "", "");
            let reply = Connection::to(copy.address()).ask(&request.text);
            match reply.status {
                200 => assert_eq!(reply.body, format!("blob {count} of {number}")),
                status => assert_eq!(status, 404, "{reply:?}"),
            }
            there += usize::from(reply.status == 200);
        }
    }
    assert_eq!(blob_files(&data.join("blobs")), there);
}

fn small_backup(home: &TempDir) -> PathBuf {
    let relay = Relay::start();
    Connection::to(relay.address())
        .ask(&Agent::numbered(1).send(&recipient(), "[1,1]").text)
        .expect(202);
    let backup = home.path().join("backup");
    relay.run(&["backup", text(&backup)]).succeeded();
    let again = relay.run(&["backup", text(&backup)]);
    assert_eq!(again.code(), 73, "{again:?}");
    backup
}

#[test]
fn what_is_not_a_whole_backup_is_not_brought_back() {
    let home = tempfile::tempdir().unwrap();
    let backup = small_backup(&home);
    let data = home.path().join("data");
    let manifest = backup.join("manifest.json");
    let whole = fs::read_to_string(&manifest).unwrap();
    for (changed, code, words) in [
        (
            whole.replace("\"layout\": ", "\"layout\": 99"),
            65,
            "layout",
        ),
        (whole.replace("\"format\": 1", "\"format\": 2"), 65, "form"),
        (
            whole.replace("\"sha256\": \"", "\"sha256\": \"0"),
            65,
            "manifest says",
        ),
        (whole.replace("\"count\": 0", "\"count\": 1"), 65, "blobs"),
        (whole[..whole.len() / 2].to_owned(), 65, "manifest"),
    ] {
        assert_ne!(changed, whole);
        fs::write(&manifest, changed).unwrap();
        let refused = restore(&backup, &data);
        assert_eq!(refused.code(), code, "{refused:?}");
        assert!(
            refused.stderr.contains(words),
            "{words}: {}",
            refused.stderr
        );
        // A relay does not take a directory that is half filled.
        let mut serve = Command::new(programs::path("relayd"));
        serve
            .env_clear()
            .args(["check", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data);
        let checked = Process::start(serve, b"").wait();
        let is_half = data.join("restoring").exists();
        assert_eq!(checked.code() == 78, is_half, "{checked:?}");
        if !is_half {
            let _ = fs::remove_dir_all(&data);
        }
    }
    fs::write(&manifest, whole).unwrap();
    restore(&backup, &data).succeeded();
    assert_eq!(inbox(&Relay::start_in(&data)), [(1, 1)]);
    let damaged = backup.join("relay.redb");
    let mut bytes = fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let refused = restore(&backup, &home.path().join("other"));
    assert_eq!(refused.code(), 65, "{refused:?}");
}

#[test]
fn a_backup_comes_back_into_an_empty_directory_that_nobody_uses() {
    let home = tempfile::tempdir().unwrap();
    let backup = small_backup(&home);
    let relay = Relay::start();
    let in_use = restore(&backup, relay.data());
    assert_eq!(in_use.code(), 69, "{in_use:?}");
    assert!(
        in_use.stderr.contains(&relay.id().to_string()),
        "{}",
        in_use.stderr
    );
    let full = home.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("anything"), "").unwrap();
    let refused = restore(&backup, &full);
    assert_eq!(refused.code(), 73, "{refused:?}");
    assert!(full.join("anything").exists());
    let nothing = home.path().join("nothing");
    let mut command = Command::new(programs::path("relayd"));
    command
        .env_clear()
        .arg("backup")
        .arg(home.path().join("b"))
        .arg("--data-dir")
        .arg(&nothing);
    let refused = Process::start(command, b"").wait();
    assert_eq!(refused.code(), 78, "{refused:?}");
    assert!(!nothing.exists() && !home.path().join("b").exists());
}
