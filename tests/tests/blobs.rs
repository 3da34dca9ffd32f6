//! Blobs on a real relay: what is on its disk, and what is in its memory.

use mrp_proto::sign::BodyHash;
use serde_json::json;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use tests::agent::{Agent, connect, read_answer};
use tests::process::eventually;
use tests::relay::Relay;

const MIB: usize = 1 << 20;

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // One that is removed meanwhile is not there.
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Begins an upload of a MiB and sends a part of it.
fn begin_upload(relay: &Relay, agent: &Agent, sent: usize) -> TcpStream {
    let body = vec![7; MIB];
    let head = agent.head("POST", "/v1/blobs", BodyHash::of(&body));
    let mut stream = connect(relay.address());
    write!(stream, "{head}content-length: {MIB}\r\n\r\n").expect("the relay reads");
    stream.write_all(&body[..sent]).expect("the relay reads");
    stream
}

fn spooled(relay: &Relay) -> Vec<PathBuf> {
    files(&relay.data().join("blobs/spool"))
}

fn placed(relay: &Relay) -> Vec<PathBuf> {
    files(&relay.data().join("blobs/objects"))
}

/// A figure of the process's memory, in KiB.
fn memory(relay: &Relay, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", relay.id()));
    let status = status.expect("the relay is running");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let figure = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
    figure
        .and_then(|figure| figure.parse().ok())
        .expect("a figure")
}

/// Bytes that do not repeat soon.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words
        .take(length.div_ceil(8))
        .flatten()
        .take(length)
        .collect()
}

#[test]
fn a_kill_in_mid_upload_leaves_nothing() {
    let mut relay = Relay::start();
    let agent = Agent::new(1);
    let upload = begin_upload(&relay, &agent, MIB / 2);
    eventually("half an upload on the disk", || {
        let files = spooled(&relay);
        let size = |path: &PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
        files.iter().any(|path| size(path) > 0).then_some(())
    });
    relay.kill();
    drop(upload);
    assert_eq!(spooled(&relay).len(), 1, "a killed relay cannot clean up");
    relay.resume();
    assert!(spooled(&relay).is_empty() && placed(&relay).is_empty());
    let path = agent.upload(relay.address(), b"afterwards");
    relay.kill();
    relay.resume();
    let read = agent.request(relay.address(), "GET", &path, b"");
    assert_eq!(read.expect(200), b"afterwards");
}

#[test]
fn what_was_acknowledged_survives_a_kill_right_behind_the_answer() {
    let mut relay = Relay::start();
    let (alice, bob) = (Agent::new(1), Agent::new(2));
    for round in 0..10_usize {
        let blob = noise(1_000 + 50_000 * round);
        let path = alice.upload(relay.address(), &blob);
        relay.kill();
        relay.resume();
        let read = alice.request(relay.address(), "GET", &path, b"");
        assert!(read.expect(200) == blob, "round {round}");
        let blob_id = path.trim_start_matches("/v1/blobs/");
        let message = json!({ "recipient_key": bob.key(), "body": round, "attachments": [{ "blob_id": blob_id }] });
        let message = message.to_string();
        let sent = alice.request(relay.address(), "POST", "/v1/messages", message.as_bytes());
        sent.expect(202);
        relay.kill();
        relay.resume();
        let target = "/v1/messages?limit=1";
        let page = bob.request(relay.address(), "GET", target, b"").json(200);
        let message = &page["messages"][0];
        assert_eq!(message["body"], round);
        let attachment = &message["attachments"][0];
        assert_eq!(attachment["blob_id"], blob_id);
        assert_eq!(attachment["size"], blob.len());
        let read = bob.request(relay.address(), "GET", &path, b"");
        assert!(read.expect(200) == blob, "round {round}");
        let kept = alice.request(relay.address(), "DELETE", &path, b"");
        assert_eq!(kept.json(409)["error"]["code"], "blob_referenced");
    }
    assert_eq!(placed(&relay).len(), 10);
}

#[test]
fn a_client_that_goes_away_or_signed_something_else_leaves_nothing() {
    let relay = Relay::start();
    let agent = Agent::new(1);
    let upload = begin_upload(&relay, &agent, MIB / 2);
    eventually("an upload under way", || {
        (!spooled(&relay).is_empty()).then_some(())
    });
    drop(upload);
    eventually("it to be gone", || spooled(&relay).is_empty().then_some(()));

    let mut upload = begin_upload(&relay, &agent, MIB / 2);
    upload
        .write_all(&vec![8; MIB / 2])
        .expect("the relay reads");
    assert_eq!(
        read_answer(upload).json(401)["error"]["code"],
        "invalid_signature"
    );
    assert!(spooled(&relay).is_empty() && placed(&relay).is_empty());
}

