//! Certificates from an ACME directory: Pebble, the authority that is made for tests, asks the relay itself for its answer.

use crate::harness::PATIENCE;
use crate::program::{Program, relayd};
use crate::tls::{Secure, try_connect};
use nix::sys::signal::Signal;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const DOMAIN: &str = "relay.example.net";

/// An authority with a name server that sends everybody to this machine. It knows no other port for challenges than the one it is
/// told, so that is the relay's.
struct Authority {
    programs: Vec<Child>,
    directory: String,
    relay: u16,
}

impl Authority {
    /// `None` where it is not installed.
    fn start(home: &Path) -> Option<Self> {
        let [directory, management, names, control, relay] = free_ports();
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(home.join("authority.pem"), made.cert.pem()).unwrap();
        std::fs::write(home.join("authority.key"), made.key_pair.serialize_pem()).unwrap();
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{directory}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": home.join("authority.pem"),
            "privateKey": home.join("authority.key"),
            "httpPort": 1,
            "tlsPort": relay,
        }});
        let file = home.join("authority.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let mut programs = Vec::new();
        let mut start = |command: &mut Command| {
            let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
            programs.push(quiet.spawn().ok()?);
            Some(())
        };
        let names = format!("127.0.0.1:{names}");
        start(Command::new("pebble-challtestsrv").args([
            "-dns01",
            &names,
            "-management",
            &format!("127.0.0.1:{control}"),
            "-defaultIPv6=",
            "-http01=",
            "-https01=",
            "-tlsalpn01=",
        ]))?;
        start(
            Command::new("pebble")
                .args(["-dnsserver", &names, "-config"])
                .arg(&file)
                .env("PEBBLE_VA_NOSLEEP", "1")
                .env("PEBBLE_WFE_NONCEREJECT", "0"),
        )?;
        let authority = Self {
            programs,
            directory: format!("https://127.0.0.1:{directory}/dir"),
            relay,
        };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", directory)).is_err() {
            assert!(Instant::now() < deadline, "the authority does not listen");
            std::thread::yield_now();
        }
        Some(authority)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// Ports that are free now, all different.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn start(home: &Path, authority: &Authority) -> Program {
    let mut command = relayd(home);
    command
        // Beside the authorities of the system, which need not know this one.
        .env("SSL_CERT_FILE", home.join("authority.pem"))
        .arg(format!("--listen=127.0.0.1:{}", authority.relay))
        .args(["--set", "tls.acme.email=ops@example.net"])
        .arg(format!("--set=tls.acme.domains={DOMAIN}"))
        .arg(format!("--set=tls.acme.directory={}", authority.directory));
    Program::start(&mut command)
}

/// Waits until there is a certificate.
async fn until_secure(address: &str) -> Secure {
    let deadline = Instant::now() + 3 * PATIENCE;
    loop {
        if let Ok(client) = try_connect(address).await {
            return client;
        }
        assert!(Instant::now() < deadline, "there is no certificate");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn a_certificate_is_ordered_by_the_relays_own_answer_and_kept() {
    let home = TempDir::new().unwrap();
    let Some(authority) = Authority::start(home.path()) else {
        return skip("pebble and pebble-challtestsrv are not installed");
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shown = |program: &Program| {
        runtime.block_on(async {
            let mut client = until_secure(&program.address).await;
            let deadline = Instant::now() + PATIENCE;
            loop {
                let request = "GET /v1/health/details HTTP/1.1\r\nhost: x\r\n\r\n";
                client.write(request).await;
                let details = client.answer().await.body;
                if details.contains("expires_at") {
                    break;
                }
                assert!(Instant::now() < deadline, "{details}");
            }
            let certificates = client.stream.get_ref().1.peer_certificates().unwrap();
            certificates[0].to_vec()
        })
    };
    let program = start(home.path(), &authority);
    let first = shown(&program);
    assert!(contains(&first, "Pebble") && contains(&first, DOMAIN));
    let log = program.end(Signal::SIGTERM);
    assert!(log.contains("there is a new certificate"), "{log}");
    let kept = home.path().join("state/acme");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&kept), 0o700);
    let files: Vec<_> = std::fs::read_dir(&kept).unwrap().collect();
    // The account and the certificate.
    assert_eq!(files.len(), 2);
    for file in files {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    // The next start has it at once, and asks nobody.
    let program = start(home.path(), &authority);
    assert_eq!(shown(&program), first);
    let log = program.end(Signal::SIGTERM);
    assert!(!log.contains("there is a new certificate"), "{log}");
}

/// Names what is skipped where whoever runs the tests sees it: the test runner keeps what is merely printed to itself.
fn skip(why: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "{why}, and this machine is one that must run every test"
    );
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "skipped {test}: {why}");
}
