//! What the documentation of the local interface shows works as it stands there, and shows everything there is.

use std::process::Command;
use tests::document::{Block, blocks};
use tests::process::{Process, eventually};
use tests::programs::path;
use tests::relay::Relay;
use tests::user::User;

/// The blocks of shell, each with the heading it stands under.
fn examples() -> impl Iterator<Item = Block> {
    let blocks = blocks("docs/api.md").into_iter();
    blocks.filter(|block| block.kind == "sh")
}

#[test]
fn every_example_works() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    user.configure(
        "[[hook]]\nname = \"note\"\nfrom = [\"*\"]\nexec = [\"/bin/true\"]\n\
         [[topic]]\nname = \"news\"\nallow = [\"*\"]\n",
    );
    user.reload();
    let script: Vec<String> = examples()
        .map(|Block { heading, text, .. }| format!("echo '== {heading}' >&2\n{text}"))
        .collect();
    let mut bash = user.command("bash".into());
    let work = tempfile::tempdir().expect("a folder");
    bash.args(["-euo", "pipefail", "-s"])
        .current_dir(work.path());
    let ended = Process::start(bash, script.concat().as_bytes()).wait();
    let shown = ended.succeeded();
    for part in [
        "message_not_found",
        "mrpd_sessions{state=\"up\"} 1",
        "some bytes",
        "\"imported\":0",
    ] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
    assert!(work.path().join("mrpd.backup").exists());
    let events = std::fs::read_to_string(work.path().join("events.jsonl")).expect("events");
    assert!(events.contains("\"event\":\"message\""), "{events}");
    eventually("the end of the daemon", || {
        user.daemon().has_ended().then_some(())
    });
}

#[test]
fn every_noun_has_an_example() {
    let mut command = Command::new(path("mrpd"));
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .arg("openapi");
    let document = Process::start(command, b"").wait().succeeded();
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    let shown: String = examples().map(|block| block.text).collect();
    for path in document["paths"].as_object().expect("paths").keys() {
        let noun = path.trim_start_matches("/v1").split('/').nth(1);
        let noun = noun.expect("a path has parts");
        let is_shown = [format!("/v1/{noun}"), format!(" /{noun}")]
            .iter()
            .any(|place| shown.contains(place.as_str()));
        assert!(is_shown, "docs/api.md has no example of {path}");
    }
}
