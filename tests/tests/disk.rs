//! A disk that fills up under a relay, by somebody else's doing: what takes room is refused in time, and what gives room goes on.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use tests::disk::SmallDisk;
use tests::process::eventually;
use tests::relay::Relay;
use tests::skip;
use tests::user::User;

/// Looks at a JSON document that the relay gives to everybody.
fn health(relay: &Relay, path: &str) -> serde_json::Value {
    let mut stream = TcpStream::connect(relay.address()).expect("the relay listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a time limit");
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    serde_json::from_str(body).expect("JSON")
}

#[test]
fn a_relay_whose_disk_fills_up_takes_nothing_more_and_still_hands_out() {
    let Some(disk) = SmallDisk::mount("64m") else {
        return skip("mounting a small file system needs root");
    };
    let relay = Relay::start_in(disk.path());
    let alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let key = bob.key();
    let mut bob = bob;
    bob.terminate_daemon();
    let send = |text: &str, until: &str| {
        alice.mrpctl_with(
            &["send", &key, "--wait", until, "--timeout", "20s"],
            text.as_bytes(),
        )
    };
    send("before", "accepted").succeeded();
    assert_eq!(health(&relay, "/v1/health")["status"], "ok");

    // A twentieth of 64 MiB is 3.2 MiB, a tenth 6.4.
    disk.fill(5 << 20);
    let room = |expected: &str| {
        eventually(expected, || {
            let details = health(&relay, "/v1/health/details");
            (details["components"]["disk"]["room"] == expected).then_some(details)
        })
    };
    let details = room("no_uploads");
    assert_eq!(details["status"], "degraded", "{details}");
    send("scarce", "accepted").succeeded();
    disk.clear();
    disk.fill(2 << 20);
    room("no_sends");
    assert_eq!(health(&relay, "/v1/health/ready")["disk"], "no_sends");
    // It stays in the sender's outbox.
    let refused = alice.mrpctl_with(
        &["send", &key, "--wait", "accepted", "--timeout", "3s"],
        b"during",
    );
    assert!(refused.stdout.starts_with("out_"), "{}", refused.stdout);
    // What was accepted is handed out and acknowledged.
    bob.start_daemon();
    eventually("what was accepted", || {
        (bob.texts() == ["before", "scarce"]).then_some(())
    });

    disk.clear();
    room("ample");
    assert_eq!(health(&relay, "/v1/health")["status"], "ok");
    send("after", "accepted").succeeded();
    eventually("everything", || {
        let texts = bob.texts();
        (texts.iter().any(|text| text == "during") && texts.iter().any(|text| text == "after"))
            .then_some(())
    });
}
