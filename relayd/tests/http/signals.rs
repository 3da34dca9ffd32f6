//! What the program hears by signals, and what it tells its service manager.

use crate::harness::{PATIENCE, agent, on_the_wire};
use crate::program::{Program, relayd};
use nix::sys::signal::Signal;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Asks until it is so.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

fn send_limit(program: &Program, seed: u8) -> Option<String> {
    let alice = agent(seed);
    let body = format!(r#"{{"recipient_key":"{}","body":1}}"#, alice.key());
    let answer = program.ask(&on_the_wire(&alice, "POST", "/v1/messages", &body));
    let (_, limit) = answer.split_once("x-ratelimit-limit: ")?;
    limit.lines().next().map(str::to_owned)
}

#[test]
fn hangup_reads_the_configuration_again() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("relayd.toml");
    // In one step: the relay may be about to read it.
    let write = |text: &str| {
        let fresh = home.path().join("fresh.toml");
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(fresh, &file).unwrap();
    };
    write("listen = \"127.0.0.1:0\"\n");
    let mut command = relayd(home.path());
    // A flag is stronger than the file, also when that is read again.
    command.args([
        "--config",
        "relayd.toml",
        "--set",
        "limits.receive_per_minute=9",
    ]);
    let program = Program::start(&mut command);
    assert_eq!(send_limit(&program, 1), None);
    write(
        "listen = \"127.0.0.1:1\"\nlog = \"debug\"\nlimits.send_per_minute = 77\nlimits.receive_per_minute = 8\n",
    );
    program.signal(Signal::SIGHUP);
    eventually("the new limit", || {
        send_limit(&program, 2).as_deref() == Some("77")
    });
    // A mistake changes nothing, not even what is right in the same file.
    write("limits.send_per_minute = 78\nlimits.body = \"9MiB\"\n");
    program.signal(Signal::SIGHUP);
    write("limits.send_per_minute = 79\n");
    program.signal(Signal::SIGHUP);
    eventually(
        "the limit after the mistake was mended",
        || match send_limit(&program, 3).as_deref() {
            Some("77") => false,
            Some("79") => true,
            other => panic!("{other:?}"),
        },
    );
    let poll = program.ask(&on_the_wire(&agent(1), "GET", "/v1/messages", ""));
    assert!(poll.contains("x-ratelimit-limit: 9\r\n"), "{poll}");
    let log = program.end(Signal::SIGTERM);
    for said in [
        "\"changed\":\"log limits.send_per_minute\"",
        "\"fields\":\"listen\"",
        "not in force before a restart",
        // The finer log began.
        "\"level\":\"DEBUG\"",
    ] {
        assert!(log.contains(said), "{said} is not in {log}");
    }
}

#[test]
fn a_mistake_in_the_new_configuration_is_named_with_file_line_and_field() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("relayd.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\n").unwrap();
    let mut command = relayd(home.path());
    let manager = Manager::of(&home, &mut command);
    let program = Program::start(command.args(["--config", "relayd.toml"]));
    manager.hears("READY=1");
    std::fs::write(&file, "\n[limits]\nbody = \"9MiB\"\n").unwrap();
    program.signal(Signal::SIGHUP);
    assert!(manager.hears("RELOADING=1").contains("MONOTONIC_USEC="));
    manager.hears("READY=1");
    let log = program.end(Signal::SIGTERM);
    let expected = "relayd.toml:3: limits.body: expected a size";
    assert!(log.contains(expected), "{log}");
    assert!(!log.contains("was read again"), "{log}");
}

/// What systemd has of a service: a socket for its messages.
struct Manager(UnixDatagram);

impl Manager {
    fn of(home: &TempDir, command: &mut std::process::Command) -> Self {
        let path = home.path().join("notify.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        command.env("NOTIFY_SOCKET", &path);
        Self(socket)
    }

    /// Waits for a message with this in it, past others.
    fn hears(&self, said: &str) -> String {
        let mut buffer = [0; 1024];
        loop {
            let length = self.0.recv(&mut buffer).expect(said);
            let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if message.contains(said) {
                return message;
            }
        }
    }
}

#[test]
fn the_service_manager_hears_of_the_beginning_of_life_and_of_the_end() {
    let home = TempDir::new().unwrap();
    let mut command = relayd(home.path());
    let manager = Manager::of(&home, &mut command);
    command.env("WATCHDOG_USEC", "300000");
    let program = Program::start(command.args(["--listen", "127.0.0.1:0"]));
    manager.hears("READY=1");
    manager.hears("WATCHDOG=1");
    manager.hears("WATCHDOG=1");
    program.signal(Signal::SIGTERM);
    manager.hears("STOPPING=1");
    program.ended();
}

/// Waits until nobody listens there any more.
fn await_the_closing_of_the_door(address: &str) {
    eventually(
        "the listener to close",
        || matches!(TcpStream::connect(address), Err(error) if error.kind() == ErrorKind::ConnectionRefused),
    );
}

/// An upload whose end never comes. It is under way: the handler has asked for its body.
fn stuck_upload(program: &Program) -> TcpStream {
    let request = on_the_wire(&agent(1), "POST", "/v1/messages", "0123456789");
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    let mut stream = TcpStream::connect(&program.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("{head}\r\nexpect: 100-continue\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[test]
fn it_ends_in_ten_seconds_whatever_its_clients_do() {
    let home = TempDir::new().unwrap();
    let program = Program::start(relayd(home.path()).args(["--listen", "127.0.0.1:0"]));
    let upload = stuck_upload(&program);
    let connect = || TcpStream::connect(&program.address).unwrap();
    let mut long_poll = connect();
    let poll = on_the_wire(&agent(2), "GET", "/v1/messages?wait=30", "");
    long_poll.write_all(poll.as_bytes()).unwrap();
    // Says that it is a WebSocket, and then nothing more, nor does it read.
    let mut deaf = connect();
    let upgrade = "GET /v1/ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    deaf.write_all(upgrade.as_bytes()).unwrap();
    let silent = connect();
    // All of these are under way: what comes later is answered.
    assert!(program.get("/v1/health").starts_with("HTTP/1.1 200 OK\r\n"));
    let told = Instant::now();
    program.signal(Signal::SIGTERM);
    await_the_closing_of_the_door(&program.address);
    long_poll.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = String::new();
    long_poll.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        told.elapsed() < Duration::from_secs(5),
        "the poll is answered at once"
    );
    let log = program.ended();
    assert!(
        told.elapsed() < Duration::from_secs(10),
        "{:?}",
        told.elapsed()
    );
    // Who gives up first, a connection or the relay, is a matter of chance: both wait as long.
    assert!(log.contains("\"message\":\"ended"), "{log}");
    drop((upload, deaf, silent));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for second in [Signal::SIGTERM, Signal::SIGINT] {
        let home = TempDir::new().unwrap();
        let program = Program::start(relayd(home.path()).args(["--listen", "127.0.0.1:0"]));
        let upload = stuck_upload(&program);
        let told = Instant::now();
        program.signal(Signal::SIGTERM);
        await_the_closing_of_the_door(&program.address);
        program.signal(second);
        let log = program.ended();
        // The upload would have kept it for 7 s.
        assert!(
            told.elapsed() < Duration::from_secs(5),
            "{:?}",
            told.elapsed()
        );
        assert!(log.contains("a second time"), "{log}");
        drop(upload);
    }
}
