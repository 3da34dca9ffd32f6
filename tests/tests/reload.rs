//! Changes while the daemon runs: noticed by themselves, what did not change goes on, what is wrong is told and not used.

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use tests::process::{Process, eventually};
use tests::relay::Relay;
use tests::user::User;

fn get(user: &User, path: &str) -> Value {
    let (status, answer) = user.api("GET", path, None);
    assert_eq!(status, 200, "{answer}");
    answer
}

fn agents(user: &User) -> Vec<String> {
    let agents = get(user, "/v1/agents");
    let agents = agents.as_array().expect("a list");
    agents
        .iter()
        .map(|agent| agent["name"].as_str().expect("a name").to_owned())
        .collect()
}

fn session(user: &User, agent: &str) -> Option<Value> {
    let status = get(user, "/v1/status");
    let sessions = status["sessions"].as_array().expect("a list");
    sessions
        .iter()
        .find(|session| session["agent"] == agent && session["state"] == "up")
        .cloned()
}

fn warnings(user: &User) -> String {
    get(user, "/v1/status")["warnings"].to_string()
}

/// As editors save: another file is put in its place.
fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("a file");
    fs::rename(&new, path).expect("a file");
}

fn put_key(path: &Path, seed: u8) {
    let new = path.with_extension("new");
    fs::write(&new, [seed; 32]).expect("a key");
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).expect("a key");
    fs::rename(&new, path).expect("a key");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}

#[test]
fn what_is_added_is_taken_up_and_what_was_there_goes_on() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    let before = eventually("the session", || session(&user, "ann"));
    put_key(&user.home().join("second.key"), 7);
    let drop_ins = user.home().join(".config/mrp/mrpd.d");
    fs::create_dir(&drop_ins).expect("a folder");
    let second = "[[agent]]\nname = \"second\"\nkey_file = \"~/second.key\"\n";
    fs::write(drop_ins.join("10-second.toml"), second).expect("a drop-in");
    eventually("the second session", || session(&user, "second"));
    let after = session(&user, "ann").expect("the first session");
    assert_eq!(before["since"], after["since"]);
    fs::remove_file(drop_ins.join("10-second.toml")).expect("a drop-in");
    eventually("the end of the second agent", || {
        (agents(&user) == ["ann"]).then_some(())
    });
    let after = session(&user, "ann").expect("the first session");
    assert_eq!(before["since"], after["since"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_the_old_stays_in_force() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    let before = eventually("the session", || session(&user, "ann"));
    let path = user.config_file();
    let right = read(&path);
    put(
        &path,
        &format!("{right}\n[[relay]]\nname = \"bad\"\nurl = \"gopher://x\"\n"),
    );
    let line = right.lines().count() + 4;
    eventually("the warning", || {
        let told = warnings(&user);
        let place = format!("mrpd.toml:{line}: relay.bad.url");
        told.contains(&place).then_some(())
    });
    let after = session(&user, "ann").expect("the session goes on");
    assert_eq!(before["since"], after["since"]);
    put(&path, &right);
    eventually("the end of the warning", || {
        (warnings(&user) == "[]").then_some(())
    });
    let after = session(&user, "ann").expect("the session goes on");
    assert_eq!(before["since"], after["since"]);
}

/// At the start a drop-in that is not TOML is left out, since nothing else would be in force; later the old stays in force as a whole.
#[test]
fn a_broken_drop_in_stops_no_start() {
    let relay = Relay::start();
    let mut user = User::at("ann", &relay);
    let drop_ins = user.home().join(".config/mrp/mrpd.d");
    fs::create_dir(&drop_ins).expect("a folder");
    let path = drop_ins.join("10-topic.toml");
    let right = "[[topic]]\nname = \"news\"\nallow = [\"*\"]\n";
    let topics = |user: &User| get(user, "/v1/topics").as_array().map_or(0, Vec::len);
    put(&path, right);
    eventually("the topic", || (topics(&user) == 1).then_some(()));
    put(&path, &format!("{right}allow = [\n"));
    eventually("the warning", || {
        warnings(&user)
            .contains("10-topic.toml:4: not TOML")
            .then_some(())
    });
    assert_eq!(topics(&user), 1, "the old one stays in force");
    user.terminate_daemon().succeeded();
    user.start_daemon();
    eventually("the session", || session(&user, "ann"));
    let told = warnings(&user);
    assert!(told.contains("10-topic.toml:4: not TOML"), "{told}");
    assert_eq!(topics(&user), 0, "the file is left out");
    put(&path, right);
    eventually("the topic", || (topics(&user) == 1).then_some(()));
    assert_eq!(warnings(&user), "[]");
    // The file in which a user writes is needed.
    let ended = user.terminate_daemon();
    assert!(ended.stderr.contains("10-topic.toml:4"), "{}", ended.stderr);
    user.configure("log = ");
    let mut daemon = user.command(tests::programs::path("mrpd"));
    daemon.arg("run");
    let ended = Process::start(daemon, b"").wait();
    assert_eq!(ended.code(), 78, "{}", ended.stderr);
    assert!(ended.stderr.contains("mrpd.toml:"), "{}", ended.stderr);
}

#[test]
fn a_configuration_that_is_gone_stops_nothing() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    let before = eventually("the session", || session(&user, "ann"));
    let (path, away) = (user.config_file(), user.home().join("away.toml"));
    fs::rename(&path, &away).expect("a file");
    eventually("the warning", || {
        warnings(&user).contains("mrpd.toml is gone").then_some(())
    });
    assert_eq!(agents(&user), ["ann"]);
    fs::rename(&away, &path).expect("a file");
    eventually("the end of the warning", || {
        (warnings(&user) == "[]").then_some(())
    });
    let after = session(&user, "ann").expect("the session goes on");
    assert_eq!(before["since"], after["since"]);
    // Whoever asks for it gets it.
    fs::rename(&path, &away).expect("a file");
    user.reload();
    assert!(agents(&user).is_empty());
}

