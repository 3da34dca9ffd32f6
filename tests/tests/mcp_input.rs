//! What a client of `mrpctl mcp` writes that it should not have written is answered, and what only reads writes nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::io::Write as _;
use std::process::ChildStdin;
use tests::process::Process;
use tests::programs;
use tests::relay::Relay;
use tests::user::User;

/// Bytes of a request that is larger than a message may be.
const TOO_MANY: usize = 17 << 20;

/// A client that writes what it likes.
struct Client {
    server: Process,
    input: ChildStdin,
}

impl Client {
    fn start(user: &User, arguments: &[&str]) -> Self {
        let mut command = user.command(programs::path("mrpctl"));
        command.arg("mcp").args(arguments);
        let (server, input) = Process::open(command);
        let mut client = Self { server, input };
        let greeting = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        client.ask("hello", "initialize", &greeting);
        client.write(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        client
    }

    fn write(&mut self, line: &[u8]) {
        self.input.write_all(line).unwrap();
        self.input.write_all(b"\n").unwrap();
    }

    fn answer(&mut self) -> Value {
        serde_json::from_str(&self.server.line()).unwrap()
    }

    fn ask(&mut self, id: &str, method: &str, params: &Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.write(request.to_string().as_bytes());
        let answer = self.answer();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        self.ask(tool, "tools/call", &params)
    }

    /// Writes a line that is no request; a request behind it is answered as ever.
    fn refused(&mut self, line: &[u8], id: &Value, code: i64) -> String {
        self.write(line);
        let shown = String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned();
        self.write(br#"{"jsonrpc":"2.0","id":"after","method":"ping"}"#);
        let answer = self.answer();
        assert_eq!(answer["error"]["code"], code, "{shown}: {answer}");
        assert_eq!(answer["id"], *id, "{shown}: {answer}");
        assert_eq!(self.answer()["id"], "after", "{shown}");
        answer["error"]["message"].as_str().unwrap().to_owned()
    }
}

#[test]
fn every_line_is_answered_whatever_it_is() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    let mut client = Client::start(&user, &[]);
    for nonsense in [&b"hello"[..], b"{\"id\":3,", b"{\"id\":\"\xff\"}"] {
        client.refused(nonsense, &Value::Null, -32700);
    }
    for arguments in ["\"x\"", "[1]", "7"] {
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{{"name":"whoami","arguments":{arguments}}}}}"#
        );
        client.refused(line.as_bytes(), &json!(4), -32602);
    }
    let line = br#"{"jsonrpc":"2.0","id":5,"method":"no/such"}"#;
    client.refused(line, &json!(5), -32601);

    let long = "x".repeat(TOO_MANY);
    let params = format!(r#"{{"name":"send","arguments":{{"to":"me","id":9,"text":"{long}"}}}}"#);
    for (line, id) in [
        (
            format!(r#"{{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{params}}}"#),
            json!(6),
        ),
        (
            format!(r#"{{"method":"tools/call","params":{params},"jsonrpc":"2.0","id":"seven"}}"#),
            json!("seven"),
        ),
        (long.clone(), Value::Null),
    ] {
        let message = client.refused(line.as_bytes(), &id, -32600);
        assert!(message.contains("16777216 bytes"), "{message}");
    }
    let refusal = client.call("read_thread", &json!({ "thread": "" }));
    let error = &refusal["result"]["structuredContent"]["error"];
    assert_eq!(error["code"], "invalid_request", "{refusal}");
}

#[test]
fn a_server_that_only_reads_makes_no_file() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    let folder = user.home().join("exchange");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(user.home().join("a.txt"), "attached").unwrap();
    user.mrpctl(&["send", "me", "-f", "a.txt", "--wait", "delivered"])
        .succeeded();
    let id = user.mrpctl(&["inbox", "--jq", ".id"]).succeeded();
    let target = folder.join("saved.txt");
    let asked = json!({ "message_id": id.trim(), "save_as": target });

    let files = ["--files", folder.to_str().unwrap()];
    let mut client = Client::start(&user, &[&files[..], &["--read-only"]].concat());
    let refusal = client.call("download_blob", &asked);
    let error = &refusal["result"]["structuredContent"]["error"];
    assert_eq!(error["code"], "not_permitted", "{refusal}");
    assert!(!target.exists());
    let shown = client.call("download_blob", &json!({ "message_id": id.trim() }));
    assert_eq!(
        shown["result"]["structuredContent"]["text"], "attached",
        "{shown}"
    );

    let mut client = Client::start(&user, &files);
    let tools = client.ask("list", "tools/list", &json!({}));
    let hint = tools["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .find(|tool| tool["name"] == "download_blob")
        .map(|tool| tool["annotations"]["readOnlyHint"].clone());
    assert_eq!(hint, Some(json!(false)));
    let saved = client.call("download_blob", &asked);
    assert_eq!(saved["result"]["structuredContent"]["size"], 8, "{saved}");
    assert!(target.exists());
}
