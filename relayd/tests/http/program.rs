//! The program: its command line, its one line of output, its signals and its exit statuses.

use crate::harness::{PATIENCE, agent, on_the_wire};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Instant;
use tempfile::TempDir;

pub(crate) fn relayd(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relayd"));
    command
        .env_clear()
        .env("HOME", home)
        .env("STATE_DIRECTORY", home.join("state"))
        .current_dir(home);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) struct Program {
    /// Gone once it was ended in order.
    pub(crate) child: Option<Child>,
    output: BufReader<ChildStdout>,
    pub(crate) address: String,
}

impl Program {
    /// Starts it and waits for its line.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let Some((_, address)) = line
            .strip_prefix("relayd ready ")
            .and_then(|url| url.split_once("://"))
        else {
            panic!("{line:?} {:?}", child.wait_with_output());
        };
        let address = address.trim_end().to_owned();
        Self {
            child: Some(child),
            output,
            address,
        }
    }

    /// Ends it; returns what it wrote to standard error.
    pub(crate) fn end(self, signal: Signal) -> String {
        let started = Instant::now();
        self.signal(signal);
        let log = self.ended();
        assert!(started.elapsed() < PATIENCE);
        log
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().unwrap();
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap());
        kill(id, signal).unwrap();
    }

    /// Waits for its end, in order; returns what it wrote to standard error.
    pub(crate) fn ended(mut self) -> String {
        let child = self.child.take().unwrap();
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(rest, "", "one line and no more");
        String::from_utf8(output.stderr).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
    }

    /// Whether it answers; a connection that it drops is no answer.
    fn is_healthy(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(&self.address) else {
            return false;
        };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = b"GET /v1/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let mut answer = String::new();
        stream.write_all(request).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200 OK\r\n")
    }

    /// Makes one request on a connection of its own.
    pub(crate) fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = request.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// A test that fails leaves no program behind.
impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(crate) fn run(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap();
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    (output, errors)
}

#[test]
fn it_says_where_it_is_serves_and_ends_on_a_signal() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let home = TempDir::new().unwrap();
        let program =
            Program::start(relayd(home.path()).args(["serve", "--listen", "127.0.0.1:0"]));
        assert!(program.get("/v1/health").starts_with("HTTP/1.1 200 OK\r\n"));
        let log = program.end(signal);
        // Not a terminal, so each line is one JSON object.
        for line in log.lines() {
            let entry: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(
                entry["level"].is_string() && entry["message"].is_string(),
                "{line}"
            );
        }
        assert!(log.contains("a private relay"), "{log}");
    }
}

#[test]
fn serve_is_the_default_and_the_environment_is_read() {
    let home = TempDir::new().unwrap();
    let data_dir = home.path().join("elsewhere");
    let mut command = relayd(home.path());
    command
        .env("RELAYD_LISTEN", "127.0.0.1:0,[::1]:0")
        .env("RELAYD_DATA_DIR", &data_dir)
        .env("RELAYD_CONFIG", "relayd.toml");
    std::fs::write(
        home.path().join("relayd.toml"),
        "listen = \"127.0.0.1:1\"\nlog_format = \"text\"\n",
    )
    .unwrap();
    let program = Program::start(command.args(["--set", "limits.send_per_minute=5"]));
    assert!(program.address.starts_with("127.0.0.1:"));
    let log = program.end(Signal::SIGTERM);
    assert!(data_dir.join("relay.redb").exists());
    assert!(log.contains("INFO"), "{log}");
}

#[test]
fn files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = TempDir::new().unwrap();
    let program = Program::start(relayd(home.path()).args(["--listen", "127.0.0.1:0"]));
    let state = home.path().join("state");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    for entry in std::fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
    program.end(Signal::SIGTERM);
}

#[test]
fn a_second_relay_is_told_whose_the_directory_is() {
    let home = TempDir::new().unwrap();
    let first = Program::start(relayd(home.path()).args(["--listen", "127.0.0.1:0"]));
    let (output, errors) = run(relayd(home.path()).args(["--listen", "127.0.0.1:0"]));
    assert_eq!(output.status.code(), Some(69), "{errors}");
    assert!(
        errors.contains(&format!(
            "another relay (process {}) uses this data directory",
            first.child.as_ref().unwrap().id()
        )),
        "{errors}"
    );
    let (output, errors) =
        run(relayd(home.path()).args(["--listen", &first.address, "--data-dir", "other"]));
    assert_eq!(output.status.code(), Some(69), "{errors}");
    assert!(
        errors.contains(&format!("http://{}: cannot listen", first.address)),
        "{errors}"
    );
    let (output, errors) = run(relayd(home.path()).arg("check"));
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("in use by a running relay")
    );
    first.end(Signal::SIGTERM);
}

#[test]
fn mistakes_in_the_configuration_end_with_78() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("relayd.toml");
    std::fs::write(&file, "[limits]\nbody = \"9MiB\"\n").unwrap();
    let expected = format!(
        "error: {}:2: limits.body: expected a size from \"1KiB\" to \"2MiB\" (given: \"9MiB\")\n",
        file.display()
    );
    for command in ["serve", "check"] {
        let (output, errors) = run(relayd(home.path()).args([command, "--config"]).arg(&file));
        assert_eq!((output.status.code(), errors), (Some(78), expected.clone()));
    }
    let (output, errors) = run(relayd(home.path()).args(["--set", "tls.cert=x"]));
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(
        errors,
        "error: --set tls.cert: expected an absolute path (given: \"x\")\n"
    );
    let (output, errors) = run(relayd(home.path()).args(["--listen", "nowhere"]));
    assert_eq!(output.status.code(), Some(64), "{errors}");
    let (output, _) = run(relayd(home.path()).arg("--version"));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        output.stdout,
        format!("relayd {}\n", env!("CARGO_PKG_VERSION")).into_bytes()
    );
}

