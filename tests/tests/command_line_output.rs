//! How mrpctl writes: filters, templates, fields, the user's own settings, and readers and signals that end it.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::process::Stdio;
use tests::programs;
use tests::relay::Relay;
use tests::user::User;

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[test]
fn json_goes_through_filters_and_templates_in_every_command() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    let key = user.key();
    for text in ["one", "two\u{1b}[1m"] {
        user.mrpctl(&["send", "me", text]).succeeded();
    }
    let tail = ["tail", "--no-follow", "--all", "--to-agent", "laptop"];
    let read = |more: &[&str]| {
        let ended = user.mrpctl(&[&tail[..], &["-n", "50"], more].concat());
        assert_eq!(ended.stderr, "", "{ended:?}");
        ended.succeeded()
    };
    let incoming = "select(.dir == \"in\")";
    let texts = read(&["--jq", &format!("{incoming} | .text")]);
    assert_eq!(texts, "one\ntwo\u{1b}[1m\n", "texts are bare");
    let kinds = read(&["--jq", &format!("{incoming} | [.kind, .encrypted]")]);
    assert_eq!(kinds, "[\"text\",true]\n[\"text\",true]\n");
    let template = "{% if dir == 'in' %}{{ nobody }}{{ text }}{% endif %}";
    let shown = read(&["-F", template]);
    assert!(
        shown.contains("one\n") && shown.contains("two\\e[1m\n"),
        "what came from elsewhere is escaped: {shown:?}"
    );
    assert!(read(&["-F", "{{ text | safe }}"]).contains("two\u{1b}[1m\n"));
    let chosen = read(&["--fields", "kind", "--jq", "keys[]"]);
    assert!(chosen.lines().all(|line| line == "kind"), "{chosen:?}");

    user.mrpctl(&["contact", "add", "self", &key]).succeeded();
    let id = read(&["--jq", &format!("{incoming} | .id")]);
    let id = id.lines().next().unwrap().to_owned();
    for (arguments, written) in [
        (&["contact", "ls", "--jq", ".name"][..], "self\n"),
        (&["contact", "ls", "-o", "table", "--jq", ".name"], "self\n"),
        (&["contact", "export", "--jq", ".name"], "self\n"),
        (&["contact", "show", "self", "-F", "{{ name }}!"], "self!\n"),
        (&["status", "--jq", ".agents[].name"], "laptop\n"),
        (&["whoami", "-F", "{{ name }}"], "laptop\n"),
        (&["config", "get", "log", "--jq", "."], "info\n"),
        (&["send", "me", "x", "--jq", ".id[:4]"], "out_\n"),
        (&["relay", "ls", "--jq", "empty"], ""),
        (&["show", &id, "--body", "--jq", ".text"], "one\n"),
        (&["show", &id, "--raw", "-F", "{{ kind }}"], "text\n"),
        (
            &["show", &id, "--raw", "--fields", "kind"],
            "{\"kind\":\"text\"}\n",
        ),
        (&["whoami", "--qr", "--jq", ".name"], "laptop\n"),
        (&["card", "--qr", "-F", "{{ name }}"], "laptop\n"),
        (&["config", "check", "--jq", ".valid"], "true\n"),
        (&["config", "path", "--fields", "none"], "{\"none\":null}\n"),
        (
            &["cheat", "jq", "--fields", "topic"],
            "{\"topic\":\"jq\"}\n",
        ),
        (
            &[
                "send",
                "--to",
                "me",
                "--to",
                "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w",
                "x",
                "-o",
                "text",
                "--fields",
                "encrypted",
            ],
            "true\ntrue\n",
        ),
    ] {
        let ended = user.mrpctl(arguments);
        assert_eq!(ended.stderr, "", "{arguments:?}");
        assert_eq!(ended.succeeded(), written, "{arguments:?}");
    }
    user.add_variable("MRPCTL_OUTPUT", "table");
    let shown = user.mrpctl(&["status", "--jq", ".agents[].name"]);
    assert_eq!(shown.succeeded(), "laptop\n");
}

#[test]
fn mistakes_in_filters_and_templates_name_their_place_before_anything_is_done() {
    let user = User::blank("laptop");
    for (arguments, exit, words) in [
        (
            &["--jq", ".a | nope"][..],
            64,
            "there is no filter nope\n  at     nope\n",
        ),
        (&["--jq", ".["], 64, "--jq cannot be understood"),
        (&["-F", "{{ a"], 64, "--format cannot be understood"),
        (
            &["-F", "a\n{{ a | nope }}"],
            64,
            "  at     line 2: {{ a | nope }}\n",
        ),
        (&["--jq", ".", "-F", "x"], 64, "cannot be used with"),
    ] {
        user.mrpctl(&[&["status"], arguments].concat())
            .failed(exit, words);
    }
    let told = user.mrpctl(&["status", "-o", "json", "--jq", ".["]);
    told.failed(64, "");
    assert_eq!(object(&told.stderr)["error"]["code"], "usage");
    let ended = user.mrpctl(&["config", "show", "--jq", ".key.x"]);
    ended.failed(65, "--jq .key.x failed");
    let ended = user.mrpctl(&["config", "get", "log", "--fields", "x", "-o", "json"]);
    ended.failed(65, "--fields needs an object");
}

