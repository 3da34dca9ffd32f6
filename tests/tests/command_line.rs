//! mrpctl as scripts meet it, beside `send` and `tail`: standard output, standard error and exit status of each command; and the
//! daemon's socket as `curl --unix-socket` meets it.

use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use tests::process::Process;
use tests::programs;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[test]
fn init_makes_what_is_missing_and_keeps_what_is_there() {
    let relay = Relay::start();
    let mut user = User::blank("laptop");
    let url = relay.url();
    let arguments = ["init", "--name", "laptop", "--relay", &url, "-o", "json"];
    let first = user.mrpctl(&arguments);
    assert!(
        first.stderr.contains("NEXT\n"),
        "the next steps are no data: {first:?}"
    );
    let first = object(&first.succeeded());
    assert_eq!(
        (
            &first["key_created"],
            &first["config_changed"],
            &first["daemon"]
        ),
        (&json!(true), &json!(true), &json!("stopped"))
    );
    let key_file = user.home().join(".mrp/keys/laptop.key");
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(key_file.clone()), mode(user.home().join(".mrp/keys"))),
        (0o600, 0o700)
    );
    assert_eq!(mode(user.home().join(".config/mrp/mrpd.toml")), 0o600);
    user.start_daemon();
    let again = object(&user.mrpctl(&arguments).succeeded());
    assert_eq!(
        (
            &again["key_created"],
            &again["config_changed"],
            &again["daemon"]
        ),
        (&json!(false), &json!(false), &json!("reloaded"))
    );
    assert_eq!(again["key"], first["key"]);

    user.mrpctl(&["init", "--name", "a b"])
        .failed(64, "cannot be a name");
    user.mrpctl(&["init", "--relay", "ws://x"])
        .failed(64, "neither http nor https");
    std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o644)).unwrap();
    user.mrpctl(&["init", "--name", "laptop"])
        .failed(77, "chmod 600");
    std::fs::write(user.home().join("broken.key"), "short").unwrap();
    std::fs::set_permissions(
        user.home().join("broken.key"),
        std::fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    user.mrpctl(&["init", "--name", "other", "--key", "broken.key"])
        .failed(78, "broken.key");
}

#[test]
fn without_a_terminal_init_asks_nothing_and_takes_the_hosted_relay() {
    let user = User::blank("laptop");
    let ended = user.mrpctl_with(&["init", "--name", "laptop"], b"http://127.0.0.1:1\n");
    assert!(
        ended
            .stderr
            .contains("using the hosted relay https://relay.mrphub.io"),
        "{ended:?}"
    );
    assert_eq!(
        object(&ended.succeeded())["relay"]["url"],
        "https://relay.mrphub.io"
    );
}

#[test]
fn a_daemon_that_cannot_be_reached_is_told_in_both_styles() {
    let user = User::blank("laptop");
    for command in [
        &["status"][..],
        &["whoami"],
        &["card"],
        &["contact", "ls"],
        &["send", "me", "hi"],
        &["tail"],
        &["show", "msg_1_a"],
        &["outbox"],
        &["daemon", "status"],
        &["daemon", "reload"],
    ] {
        let ended = user.mrpctl(command);
        ended.failed(
            69,
            "error: mrpd is not running\n  tried  $MRPD_SOCKET (unset)\n",
        );
        assert!(
            ended.stderr.contains("fix    mrpctl daemon start"),
            "{ended:?}"
        );
        let ended = user.mrpctl(&[command, &["-o", "json"]].concat());
        ended.failed(69, "");
        assert_eq!(
            object(&ended.stderr),
            json!({"error": {"code": "daemon_unreachable", "message": "mrpd is not running", "exit": 69, "retryable": true,
                "hint": "mrpctl daemon start", "request_id": null}})
        );
    }
    let long = "s".repeat(120);
    user.mrpctl(&["--socket", &long, "status"])
        .failed(78, "at most 107 fit");
}

#[test]
fn status_and_whoami_tell_who_and_where() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    let key = user.key();
    let status = object(&user.mrpctl(&["status"]).succeeded());
    assert_eq!(
        (&status["agents"][0]["key"], &status["relays"][0]["url"]),
        (&json!(key), &json!(relay.url()))
    );
    assert_eq!(status["pid"], user.daemon().id());
    let text = user.mrpctl(&["status", "-o", "text"]).succeeded();
    assert!(text.starts_with("mrpd ") && text.contains(&key), "{text}");

    assert_eq!(
        user.mrpctl(&["whoami", "-o", "raw"]).succeeded(),
        format!("{key}\n")
    );
    assert_eq!(
        user.mrpctl(&["whoami", "--fields", "name"]).succeeded(),
        "{\"name\":\"laptop\"}\n"
    );
    assert!(
        user.mrpctl(&["whoami", "-o", "text"])
            .succeeded()
            .contains(&format!("key          {key}\n"))
    );
    user.mrpctl(&["whoami", "-a", "nobody"])
        .failed(78, "nobody");
    let card = user.mrpctl(&["card"]).succeeded();
    assert!(
        card.starts_with(&format!("mrp:{key}?name=laptop&relay=")),
        "{card}"
    );
}

