//! TLS with certificates from files: what is spoken, what is refused, and how a certificate is replaced under a running relay.

use crate::harness::PATIENCE;
use crate::program::{Program, relayd, run};
use crate::wire::{Client, Running, SHORT, start};
use nix::sys::signal::Signal;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use relayd::{Config, ListenAddress};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) type Secure = Client<TlsStream<TcpStream>>;

/// A certificate and its key in files of a folder.
struct Pair {
    made: CertifiedKey,
}

impl Pair {
    fn new() -> Self {
        let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        Self { made }
    }

    fn write(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&cert, self.made.cert.pem()).unwrap();
        std::fs::write(&key, self.made.key_pair.serialize_pem()).unwrap();
        (cert, key)
    }

    /// Puts both in the place of others, each by one renaming.
    fn rename_into(&self, folder: &Path) {
        let fresh = tempfile::tempdir_in(folder).unwrap();
        let (cert, key) = self.write(fresh.path());
        std::fs::rename(cert, folder.join("cert.pem")).unwrap();
        std::fs::rename(key, folder.join("key.pem")).unwrap();
    }

    fn is_shown_to(&self, client: &Secure) -> bool {
        let shown = client.stream.get_ref().1.peer_certificates().unwrap();
        shown[0] == *self.made.cert.der()
    }
}

/// Takes any certificate: what is of interest is which one is shown.
#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

async fn shake_hands(
    address: &str,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> std::io::Result<Secure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let secured = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    Ok(Client::new(secured))
}

pub(crate) async fn try_connect(address: &str) -> std::io::Result<Secure> {
    shake_hands(address, &[&TLS13], &["http/1.1"]).await
}

async fn connect(address: &str) -> Secure {
    try_connect(address).await.unwrap()
}

fn address(relay: &Running) -> String {
    let ListenAddress::Tcp(address) = relay.addresses[0] else {
        panic!("not TCP")
    };
    address.to_string()
}

async fn start_with(pair: &Pair, change: impl FnOnce(&mut Config, &TempDir)) -> Running {
    start(|config, folder| {
        let (cert, key) = pair.write(folder.path());
        (config.tls.cert, config.tls.key) = (Some(cert), Some(key));
        change(config, folder);
    })
    .await
}

#[tokio::test]
async fn tcp_speaks_tls_and_a_unix_socket_never() {
    let pair = Pair::new();
    let relay = start_with(&pair, |config, folder| {
        let socket = folder.path().join("http.sock");
        config.listen.push(ListenAddress::Unix(socket));
    })
    .await;
    let address = address(&relay);
    assert_eq!(relay.urls[0], format!("https://{address}"));
    assert!(relay.urls[1].starts_with("unix:/"), "{:?}", relay.urls);
    for versions in [&[&TLS12][..], &[&TLS13]] {
        for protocols in [&["http/1.1"][..], &["h2", "http/1.1"], &[]] {
            let mut client = shake_hands(&address, versions, protocols).await.unwrap();
            assert!(pair.is_shown_to(&client));
            let agreed = client.stream.get_ref().1.alpn_protocol();
            let expected = (!protocols.is_empty()).then_some(b"http/1.1".as_slice());
            assert_eq!(agreed, expected);
            client.get_health().await;
            client.get_health().await;
        }
    }
    let socket = relay.data_dir.path().join("http.sock");
    let mut plain = Client::new(UnixStream::connect(socket).await.unwrap());
    plain.get_health().await;
    relay.end().await;
}

#[tokio::test]
async fn what_is_no_handshake_is_ended_and_plain_http_is_told_so() {
    let relay = start_with(&Pair::new(), |config, _| config.timeouts.head = SHORT).await;
    let refused = shake_hands(&address(&relay), &[&TLS13], &["h2"]).await;
    assert!(refused.is_err());
    let mut plain = relay.connect().await;
    plain.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let answer = plain.answer().await;
    answer.refused(400, "bad_request");
    assert!(answer.body.contains("https://"), "{}", answer.body);
    plain.closed().await;
    // A record that is none gets an alert and no more.
    let mut garbage = relay.connect().await;
    garbage.write([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]).await;
    let mut said = Vec::new();
    let _ = garbage.stream.read_to_end(&mut said).await;
    assert!(said.first().is_none_or(|byte| *byte == 0x15), "{said:?}");
    // One time for handshake and head: silence before, in, and after the handshake.
    relay.connect().await.closed().await;
    let mut begun = relay.connect().await;
    begun.write([0x16, 3, 1]).await;
    begun.closed().await;
    let mut slow = connect(&address(&relay)).await;
    slow.write("GET / HTTP/1.1\r\nhost:").await;
    slow.answer().await.refused(408, "request_timeout");
    slow.closed().await;
    relay.end().await;
}

#[tokio::test]
async fn a_place_with_too_many_connections_is_told_over_tls_too() {
    let relay = start_with(&Pair::new(), |config, _| {
        config.set("public_url=https://relay.example.net").unwrap();
        config.set("limits.connections_per_ip=1").unwrap();
    })
    .await;
    let mut first = connect(&address(&relay)).await;
    first.get_health().await;
    let mut second = connect(&address(&relay)).await;
    second.answer().await.refused(429, "rate_limit_exceeded");
    first.get_health().await;
    relay.end().await;
}

