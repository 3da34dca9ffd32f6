//! `mrpctl tail` and `mrpctl show` as scripts meet them: what is chosen, in which form, and how it ends.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::process::Stdio;
use tests::process::eventually;
use tests::programs;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

/// A user who has sent these texts to themselves.
fn with_texts(relay: &Relay, texts: &[&str]) -> User {
    let user = User::at("laptop", relay);
    for text in texts {
        user.mrpctl(&["send", "me", text, "--wait", "delivered"])
            .succeeded();
    }
    user
}

fn raw(user: &User, flags: &[&str]) -> Vec<String> {
    let arguments = [&["tail", "--no-follow", "-o", "raw"], flags].concat();
    let shown = user.mrpctl(&arguments).succeeded();
    shown.lines().map(str::to_owned).collect()
}

#[test]
fn every_filter_chooses() {
    let relay = Relay::start();
    let user = with_texts(&relay, &["one", "two", "three"]);
    user.mrpctl(&[
        "send",
        "me",
        "-d",
        r#"{"event":"build.passed"}"#,
        "-t",
        "th",
        "--type",
        "application/x-e",
        "--wait",
        "delivered",
    ])
    .succeeded();
    let key = user.key();
    let seqs = lines(
        &user
            .mrpctl(&["tail", "--no-follow", "--fields", "seq,id"])
            .succeeded(),
    );
    let second = seqs[1]["seq"].to_string();
    let second_id = seqs[1]["id"].as_str().unwrap();
    assert_eq!(raw(&user, &["-n", "1", "--kind", "text"]), ["three"]);
    assert_eq!(raw(&user, &["-c", "2", "-n", "4"]), ["one", "two"]);
    assert_eq!(raw(&user, &["-n", "0"]), [""; 0]);
    assert_eq!(
        raw(&user, &["--kind", "text", "--after", &second]),
        ["three"]
    );
    assert_eq!(
        raw(&user, &["--kind", "text", "--after", second_id]),
        ["three"]
    );
    assert_eq!(
        raw(&user, &["--kind", "text", "--since", "1h", "--from", &key]),
        ["one", "two", "three"]
    );
    assert_eq!(raw(&user, &["--since", "2099-01-01T00:00:00Z"]), [""; 0]);
    assert_eq!(raw(&user, &["--thread", "th"]).len(), 1);
    assert_eq!(raw(&user, &["--type", "application/x-e"]).len(), 1);
    assert_eq!(raw(&user, &["--to-agent", "laptop"]).len(), 4);
    assert_eq!(raw(&user, &["--sent"]).len(), 4);
    assert_eq!(raw(&user, &["--all", "-n", "100"]).len(), 8);
    for (flags, exit, words) in [
        (&["--after", "msg_none"][..], 1, "msg_none"),
        (&["--after", ""], 64, "empty"),
        (&["--cursor", ""], 64, "empty"),
        (&["--from", "nobody"], 67, "nobody"),
        (&["--to-agent", "nobody"], 78, "nobody"),
        (&["--kind", "smoke"], 64, "smoke"),
        (&["--since", "yesterday-ish"], 64, "expected a duration"),
        (&["-c", "0"], 64, "0 is not in"),
        (&["--sent", "--all"], 64, "cannot be used with"),
    ] {
        let ended = user.mrpctl(&[&["tail", "--no-follow"], flags].concat());
        assert_eq!(
            (ended.code(), ended.stdout.as_str()),
            (exit, ""),
            "{ended:?}"
        );
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
}

#[test]
fn each_format_has_its_form() {
    let relay = Relay::start();
    let user = with_texts(&relay, &["one", "two"]);
    let tail = |flags: &[&str]| {
        user.mrpctl(&[&["tail", "--no-follow"], flags].concat())
            .succeeded()
    };
    let list: Vec<Value> = serde_json::from_str(&tail(&["-o", "json"])).unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(tail(&["-n", "0", "-o", "json"]), "[]\n");
    assert_eq!(lines(&tail(&["-o", "jsonl"])), list);
    assert_eq!(
        tail(&[]),
        tail(&["-o", "jsonl"]),
        "auto in a pipe is JSON Lines"
    );
    assert_eq!(
        tail(&["--fields", "text,from.name,none"])
            .lines()
            .next()
            .unwrap(),
        r#"{"text":"one","from.name":"laptop","none":null}"#
    );
    assert_eq!(
        tail(&["-o", "text", "--fields", "kind,text"]),
        "text\tone\ntext\ttwo\n"
    );
    assert!(tail(&["-o", "text"]).ends_with(" laptop: two\n"));
    let table = tail(&["-o", "table"]);
    assert!(
        table.starts_with("SEQ ") && table.lines().count() == 3,
        "{table}"
    );
    let unending = user.mrpctl(&["tail", "-o", "table"]);
    assert_eq!((unending.code(), unending.stdout.as_str()), (64, ""));
}

#[test]
fn what_others_wrote_cannot_command_a_terminal() {
    let relay = Relay::start();
    let user = with_texts(&relay, &[]);
    let text = "\u{1b}]0;title\u{7}\u{9b}31m\u{202e}over\rwritten";
    let id = user.mrpctl(&[
        "send",
        "me",
        "--text",
        text,
        "-t",
        "th\u{1b}[2J",
        "-m",
        "k=\u{9b}H",
        "--wait",
        "delivered",
    ]);
    let id = id.succeeded();
    for shown in [
        user.mrpctl(&["tail", "--no-follow", "-o", "text"]),
        user.mrpctl(&["tail", "--no-follow", "-o", "table"]),
        user.mrpctl(&[
            "tail",
            "--no-follow",
            "-o",
            "text",
            "--fields",
            "text,thread",
        ]),
        user.mrpctl(&["show", id.trim(), "-o", "text"]),
    ] {
        let shown = shown.succeeded();
        let hostile = |letter: char| {
            (letter.is_control() && letter != '\n' && letter != '\t') || letter == '\u{202e}'
        };
        assert!(!shown.contains(hostile), "{shown:?}");
        assert!(shown.contains("\\e]0;title"), "{shown:?}");
    }
    let exact = user.mrpctl(&["tail", "--no-follow"]).succeeded();
    assert_eq!(lines(&exact)[0]["text"], text, "programs get it as it is");
}

#[test]
fn a_cursor_goes_on_where_it_ended() {
    let relay = Relay::start();
    let user = with_texts(&relay, &["one", "two", "three"]);
    assert_eq!(
        raw(&user, &["--cursor", "archiver", "-c", "2"]),
        ["one", "two"]
    );
    assert_eq!(raw(&user, &["--cursor", "archiver"]), ["three"]);
    assert_eq!(raw(&user, &["--cursor", "archiver"]), [""; 0]);
    assert_eq!(
        raw(&user, &["--cursor", "an/other ü"]),
        ["one", "two", "three"]
    );
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let relay = Relay::start();
    let user = with_texts(&relay, &["one", "two"]);
    let mut command = user.command("/bin/sh".into());
    let mrpctl = programs::path("mrpctl");
    let script = format!(
        "{{ {0} tail; echo $? > status; }} | head -1",
        mrpctl.display()
    );
    let done = command
        .args(["-c", &script])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(lines(std::str::from_utf8(&done.stdout).unwrap()).len(), 1);
    assert_eq!(done.stderr, b"");
    assert_eq!(
        std::fs::read_to_string(user.home().join("status")).unwrap(),
        "0\n"
    );
}

#[test]
fn signals_and_time_limits_end_it_with_their_status() {
    let relay = Relay::start();
    let user = with_texts(&relay, &["one"]);
    for (signal, status) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let mut tail = user.start_mrpctl(&["tail"], b"");
        tail.line();
        tail.signal(signal);
        let ended = tail.wait();
        assert_eq!(
            (ended.status.code(), ended.stderr.as_str()),
            (Some(status), "")
        );
    }
    let ended = user.mrpctl(&["tail", "-o", "json", "--timeout", "200ms"]);
    assert_eq!(ended.code(), 124);
    let list: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(list.len(), 1, "the array is closed however it ends");
}

