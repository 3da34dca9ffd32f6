//! Local HTTP to messages: what proves itself is durable before it is answered.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use tests::process::{Process, eventually};
use tests::relay::Relay;
use tests::user::User;

const SECRET: &str = "correct horse battery staple";

/// A port that nobody has.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Runs curl; gives the HTTP status and the answer.
fn curl(user: &User, arguments: &[&str], body: &str) -> (u16, Value) {
    let mut command = user.command(PathBuf::from("curl"));
    command
        .args(["-sS", "--max-time", "30", "-w", "\n%{http_code}"])
        .args(["--data-binary", "@-"])
        .args(arguments);
    let output = Process::start(command, body.as_bytes()).wait().succeeded();
    let (answer, status) = output.trim_end().rsplit_once('\n').unwrap();
    let answer = serde_json::from_str(answer).unwrap_or(Value::Null);
    (status.parse().unwrap(), answer)
}

/// The signature as another program makes it.
fn signed(user: &User, text: &str) -> String {
    let mut command = user.command(PathBuf::from("openssl"));
    command.args(["dgst", "-sha256", "-hmac", SECRET, "-hex"]);
    let output = Process::start(command, text.as_bytes()).wait().succeeded();
    output.rsplit(' ').next().unwrap().trim().to_owned()
}

fn keep_secret(user: &User, mode: u32) {
    let path = user.home().join("secret");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn texts(user: &User, count: usize) -> Vec<String> {
    eventually("the messages", || {
        Some(user.texts()).filter(|texts| texts.len() >= count)
    })
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or_default()
}

#[test]
fn a_signed_request_becomes_a_message_to_a_group() {
    let relay = Relay::start();
    let user = User::at("hub", &relay);
    let (alice, bob) = (User::at("alice", &relay), User::at("bob", &relay));
    for known in [&alice, &bob] {
        user.mrpctl(&["contact", "add", known.name(), &known.key()])
            .succeeded();
    }
    keep_secret(&user, 0o600);
    let port = free_port();
    user.configure(&format!(
        r#"
[groups]
ops = ["alice", "bob"]
[[ingress]]
name = "grafana"
listen = "127.0.0.1:{port}"
path = "/hooks/grafana"
hmac = {{ header = "X-Signature", secret_file = "~/secret", prefix = "sha256=" }}
to = "@ops"
template = '{{"text": {{{{ (body.title ~ " " ~ query.n) | tojson }}}} }}'
max_body = "1KiB"
delivery_header = "X-Delivery"
"#
    ));
    user.reload();
    let url = format!("http://127.0.0.1:{port}/hooks/grafana?n=7");
    let body = json!({ "title": "disk \"full\"" }).to_string();
    let signature = format!("X-Signature: sha256={}", signed(&user, &body));
    let json = "content-type: application/json";
    let post = |headers: &[&str], body: &str| {
        let mut arguments = vec![url.as_str()];
        for header in headers {
            arguments.extend(["-H", header]);
        }
        curl(&user, &arguments, body)
    };
    eventually("the listener", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    for _ in 0..2 {
        let (status, answer) = post(&[json, &signature, "X-Delivery: 1"], &body);
        assert_eq!(status, 202, "{answer}");
    }
    for (headers, body, expected, word) in [
        (
            &[json, "X-Delivery: 2"][..],
            body.as_str(),
            401,
            "not_permitted",
        ),
        (
            &[json, &signature, "X-Delivery: 2"],
            "{}",
            401,
            "not_permitted",
        ),
        (
            &[json, &signature, &signature, "X-Delivery: 2"],
            &body,
            401,
            "not_permitted",
        ),
        (&[json, &signature], &body, 400, "invalid_request"),
        (
            &["content-type: image/png", &signature, "X-Delivery: 2"],
            &body,
            400,
            "invalid_request",
        ),
        (
            &[json, &signature, "X-Delivery: 2"],
            &"x".repeat(1025),
            413,
            "too_large",
        ),
    ] {
        let (status, answer) = post(headers, body);
        assert_eq!(
            (status, code(&answer)),
            (expected, word),
            "{headers:?} {answer}"
        );
    }
    let other = format!("http://127.0.0.1:{port}/other");
    assert_eq!(curl(&user, &[&other], "x").0, 404);
    assert_eq!(curl(&user, &[&url, "-X", "PUT"], "x").0, 405);
    // A secret that others can read is none.
    keep_secret(&user, 0o644);
    let (status, answer) = post(&[json, &signature, "X-Delivery: 3"], &body);
    assert_eq!(status, 503, "{answer}");
    assert!(
        !answer.to_string().contains("secret\""),
        "no path is told: {answer}"
    );
    keep_secret(&user, 0o600);
    let (status, _) = post(&[json, &signature, "X-Delivery: 4"], &body);
    assert_eq!(status, 202);
    for reader in [&alice, &bob] {
        assert_eq!(texts(reader, 2), ["disk \"full\" 7", "disk \"full\" 7"]);
    }
}

#[test]
fn listeners_follow_the_configuration_and_messages_survive_a_kill() {
    let mut relay = Relay::start();
    let mut user = User::at("hub", &relay);
    let port = free_port();
    let socket = user.home().join("in.sock");
    let (before, path) = (
        user.home().join(".config/mrp/mrpd.toml"),
        socket.display().to_string(),
    );
    let before_text = std::fs::read_to_string(&before).unwrap();
    user.configure(&format!(
        r#"
[[ingress]]
name = "open"
listen = "127.0.0.1:{port}"
open = true
to = "me"
[[ingress]]
name = "local"
listen = "{path}"
path = "/in"
open = true
to = "me"
"#
    ));
    user.reload();
    let url = format!("http://127.0.0.1:{port}/");
    eventually("the listener", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    let text = ["-H", "content-type: text/plain"];
    let page = [&url, text[0], text[1], "-H", "origin: https://evil.example"];
    let (status, answer) = curl(&user, &page, "from a page");
    assert_eq!((status, code(&answer)), (401, "not_permitted"));
    relay.kill();
    assert_eq!(curl(&user, &[&url, text[0], text[1]], "over tcp\n").0, 202);
    let form = ["--unix-socket", &path, "http://x/in"];
    assert_eq!(curl(&user, &form, "text=a+form%21&n=1&n=2").0, 202);
    user.kill_daemon();
    user.start_daemon();
    relay.resume();
    assert_eq!(texts(&user, 2), ["over tcp", "a form!"]);
    assert_eq!(user.inbox()[1]["body"]["n"], json!(["1", "2"]));
    std::fs::write(&before, before_text).unwrap();
    user.reload();
    eventually("the listeners to be gone", || {
        let refused = std::net::TcpStream::connect(("127.0.0.1", port)).is_err();
        (refused && !socket.exists()).then_some(())
    });
}

#[test]
fn an_ingress_that_proves_nothing_must_say_so() {
    let relay = Relay::start();
    let user = User::at("hub", &relay);
    user.configure("[[ingress]]\nname = \"bad\"\nlisten = \"0.0.0.0:0\"\nto = \"@none\"\ntemplate = \"{{ nothing }}\"");
    user.reload();
    let (_, status) = user.api("GET", "/v1/status", None);
    let warnings = status["warnings"].to_string();
    for words in [
        "ingress.bad.hmac",
        "open = true",
        "no group",
        "no \\\"nothing\\\" here",
        "other machines",
    ] {
        assert!(warnings.contains(words), "{words} is not in {warnings}");
    }
}