#[test]
fn contacts_come_and_go() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let other = User::at("server", &relay);
    let (key, own) = (other.key(), user.key());
    let contact = |arguments: &[&str]| user.mrpctl(&[&["contact"], arguments].concat());
    assert_eq!(contact(&["ls", "-o", "json"]).succeeded(), "[]\n");
    let added = contact(&[
        "add",
        "server",
        &key,
        "--note",
        "a\u{1b}[1m note",
        "--trust",
        "trusted",
        "--encrypt",
        "auto",
    ]);
    assert_eq!(
        object(&added.succeeded()),
        json!({"name": "server", "key": key, "note": "a\u{1b}[1m note", "encrypt": "auto", "trust": "trusted"})
    );
    assert_eq!(lines(&contact(&["ls"]).succeeded()).len(), 1);
    assert!(
        contact(&["ls", "-o", "text"])
            .succeeded()
            .contains("a\\e[1m note")
    );
    for who in ["server", "Server", key.as_str()] {
        assert_eq!(
            contact(&["show", who, "-o", "raw"]).succeeded(),
            format!("{key}\n")
        );
    }
    contact(&["show", "nobody"]).failed(1, "nobody");
    contact(&["add", "server", &own]).failed(65, "another key");
    contact(&["add", "other", &key]).failed(65, "server");
    contact(&["add", "other", "no-key"]).failed(65, "not a key");
    contact(&["add", "a:b", &own]).failed(65, "colon");
    contact(&["add", "other"]).failed(64, "is missing");
    contact(&["add", "", &own]).failed(64, "empty");
    contact(&["rename", "nobody", "x"]).failed(67, "nobody");
    contact(&["rm", ""]).failed(64, "empty");
    assert_eq!(contact(&["rename", "server", "nas"]).succeeded(), "");
    contact(&["rm", "nobody", "nas"]).failed(1, "nobody");
    assert_eq!(
        contact(&["ls"]).succeeded(),
        "",
        "the one that was there is gone"
    );

    let card = other.mrpctl(&["card"]).succeeded();
    let add = |input: &str| user.mrpctl_with(&["contact", "add", "-"], input.as_bytes());
    assert_eq!(object(&add(&card).succeeded())["relay"], relay.url());
    add("").failed(66, "standard input is empty");
    add("hello").failed(65, "a card begins with mrp:");
    let exported = contact(&["export"]).succeeded();
    contact(&["rm", "server"]).succeeded();
    user.mrpctl_with(&["contact", "import"], exported.as_bytes())
        .succeeded();
    assert_eq!(
        object(&contact(&["show", "server"]).succeeded())["key"],
        key
    );
}

#[test]
fn the_daemon_is_started_and_stopped() {
    let user = User::blank("laptop");
    let daemon = |verb: &str| user.mrpctl(&["daemon", verb]);
    let first = object(&daemon("start").succeeded());
    assert_eq!(first["running"], true);
    let again = daemon("start");
    assert!(again.stderr.contains("running already"), "{again:?}");
    assert_eq!(object(&again.succeeded())["pid"], first["pid"]);
    assert_eq!(object(&daemon("status").succeeded()), first);
    assert_eq!(daemon("reload").succeeded(), "");
    let restarted = object(&daemon("restart").succeeded());
    assert_ne!(restarted["pid"], first["pid"]);
    assert_eq!(daemon("stop").succeeded(), "");
    daemon("status").failed(69, "mrpd is not running");
    let stopped = daemon("stop");
    assert!(
        stopped.stderr.contains("mrpd is not running"),
        "{stopped:?}"
    );
    assert_eq!(stopped.succeeded(), "");
}

#[test]
fn commands_that_start_the_daemon_at_once_start_one() {
    let relay = Relay::start();
    let user = User::blank("laptop");
    user.mrpctl(&["init", "--name", "laptop", "--relay", &relay.url()])
        .succeeded();
    let start = || {
        let mut command = user.command(programs::path("mrpctl"));
        command
            .env_remove("MRPD_AUTOSTART")
            .args(["send", "me", "hi"]);
        Process::start(command, b"")
    };
    let running: Vec<Process> = std::iter::repeat_with(start).take(6).collect();
    for process in running {
        assert!(process.wait().succeeded().starts_with("msg_"));
    }
    assert_eq!(
        object(&user.mrpctl(&["status"]).succeeded())["inbox"]["sent"],
        6
    );
    user.mrpctl(&["daemon", "stop"]).succeeded();
}

