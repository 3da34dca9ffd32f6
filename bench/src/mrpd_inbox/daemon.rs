//! An mrpd process of its own, without agents, on a store that is there already.

use anyhow::{Context as _, bail};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

#[derive(Debug)]
pub(crate) struct Daemon {
    process: Child,
    socket: PathBuf,
    /// How long it took to become ready.
    pub(crate) started_in: Duration,
}

/// Where the daemon of a user with this home has its store. Makes the folder.
pub(super) fn database(home: &Path) -> anyhow::Result<PathBuf> {
    let folder = home.join("state/mrp");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    Ok(folder.join("mrpd.redb"))
}

impl Daemon {
    /// Starts `program`, or the mrpd that was built beside this program.
    pub(super) fn start(program: Option<&Path>, home: &Path) -> anyhow::Result<Self> {
        let beside = std::env::current_exe()?.with_file_name("mrpd");
        let program = program.unwrap_or(&beside);
        let begun = Instant::now();
        let mut process = Command::new(program)
            .env_clear()
            .env("HOME", home)
            .env("XDG_STATE_HOME", home.join("state"))
            .env("XDG_RUNTIME_DIR", home.join("run"))
            .env("MRPD_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!(
                    "cannot start {}; build it first: cargo build --release -p mrpd",
                    program.display()
                )
            })?;
        let output = process.stdout.take().context("stdout is piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let Some(socket) = line.trim().strip_prefix("mrpd ready ") else {
            bail!("mrpd did not become ready: {line:?}");
        };
        Ok(Self {
            process,
            socket: PathBuf::from(socket),
            started_in: begun.elapsed(),
        })
    }

    /// The whole answer to a request, on a connection of its own.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = UnixStream::connect(&self.socket).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: mrpd\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// Resident memory in bytes.
    pub(super) fn resident(&self) -> anyhow::Result<u64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.process.id()))?;
        let pages: u64 = statm
            .split(' ')
            .nth(1)
            .context("statm has seven fields")?
            .parse()?;
        Ok(pages * 4096)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the process is ours alone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
