//! The commands about the programs themselves: the raw interface, schemas, recipes, logs, reports, backups, units.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tests::process::eventually;
use tests::relay::Relay;
use tests::user::User;

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[test]
fn the_interface_is_there_as_it_is() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let api = |arguments: &[&str]| user.mrpctl(&[&["api"], arguments].concat());
    let status = api(&["GET", "/v1/status"]).succeeded();
    assert_eq!(object(&status)["agents"][0]["name"], "laptop");
    assert_eq!(
        api(&["get", "/v1/agents", "--jq", ".name"]).succeeded(),
        "laptop\n"
    );
    assert_eq!(
        api(&["PUT", "/v1/cursors/x", "-d", "{\"seq\":7}"]).succeeded(),
        ""
    );
    std::fs::write(user.home().join("c.json"), "{\"seq\": 8}").unwrap();
    api(&["PUT", "/v1/cursors/x", "-d", "@c.json"]).succeeded();
    let cursor = api(&["GET", "/v1/cursors/x", "--fields", "seq"]);
    assert_eq!(cursor.succeeded(), "{\"seq\":8}\n");
    let send = ["POST", "/v1/send", "-d", "-", "-H", "Idempotency-Key: one"];
    let body = json!({"to": "me", "body": {"text": "hi"}}).to_string();
    let once = |_| {
        object(
            &user
                .mrpctl_with(&[&["api"], &send[..]].concat(), body.as_bytes())
                .succeeded(),
        )
    };
    let ids: Vec<Value> = (0..2).map(once).map(|sent| sent["id"].clone()).collect();
    assert_eq!(ids[0], ids[1], "one key is one message");

    let mut stream = user.start_mrpctl(
        &[
            "api",
            "GET",
            "/v1/messages?follow=1&last=10",
            "--stream",
            "--jq",
            ".text",
        ],
        b"",
    );
    assert_eq!(stream.line(), "hi");
    user.mrpctl(&["send", "me", "more"]).succeeded();
    assert_eq!(stream.line(), "more");
    stream.signal(nix::sys::signal::Signal::SIGINT);
    assert_eq!(stream.wait().code(), 130);

    api(&["GET", "/v1/messages/msg_1_a"]).failed(1, "msg_1_a");
    let told = api(&["GET", "/v1/messages/msg_1_a", "-o", "json"]);
    assert_eq!(object(&told.stderr)["error"]["code"], "message_not_found");
    api(&["GET", "v1/status"]).failed(64, "expected a path such as /v1/status");
    api(&["GET", "/v1/a b"]).failed(64, "%20");
    api(&["FETCH", "/v1/status"]).failed(64, "expected one of GET");
    api(&["POST", "/v1/send", "-d", "{"]).failed(65, "the body is not JSON");
    api(&["GET", "/v1/messages?follow=1&after=999", "--timeout", "1s"]).failed(124, "--timeout");
}

#[test]
fn schemas_recipes_and_pages_need_no_daemon() {
    let user = User::blank("laptop");
    let message = object(&user.mrpctl(&["schema", "message"]).succeeded());
    assert_eq!(message["title"], "Message");
    assert!(
        message["properties"]["from"]["$ref"]
            .as_str()
            .unwrap()
            .starts_with("#/$defs/")
    );
    assert!(message["$defs"]["Peer"].is_object());
    for of in ["hook", "status"] {
        let schema = object(&user.mrpctl(&["schema", of]).succeeded());
        assert!(schema["properties"].is_object(), "{of}");
    }
    let sections = user.mrpctl(&["schema", "config", "--jq", ".properties | keys | length"]);
    assert!(sections.succeeded().trim().parse::<usize>().unwrap() > 15);
    user.mrpctl(&["schema", "inbox"]).failed(64, "inbox");

    let topics = user.mrpctl(&["cheat"]).succeeded();
    assert!(topics.contains("  hooks  "), "{topics}");
    assert!(user.mrpctl(&["cheat", "jq"]).succeeded().contains("--jq"));
    assert_eq!(
        user.mrpctl(&["cheat", "jq", "--jq", ".topic"]).succeeded(),
        "jq\n"
    );
    user.mrpctl(&["cheat", "nosuch"]).failed(64, "nosuch");

    assert!(user.mrpctl(&["man"]).succeeded().contains(".TH mrpctl 1"));
    user.mrpctl(&["man", "pages"]).succeeded();
    assert!(user.home().join("pages/mrpctl-config-set.1").exists());
    std::fs::write(user.home().join("file"), "").unwrap();
    user.mrpctl(&["man", "file/x"]).failed(73, "file/x");
}

