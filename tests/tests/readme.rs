//! What the README shows works as it stands there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::Value;
use std::process::Command;
use tests::process::Process;
use tests::programs::workspace;
use tests::relay::Relay;
use tests::sdk::lines;

/// The block of shell under a heading.
fn block(heading: &str) -> String {
    let text = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, rest) = section.split_once("```sh\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn an_agent_of_curl_and_openssl() {
    let relay = Relay::start();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-s"])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("relay", relay.url());
    let script = block("With nothing but curl");
    let shown = lines(
        &Process::start(command, script.as_bytes())
            .wait()
            .succeeded(),
    );
    let [profile, sent, inbox, found] = shown.as_slice() else {
        panic!("{shown:?}")
    };
    let key = &profile["public_key"];
    assert_eq!(profile["display_name"], "a shell");
    assert_eq!(sent["status"], "sent");
    let message: &Value = &inbox["messages"][0];
    assert_eq!(message["message_id"], sent["message_id"]);
    assert_eq!(message["body"]["text"], "hello, me");
    assert_eq!(&found["agents"][0]["public_key"], key);
}
