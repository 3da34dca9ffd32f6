//! What systemd and the daemon say to each other: sockets passed on, signs of life, the journal.

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use tests::DEADLINE;
use tests::process::{Process, eventually};
use tests::programs;
use tests::relay::Relay;
use tests::user::User;

/// A user whose configuration is written and whose daemon does not run yet.
fn user_at(relay: &Relay, agent: &str) -> User {
    let user = User::blank("ann");
    let path = user.config_file();
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let config = format!(
        "[[relay]]\nname = \"home\"\nurl = \"{}\"\n[[agent]]\nname = \"ann\"\n{agent}\n",
        relay.url()
    );
    fs::write(path, config).expect("a file");
    user
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// A program that prints the key, and leaves its environment in a file.
const KEY_COMMAND: &str =
    r#"key_command = ["sh", "-c", "env >$HOME/env; printf 0123456789abcdef0123456789abcdef"]"#;

/// The service manager, as far as one is spoken to.
struct Manager(UnixDatagram);

impl Manager {
    fn for_daemon(command: &mut Command, user: &User) -> Self {
        let path = user.home().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        command
            .env("NOTIFY_SOCKET", path)
            .env("WATCHDOG_USEC", "1000000");
        Self(socket)
    }

    /// The next lines that begin with `prefix`, past others.
    fn told(&self, prefix: &str) -> String {
        let mut buffer = [0; 4096];
        let begun = Instant::now();
        // Signs of life come all the time, and must not keep a test alive.
        loop {
            assert!(begun.elapsed() < DEADLINE, "never told: {prefix}");
            let length = self.0.recv(&mut buffer).expect("the daemon tells more");
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.lines().any(|line| line.starts_with(prefix)) {
                return text;
            }
        }
    }
}

#[test]
fn the_manager_is_told_what_the_daemon_does() {
    let mut relay = Relay::start();
    let mut user = user_at(&relay, KEY_COMMAND);
    let mut command = user.command(programs::path("mrpd"));
    let manager = Manager::for_daemon(&mut command, &user);
    user.run_daemon(command);
    manager.told("READY=1");
    manager.told("STATUS=1 of 1 sessions up");
    manager.told("WATCHDOG=1");
    user.daemon().signal(nix::sys::signal::Signal::SIGHUP);
    let reloading = manager.told("RELOADING=1");
    let since = reloading
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    let since: u64 = since.expect("since when").parse().expect("a number");
    assert!(since > 0);
    manager.told("READY=1");
    relay.kill();
    manager.told("STATUS=0 of 1 sessions up; not ann at home");
    relay.resume();
    manager.told("STATUS=1 of 1 sessions up");
    // What is wrong is told too, and the end of a reload always.
    user.configure("[[relay]]\nname = \"bad\"");
    manager.told("RELOADING=1");
    manager.told("READY=1");
    manager.told("STATUS=1 of 1 sessions up; 1 warnings, see mrpctl status");
    let daemon_ended = user.terminate_daemon();
    manager.told("STOPPING=1");
    daemon_ended.succeeded();
}

#[test]
fn sockets_that_systemd_opened_are_used_and_left_to_it() {
    let relay = Relay::start();
    let mut user = user_at(&relay, KEY_COMMAND);
    let dir = user.home().join("run/mrp");
    fs::create_dir_all(&dir).expect("a folder");
    set_mode(&dir, 0o700);
    let second = dir.join("second.sock");
    let mut command = user.command(PathBuf::from("systemd-socket-activate"));
    for path in [&dir.join("other.sock"), &user.socket(), &second] {
        command.arg("--listen").arg(path);
    }
    command.arg("--fdname=other:api:api");
    for variable in ["HOME", "XDG_RUNTIME_DIR"] {
        command.arg("--setenv").arg(variable);
    }
    command.arg(programs::path("mrpd"));
    if user
        .command(PathBuf::from("systemd-socket-activate"))
        .arg("--version")
        .output()
        .is_err()
    {
        return tests::skip("systemd-socket-activate is not installed");
    }
    user.await_daemon_by(command);
    // The first connection starts it.
    eventually("the socket", || UnixStream::connect(user.socket()).ok());
    let (status, answer) = user.api("GET", "/v1/status", None);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["socket"], json!(user.socket()));
    assert!(answer["pid"].is_number());
    let mut curl = user.command(PathBuf::from("curl"));
    curl.args(["-sS", "--max-time", "60", "--unix-socket"])
        .arg(&second)
        .arg("http://mrpd/v1/agents");
    let agents = Process::start(curl, b"").wait().succeeded();
    let agents: Value = serde_json::from_str(&agents).expect("JSON");
    assert_eq!(agents[0]["name"], "ann");
    // mrpctl finds it without being told.
    user.mrpctl(&["status"]).succeeded();
    // Programs that the daemon starts know nothing of it.
    let environment = fs::read_to_string(user.home().join("env")).expect("the key was asked for");
    assert!(!environment.contains("LISTEN_"), "{environment}");
    user.terminate_daemon().succeeded();
    assert!(user.socket().exists());
}

