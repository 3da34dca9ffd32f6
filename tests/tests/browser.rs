//! The agent of docs/browser in a headless Chromium, from an origin of its own, against a relay: WebCrypto, CORS, WebSocket.
//!
//! Without a Chromium it says so and does nothing, unless `CI` is set: there it must run.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use tests::DEADLINE;
use tests::process::Process;
use tests::programs::workspace;
use tests::relay::Relay;

/// Programs that are Chromium, by the names that distributions give them.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

#[test]
fn a_page_makes_a_key_and_sends_and_receives() {
    let Some(chromium) = chromium() else {
        return;
    };
    let relay = Relay::start();
    let (page, reports) = serve_page();
    let report = visit(&chromium, &page, &relay.url(), &reports);
    let steps = ["key", "profile", "send", "poll", "socket", "refusal"];
    assert_eq!(report, json!({ "passed": steps }));
}

#[test]
fn a_page_that_the_operator_did_not_list_gets_nowhere() {
    let Some(chromium) = chromium() else {
        return;
    };
    let relay = Relay::start_with(&["--set", "access.cors_origins=https://page.example"]);
    let (page, reports) = serve_page();
    let report = visit(&chromium, &page, &relay.url(), &reports);
    assert_eq!(report, json!({ "failed": "Failed to fetch" }));
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let candidates = NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = candidates.into_iter().find(|candidate| candidate.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "there is no Chromium; install one (Debian: apt-get install chromium)"
        );
        eprintln!("skipped: there is no Chromium on the PATH");
    }
    found
}

/// Opens the page with its self-test, and waits for what it reports.
fn visit(chromium: &Path, page: &str, relay: &str, reports: &Receiver<Value>) -> Value {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(chromium);
    command
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--no-first-run",
            "--disable-extensions",
            "--disable-background-networking",
        ])
        .arg(format!("--user-data-dir={}", home.path().display()))
        // It stays until it is told to end, which is when this function does.
        .arg("--remote-debugging-port=0")
        .arg(format!("{page}?relay={relay}&selftest&report=/report"));
    let browser = Process::start(command, b"");
    let report = reports.recv_timeout(DEADLINE);
    browser.signal(nix::sys::signal::Signal::SIGTERM);
    let ended = browser.wait();
    report.unwrap_or_else(|_| panic!("the page reported nothing: {}", ended.stderr))
}

/// Serves the page on a port of its own, which makes it an origin of its own; what is posted there comes out of the channel.
fn serve_page() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let address = listener
        .local_addr()
        .expect("a bound listener has an address");
    let (sender, reports) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Some(report) = stream.ok().and_then(serve) else {
                continue;
            };
            if sender.send(report).is_err() {
                return;
            }
        }
    });
    (format!("http://{address}/"), reports)
}

/// Answers one request; gives the body of a POST.
fn serve(mut stream: TcpStream) -> Option<Value> {
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line);
    }
    let request = lines.first()?;
    if request.starts_with("POST ") {
        let length = lines.iter().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().ok())?
        });
        let mut body = vec![0; length?];
        reader.read_exact(&mut body).ok()?;
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
            .ok()?;
        return serde_json::from_slice(&body).ok();
    }
    let (status, body) = if request.starts_with("GET /?") {
        let page = workspace().join("docs/browser/index.html");
        (
            "200 OK",
            std::fs::read(page).expect("the page is in the documentation"),
        )
    } else {
        ("404 Not Found", Vec::new())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body).ok()?;
    None
}
