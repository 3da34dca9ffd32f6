//! A disk that fills up under a relay, by somebody else's doing: what takes room is refused in time, and what gives room goes on.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tests::process::eventually;
use tests::relay::Relay;
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

/// A file system of a few MiB, gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"])
            .arg(folder.path());
        mount
            .output()
            .is_ok_and(|output| output.status.success())
            .then(|| Self(folder))
    }

    /// Fills it up, but for so many KiB.
    fn fill(&self, but_for: u64) {
        let stat = nix::sys::statvfs::statvfs(self.path()).expect("it is mounted");
        let free = stat.blocks_available() * stat.fragment_size();
        let mut file = std::fs::File::create(self.path().join("somebody-elses")).expect("a file");
        let size = usize::try_from(free - but_for * 1024).expect("it is small");
        file.write_all(&vec![0; size]).expect("there is room");
    }

    fn clear(&self) {
        std::fs::remove_file(self.path().join("somebody-elses")).expect("it is there");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .status();
    }
}

#[test]
fn a_relay_whose_disk_fills_up_takes_nothing_more_and_still_hands_out() {
    let Some(disk) = SmallDisk::mount() else {
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
    disk.fill(5 << 10);
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
    disk.fill(2 << 10);
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

/// Names what is skipped where whoever runs the tests sees it: the test runner keeps what is merely printed to itself.
fn skip(why: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "{why}, and this machine is one that must run every test"
    );
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "skipped {test}: {why}");
}
