//! `mrpctl mcp`, driven by a real MCP client: every tool and resource, in both forms of the protocol.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Map, Value};
use std::time::Duration;
use tests::process::Process;
use tests::relay::Relay;
use tests::user::User;
use tests::{programs, python};

/// A user's environment as a JSON object.
fn environment(user: &User) -> String {
    let command = user.command(programs::path("mrpctl"));
    let variables: Map<String, Value> = command
        .get_envs()
        .map(|(name, value)| {
            let value = value.unwrap().to_str().unwrap();
            (name.to_str().unwrap().to_owned(), value.into())
        })
        .collect();
    Value::Object(variables).to_string()
}

fn drive(mode: &str) {
    let relay = Relay::start();
    let (ann, ben) = (User::at("ann", &relay), User::at("ben", &relay));
    ann.mrpctl(&["contact", "add", "ben", &ben.key()])
        .succeeded();
    ben.mrpctl(&["contact", "add", "ann", &ann.key()])
        .succeeded();
    ben.configure(
        "[[capability]]\nname = \"double\"\ndescription = \"doubles n\"\nallow = [\"ann\"]\nshell = '''echo $(($(sed 's/[^0-9]//g') * 2))'''",
    );
    ben.reload();
    std::fs::create_dir(ann.home().join("exchange")).unwrap();
    let mut command = python::script("mcp-2.3.0", "mcp/client.py");
    command
        .arg(mode)
        .arg(programs::path("mrpctl"))
        .args([environment(&ann), environment(&ben)]);
    let ended = Process::start(command, b"").wait_for(Duration::from_secs(300));
    assert_eq!(ended.succeeded().trim(), "done");
}

#[test]
fn a_client_that_begins_with_initialize() {
    drive("legacy");
}

#[test]
fn a_client_whose_requests_carry_their_version() {
    drive("auto");
}

#[test]
fn what_is_not_the_protocol_is_a_mistake_and_silence_is_none() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    let ended = user.mrpctl_with(&["mcp"], b"");
    assert_eq!((ended.code(), ended.stdout.as_str()), (0, ""), "{ended:?}");
    let missing = user.mrpctl(&["mcp", "--files", "/no/such/folder"]);
    assert_eq!(missing.code(), 66, "{missing:?}");
    assert!(missing.stderr.contains("/no/such/folder"), "{missing:?}");
}
