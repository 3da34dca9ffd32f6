//! The program: killed in the middle of its deliveries, and posting over TLS.

use crate::receiver::{Answer, Received, Receiver};
use crate::rig::{SECRET, agent, ask, eventually, register, send};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

struct Program {
    child: Option<Child>,
    address: SocketAddr,
}

impl Program {
    fn start(home: &Path, environment: &[(&str, &Path)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_relayd"));
        command
            .env_clear()
            .env("HOME", home)
            .env("STATE_DIRECTORY", home.join("state"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(["--set", "webhooks.allow_http=true"])
            .args(["--set", r#"webhooks.allow_networks=["127.0.0.0/8", "::1"]"#])
            .args(["--set", "log=debug"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in environment {
            command.env(name, value);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let Some(address) = line.trim().strip_prefix("relayd ready http://") else {
            panic!("{line:?} {:?}", child.wait_with_output());
        };
        Self {
            address: address.parse().unwrap(),
            child: Some(child),
        }
    }

    /// Ends it; returns what it wrote to standard error.
    fn end(mut self, signal: Signal) -> String {
        let mut child = self.child.take().unwrap();
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap());
        kill(id, signal).unwrap();
        let mut log = String::new();
        let mut errors = child.stderr.take().unwrap();
        errors.read_to_string(&mut log).unwrap();
        child.wait().unwrap();
        log
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[tokio::test]
async fn a_kill_in_the_middle_loses_nothing_and_keeps_the_delivery_id() {
    let home = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(|number, _| match number {
        3 => Answer::Silence,
        _ => Answer::Status(200),
    })
    .await;
    let (alice, bob) = (agent(1), agent(2));
    let relay = Program::start(home.path(), &[]);
    register(relay.address, &bob, &receiver.url()).await;
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(send(relay.address, &alice, &bob, &number.to_string()).await);
    }
    // The fourth hangs when the relay dies.
    receiver.wait_for(4).await;
    relay.end(Signal::SIGKILL);
    let relay = Program::start(home.path(), &[]);
    // Four were here; of those that were taken, the last may come once more, if its record was lost.
    let deliveries = eventually("all eight", async || {
        let deliveries = receiver.wait_for(4).await;
        let last = deliveries.last().map(Received::message);
        (last == Some(7.into())).then_some(deliveries)
    })
    .await;
    let mut numbers: Vec<_> = deliveries[4..].iter().map(Received::message).collect();
    numbers.dedup();
    if numbers[0] == 2 {
        numbers.remove(0);
    }
    assert_eq!(numbers, [3, 4, 5, 6, 7]);
    let of = |number: u64| deliveries.iter().filter(move |one| one.message() == number);
    for number in 0..8 {
        let mut ids: Vec<_> = of(number).map(Received::id).collect();
        ids.dedup();
        assert_eq!(ids.len(), 1, "one id of {number}");
    }
    assert_eq!(of(3).count(), 2);
    let path = format!("/v1/messages/{}/status", ids[7]);
    eventually("the last one is delivered", async || {
        let status = ask(relay.address, &alice, "GET", &path, "").await;
        (status.expect(200)["status"] == "delivered").then_some(())
    })
    .await;
    let log = relay.end(Signal::SIGTERM);
    for hidden in [SECRET, "token", "/hook"] {
        assert!(!log.contains(hidden), "{hidden} in {log}");
    }
}

/// A certificate for `names` by an authority of its own, which is written to a file.
fn certificate(names: &[&str], authority: &Path) -> TlsAcceptor {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer_key = rcgen::KeyPair::generate().unwrap();
    let issuer = parameters.self_signed(&issuer_key).unwrap();
    std::fs::write(authority, issuer.pem()).unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer, &issuer_key)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate.der().to_vec())],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn over_tls_the_certificate_must_be_for_the_name() {
    let home = tempfile::tempdir().unwrap();
    let trusted = home.path().join("authority.pem");
    let good = Receiver::with_tls(certificate(&["localhost", "127.0.0.1"], &trusted)).await;
    let stranger = home.path().join("stranger.pem");
    let untrusted = Receiver::with_tls(certificate(&["127.0.0.1"], &stranger)).await;
    let relay = Program::start(home.path(), &[("SSL_CERT_FILE", &trusted)]);
    let (alice, bob, carol, dave) = (agent(1), agent(2), agent(3), agent(4));
    let port = good.address.port();
    let by_address = format!("https://127.0.0.1:{port}/");
    register(relay.address, &bob, &by_address).await;
    let by_name = format!("https://localhost:{port}/");
    register(relay.address, &carol, &by_name).await;
    let by_stranger = format!("https://{}/", untrusted.address);
    register(relay.address, &dave, &by_stranger).await;
    for recipient in [&bob, &carol, &dave] {
        send(relay.address, &alice, recipient, "1").await;
    }
    let deliveries = good.wait_for(2).await;
    let hosts: std::collections::BTreeSet<_> =
        deliveries.iter().map(|one| one.header("host")).collect();
    let expected = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    assert!(hosts.into_iter().eq(expected.iter().map(String::as_str)));
    eventually("the other is refused", async || {
        let info = ask(relay.address, &dave, "GET", &dave.webhook(), "").await;
        (info.expect(200)["last_error"] == "tls_failed").then_some(())
    })
    .await;
    assert_eq!(untrusted.count(), 0);
    relay.end(Signal::SIGTERM);
}
