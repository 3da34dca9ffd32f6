//! Blobs in an S3-compatible bucket: a real relay, and a server that speaks S3.

use std::io::Write as _;
use tests::agent::{Agent, Answer, connect, read_answer};
use tests::process::{Process, eventually};
use tests::python;
use tests::relay::Relay;

const MIB: usize = 1 << 20;

/// The server, with one bucket.
struct Bucket {
    address: String,
    server: Process,
}

impl Bucket {
    fn start() -> Self {
        let mut server = Process::start(python::script("moto-5.2.5", "s3/server.py"), b"");
        let address = server.line_after("s3 ready ");
        let bucket = Self { address, server };
        bucket.request("PUT", "/blobs").expect(200);
        bucket
    }

    /// The server believes everyone.
    fn request(&self, method: &str, target: &str) -> Answer {
        let mut stream = connect(&self.address);
        let host = &self.address;
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the server reads");
        read_answer(stream)
    }

    /// Names of all objects.
    fn names(&self) -> Vec<String> {
        let list = self.request("GET", "/blobs?list-type=2").expect(200);
        let list = String::from_utf8(list).expect("XML");
        let names = list.split("<Key>").skip(1);
        names
            .filter_map(|rest| rest.split("</Key>").next().map(str::to_owned))
            .collect()
    }

    fn relay(&self) -> Relay {
        let endpoint = format!("http://{}", self.address);
        Relay::start_with_environment(
            &["--set", "blob_store=s3://blobs/relay/one"],
            &[
                ("AWS_ENDPOINT_URL", &endpoint),
                ("AWS_ACCESS_KEY_ID", "test-key"),
                ("AWS_SECRET_ACCESS_KEY", "test-secret-that-nobody-sees"),
            ],
        )
    }
}

/// Where a blob is in the bucket.
fn name(path: &str) -> String {
    let hash = path.strip_prefix("/v1/blobs/blob_").expect("an id");
    format!("relay/one/{}/{}/{hash}", &hash[..2], &hash[2..4])
}

#[test]
fn blobs_come_into_the_bucket_are_read_from_it_and_go() {
    let bucket = Bucket::start();
    let mut relay = bucket.relay();
    let agent = Agent::new(1);
    // More than one part, and no whole number of them.
    let large: Vec<u8> = (0..12 * MIB + 5).map(|index| (index / 7) as u8).collect();
    let paths = [
        agent.upload(relay.address(), b""),
        agent.upload(relay.address(), b"hello"),
        agent.upload(relay.address(), &large),
    ];
    let mut expected = paths.each_ref().map(|path| name(path));
    expected.sort();
    assert_eq!(bucket.names(), expected);
    agent.upload(relay.address(), b"hello");
    assert_eq!(bucket.names(), expected, "the same bytes are stored once");

    relay.kill();
    relay.resume();
    let get =
        |path: &str, headers: &str| agent.request_with(relay.address(), "GET", path, headers, b"");
    assert_eq!(get(&paths[0], "").expect(200), b"");
    assert_eq!(get(&paths[1], "").expect(200), b"hello");
    assert!(
        get(&paths[2], "").expect(200) == large,
        "the bytes are not the same"
    );
    let range = format!("range: bytes={}-\r\n", 12 * MIB);
    assert_eq!(get(&paths[2], &range).expect(206), &large[12 * MIB..]);

    for path in &paths {
        agent
            .request(relay.address(), "DELETE", path, b"")
            .expect(204);
    }
    eventually("the bucket to be empty", || {
        bucket.names().is_empty().then_some(())
    });
    let log = relay.terminate().stderr;
    assert!(!log.contains("test-secret"), "{log}");
}

#[test]
fn a_bucket_that_is_not_there_is_tried_again_and_says_nothing_of_itself() {
    let bucket = Bucket::start();
    let relay = bucket.relay();
    let agent = Agent::new(1);
    let path = agent.upload(relay.address(), b"before");
    let Bucket { address, server } = bucket;
    server.kill();
    for answer in [
        agent.request(relay.address(), "POST", "/v1/blobs", b"meanwhile"),
        agent.request(relay.address(), "GET", &path, b""),
    ] {
        assert_eq!(answer.header("retry-after"), Some("5"));
        let text = answer.json(503)["error"].to_string();
        assert!(
            !text.contains(&address) && !text.contains("blobs/relay"),
            "{text}"
        );
    }
    let spool = relay.data().join("blobs/spool");
    assert_eq!(std::fs::read_dir(spool).expect("a folder").count(), 0);
}

#[test]
fn a_bucket_without_credentials_is_named_at_the_start() {
    let mut command = std::process::Command::new(tests::programs::path("relayd"));
    let folder = tempfile::tempdir().expect("a folder");
    command
        .env_clear()
        .arg("serve")
        .arg("--data-dir")
        .arg(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--set", "blob_store=s3://blobs"]);
    let ended = Process::start(command, b"").wait();
    assert_eq!(ended.code(), 78, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("AWS_ACCESS_KEY_ID"),
        "{}",
        ended.stderr
    );
}