/// Connects until the relay shows this certificate.
async fn until_shown(pair: &Pair, address: &str) -> Secure {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let client = connect(address).await;
        if pair.is_shown_to(&client) {
            return client;
        }
        assert!(Instant::now() < deadline, "the certificate is not shown");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_dropping_a_connection() {
    let (first, second, third) = (Pair::new(), Pair::new(), Pair::new());
    let relay = start_with(&first, |_, _| {}).await;
    let address = address(&relay);
    let mut kept = connect(&address).await;
    kept.get_health().await;
    second.rename_into(relay.data_dir.path());
    until_shown(&second, &address).await.get_health().await;
    // Written in place, one file after the other.
    third.write(relay.data_dir.path());
    until_shown(&third, &address).await.get_health().await;
    assert!(first.is_shown_to(&kept));
    kept.get_health().await;
    relay.end().await;
}

#[tokio::test]
async fn a_symbolic_link_that_is_turned_elsewhere_is_followed() {
    let (first, second) = (Pair::new(), Pair::new());
    let relay = start(|config, folder| {
        for (name, pair) in [("old", &first), ("new", &second)] {
            let folder = folder.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            pair.write(&folder);
        }
        let live = folder.path().join("live");
        std::os::unix::fs::symlink("old", &live).unwrap();
        config.tls.cert = Some(live.join("cert.pem"));
        config.tls.key = Some(live.join("key.pem"));
    })
    .await;
    let (folder, address) = (relay.data_dir.path(), address(&relay));
    assert!(first.is_shown_to(&connect(&address).await));
    std::os::unix::fs::symlink("new", folder.join("next")).unwrap();
    std::fs::rename(folder.join("next"), folder.join("live")).unwrap();
    until_shown(&second, &address).await.get_health().await;
    relay.end().await;
}

#[tokio::test]
async fn health_knows_until_when_the_certificate_is_good() {
    let relay = start_with(&Pair::new(), |_, _| {}).await;
    let mut client = connect(&address(&relay)).await;
    client
        .write("GET /v1/health/details HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    let details: serde_json::Value = serde_json::from_str(&client.answer().await.body).unwrap();
    let tls = &details["components"]["tls"];
    assert_eq!(tls["status"], "ok", "{details}");
    assert_eq!(tls["expires_at"], "4096-01-01T00:00:00.000Z", "{details}");
    relay.end().await;
}

#[test]
fn the_program_says_what_is_wrong_with_the_files() {
    let home = TempDir::new().unwrap();
    let (cert, key) = Pair::new().write(home.path());
    let other = TempDir::new().unwrap();
    let (_, other) = Pair::new().write(other.path());
    let arguments = |cert: &Path, key: &Path| {
        [
            "--listen=127.0.0.1:0".to_owned(),
            format!("--set=tls.cert={}", cert.display()),
            format!("--set=tls.key={}", key.display()),
        ]
    };
    for command in ["serve", "check"] {
        for (cert, key, file, problem) in [
            (
                &cert,
                &other,
                &other,
                "does not belong to the first certificate",
            ),
            (&cert, &cert, &cert, "there is no private key in it"),
            (
                &home.path().join("none"),
                &key,
                &home.path().join("none"),
                "cannot read the certificate",
            ),
        ] {
            let (output, errors) = run(relayd(home.path()).arg(command).args(arguments(cert, key)));
            assert_eq!(output.status.code(), Some(78), "{errors}");
            let begin = format!("error: {}: ", file.display());
            assert!(
                errors.contains(&begin) && errors.contains(problem),
                "{errors}"
            );
        }
    }
    let (output, errors) = run(relayd(home.path())
        .arg("check")
        .args(arguments(&cert, &key)));
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("at https://127.0.0.1:0"), "{said}");
}

#[test]
fn a_key_that_others_can_use_is_warned_of_and_hangup_reads_it_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = TempDir::new().unwrap();
    let (first, second) = (Pair::new(), Pair::new());
    let (cert, key) = first.write(home.path());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let mut command = relayd(home.path());
    command.args([
        "--listen=127.0.0.1:0".to_owned(),
        format!("--set=tls.cert={}", cert.display()),
        format!("--set=tls.key={}", key.display()),
    ]);
    let program = Program::start(&mut command);
    second.rename_into(home.path());
    program.signal(Signal::SIGHUP);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        until_shown(&second, &program.address)
            .await
            .get_health()
            .await;
    });
    let log = program.end(Signal::SIGTERM);
    assert!(
        log.contains("others than its owner can use the private key"),
        "{log}"
    );
    assert!(log.contains("the TLS certificate was read again"), "{log}");
}

#[test]
fn healthcheck_asks_its_own_listener_whatever_its_certificate_and_other_urls_as_anybody_would() {
    let home = TempDir::new().unwrap();
    let (cert, key) = Pair::new().write(home.path());
    let fields = [
        format!("--set=tls.cert={}", cert.display()),
        format!("--set=tls.key={}", key.display()),
        "--set=public_url=https://relay.example.net".to_owned(),
    ];
    let program = Program::start(
        relayd(home.path())
            .arg("--listen=127.0.0.1:0")
            .args(&fields),
    );
    let listen = format!("--listen={}", program.address);
    let (output, errors) = run(relayd(home.path())
        .args(["healthcheck", &listen])
        .args(&fields));
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let url = format!("https://{}", program.address);
    let (output, errors) = run(relayd(home.path()).args(["healthcheck", &url]));
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("certificate"), "{errors}");
    program.end(Signal::SIGTERM);
}