/// Both kinds of socket become the local HTTP of an ingress; a name that nothing was passed under is told.
#[test]
fn an_ingress_listens_on_what_systemd_opened() {
    let relay = Relay::start();
    let mut user = user_at(&relay, KEY_COMMAND);
    if user
        .command(PathBuf::from("systemd-socket-activate"))
        .arg("--version")
        .output()
        .is_err()
    {
        return tests::skip("systemd-socket-activate is not installed");
    }
    let dir = user.home().join("run/mrp");
    fs::create_dir_all(&dir).expect("a folder");
    set_mode(&dir, 0o700);
    for name in ["grafana", "github", "missing"] {
        user.configure(&format!(
            "[[ingress]]\nname = \"{name}\"\nlisten = \"fd:{name}\"\npath = \"/post\"\nopen = true\nto = \"me\""
        ));
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port of loopback")
        .port();
    let tcp = format!("127.0.0.1:{port}");
    let unix = dir.join("github.sock");
    let mut command = user.command(PathBuf::from("systemd-socket-activate"));
    // The API's socket has no name of its own, and is not the first: it is the one that no ingress claims.
    command.arg("--listen").arg(&tcp);
    command.arg("--listen").arg(&unix);
    command.arg("--listen").arg(user.socket());
    command.arg("--fdname=grafana:github:mrpd.socket");
    for variable in ["HOME", "XDG_RUNTIME_DIR"] {
        command.arg("--setenv").arg(variable);
    }
    command.arg(programs::path("mrpd"));
    user.await_daemon_by(command);
    eventually("the socket", || UnixStream::connect(user.socket()).ok());
    let post = |arguments: &[&str], text: &str| {
        let mut curl = user.command(PathBuf::from("curl"));
        curl.args(["-sS", "--max-time", "60", "--fail-with-body"])
            .args(["-H", "content-type: application/json", "--data-binary"])
            .arg(json!({ "text": text }).to_string())
            .args(arguments);
        Process::start(curl, b"").wait().succeeded();
    };
    post(&[&format!("http://{tcp}/post")], "by TCP");
    let unix = unix.to_str().expect("a path of ASCII");
    post(&["--unix-socket", unix, "http://mrpd/post"], "by a path");
    let texts = eventually("both messages", || {
        Some(user.texts()).filter(|texts| texts.len() == 2)
    });
    assert_eq!(texts, ["by TCP", "by a path"]);
    let warnings = user.api("GET", "/v1/status", None).1["warnings"].to_string();
    assert!(
        warnings.contains("cannot listen on fd:missing: systemd passed no socket of that name"),
        "{warnings}"
    );
    assert!(
        warnings.contains("FileDescriptorName=missing"),
        "{warnings}"
    );
    user.terminate_daemon().succeeded();
    assert!(Path::new(unix).exists(), "the socket stays systemd's");
}

#[test]
fn a_socket_that_others_may_use_is_refused() {
    let relay = Relay::start();
    let mut user = user_at(&relay, KEY_COMMAND);
    let dir = user.home().join("run/mrp");
    fs::create_dir_all(&dir).expect("a folder");
    set_mode(&dir, 0o700);
    let mut command = user.command(PathBuf::from("systemd-socket-activate"));
    command.arg("--fdname=api");
    command.arg("--listen").arg(user.socket());
    command.args(["--setenv", "HOME"]);
    command.arg(programs::path("mrpd"));
    if user
        .command(PathBuf::from("systemd-socket-activate"))
        .arg("--version")
        .output()
        .is_err()
    {
        return tests::skip("systemd-socket-activate is not installed");
    }
    user.await_daemon_by(command);
    eventually("the socket", || user.socket().exists().then_some(()));
    set_mode(&user.socket(), 0o666);
    eventually("the connection", || UnixStream::connect(user.socket()).ok());
    let ended = user.await_daemon_death();
    assert_eq!(ended.code(), 78, "{}", ended.stderr);
    assert!(ended.stderr.contains("SocketMode=0600"), "{}", ended.stderr);
}

/// A folder of the machine's own is laid over the journal's place, and this program is the journal.
const JOURNAL: &str = r#"
import os, socket, subprocess, sys
os.makedirs("/run/systemd/journal", exist_ok=True)
subprocess.run(["mount", "-t", "tmpfs", "none", "/run/systemd/journal"], check=True)
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("/run/systemd/journal/socket")
journal.settimeout(60)
log = os.open(sys.argv[2], os.O_CREAT | os.O_RDWR, 0o600)
stat = os.fstat(log)
os.environ["JOURNAL_STREAM"] = f"{stat.st_dev}:{stat.st_ino}"
daemon = subprocess.Popen([sys.argv[1]], stderr=log)
try:
    while True:
        entry = journal.recv(65536)
        if b"session up" in entry:
            sys.stdout.buffer.write(entry)
            break
finally:
    daemon.terminate()
    daemon.wait()
"#;

#[test]
fn the_journal_gets_fields() {
    let relay = Relay::start();
    let user = user_at(&relay, KEY_COMMAND);
    let unshare = |program: &str| {
        let mut command = user.command(PathBuf::from("unshare"));
        command.args(["--user", "--map-root-user", "--mount", program]);
        command
    };
    if !unshare("true")
        .status()
        .is_ok_and(|status| status.success())
    {
        return tests::skip("this machine has no user namespaces");
    }
    let mut command = unshare("python3");
    command
        .args(["-c", JOURNAL])
        .arg(programs::path("mrpd"))
        .arg(user.home().join("stderr"));
    let entry = Process::start(command, b"").wait().succeeded();
    for field in [
        "MRP_AGENT",
        "MRP_RELAY",
        "PRIORITY\n\u{1}\0\0\0\0\0\0\x006\n",
        "SYSLOG_IDENTIFIER",
    ] {
        assert!(entry.contains(field), "{field}: {entry}");
    }
    let stderr = fs::read_to_string(user.home().join("stderr")).expect("a file");
    assert_eq!(stderr, "", "the journal alone");
}
