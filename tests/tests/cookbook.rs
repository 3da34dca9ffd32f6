//! Every recipe of the cookbook works as it stands there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::mpsc;
use tests::document::{Block, blocks};
use tests::process::{Process, eventually};
use tests::programs;
use tests::relay::Relay;
use tests::user::User;

/// Takes what is posted, and passes on its path, its headers and its body.
fn receiver() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, posted) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            if sender.send(take(stream)).is_err() {
                return;
            }
        }
    });
    (address, posted)
}

fn take(stream: TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        request.push_str(&line);
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    request.push_str(&String::from_utf8(body).unwrap());
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    reader.into_inner().write_all(answer).unwrap();
    request
}

/// Runs a block as a user who has the programs on the path, and gives what it printed.
fn run(user: &User, folder: &Path, block: &Block) -> String {
    let mut bash = user.command("bash".into());
    let programs = programs::path("mrpctl");
    let path = format!("{}:/usr/bin:/bin", programs.parent().unwrap().display());
    bash.args(["-euo", "pipefail", "-s"])
        .env("PATH", path)
        .current_dir(folder);
    let ended = Process::start(bash, block.text.as_bytes()).wait();
    assert_eq!(ended.code(), 0, "{block:?}: {ended:?}");
    ended.stdout
}

#[test]
fn every_recipe_works() {
    let relay = Relay::start();
    let [laptop, ops, ci] = ["laptop", "ops", "ci"].map(|name| User::at(name, &relay));
    for (user, name, other) in [
        (&laptop, "ops", &ops),
        (&laptop, "ci", &ci),
        (&ops, "laptop", &laptop),
        (&ci, "laptop", &laptop),
    ] {
        user.mrpctl(&["contact", "add", name, &other.key()])
            .succeeded();
    }
    let (address, posted) = receiver();
    let config = laptop.home().join(".config");
    std::fs::create_dir_all(laptop.home().join(".cache")).unwrap();
    std::fs::write(config.join("ntfy-url"), format!("http://{address}/ntfy")).unwrap();
    std::fs::write(config.join("chat-url"), format!("http://{address}/chat")).unwrap();
    let secret = config.join("grafana-secret");
    std::fs::write(&secret, "a shared secret").unwrap();
    std::fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut shown = String::new();
    for block in blocks("docs/cookbook.md") {
        let user = match block.kind.as_str() {
            "sh" => &laptop,
            "sh ci" => &ci,
            "sh ops" => &ops,
            "toml" => {
                laptop.configure(&block.text);
                laptop.reload();
                continue;
            }
            "cron" => continue,
            other => panic!("nobody runs {other}"),
        };
        shown.push_str(&run(user, folder.path(), &block));
    }
    for part in [
        "main is at build 421",
        "<testsuites/>",
        "1.png\n2.png\n3.png\n",
        "42\n",
        "ci\tbuild.passed\n",
        "ci: build.passed\n",
    ] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
    let deployed = std::fs::read_to_string(laptop.home().join("deployed")).unwrap();
    assert_eq!(deployed, "422\n", "only builds of main, and only new ones");
    let told = eventually("what ops is told", || {
        let texts = ops.texts();
        let is_last = |text: &String| text.contains("disk 2 is hot");
        texts.iter().any(is_last).then_some(texts)
    });
    let count = |part: &str| told.iter().filter(|text| text.contains(part)).count();
    for (part, times) in [
        ("no space left on /backup", 1),
        ("disk 2 has failed", 1),
        ("all is well", 0),
        ("Standup at 10:00", 1),
    ] {
        assert_eq!(count(part), times, "{part:?} in {told:?}");
    }
    let mut bridged: Vec<String> = (0..2).map(|_| posted.recv().unwrap()).collect();
    bridged.sort_unstable();
    assert!(bridged[0].starts_with("POST /chat "), "{bridged:?}");
    assert!(
        bridged[0].contains(r#""text": "ops: @all: the \"east\" cooler is down""#),
        "{bridged:?}"
    );
    assert!(bridged[1].starts_with("POST /ntfy "), "{bridged:?}");
    assert!(
        bridged[1].ends_with("\r\n@all: the \"east\" cooler is down"),
        "{bridged:?}"
    );
}
