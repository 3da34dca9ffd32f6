//! The OpenAPI documents of relay and daemon against these, by schemathesis: no failure of the server, no answer that the document
//! lacks.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tests::process::Process;
use tests::programs::{self, workspace};
use tests::python;
use tests::relay::Relay;
use tests::user::User;

/// For all operations together; it takes seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(180);

#[test]
fn the_relay_does_what_its_document_says() {
    // Webhooks that it registers lead to a port of this machine where nobody listens.
    let relay = Relay::start_with_local_webhooks();
    let document = format!("{}/v1/openapi.json", relay.url());
    let report = tried("relay", &document, &[]);
    assert!(report.contains("Stateful"), "{report}");
}

#[test]
fn the_daemon_does_what_its_document_says() {
    let relay = Relay::start();
    let mut user = User::at("me", &relay);
    user.configure(
        "[[hook]]\nname = \"note\"\nfrom = [\"*\"]\nexec = [\"/bin/true\"]\n\
         [[topic]]\nname = \"news\"\nallow = [\"*\"]\n",
    );
    user.reload();
    let daemon = format!("http://{}", forwarded(user.socket()));
    let document = format!("{daemon}/v1/openapi.json");
    tried("daemon", &document, &["--url", &daemon]);
    assert!(!user.daemon().has_ended());
}

/// Tries everything that a document has as `tests/schemathesis/<name>` says; gives the report.
fn tried(name: &str, document: &str, arguments: &[&str]) -> String {
    let folder = workspace().join("tests/schemathesis").join(name);
    let work = tempfile::tempdir().expect("a temporary folder");
    let mut command = python::isolated("schemathesis", "schemathesis");
    command
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &folder)
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", document, "--no-color", "--continue-on-failure"])
        .args(["--warnings", "off"])
        .args(arguments)
        .current_dir(work.path());
    let ended = Process::start(command, b"").wait_for(PATIENCE);
    let report = ended.succeeded();
    // It must have tried, and found requests that are accepted.
    assert!(report.contains("Tested:"), "{report}");
    assert!(!report.contains("Selected: 0/"), "{report}");
    report
}

/// An address that leads to a Unix socket, for as long as the test runs.
fn forwarded(socket: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = UnixStream::connect(&socket) else {
                continue;
            };
            let copies = client.try_clone().and_then(|to_client| {
                let to_server = server.try_clone()?;
                Ok((to_client, to_server))
            });
            let Ok((to_client, to_server)) = copies else {
                continue;
            };
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut &client, &mut &to_server);
                to_server.shutdown(Shutdown::Write)
            });
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut &server, &mut &to_client);
                to_client.shutdown(Shutdown::Write)
            });
        }
    });
    address
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
