//! The relay's OpenAPI document against the relay, by schemathesis: no failure of the server, no answer that the document lacks.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;
use tests::process::Process;
use tests::programs::{self, workspace};
use tests::python;
use tests::relay::Relay;

/// For all operations together; it takes seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(180);

#[test]
fn the_relay_does_what_its_document_says() {
    // Webhooks that it registers lead to a port of this machine where nobody listens.
    let relay = Relay::start_with(&[
        "--set",
        "webhooks.allow_http=true",
        "--set",
        "webhooks.allow_networks=127.0.0.0/8",
    ]);
    let document = format!("{}/v1/openapi.json", relay.url());
    let folder = workspace().join("tests/schemathesis");
    let mut command = python::isolated("schemathesis", "schemathesis");
    command
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &folder)
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", &document, "--no-color", "--continue-on-failure"])
        .args(["--warnings", "off"])
        .current_dir(relay.data());
    let ended = Process::start(command, b"").wait_for(PATIENCE);
    let report = ended.succeeded();
    // It must have tried, and found requests that are accepted.
    assert!(report.contains("Stateful"), "{report}");
    assert!(!report.contains("Selected: 0/"), "{report}");
}

#[test]
fn the_document_is_openapi() {
    let relay = Relay::start();
    let document = document(&relay);
    let mut command = python::isolated("schemathesis", "openapi-spec-validator");
    command.args(["--schema", "3.1", "-"]);
    Process::start(command, document.as_bytes())
        .wait()
        .succeeded();
}

#[test]
fn the_command_writes_what_is_served() {
    let relay = Relay::start();
    let mut command = Command::new(programs::path("relayd"));
    command.env_clear().arg("openapi");
    let written = Process::start(command, b"").wait().succeeded();
    assert_eq!(written, document(&relay));
}

/// The served document.
fn document(relay: &Relay) -> String {
    let mut stream = TcpStream::connect(relay.address()).expect("the relay listens");
    let request = "GET /v1/openapi.json HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .expect("the relay reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the relay answers");
    let (head, document) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    document.to_owned()
}
