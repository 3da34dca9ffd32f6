//! Messages without a WebSocket: polls that lose nothing, and going over from one to the other behind a proxy.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use tests::process::eventually;
use tests::proxy::{Proxy, Upgrades};
use tests::relay::Relay;
use tests::user::User;

/// The user's only session.
fn session(user: &User) -> Value {
    let (status, answer) = user.api("GET", "/v1/status", None);
    assert_eq!(status, 200, "{answer}");
    answer["sessions"][0].clone()
}

fn await_transport(user: &User, transport: &str) {
    eventually(&format!("a session by {transport}"), || {
        let session = session(user);
        (session["state"] == "up" && session["transport"] == transport).then_some(())
    });
}

fn await_texts(user: &User, want: &[String]) {
    eventually("all messages", || {
        (user.texts().len() >= want.len()).then_some(())
    });
    assert_eq!(user.texts(), want);
}

fn lines(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("line {number}")).collect()
}

/// A user at a relay that is asked through a proxy.
fn user_behind(upgrades: Upgrades) -> (Proxy, Relay, User) {
    let proxy = Proxy::bind(upgrades);
    let names = format!("names={}", proxy.address());
    let relay = Relay::start_with(&["--set", &names]);
    proxy.serve(relay.address());
    let mut user = User::blank("bob");
    user.start_daemon();
    let url = format!("http://{}", proxy.address());
    user.mrpctl(&["init", "--name", "bob", "--relay", &url])
        .succeeded();
    (proxy, relay, user)
}

#[test]
fn polls_bring_everything_in_order_and_acknowledge_it() {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let mut bob = User::at("bob", &relay);
    let key = bob.key();
    bob.terminate_daemon().succeeded();
    bob.set_transport("poll");
    // More than two pages wait, and the rest comes while polls are held back.
    let (mut want, later) = (lines(130), "the last".to_owned());
    let input = want.join("\n");
    alice
        .mrpctl_with(&["send", &key, "--lines", "--async"], input.as_bytes())
        .succeeded();
    eventually("the outbox to be empty", || {
        let (_, status) = alice.api("GET", "/v1/status", None);
        (status["outbox"]["queued"] == 0).then_some(())
    });
    bob.start_daemon();
    await_texts(&bob, &want);
    await_transport(&bob, "poll");
    let shown = bob.mrpctl(&["status", "-o", "text"]).succeeded();
    assert!(shown.contains(" up by polls since "), "{shown}");
    // It is delivered when the relay has the acknowledgement.
    alice
        .mrpctl(&["send", &key, "--wait", "delivered", &later])
        .succeeded();
    want.push(later);
    assert_eq!(bob.texts(), want);
    // And back: sends go by HTTP either way.
    bob.mrpctl(&["send", &alice.key(), "--wait", "delivered", "thanks"])
        .succeeded();
    assert_eq!(alice.texts(), ["thanks"]);
}

#[test]
fn a_proxy_that_knows_no_websockets_is_polled_through_until_it_does() {
    for upgrades in [Upgrades::Refused, Upgrades::Cut] {
        let (proxy, relay, bob) = user_behind(upgrades);
        let alice = User::at("alice", &relay);
        let key = bob.key();
        bob.set_transport("auto");
        bob.reload();
        await_transport(&bob, "poll");
        let send = |text: &str| {
            let sent = alice.mrpctl(&["send", &key, "--wait", "delivered", text]);
            sent.succeeded();
        };
        send("by polls");
        proxy.set(Upgrades::Passed);
        await_transport(&bob, "ws");
        send("pushed");
        proxy.set(upgrades);
        await_transport(&bob, "poll");
        send("by polls again");
        assert_eq!(bob.texts(), ["by polls", "pushed", "by polls again"]);
    }
}

/// What relays other than ours say of themselves: they lack the acknowledgement over HTTP, and cannot be had here.
fn relay_without_acks() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
    }
    let health = r#"{"status":"ok","version":"1","timestamp":"2026-03-04T08:00:00Z"}"#;
    let (status, body) = if request.starts_with("GET /v1/health ") {
        ("200 OK", health)
    } else {
        ("404 Not Found", "{}")
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

#[test]
fn a_relay_that_takes_no_acknowledgements_is_not_polled() {
    let url = relay_without_acks();
    let mut user = User::blank("ann");
    let path = user.config_file();
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let config = format!(
        "[[relay]]\nname = \"other\"\nurl = \"{url}\"\ntransport = \"poll\"\n\
         [[agent]]\nname = \"ann\"\nkey_command = [\"printf\", \"0123456789abcdef0123456789abcdef\"]\n"
    );
    std::fs::write(path, config).expect("a file");
    user.start_daemon();
    let reason = eventually("the reason", || {
        let session = session(&user);
        (session["state"] == "down").then(|| session["reason"].to_string())
    });
    assert!(reason.contains("cannot be polled safely"), "{reason}");
    assert!(reason.contains("transport = \\\"ws\\\""), "{reason}");
    let doctor = user.mrpctl(&["doctor", "-o", "text"]);
    let told = format!("{}{}", doctor.stdout, doctor.stderr);
    assert!(told.contains("cannot be polled safely"), "{told}");
    assert!(told.contains("write transport = \"ws\""), "{told}");
}