#[test]
fn the_log_of_a_daemon_in_the_background_is_shown_and_followed() {
    let user = User::blank("laptop");
    user.mrpctl(&["logs"]).failed(66, "there is no log");
    user.mrpctl(&["daemon", "start"]).succeeded();
    let last = user.mrpctl(&["logs", "-n", "1"]).succeeded();
    assert_eq!(last.lines().count(), 1, "{last}");
    user.mrpctl(&["logs", "--hook", "nobody"])
        .failed(1, "nothing of a hook nobody");
    let mut following = user.start_mrpctl(&["logs", "-f", "-n", "0"], b"");
    let log = user.state_dir().join("mrpd.log");
    let add = |line: &str| {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&log)
            .unwrap();
        file.write_all(line.as_bytes()).unwrap();
    };
    // Only what is written once it follows is shown; so it is written until it is.
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let add = &add;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            use std::sync::mpsc::RecvTimeoutError::Timeout;
            let wait = || stopped.recv_timeout(std::time::Duration::from_millis(50));
            while matches!(wait(), Err(Timeout)) {
                add("WARN hook=\"desk\" mark\n");
            }
        });
        following.line_after("WARN hook=\"desk\" ");
        stop.send(()).unwrap();
    });
    // The file makes room for another one.
    std::fs::rename(&log, log.with_extension("log.1")).unwrap();
    add("INFO behind it\n");
    following.line_after("INFO behind");
    following.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(following.wait().code(), 143);
    user.mrpctl(&["daemon", "stop"]).succeeded();
}

#[test]
fn a_report_holds_what_is_needed_and_no_secret() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let key = user.key();
    user.mrpctl(&["send", "me", "private words"]).succeeded();
    user.configure(
        "[[hook]]\nname = \"x\"\nshell = \"curl -H 'Authorization: Bearer s3cr3t' http://u:pw@h/ -d hunter2\"\nenv = { TOKEN = \"t0k3n\", PLACE = \"rumpelstilz\" }\n",
    );
    user.reload();
    let report = user.mrpctl(&["bug-report"]).succeeded();
    for section in [
        "# Report of mrpctl",
        "## Status",
        "## Doctor",
        "## Configuration",
        "## Log",
    ] {
        assert!(report.contains(section), "{section} is not in {report}");
    }
    assert!(report.contains(&format!("{}…", &key[..8])), "{report}");
    let home = user.home().display().to_string();
    // Whatever a command says may be a secret: that it looks like one is not asked.
    for secret in [
        &key,
        "private words",
        "s3cr3t",
        "t0k3n",
        "pw@",
        "hunter2",
        "rumpelstilz",
        &home,
    ] {
        assert!(!report.contains(secret), "{secret} is in {report}");
    }
    // What is wrong in the configuration is told with the words that are wrong.
    user.configure("[[relay]]\nname = \"x\"\nurl = \"https://relay.invalid/p/SEKRET12\"\n");
    let refused = user.mrpctl(&["daemon", "reload"]);
    assert!(refused.stderr.contains("SEKRET12"), "{refused:?}");
    let report = user.mrpctl(&["bug-report"]).succeeded();
    assert!(report.contains("relay.x.url"), "{report}");
    assert!(!report.contains("SEKRET12"), "{report}");
    let told = user.mrpctl(&["bug-report", "report.txt"]);
    assert!(told.stderr.contains("read it before"), "{told:?}");
    assert_eq!(told.succeeded(), "");
    let saved = std::fs::metadata(user.home().join("report.txt")).unwrap();
    assert_eq!(saved.permissions().mode() & 0o777, 0o600);
    user.mrpctl(&["bug-report", "no/such/report"])
        .failed(73, "no/such/report");
    let lone = User::blank("nobody").mrpctl(&["bug-report", "-o", "json"]);
    assert_eq!(object(&lone.succeeded())["mrpd"], Value::Null);
}

#[test]
fn a_backup_is_made_while_the_daemon_runs_and_restored_while_it_does_not() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    user.mrpctl(&["send", "me", "kept"]).succeeded();
    eventually("the message", || {
        user.texts().contains(&"kept".to_owned()).then_some(())
    });
    let path = user.home().join("mrp.redb");
    let made = user
        .mrpctl(&["backup", "mrp.redb", "-o", "json"])
        .succeeded();
    assert_eq!(object(&made)["path"], json!(path));
    user.mrpctl(&["backup", "mrp.redb"]).failed(73, "--force");
    user.mrpctl(&["backup", "mrp.redb", "--force"]).succeeded();
    user.mrpctl(&["backup", "no/such/file"])
        .failed(73, "no/such");
    user.mrpctl(&["send", "me", "later"]).succeeded();
    user.mrpctl(&["restore", "mrp.redb"])
        .failed(69, "mrpctl daemon stop");
    user.terminate_daemon();
    user.mrpctl(&["restore", "missing"]).failed(66, "missing");
    user.mrpctl(&["restore", "mrp.redb"]).failed(73, "--force");
    let restored = user.mrpctl(&["restore", "mrp.redb", "--force"]);
    assert!(restored.stderr.contains("is kept as"), "{restored:?}");
    assert!(restored.succeeded().ends_with(": restored\n"));
    let again = ["restore", "mrp.redb", "--force", "--jq", ".restored"];
    assert_eq!(user.mrpctl(&again).succeeded(), "mrp.redb\n");
    user.start_daemon();
    assert!(user.texts().contains(&"kept".to_owned()));
}