#[test]
fn what_is_given_up_goes_from_the_disk() {
    let relay = Relay::start();
    let (alice, bob) = (Agent::new(1), Agent::new(2));
    let path = alice.upload(relay.address(), b"the same");
    assert_eq!(bob.upload(relay.address(), b"the same"), path);
    let [file] = placed(&relay).try_into().expect("stored once");
    let hash = path.strip_prefix("/v1/blobs/blob_").expect("an id");
    let expected = Path::new(&hash[..2]).join(&hash[2..4]).join(hash);
    assert!(file.ends_with(expected), "{}", file.display());
    alice
        .request(relay.address(), "DELETE", &path, b"")
        .expect(204);
    bob.request(relay.address(), "GET", &path, b"").expect(200);
    bob.request(relay.address(), "DELETE", &path, b"")
        .expect(204);
    eventually("the bytes to be gone", || {
        placed(&relay).is_empty().then_some(())
    });
    bob.request(relay.address(), "GET", &path, b"").expect(404);
}

#[test]
fn a_large_blob_goes_up_and_down_at_flat_memory() {
    let relay = Relay::start();
    let (alice, bob) = (Agent::new(1), Agent::new(2));
    let blob = noise(100 * MIB);
    // What the first of a kind brings up is not what a large one takes.
    let small = alice.upload(relay.address(), &blob[..MIB]);
    alice
        .request(relay.address(), "GET", &small, b"")
        .expect(200);

    let before = memory(&relay, "VmRSS");
    let path = alice.upload(relay.address(), &blob);
    let uploaded = memory(&relay, "VmHWM").saturating_sub(before);
    let blob_id = path.trim_start_matches("/v1/blobs/");
    let message = json!({ "recipient_key": bob.key(), "attachments": [{ "blob_id": blob_id }] });
    let message = message.to_string();
    let sent = alice.request(relay.address(), "POST", "/v1/messages", message.as_bytes());
    sent.expect(202);
    let read = bob.request(relay.address(), "GET", &path, b"");
    assert!(read.expect(200) == blob, "the bytes are not the same");
    let downloaded = memory(&relay, "VmHWM").saturating_sub(before);
    let limit = 8 << 10;
    assert!(uploaded < limit, "{uploaded} KiB more for an upload");
    assert!(downloaded < limit, "{downloaded} KiB more for a download");

    let range = "range: bytes=73400320-73400323\r\n";
    let part = bob.request_with(relay.address(), "GET", &path, range, b"");
    assert_eq!(
        part.header("content-range"),
        Some("bytes 73400320-73400323/104857600")
    );
    assert_eq!(part.expect(206), &blob[73_400_320..73_400_324]);
}

#[test]
fn what_announces_itself_as_too_large_is_refused_before_it_comes() {
    let relay = Relay::start();
    let head = Agent::new(1).head("POST", "/v1/blobs", BodyHash::of(b""));
    for (length, status) in [(100 * MIB + 1, 413), (100 * MIB, 100)] {
        let mut stream = connect(relay.address());
        let head = format!("{head}content-length: {length}\r\nexpect: 100-continue\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("the relay reads");
        if status == 413 {
            let answer = read_answer(stream);
            assert_eq!(answer.json(413)["error"]["details"]["limit"], 100 * MIB);
        } else {
            let mut first = [0; 12];
            std::io::Read::read_exact(&mut stream, &mut first).expect("the relay answers");
            assert_eq!(&first, b"HTTP/1.1 100");
        }
    }
}

#[test]
fn an_address_has_eight_uploads_under_way_and_no_more() {
    let public = ["--set", "public_url=https://relay.example.net"];
    let relay = Relay::start_with(&public);
    let agent = Agent::new(1);
    let mut uploads: Vec<_> = (0..8).map(|_| begin_upload(&relay, &agent, 1)).collect();
    eventually("eight uploads under way", || {
        (spooled(&relay).len() == 8).then_some(())
    });
    let refused = read_answer(begin_upload(&relay, &agent, 1));
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert_eq!(refused.json(503)["error"]["details"]["limit"], 8);
    let mut first = uploads.remove(0);
    first.write_all(&vec![7; MIB - 1]).expect("the relay reads");
    read_answer(first).expect(201);
    eventually("a free place", || {
        (spooled(&relay).len() == 7).then_some(())
    });
    agent.upload(relay.address(), b"the ninth");
}
