//! A proxy between a client and a relay: it passes plain HTTP on byte by byte, and WebSockets only where it is told to.

use std::io::{Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What becomes of a request to upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrades {
    /// It is passed on.
    Passed,
    /// It is answered with 426.
    Refused,
    /// The connection is closed without an answer.
    Cut,
}

/// A proxy on a free port of loopback, for as long as the test runs.
#[derive(Debug)]
pub struct Proxy {
    listener: TcpListener,
    address: SocketAddr,
    rule: Arc<Mutex<Rule>>,
}

#[derive(Debug)]
struct Rule {
    upgrades: Upgrades,
    /// WebSockets that were passed on and may be open.
    open: Vec<TcpStream>,
}

impl Proxy {
    /// Takes a port, so that a relay can be told by which name it is asked.
    pub fn bind(upgrades: Upgrades) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let address = listener.local_addr().expect("it is bound");
        let open = Vec::new();
        Self {
            listener,
            address,
            rule: Arc::new(Mutex::new(Rule { upgrades, open })),
        }
    }

    /// `127.0.0.1:<port>`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Begins to pass requests on to a relay.
    pub fn serve(&self, relay: &str) {
        let listener = self.listener.try_clone().expect("a descriptor");
        let (relay, rule) = (relay.to_owned(), Arc::clone(&self.rule));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (relay, rule) = (relay.clone(), Arc::clone(&rule));
                // A connection that breaks is the client's to notice.
                thread::spawn(move || pass(stream, &relay, &rule).ok());
            }
        });
    }

    /// Does so with upgrades from now on. WebSockets that are open end, unless they are passed.
    pub fn set(&self, upgrades: Upgrades) {
        let mut rule = self.rule.lock().unwrap_or_else(PoisonError::into_inner);
        rule.upgrades = upgrades;
        if upgrades != Upgrades::Passed {
            for stream in rule.open.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}

fn pass(mut client: TcpStream, relay: &str, rule: &Mutex<Rule>) -> std::io::Result<()> {
    let head = read_head(&mut client)?;
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    // The client upgrades on a connection of its own, so later requests need no look.
    if text.contains("\r\nupgrade: websocket\r\n") {
        let mut rule = rule.lock().unwrap_or_else(PoisonError::into_inner);
        match rule.upgrades {
            Upgrades::Passed => rule.open.push(client.try_clone()?),
            Upgrades::Refused => {
                let answer = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                return client.write_all(answer.as_bytes());
            }
            Upgrades::Cut => return Ok(()),
        }
    }
    let mut server = TcpStream::connect(relay)?;
    server.write_all(&head)?;
    let (from_server, to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || copy(from_server, to_client));
    copy(client, server);
    Ok(())
}

fn read_head(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