#[test]
fn check_tries_everything_and_leaves_nothing_running() {
    let home = TempDir::new().unwrap();
    let (output, errors) = run(relayd(home.path()).args(["check", "--listen", "127.0.0.1:0"]));
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with("ok: a private relay at http://127.0.0.1:0, data in "),
        "{said}"
    );
    let (output, errors) = run(relayd(home.path()).args(["check", "--data-dir", "/dev/null/x"]));
    assert_eq!(output.status.code(), Some(78), "{errors}");
    assert!(
        errors.starts_with("error: /dev/null/x: cannot use the data directory"),
        "{errors}"
    );
}

#[test]
fn the_log_tells_requests_apart_and_keeps_secrets() {
    let home = TempDir::new().unwrap();
    let mut command = relayd(home.path());
    let program = Program::start(command.args(["--listen", "127.0.0.1:0", "--set", "log=trace"]));
    let alice = agent(1);
    let body = format!(
        r#"{{"recipient_key":"{}","body":"the-body","thread_id":"the-thread","metadata":{{"a":"the-metadata"}}}}"#,
        alice.key()
    );
    let send = on_the_wire(&alice, "POST", "/v1/messages", &body);
    let signature = send
        .split("x-m2m-signature: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    let answer = program.ask(&send);
    assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
    let thread = on_the_wire(&alice, "GET", "/v1/messages/threads/the-thread", "");
    assert!(program.ask(&thread).contains("the-body"));
    let id = answer
        .split("x-request-id: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .to_owned();
    let log = program.end(Signal::SIGTERM);
    assert!(log.contains(&id), "{log}");
    assert!(log.contains(&alice.key().short()), "{log}");
    assert!(log.contains("/v1/messages/threads/{id}"), "{log}");
    let key = alice.key().to_string();
    for secret in ["the-body", "the-thread", "the-metadata", signature, &key] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn the_log_keeps_what_is_said_over_a_websocket() {
    let home = TempDir::new().unwrap();
    let mut command = relayd(home.path());
    let program = Program::start(command.args(["--listen", "127.0.0.1:0", "--set", "log=trace"]));
    let mut stream = TcpStream::connect(&program.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let upgrade = "GET /v1/ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // A masked text frame; the mask is zero, so it changes nothing.
    let frame = [b"\x81\x8a\0\0\0\0".as_slice(), b"the-secret"].concat();
    stream
        .write_all(&[upgrade.as_bytes(), &frame].concat())
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(
        String::from_utf8_lossy(&answer).contains("not a JSON object"),
        "{}",
        answer.escape_ascii()
    );
    let log = program.end(Signal::SIGTERM);
    assert!(!log.contains("the-secret"), "{log}");
}

#[test]
fn a_full_inbox_is_no_warning() {
    let home = TempDir::new().unwrap();
    let program = Program::start(relayd(home.path()).args([
        "--listen",
        "127.0.0.1:0",
        "--set",
        "limits.sender_bytes=1",
    ]));
    let alice = agent(1);
    let body = format!(r#"{{"recipient_key":"{}","body":1}}"#, alice.key());
    let answer = program.ask(&on_the_wire(&alice, "POST", "/v1/messages", &body));
    assert!(
        answer.starts_with("HTTP/1.1 507 Insufficient Storage\r\n"),
        "{answer}"
    );
    let log = program.end(Signal::SIGTERM);
    let is_warning = |line: &str| line.contains("WARN") && line.contains("answered");
    assert!(!log.lines().any(is_warning), "{log}");
}

#[test]
fn its_socket_goes_with_it() {
    let home = TempDir::new().unwrap();
    let socket = home.path().join("http.sock");
    let address = format!("unix:{}", socket.display());
    let program =
        Program::start(relayd(home.path()).args(["--listen", "127.0.0.1:0", "--listen", &address]));
    assert!(socket.exists());
    program.end(Signal::SIGTERM);
    assert!(!socket.exists());
}

fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    match stream.read(&mut [0]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

#[test]
fn it_survives_running_out_of_files() {
    let home = TempDir::new().unwrap();
    let mut command = Command::new("sh");
    let script = "ulimit -n 32; exec \"$0\" --listen 127.0.0.1:0";
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_relayd")])
        .env_clear()
        .env("STATE_DIRECTORY", home.path().join("state"));
    let program = Program::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let crowd: Vec<_> = (0..40)
        .map(|_| TcpStream::connect(&program.address).unwrap())
        .collect();
    // One that cannot be served is dropped, so that its peer is not left hanging.
    let deadline = Instant::now() + PATIENCE;
    while !crowd.iter().any(is_closed) {
        assert!(Instant::now() < deadline, "nobody was dropped");
        std::thread::yield_now();
    }
    drop(crowd);
    // The relay sees the crowd leave one by one; until then a newcomer may be dropped too.
    while !program.is_healthy() {
        assert!(Instant::now() < deadline, "the relay did not recover");
        std::thread::yield_now();
    }
    let log = program.end(Signal::SIGTERM);
    assert!(log.contains("no more files can be opened"), "{log}");
}

#[test]
fn it_goes_on_when_nobody_reads_its_line() {
    let home = TempDir::new().unwrap();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    drop(socket);
    let mut command = relayd(home.path());
    let mut child = command
        .args(["--listen", &address])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let (ready, is_ready) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut line = String::new();
        while errors.read_line(&mut line).unwrap() > 0 {
            if line.contains("\"ready\"") {
                let _ = ready.send(());
            }
            line.clear();
        }
    });
    is_ready.recv_timeout(PATIENCE).unwrap();
    kill(
        Pid::from_raw(i32::try_from(child.id()).unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    reader.join().unwrap();
}