#[test]
fn a_key_that_is_replaced_is_taken_up() {
    let relay = Relay::start();
    let mut user = User::blank("ann");
    let key = user.home().join("ann.key");
    put_key(&key, 3);
    let path = user.config_file();
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let config = format!(
        "[[relay]]\nname = \"home\"\nurl = \"{}\"\n[[agent]]\nname = \"ann\"\nkey_file = \"~/ann.key\"\n",
        relay.url()
    );
    fs::write(&path, config).expect("a file");
    user.start_daemon();
    eventually("the session", || session(&user, "ann"));
    let old = user.key();
    // A key that others can read is refused, and the old one stays.
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("a mode");
    eventually("the warning", || {
        warnings(&user)
            .contains("others can read the key file")
            .then_some(())
    });
    assert_eq!(user.key(), old);
    put_key(&key, 4);
    let new = eventually("the new key", || {
        let key = user.key();
        (key != old).then_some(key)
    });
    eventually("the new session", || session(&user, "ann"));
    assert_eq!(warnings(&user), "[]");
    user.mrpctl(&["send", &new, "to the new key", "--wait", "delivered"])
        .succeeded();
}

/// The way of Kubernetes: the file is a link through `..data`, which is turned to another folder in one step.
#[test]
fn links_that_are_turned_are_followed() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    eventually("the session", || session(&user, "ann"));
    let path = user.config_file();
    let text = read(&path);
    let dir = path.parent().expect("a folder").to_owned();
    let version = |name: &str, text: &str| {
        fs::create_dir(dir.join(name)).expect("a folder");
        fs::write(dir.join(name).join("mrpd.toml"), text).expect("a file");
        let _ = fs::remove_file(dir.join("..new"));
        symlink(name, dir.join("..new")).expect("a link");
        fs::rename(dir.join("..new"), dir.join("..data")).expect("a link");
    };
    version("..1", &text);
    symlink("..data/mrpd.toml", dir.join("link")).expect("a link");
    fs::rename(dir.join("link"), &path).expect("a link");
    for number in 2..4 {
        let name = format!("more{number}");
        put_key(&user.home().join(format!("{name}.key")), number);
        let more = format!("{text}\n[[agent]]\nname = \"{name}\"\nkey_file = \"~/{name}.key\"\n");
        version(&format!("..{number}"), &more);
        eventually(&name, || agents(&user).contains(&name).then_some(()));
    }
    assert_eq!(agents(&user).len(), 2, "of the last version only");
}

