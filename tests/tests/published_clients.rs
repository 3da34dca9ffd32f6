//! Every method of the published Python SDK, an older version of it, and every tool of the published MCP server, unmodified.

use std::process::Command;
use tests::process::Process;
use tests::python;
use tests::relay::Relay;

fn run(mut command: Command) -> String {
    let home = tempfile::tempdir().expect("a temporary folder");
    command.env("HOME", home.path());
    Process::start(command, b"").wait().succeeded()
}

#[test]
fn every_method_of_the_sdk() {
    let relay = Relay::start_with_local_webhooks();
    let mut command = python::script("sdk-0.3.1", "sdk/every_method.py");
    command.arg(relay.url());
    let shown = run(command);
    assert_eq!(shown.trim(), "63 methods");
}

#[test]
fn the_sdk_with_capabilities_as_strings() {
    let relay = Relay::start_with_local_webhooks();
    let mut command = python::script("sdk-0.2.7", "sdk/older.py");
    command.arg(relay.url());
    assert_eq!(run(command).trim(), "done");
}

#[test]
fn every_tool_of_the_mcp_server() {
    let relay = Relay::start_with_local_webhooks();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = python::script("mrp-mcp-0.2.5", "sdk/mcp_tools.py");
    command.arg(relay.url()).arg(folder.path());
    assert_eq!(run(command).trim(), "21 tools");
}
