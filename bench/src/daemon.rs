//! An mrpd process of its own, with the home that a scenario has made for it.

use crate::process::{self, Programs, Running};
use crate::relay::Relay;
use crate::scratch;
use crate::wire::fresh_key;
use anyhow::{Context as _, ensure};
use mrpd_api::body::{SessionState, Status};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

#[derive(Debug)]
pub(crate) struct Daemon {
    process: Running,
    socket: PathBuf,
    /// How long it took to become ready.
    pub(crate) started_in: Duration,
}

/// How long a session may take to come up.
const SESSION_PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two questions whether it is up.
const PAUSE: Duration = Duration::from_millis(500);

/// The home of a user with one agent on one relay, which goes away with it.
#[derive(Debug)]
pub(crate) struct Home {
    /// Held for its end.
    _folder: TempDir,
    path: PathBuf,
}

impl Home {
    pub(crate) fn with_relay(relay: &Relay) -> anyhow::Result<Self> {
        let folder = scratch::folder("mrpd")?;
        let path = folder.path().to_owned();
        settle_in(&path, &format!("http://{}", relay.address))?;
        Ok(Self {
            _folder: folder,
            path,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Where the daemon of a user with this home has its store. Makes the folder.
pub(crate) fn database(home: &Path) -> anyhow::Result<PathBuf> {
    let folder = home.join("state/mrp");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    Ok(folder.join("mrpd.redb"))
}

/// One agent with one relay.
fn settle_in(home: &Path, relay: &str) -> anyhow::Result<()> {
    let folder = home.join(".config/mrp");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    let key = folder.join("bench.key");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&key)?;
    file.write_all(&*fresh_key()?.seed())?;
    let key = key.display();
    let config = format!(
        "[[relay]]\nname = \"bench\"\nurl = \"{relay}\"\n\n[[agent]]\nname = \"bench\"\nkey_file = \"{key}\"\nrelays = [\"bench\"]\n"
    );
    std::fs::write(folder.join("mrpd.toml"), config)?;
    Ok(())
}

impl Daemon {
    pub(crate) fn start(programs: &Programs, home: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(programs.mrpd()?);
        command
            .env_clear()
            .current_dir(home)
            .env("HOME", home)
            .env("XDG_STATE_HOME", home.join("state"))
            .env("XDG_RUNTIME_DIR", home.join("run"))
            .env("MRPD_LOG", "warn");
        let started = process::start(command, "mrpd ready ")?;
        Ok(Self {
            process: started.process,
            socket: PathBuf::from(started.place),
            started_in: started.took,
        })
    }

    /// The whole answer to a request, on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = UnixStream::connect(&self.socket).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: mrpd\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// Waits until the daemon has its session.
    pub(crate) async fn session(&self) -> anyhow::Result<()> {
        let up = async {
            while !self.is_up().await? {
                tokio::time::sleep(PAUSE).await;
            }
            Ok(())
        };
        let waited = tokio::time::timeout(SESSION_PATIENCE, up).await;
        waited.context("there is no session with the relay")?
    }

    async fn is_up(&self) -> anyhow::Result<bool> {
        let answer = self.get("/v1/status").await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{answer}");
        let status: Status = serde_json::from_str(body)?;
        let mut sessions = status.sessions.iter();
        Ok(sessions.any(|session| session.state == SessionState::Up))
    }

    /// Where it is asked.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        process::resident(self.process.id())
    }

    /// The process, for figures of the system's.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}