/// Where the system lets nobody watch, the daemon says so, and goes on by hand.
#[test]
fn without_inotify_a_reload_by_hand_is_left() {
    let relay = Relay::start();
    let mut user = User::at("ann", &relay);
    user.terminate_daemon().succeeded();
    let script = "echo 0 >/proc/sys/user/max_inotify_instances && exec \"$0\"";
    let mut command = user.command(PathBuf::from("unshare"));
    command.args(["--user", "--map-root-user", "sh", "-c", script]);
    command.arg(tests::programs::path("mrpd"));
    let mut probe = user.command(PathBuf::from("unshare"));
    probe.args([
        "--user",
        "--map-root-user",
        "sh",
        "-c",
        "echo 0 >/proc/sys/user/max_inotify_instances",
    ]);
    let probed = Process::start(probe, b"").wait();
    if !probed.status.success() {
        return tests::skip("this machine has no user namespaces");
    }
    user.run_daemon(command);
    let told = warnings(&user);
    assert!(told.contains("changes of files are not noticed"), "{told}");
    put_key(&user.home().join("second.key"), 7);
    user.configure("[[agent]]\nname = \"second\"\nkey_file = \"~/second.key\"");
    user.daemon().signal(nix::sys::signal::Signal::SIGHUP);
    eventually("the second agent", || {
        (agents(&user).len() == 2).then_some(())
    });
}

/// A program like the published clients writes the file in place, again and again, while we write to it too.
#[test]
fn contacts_of_another_program_are_never_lost() {
    const WRITER: &str = r#"
import json, pathlib, sys, time
path, stop = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
written = 0
while not stop.exists():
    data = json.loads(path.read_text()) if path.exists() else {"contacts": []}
    data["contacts"].append({"name": f"theirs{written}", "public_key": sys.argv[3 + written]})
    path.write_text(json.dumps(data, indent=2) + "\n")
    written += 1
    print("written", written, flush=True)
    time.sleep(0.02)
"#;
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    let keys: Vec<String> = (0..2000).map(key).collect();
    let path = user.home().join(".mrp/contacts.json");
    let stop = user.home().join("stop");
    let mut command = user.command(PathBuf::from("python3"));
    command
        .args(["-c", WRITER])
        .args([&path, &stop])
        .args(&keys);
    let mut writer = Process::start(command, b"");
    writer.line_after("written");
    for number in 0..12 {
        let body = json!({ "key": key(10_000 + number) });
        let path = format!("/v1/contacts/ours{number}");
        let (status, answer) = user.api("PUT", &path, Some(&body));
        // What the other program read before and wrote after is its business: ours may be gone at once.
        assert!(status == 200 || status == 404, "{status} {answer}");
    }
    fs::write(&stop, "").expect("a file");
    let said = writer.wait().succeeded();
    let written = said.lines().last().and_then(|line| line.split(' ').nth(1));
    let written: u32 = written.expect("a number").parse().expect("a number");
    assert!(written > 12, "both wrote at the same time");
    let body = json!({ "key": key(20_000) });
    let (status, answer) = user.api("PUT", "/v1/contacts/last", Some(&body));
    assert_eq!(status, 200, "{answer}");
    let text = read(&path);
    let file: Value = serde_json::from_str(&text).expect("the file is whole");
    let names: Vec<&str> = file["contacts"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|contact| contact["name"].as_str())
        .collect();
    for number in 0..written {
        let name = format!("theirs{number}");
        assert!(names.contains(&name.as_str()), "{name} is lost: {text}");
    }
    assert!(names.contains(&"last"));
}

#[test]
fn a_damaged_contacts_file_is_left_alone_and_the_last_good_one_stays_in_force() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    let body = json!({ "key": key(1) });
    let (status, _) = user.api("PUT", "/v1/contacts/bob", Some(&body));
    assert_eq!(status, 200);
    let path = user.home().join(".mrp/contacts.json");
    fs::write(&path, "{\"contacts\": [{").expect("a file");
    eventually("the warning", || {
        warnings(&user).contains("is damaged").then_some(())
    });
    let (status, contact) = user.api("GET", "/v1/contacts/bob", None);
    assert_eq!((status, &contact["name"]), (200, &json!("bob")));
    let (status, _) = user.api("PUT", "/v1/contacts/eve", Some(&json!({ "key": key(2) })));
    assert_ne!(status, 200);
    assert_eq!(read(&path), "{\"contacts\": [{");
}

fn key(number: u16) -> String {
    let mut seed = [1; 32];
    seed[..2].copy_from_slice(&number.to_le_bytes());
    mrp_proto::key::SecretKey::from_seed(&seed)
        .public()
        .to_string()
}