#[test]
fn settings_of_the_users_own_stand_below_options_and_variables() {
    let mut user = User::blank("laptop");
    let file = user.home().join(".config/mrp/mrpctl.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let set = |text: &str| std::fs::write(&file, text).unwrap();
    set(
        "output = \"json\"\n[alias]\nlevel = \"config get log\"\nlvl = [\"level\", \"-F\", \"<{{ x }}>\"]\n",
    );
    assert_eq!(user.mrpctl(&["level"]).succeeded(), "\"info\"\n");
    assert_eq!(user.mrpctl(&["level", "-o", "raw"]).succeeded(), "info\n");
    assert_eq!(user.mrpctl(&["-q", "lvl"]).succeeded(), "<>\n");
    let told = user.mrpctl(&["status"]);
    told.failed(69, "");
    assert_eq!(object(&told.stderr)["error"]["code"], "daemon_unreachable");
    user.add_variable("MRPCTL_OUTPUT", "raw");
    assert_eq!(user.mrpctl(&["level"]).succeeded(), "info\n");
    for (text, words) in [
        (
            "\noutput = \"yaml\"\n",
            "mrpctl.toml:2: output: invalid value 'yaml'",
        ),
        (
            "colour = 1\n",
            "mrpctl.toml:1: colour: no such key; known: agent",
        ),
        (
            "[alias]\nstatus = \"tail\"\n",
            "mrpctl.toml:2: alias.status: a command of this name",
        ),
        ("x = [", "mrpctl.toml:1: not TOML"),
    ] {
        set(text);
        user.mrpctl(&["status"]).failed(78, words);
        for mending in [
            &["--help"][..],
            &["status", "--help"],
            &["--version"],
            &["config", "path"],
        ] {
            let ended = user.mrpctl(mending);
            let warned = ended.stderr.contains(words);
            assert!(warned && ended.stderr.starts_with("warning: "), "{ended:?}");
            assert_ne!(ended.succeeded(), "", "{mending:?}");
        }
        let doctor = user.mrpctl(&["doctor", "-o", "raw"]);
        assert!(doctor.stderr.contains(words), "{doctor:?}");
        assert_ne!(doctor.code(), 78, "{doctor:?}");
    }
}

#[test]
fn people_read_names_in_columns_and_no_numbers_of_the_system_in_errors() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    user.mrpctl(&["send", "me", "hi", "--wait", "delivered"])
        .succeeded();
    let columns = ["inbox", "--fields", "from,text", "-o"];
    let table = user.mrpctl(&[&columns[..], &["table"]].concat());
    assert_eq!(table.succeeded(), "FROM    TEXT\nlaptop  hi\n");
    let json = user.mrpctl(&[&columns[..], &["json"]].concat());
    assert_eq!(object(&json.succeeded())[0]["from"]["name"], "laptop");

    let card = user.mrpctl(&["card"]).succeeded();
    for drawing in ["card", "whoami"] {
        for (format, name) in [("json", "laptop"), ("jsonl", "laptop")] {
            let shown = user.mrpctl(&[drawing, "--qr", "-o", format]).succeeded();
            assert_eq!(object(&shown)["name"], name, "{drawing} {format}");
        }
        for format in ["raw", "table"] {
            let shown = user.mrpctl(&[drawing, "--qr", "-o", format]).succeeded();
            assert!(!shown.contains('█'), "{drawing} {format}: {shown}");
        }
        let drawn = user.mrpctl(&[drawing, "--qr", "-o", "text"]).succeeded();
        assert!(drawn.contains('█') && drawn.ends_with(&card), "{drawn}");
    }

    drop(relay);
    for (arguments, words) in [
        (&["relay", "ping"][..], "refused"),
        (&["backup", "no-such-folder/file"], "no-such-folder/file"),
    ] {
        let told = user.mrpctl(arguments);
        assert!(told.stderr.contains(words), "{told:?}");
        for inner in ["os error", ".partial"] {
            assert!(!told.stderr.contains(inner), "{told:?}");
        }
    }
}

#[test]
fn a_reader_that_goes_ends_every_command_quietly_and_signals_end_what_waits() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    user.mrpctl(&["send", "me", "hi"]).succeeded();
    for arguments in [
        &["status"][..],
        &["contact", "export"],
        &["outbox"],
        &["config", "show"],
        &["relay", "ls", "-o", "json"],
        &["tail", "--no-follow", "-o", "text"],
        &["tail", "--no-follow", "--all", "-o", "json"],
        &["tail", "--all", "-F", "x"],
        &["api", "GET", "/v1/status"],
        &["schema", "message"],
        &["cheat", "send"],
        &["completions", "bash"],
        &["man"],
        &["bug-report"],
        &["--version"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = user.command(programs::path("mrpctl"));
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped());
        let ended = command.spawn().unwrap().wait_with_output().unwrap();
        let complaint = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(
            (ended.status.code(), &*complaint),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
    for (signal, exit) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        for form in ["jsonl", "json", "text"] {
            let mut tail = user.start_mrpctl(&["tail", "--all", "-o", form], b"");
            tail.line();
            tail.signal(signal);
            let ended = tail.wait();
            assert_eq!((ended.code(), ended.stderr.as_str()), (exit, ""), "{form}");
        }
    }
    assert_eq!(
        json!([]),
        object(&user.mrpctl(&["contact", "ls", "-o", "json"]).succeeded())
    );
}