/// A service manager that writes down what it is told, since a real one does not run where tests do.
fn stand_in(user: &mut User, name: &str, status: i32) {
    let folder = user.home().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join(name);
    let script = format!("#!/bin/sh\necho {name} \"$@\" >> \"$HOME/told\"\nexit {status}\n");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    user.add_variable("PATH", &format!("{}:/usr/bin:/bin", folder.display()));
}

fn told(user: &User) -> String {
    let told = std::fs::read_to_string(user.home().join("told")).unwrap_or_default();
    let _ = std::fs::remove_file(user.home().join("told"));
    told
}

#[test]
fn units_are_written_enabled_and_removed() {
    let mut user = User::blank("laptop");
    let unit = user.home().join(".config/systemd/user/mrpd.service");
    let is_packaged = |dir: &str| Path::new(dir).join("mrpd.service").exists();
    if [
        "/etc/systemd/user",
        "/usr/local/lib/systemd/user",
        "/usr/lib/systemd/user",
    ]
    .into_iter()
    .any(is_packaged)
    {
        return tests::skip("a package has installed the units here");
    }
    user.add_variable("PATH", "/nowhere");
    user.mrpctl(&["service", "install"])
        .failed(69, "systemctl is not installed");
    stand_in(&mut user, "systemctl", 1);
    user.mrpctl(&["service", "install"])
        .failed(69, "systemctl --user daemon-reload failed");
    assert!(!unit.exists(), "what is not enabled is not left behind");
    told(&user);
    stand_in(&mut user, "systemctl", 0);
    stand_in(&mut user, "loginctl", 0);
    let done = user
        .mrpctl(&["service", "install", "--linger", "-o", "json"])
        .succeeded();
    let done = object(&done);
    assert_eq!(
        (
            &done["units"],
            &done["lingering"],
            done["written"].as_array().unwrap().len()
        ),
        (&json!(["mrpd.socket", "mrpd.service"]), &json!(true), 2)
    );
    assert_eq!(
        told(&user),
        "systemctl --user daemon-reload\nsystemctl --user enable --now mrpd.socket mrpd.service\nloginctl enable-linger\n"
    );
    let text = std::fs::read_to_string(&unit).unwrap();
    let program = tests::programs::path("mrpd");
    assert!(
        text.contains(&format!("ExecStart={}\n", program.display())),
        "{text}"
    );
    let again = object(
        &user
            .mrpctl(&["service", "install", "-o", "json"])
            .succeeded(),
    );
    assert_eq!(again["written"], json!([]));
    let gone = object(
        &user
            .mrpctl(&["service", "uninstall", "-o", "json"])
            .succeeded(),
    );
    assert_eq!(gone["removed"].as_array().unwrap().len(), 2);
    assert!(!unit.exists());
    assert!(told(&user).contains("systemctl --user disable --now mrpd.socket mrpd.service\n"));
    user.mrpctl(&["service", "install", "--system", "--linger"])
        .failed(64, "cannot be used with");
    let init = [
        "init",
        "--name",
        "laptop",
        "--relay",
        "http://127.0.0.1:1",
        "--service",
        "--no-service",
    ];
    user.mrpctl(&init).failed(64, "cannot be used with");
}

/// Scripts that run side by side, and a person with an editor open among them: nobody's change is lost.
#[test]
fn what_several_change_in_the_configuration_is_all_in_it() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let names: Vec<String> = (0..8).map(|number| format!("groups.q{number}")).collect();
    let setting: Vec<_> = names
        .iter()
        .map(|name| user.start_mrpctl(&["config", "set", name, "[\"bob\"]"], b""))
        .collect();
    for one in setting {
        one.wait().succeeded();
    }
    for name in &names {
        let set = user.mrpctl(&["config", "get", name]).succeeded();
        assert!(set.contains("bob"), "{name} is lost: {set:?}");
    }

    let mut user = user;
    user.add_variable(
        "EDITOR",
        "sh -c 'echo \"# by hand\" >> \"$1\"; echo \"# from elsewhere\" >> .config/mrp/mrpd.toml' x",
    );
    let edited = user.mrpctl(&["config", "edit"]);
    edited.failed(75, "changed by another program meanwhile");
    let config = std::fs::read_to_string(user.config_file()).unwrap();
    assert!(config.contains("# from elsewhere"), "{config}");
    assert!(!config.contains("# by hand"), "{config}");
    let kept = edited.stderr.split("what you wrote is in ").nth(1).unwrap();
    let kept = kept.split(": put").next().unwrap();
    assert!(std::fs::read_to_string(kept).unwrap().contains("# by hand"));
}
