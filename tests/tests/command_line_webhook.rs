//! `mrpctl webhook listen`: a relay's deliveries become runs of a command, and nobody else's do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mrp_proto::envelope::SEALED_CONTENT_TYPE;
use mrp_proto::relay_api::{DeliverySignatures, WebhookSecret};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tests::agent::{Agent, Answer, connect, read_answer};
use tests::process::{Process, eventually};
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

const SECRET: &str = "a secret of many letters";

/// A user with a secret, and no daemon.
fn receiver() -> User {
    let user = User::blank("server");
    keep(&user, "secret", SECRET);
    user
}

/// Writes a file that only the user can read.
fn keep(user: &User, name: &str, content: &str) {
    let path = user.home().join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A listener, and where it listens.
struct Listener {
    process: Process,
    address: String,
}

impl Listener {
    /// Listens with these options, and runs a script for each message.
    fn start(user: &User, options: &[&str], script: &str) -> Self {
        let mut arguments = vec!["webhook", "listen", "--secret-file", "secret"];
        if !options.contains(&"--addr") {
            arguments.extend(["--addr", "127.0.0.1:0"]);
        }
        arguments.extend(options);
        arguments.extend(["--", "sh", "-c", script]);
        let process = user.start_mrpctl(&arguments, b"");
        let url = process.error_after("listening on http://");
        let address = url.strip_suffix("/mrp").unwrap().to_owned();
        Self { process, address }
    }

    fn post(&self, delivery: &Delivery) -> Answer {
        delivery.post(&self.address)
    }

    /// Waits until it has told this so often, and no oftener.
    #[track_caller]
    fn tells(&self, words: &str, times: usize) {
        let count = || self.process.errors_so_far().matches(words).count();
        eventually(words, || (count() >= times).then_some(()));
        assert_eq!(count(), times, "{}", self.process.errors_so_far());
    }
}

/// A delivery as a relay makes it, or as it would not.
#[derive(Clone)]
struct Delivery {
    target: &'static str,
    method: &'static str,
    secret: &'static str,
    id: String,
    /// How long ago it was signed, in seconds.
    age: i64,
    body: String,
}

impl Delivery {
    fn of(number: u8, text: &str) -> Self {
        let id = format!("dlv_0000000000{number:02x}");
        let message = json!({
            "message_id": format!("msg_1800000000_0000000000{number:02x}"),
            "sender_key": Agent::new(1).key(), "recipient_key": Agent::new(2).key(),
            "content_type": "application/json", "body": {"text": text}, "attachments": [], "status": "sent",
            "created_at": "2026-01-01T00:00:00Z", "expires_at": "2100-01-01T00:00:00Z",
        });
        Self {
            target: "/mrp",
            method: "POST",
            secret: SECRET,
            body: json!({"delivery_id": id, "message": message}).to_string(),
            id,
            age: 0,
        }
    }

    /// The standard headers, or only the published one.
    fn head(&self, published: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let time = i64::try_from(now.as_secs()).unwrap() - self.age;
        let secret = WebhookSecret::new(self.secret.to_owned());
        let signed = DeliverySignatures::of(&secret, &self.id, time, self.body.as_bytes());
        let signatures = if published.is_empty() {
            let standard = signed.standard;
            format!(
                "webhook-id: {}\r\nwebhook-timestamp: {time}\r\nwebhook-signature: {standard}\r\n",
                self.id
            )
        } else {
            format!("{published}: {}\r\n", signed.published)
        };
        let (method, target, length) = (self.method, self.target, self.body.len());
        format!(
            "{method} {target} HTTP/1.1\r\nhost: x\r\n{signatures}content-length: {length}\r\n\r\n"
        )
    }

    fn post(&self, address: &str) -> Answer {
        self.post_with(address, &self.head(""))
    }

    fn post_with(&self, address: &str, head: &str) -> Answer {
        let mut stream = connect(address);
        // What is refused by its head is not read to its end.
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(self.body.as_bytes());
        read_answer(stream)
    }
}

fn read(user: &User, name: &str) -> String {
    std::fs::read_to_string(user.home().join(name)).unwrap_or_default()
}

fn text(answer: Answer, status: u16) -> String {
    String::from_utf8(answer.expect(status)).unwrap()
}

#[test]
fn what_a_relay_posts_is_opened_and_run_and_comes_again_until_it_is_handled() {
    let relay = Relay::start_with_local_webhooks();
    let sender = User::at("laptop", &relay);
    let mut server = User::at("server", &relay);
    let key = server.key();
    keep(&server, "secret", SECRET);
    // The first run of each message fails.
    let script = "echo \"$MRP_ATTEMPT $MRP_KIND $MRP_TEXT [$MRPD_SOCKET]\" >> runs; cat >> messages; [ \"$MRP_ATTEMPT\" -gt 1 ]";
    let options = ["--key", ".mrp/keys/server.key", "-v"];
    let listener = Listener::start(&server, &options, script);
    let url = format!("http://{}/mrp", listener.address);
    server
        .mrpctl(&["webhook", "set", &url, "--secret-file", "secret"])
        .succeeded();
    // While an agent has a session its mail goes there.
    server.terminate_daemon();

    let id = sender.mrpctl(&["send", &key, "by webhook"]).succeeded();
    eventually("the message to be handled", || {
        let shown = sender.mrpctl(&["receipts", id.trim()]).succeeded();
        shown.contains("\"delivered\"").then_some(())
    });
    assert_eq!(
        read(&server, "runs"),
        "1 text by webhook []\n2 text by webhook []\n"
    );
    let messages = lines(&read(&server, "messages"));
    let (first, second) = (&messages[0], &messages[1]);
    assert_eq!(first["id"], id.trim());
    assert_eq!(
        (&first["body"], &first["encrypted"], &first["verified"]),
        (&json!({"text": "by webhook"}), &json!(true), &json!(true))
    );
    assert_eq!(
        (&first["attempt"], &second["attempt"], &first["seq"]),
        (&json!(1), &json!(2), &json!(0))
    );
    listener.tells(
        &format!("{}: exit status 1; it is handled when", id.trim()),
        1,
    );
    listener.process.signal(Signal::SIGTERM);
    let ended = listener.process.wait();
    assert_eq!(
        (ended.code(), ended.stdout.as_str()),
        (143, ""),
        "{ended:?}"
    );
}

#[test]
fn what_is_forged_stale_or_no_delivery_is_turned_away_and_run_by_nobody() {
    let user = receiver();
    let listener = Listener::start(&user, &[], "cat >> messages");
    let right = Delivery::of(1, "hi");
    let with = |change: &dyn Fn(&mut Delivery)| {
        let mut delivery = right.clone();
        change(&mut delivery);
        listener.post(&delivery)
    };
    let forged = with(&|delivery| delivery.secret = "another secret, as long");
    assert_eq!(
        text(forged, 401),
        "the signature does not match the secret and the delivery\n"
    );
    let tampered = right.post_with(&listener.address, &{
        let other = Delivery::of(1, "ho");
        other.head("")
    });
    assert!(text(tampered, 401).contains("does not match"));
    let renamed = right.head("").replace(
        "webhook-id: dlv_000000000001",
        "webhook-id: dlv_000000000002",
    );
    assert_eq!(right.post_with(&listener.address, &renamed).status, 401);
    let unsigned = right.post_with(
        &listener.address,
        &right.head("").replace("webhook-signature", "x-other"),
    );
    assert!(text(unsigned, 401).contains("is not signed"));
    for age in [400, -400] {
        let stale = text(with(&|delivery| delivery.age = age), 401);
        assert!(stale.contains("away from this machine's clock"), "{stale}");
    }
    assert_eq!(with(&|delivery| delivery.target = "/").status, 404);
    assert_eq!(with(&|delivery| delivery.target = "/mrp?x=1").status, 404);
    let method = with(&|delivery| delivery.method = "PUT");
    assert!(method.head.contains("allow: post"), "{}", method.head);
    assert_eq!(method.status, 405);
    let large = with(&|delivery| delivery.body = "x".repeat(3 << 20));
    assert_eq!(large.status, 413);
    let nonsense = with(&|delivery| delivery.body = "{}".to_owned());
    assert!(text(nonsense, 400).contains("no delivery of a message"));
    let misnamed = with(&|delivery| {
        delivery.body = delivery
            .body
            .replace("dlv_000000000001", "dlv_00000000000f")
    });
    assert!(text(misnamed, 400).contains("is not the delivery's id"));
    let expired = with(&|delivery| delivery.body = delivery.body.replace("2100-", "2026-"));
    assert!(text(expired, 401).contains("expired"));

    // Of more than a dozen, not all are told of.
    listener.tells("turned away 127.0.0.1: ", 10);
    listener.tells("turned away 127.0.0.1: the signature does not match", 3);
    assert_eq!(text(listener.post(&right), 200), "handled\n");
    let messages = lines(&read(&user, "messages"));
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(
        (&messages[0]["text"], &messages[0]["verified"]),
        (&json!("hi"), &json!(false))
    );
}

#[test]
fn a_delivery_that_was_there_before_is_not_run_again() {
    let user = receiver();
    let listener = Listener::start(&user, &["-v"], "echo \"$MRP_TEXT\" >> runs");
    let delivery = Delivery::of(1, "hi");
    assert_eq!(text(listener.post(&delivery), 200), "handled\n");
    assert_eq!(text(listener.post(&delivery), 200), "it was there before\n");
    // Of a relay that signs only the body, the id in it is what counts.
    let published = delivery.head("x-m2m-webhook-signature");
    for number in [1, 2] {
        let answer = delivery.post_with(&listener.address, &published);
        assert_eq!(text(answer, 200), "it was there before\n", "{number}");
    }
    listener.tells("signs the body alone", 1);
    assert_eq!(
        text(listener.post(&Delivery::of(2, "ho")), 200),
        "handled\n"
    );
    assert_eq!(read(&user, "runs"), "hi\nho\n");
}

#[test]
fn what_was_tampered_with_is_dropped_and_what_is_for_others_stays_with_the_relay() {
    let user = receiver();
    let changed = |number: u8, pointer: &str, value: Value| {
        let mut delivery = Delivery::of(number, "hi");
        let mut body: Value = serde_json::from_str(&delivery.body).unwrap();
        body["message"][pointer] = value;
        delivery.body = body.to_string();
        delivery
    };
    let tampered = changed(1, "metadata", json!({"mrp-sig": "x"}));
    let sealed = |number| changed(number, "content_type", json!(SEALED_CONTENT_TYPE));
    let listener = Listener::start(&user, &[], "echo \"$MRP_KIND $MRP_TEXT\" >> runs");
    // It will not become right by coming again, and would hold up the others.
    assert_eq!(text(listener.post(&tampered), 200), "dropped\n");
    listener.tells("is dropped: its signature does not hold", 1);
    for number in [2, 3] {
        assert_eq!(text(listener.post(&sealed(number)), 200), "handled\n");
    }
    listener.tells("--key FILE opens them", 1);
    assert_eq!(read(&user, "runs"), "undecryptable \nundecryptable \n");

    user.mrpctl(&["key", "new", "other"]).succeeded();
    let listener = Listener::start(&user, &["--key", ".mrp/keys/other.key"], "echo >> others");
    let answer = listener.post(&Delivery::of(4, "hi"));
    assert_eq!(text(answer, 422), "the message is for another agent\n");
    listener.tells("not to this agent", 1);
    assert_eq!(read(&user, "others"), "");
}

#[test]
fn the_relay_is_answered_as_the_command_ends() {
    let user = receiver();
    let listener = Listener::start(
        &user,
        &["--attempts", "2"],
        "echo \"$MRP_ATTEMPT\" >> runs; exit \"$(cat status)\"",
    );
    let mut number = 0;
    let mut answered = |status: &str| {
        number += 1;
        std::fs::write(user.home().join("status"), status).unwrap();
        listener.post(&Delivery::of(number, "hi"))
    };
    for (status, code) in [
        ("0", 200),
        ("99", 200),
        ("100", 200),
        ("65", 200),
        ("1", 500),
        ("75", 503),
        ("111", 503),
    ] {
        let answer = answered(status);
        assert_eq!(answer.status, code, "{status}");
        assert_eq!(
            answer.head.contains("\r\nretry-after: 10\r\n"),
            code == 503,
            "{}",
            answer.head
        );
    }
    listener.tells(" is given up: exit status ", 2);
    // The fifth failed once; after the second time it is given up, and known from then on.
    std::fs::write(user.home().join("status"), "1").unwrap();
    let fifth = Delivery::of(5, "hi");
    assert_eq!(text(listener.post(&fifth), 200), "given up\n");
    assert_eq!(text(listener.post(&fifth), 200), "it was there before\n");
    assert_eq!(read(&user, "runs").lines().last(), Some("2"));
}

#[test]
fn a_command_that_takes_long_is_run_once_and_told_of_when_the_relay_comes_again() {
    let user = receiver();
    let script = "echo \"$MRP_TEXT\" >> runs; while [ ! -e go ]; do sleep 0.05; done";
    let listener = Listener::start(&user, &["-j", "2"], script);
    let address = listener.address.as_str();
    let delivery = Delivery::of(1, "one");
    let answers = std::thread::scope(|scope| {
        let post = |number, text| {
            scope.spawn(move || {
                let begun = Instant::now();
                (Delivery::of(number, text).post(address), begun.elapsed())
            })
        };
        let (first, again) = (post(1, "one"), post(1, "one"));
        eventually("a run", || (read(&user, "runs") == "one\n").then_some(()));
        let second = post(2, "two");
        eventually("another run", || {
            (read(&user, "runs") == "one\ntwo\n").then_some(())
        });
        // There is place for two.
        let third = post(3, "three");
        [first, again, second, third].map(|posting| posting.join().unwrap())
    });
    for (answer, took) in answers {
        assert!(took.as_secs() < 10, "relays wait 10 s, this took {took:?}");
        assert!(answer.head.contains("retry-after: 2"), "{}", answer.head);
        assert_eq!(text(answer, 503), "it is not done yet\n");
    }
    std::fs::write(user.home().join("go"), "").unwrap();
    eventually("the run to be known as handled", || {
        let answer = listener.post(&delivery);
        assert_eq!(answer.status, 200);
        (answer.body == b"it was there before\n").then_some(())
    });
    assert_eq!(
        read(&user, "runs"),
        "one\ntwo\n",
        "one is run once, and for the third nobody waited any more"
    );
}

#[test]
fn commands_run_beside_each_other_where_that_is_wanted() {
    let user = receiver();
    // Each waits for the other.
    let script = "touch \"$MRP_TEXT\"; while [ ! -e a ] || [ ! -e b ]; do sleep 0.05; done";
    let listener = Listener::start(&user, &["-j", "2", "-c", "2"], script);
    std::thread::scope(|scope| {
        for (number, text) in [(1, "a"), (2, "b")] {
            let address = &listener.address;
            scope.spawn(move || {
                let answer = Delivery::of(number, text).post(address);
                assert_eq!(answer.status, 200, "{text}");
            });
        }
    });
    let ended = listener.process.wait();
    assert_eq!(ended.code(), 0, "after two messages it ends: {ended:?}");
}

#[test]
fn a_command_that_takes_too_long_is_ended_with_all_it_started() {
    let user = receiver();
    let script = "sleep 600 & echo $! > child; wait";
    let listener = Listener::start(&user, &["--run-timeout", "300ms"], script);
    let answer = listener.post(&Delivery::of(1, "hi"));
    assert_eq!(text(answer, 500), "the command failed\n");
    listener.tells("took too long", 1);
    let child: i32 = read(&user, "child").trim().parse().unwrap();
    eventually("the child to be gone", || is_gone(child).then_some(()));
}

/// Whether a process has ended; nobody may have taken note of it yet.
fn is_gone(process: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    kill(Pid::from_raw(process), None).is_err() || state.contains(") Z ")
}

#[test]
fn with_one_message_it_ends_as_the_command_did() {
    let user = receiver();
    for (script, code, status) in [("cat; exit 0", 0, 200), ("cat; exit 9", 9, 500)] {
        let listener = Listener::start(&user, &["-c", "1"], script);
        assert_eq!(listener.post(&Delivery::of(1, "hi")).status, status);
        let ended = listener.process.wait();
        assert_eq!(ended.code(), code, "{ended:?}");
        let message: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(message["text"], "hi", "its output is the command's");
    }
    let arguments = [
        "webhook",
        "listen",
        "--addr",
        "127.0.0.1:0",
        "--secret-file",
        "-",
        "--",
        "no-such-program",
    ];
    let process = user.start_mrpctl(&arguments, SECRET.as_bytes());
    let url = process.error_after("listening on http://");
    let answer = Delivery::of(1, "hi").post(url.strip_suffix("/mrp").unwrap());
    assert_eq!(answer.status, 500, "nothing is lost: it comes again");
    process.wait().failed(127, "cannot start no-such-program");
}

#[test]
fn a_signal_lets_the_command_finish_and_a_second_one_does_not() {
    let user = receiver();
    let script = "echo $$ > pid; while [ ! -e go ]; do sleep 0.05; done";
    let begin = |signal: Signal| {
        let _ = std::fs::remove_file(user.home().join("pid"));
        let listener = Listener::start(&user, &[], script);
        let address = listener.address.clone();
        let posting = std::thread::spawn(move || Delivery::of(1, "hi").post(&address));
        let pid = eventually("the command", || read(&user, "pid").trim().parse().ok());
        listener.process.signal(signal);
        listener.process.error_after("waiting for 1 to end");
        (listener, posting, pid)
    };
    let (listener, posting, _) = begin(Signal::SIGTERM);
    std::fs::write(user.home().join("go"), "").unwrap();
    assert_eq!(text(posting.join().unwrap(), 200), "handled\n");
    assert_eq!(listener.process.wait().code(), 143);

    std::fs::remove_file(user.home().join("go")).unwrap();
    let (listener, posting, pid) = begin(Signal::SIGINT);
    listener.process.signal(Signal::SIGINT);
    assert_eq!(text(posting.join().unwrap(), 503), "the receiver ends\n");
    assert_eq!(listener.process.wait().code(), 130);
    eventually("the command to be gone", || is_gone(pid).then_some(()));

    let listener = Listener::start(&user, &["--timeout", "200ms"], "true");
    listener.process.wait().failed(124, "not done within");
}

#[test]
fn what_cannot_be_begun_is_told() {
    let user = receiver();
    let listener = Listener::start(&user, &[], "true");
    let listen = |options: &[&str]| {
        let mut arguments = vec!["webhook", "listen"];
        arguments.extend(options);
        user.mrpctl(&arguments)
    };
    let command = ["--", "true"];
    let with = |options: &[&str]| listen(&[options, &command[..]].concat());
    with(&[]).failed(64, "--secret-file");
    listen(&["--secret-file", "secret"]).failed(64, "CMD");
    with(&["--secret-file", "missing"]).failed(66, "missing");
    std::fs::write(user.home().join("open"), SECRET).unwrap();
    let path: &Path = &user.home().join("open");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o640)).unwrap();
    with(&["--secret-file", "open"]).failed(77, "chmod 600 open");
    keep(&user, "empty", " \n");
    with(&["--secret-file", "empty"]).failed(65, "holds no secret");
    let taken = ["--secret-file", "secret", "--addr", &listener.address];
    with(&taken).failed(69, "cannot listen on");
    with(&["--secret-file", "secret", "--addr", "8089"]).failed(64, "8089");
    with(&["--secret-file", "secret", "--path", "mrp"]).failed(64, "expected a path");
    with(&["--secret-file", "secret", "--key", "no.key"]).failed(66, "there is no key file no.key");
}
