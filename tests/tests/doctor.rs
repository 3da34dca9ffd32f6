//! `mrpctl doctor`: it finds what is wrong, says what mends it, and mends what is safe.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tests::process::eventually;
use tests::programs;
use tests::relay::Relay;
use tests::user::User;

fn examine(user: &User, arguments: &[&str]) -> (i32, Vec<Value>) {
    let arguments = [&["doctor", "-o", "json"][..], arguments].concat();
    let ended = user.mrpctl(&arguments);
    let findings: Value = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", ended.stdout, ended.stderr));
    (ended.code(), findings.as_array().expect("a list").clone())
}

fn wrong(findings: &[Value]) -> Vec<&Value> {
    let is_wrong = |finding: &&Value| finding["verdict"] == "wrong";
    findings.iter().filter(is_wrong).collect()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn await_session(user: &User) {
    eventually("the session", || {
        let (_, status) = user.api("GET", "/v1/status", None);
        (status["sessions"][0]["state"] == "up").then_some(())
    });
}

#[test]
fn where_all_is_well_nothing_is_wrong() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    await_session(&user);
    let (code, findings) = examine(&user, &[]);
    assert_eq!((code, wrong(&findings)), (0, vec![]));
    let checks: Vec<&str> = findings
        .iter()
        .filter_map(|finding| finding["check"].as_str())
        .collect();
    for check in ["daemon", "modes", "store", "disk", "session", "runtime"] {
        assert!(checks.contains(&check), "{check}: {checks:?}");
    }
    assert!(checks.iter().any(|check| check.starts_with("relay ")));
}

#[test]
fn open_keys_are_found_and_mended() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    await_session(&user);
    let keys = user.home().join(".mrp/keys");
    set_mode(&keys, 0o755);
    let spare = keys.join("spare.key");
    fs::write(&spare, [1; 32]).expect("a key");
    set_mode(&spare, 0o644);
    let (code, findings) = examine(&user, &[]);
    assert_eq!(code, 1);
    let found = wrong(&findings);
    assert_eq!(found.len(), 2, "{found:?}");
    for finding in found {
        assert_eq!(finding["check"], "modes");
        assert!(finding["why"].is_string());
        let fix = finding["fix"].as_str().expect("a command");
        assert!(fix.starts_with("chmod "), "{fix}");
    }
    let (code, findings) = examine(&user, &["--fix"]);
    assert_eq!((code, wrong(&findings)), (0, vec![]));
    let mended = findings.iter().filter(|finding| finding["mended"] == true);
    assert_eq!(mended.count(), 2);
    let mode = |path: &Path| path.metadata().expect("a file").permissions().mode() & 0o777;
    assert_eq!((mode(&keys), mode(&spare)), (0o700, 0o600));
}

#[test]
fn a_daemon_that_died_and_its_socket_are_found() {
    let relay = Relay::start();
    let mut user = User::at("ann", &relay);
    user.kill_daemon();
    let (code, findings) = examine(&user, &["--fix"]);
    assert_eq!(code, 1);
    let found = wrong(&findings);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["check"], "daemon");
    assert!(!user.socket().exists());
    let text = user.mrpctl(&["doctor", "-o", "text"]);
    assert_eq!(text.code(), 1);
    assert!(text.stdout.contains("1 thing is wrong"), "{}", text.stdout);
}

#[test]
fn a_relay_that_is_away_and_what_is_refused_are_found() {
    let mut relay = Relay::start();
    let user = User::at("ann", &relay);
    await_session(&user);
    relay.kill();
    user.configure("[[relay]]\nname = \"bad\"");
    let found = eventually("the findings", || {
        let (code, findings) = examine(&user, &[]);
        let found: Vec<String> = wrong(&findings).iter().map(ToString::to_string).collect();
        (code == 1 && found.len() == 3).then(|| found.join("\n"))
    });
    assert!(found.contains("does not answer"), "{found}");
    assert!(found.contains("is down"), "{found}");
    assert!(found.contains("relay.bad"), "{found}");
}

/// The relay's clock is right; the daemon's is an hour ahead.
#[test]
fn a_clock_that_is_wrong_is_found() {
    let relay = Relay::start();
    let mut user = User::at("ann", &relay);
    user.terminate_daemon().succeeded();
    if user
        .command(PathBuf::from("faketime"))
        .arg("--version")
        .output()
        .is_err()
    {
        return tests::skip("faketime is not installed");
    }
    let mut command = user.command(PathBuf::from("faketime"));
    command.args(["-f", "+1h"]).arg(programs::path("mrpd"));
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    user.run_daemon(command);
    let (code, findings) = examine(&user, &[]);
    assert_eq!(code, 1);
    let relay = wrong(&findings).into_iter().find(|finding| {
        finding["check"]
            .as_str()
            .is_some_and(|check| check.starts_with("relay"))
    });
    let relay = relay.expect("the relay's clock differs");
    let what = relay["what"].as_str().expect("a text");
    assert!(what.contains("s ahead of its clock"), "{what}");
    assert!(
        relay["fix"]
            .as_str()
            .expect("a fix")
            .contains("timedatectl")
    );
    // faketime is the parent.
    let (_, status) = user.api("POST", "/v1/shutdown", None);
    assert_eq!(status, Value::Null);
}