#[test]
fn what_comes_while_the_daemon_is_away_is_not_missed() {
    let relay = Relay::start();
    let mut laptop = User::at("laptop", &relay);
    let server = User::at("server", &relay);
    let key = laptop.key();
    let mut command = laptop.command(programs::path("mrpctl"));
    command.args([
        "tail",
        "-n",
        "0",
        "-c",
        "1",
        "-o",
        "raw",
        "-v",
        "--timeout",
        "60s",
    ]);
    let errors = laptop.home().join("errors");
    command
        .stderr(std::fs::File::create(&errors).unwrap())
        .stdout(Stdio::piped());
    let tail = command.stdin(Stdio::null()).spawn().unwrap();
    let said = |words: &str| {
        eventually(words, || {
            std::fs::read_to_string(&errors)
                .unwrap()
                .contains(words)
                .then_some(())
        });
    };
    said("mrpd hands out messages");
    laptop.terminate_daemon();
    said("waiting for it to come back");
    server.mrpctl(&["send", &key, "meanwhile"]).succeeded();
    // Stopped, the reader cannot come back before the message is in the inbox.
    let id = nix::unistd::Pid::from_raw(i32::try_from(tail.id()).unwrap());
    nix::sys::signal::kill(id, Signal::SIGSTOP).unwrap();
    laptop.start_daemon();
    eventually("the message", || {
        (laptop.texts() == ["meanwhile"]).then_some(())
    });
    nix::sys::signal::kill(id, Signal::SIGCONT).unwrap();
    let done = tail.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "meanwhile\n");
}

#[test]
fn one_message_is_shown_whole_or_in_part() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let body = r#"{"b": 1.0,"text":"hi"}"#;
    let id = user
        .mrpctl(&["send", "me", "-d", body, "--wait", "delivered"])
        .succeeded();
    let id = id.trim();
    let show = |flags: &[&str]| user.mrpctl(&[&["show", id], flags].concat()).succeeded();
    assert_eq!(show(&["--body"]), format!("{body}\n"));
    assert_eq!(show(&["-o", "raw"]), "hi\n");
    assert_eq!(show(&["--raw"]), show(&[]));
    assert_eq!(
        show(&["--fields", "id,text"]),
        format!("{}\n", json!({"id": id, "text": "hi"}))
    );
    let headers: Value = serde_json::from_str(&show(&["--headers"])).unwrap();
    assert_eq!(
        (&headers["body"], &headers["id"]),
        (&Value::Null, &json!(id))
    );
    assert!(show(&["-o", "text"]).ends_with("\n\nhi\n"));
    for (arguments, exit) in [
        (&["msg_1_none"][..], 1),
        (&["out_none"], 1),
        (&["../status"], 1),
        (&[""], 64),
        (&[], 64),
        (&[id, "--raw", "--body"], 64),
    ] {
        let ended = user.mrpctl(&[&["show"], arguments].concat());
        assert_eq!(
            (ended.code(), ended.stdout.as_str()),
            (exit, ""),
            "{ended:?}"
        );
    }
}