#[test]
fn the_configuration_is_read_and_changed_only_if_it_stays_right() {
    let user = User::blank("laptop");
    let config = |arguments: &[&str]| user.mrpctl(&[&["config"], arguments].concat());
    let path = user.home().join(".config/mrp/mrpd.toml");
    assert_eq!(
        config(&["path"]).succeeded(),
        format!("{}\n", path.display())
    );
    assert_eq!(config(&["get", "log"]).succeeded(), "info\n");
    assert_eq!(config(&["set", "log", "debug"]).succeeded(), "");
    assert_eq!(
        config(&["get", "log", "-o", "json"]).succeeded(),
        "\"debug\"\n"
    );
    let shown = lines(&config(&["show", "--origin"]).succeeded());
    let log = shown.iter().find(|entry| entry["key"] == "log").unwrap();
    let origin = log["origin"].as_str().unwrap();
    assert!(origin.starts_with(path.to_str().unwrap()), "{log}");
    assert!(
        config(&["show", "-o", "text"])
            .succeeded()
            .starts_with("KEY ")
    );

    let before = std::fs::read_to_string(&path).unwrap();
    config(&["set", "nosuch.key", "1"]).failed(78, "no such key");
    config(&["set", "a..b", "1"]).failed(64, "is no key");
    config(&["set", "relay.nowhere.url", "http://x"]).failed(78, "nowhere");
    config(&["get", "nosuch"]).failed(1, "nosuch");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    config(&["set", "outbox.per_minute", "10"]).succeeded();
    config(&["unset", "outbox.per_minute"]).succeeded();
    config(&["unset", "log"]).succeeded();
    config(&["unset", "log"]).failed(1, "not set");

    assert!(config(&["check"]).succeeded().ends_with(": ok\n"));
    config(&["check", "missing.toml"]).failed(66, "missing.toml");
    std::fs::write(user.home().join("wrong.toml"), "log = 5\n").unwrap();
    config(&["check", "wrong.toml"]).failed(78, "error: wrong.toml:1: log: ");
    let told = config(&["check", "wrong.toml", "-o", "json"]);
    assert_eq!(object(&told.stderr)["error"]["code"], "invalid_config");
    config(&["edit"]).failed(64, "no terminal");
}

#[test]
fn versions_and_completions_need_no_daemon() {
    let user = User::blank("laptop");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        user.mrpctl(&["--version"]).succeeded(),
        format!("mrpctl {version}\nmrpd   (not running)\n")
    );
    assert_eq!(
        object(&user.mrpctl(&["--version", "--json"]).succeeded()),
        json!({"mrpctl": version, "mrpd": null})
    );
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = user.mrpctl(&["completions", shell]).succeeded();
        assert!(script.contains("MRPCTL_COMPLETE"), "{shell}");
    }
    let static_one = user.mrpctl(&["completions", "nushell"]).succeeded();
    assert!(static_one.contains("whoami"));
    user.mrpctl(&["completions", "tcsh"]).failed(64, "tcsh");
}

#[test]
fn a_wrong_command_line_is_64_on_standard_error() {
    let user = User::blank("laptop");
    for arguments in [
        &["no-such-command"][..],
        &["status", "--bad"],
        &["-o", "yaml", "status"],
        &["--timeout", "soon", "status"],
        &["-q"],
        &[],
    ] {
        user.mrpctl(arguments).failed(64, "");
    }
    let told = user.mrpctl(&["no-such-command", "-o", "json"]);
    told.failed(64, "");
    assert_eq!(object(&told.stderr)["error"]["code"], "usage");
    let help = user.mrpctl(&["send", "--help"]);
    assert!(
        help.stderr.is_empty() && help.stdout.contains("EXAMPLES"),
        "{help:?}"
    );
    assert_eq!(help.code(), 0);
}

/// What `curl --unix-socket` does.
#[test]
fn the_socket_speaks_plain_http() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let socket = user.home().join("run/mrp/mrpd.sock");
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&socket), mode(socket.parent().unwrap())),
        (0o600, 0o700)
    );
    let ask = |request: &str| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(tests::DEADLINE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), body.to_owned())
    };
    for (line, status) in [
        ("GET /v1/status", "200"),
        ("GET /healthz", "200"),
        ("GET /v1/no-such-noun", "404"),
        ("DELETE /v1/status", "405"),
    ] {
        let (head, body) = ask(&format!(
            "{line} HTTP/1.1\r\nHost: mrpd\r\nConnection: close\r\n\r\n"
        ));
        assert!(
            head.starts_with(&format!("http/1.1 {status} ")),
            "{line}: {head}"
        );
        assert!(
            head.contains(&format!(
                "\r\nmrpd-version: {}\r\n",
                env!("CARGO_PKG_VERSION")
            )),
            "{head}"
        );
        assert!(
            format!("{head}\r\n").contains("\r\nmrpd-api: 1\r\n"),
            "{head}"
        );
        if status != "200" {
            assert!(object(&body)["error"]["code"].is_string(), "{body}");
        }
    }
    let (_, body) = ask("GET /v1/status HTTP/1.1\r\nHost: mrpd\r\nConnection: close\r\n\r\n");
    assert_eq!(object(&body)["agents"][0]["name"], "laptop");
}
