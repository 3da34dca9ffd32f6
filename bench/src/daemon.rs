//! An mrpd process of its own, with the home that a scenario has made for it.

use crate::process;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;
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
pub(crate) fn database(home: &Path) -> anyhow::Result<PathBuf> {
    let folder = home.join("state/mrp");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    Ok(folder.join("mrpd.redb"))
}

impl Daemon {
    /// Starts `program`, or the mrpd that was built beside this program.
    pub(crate) fn start(program: Option<&Path>, home: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(process::beside(program, "mrpd")?);
        command
            .env_clear()
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

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        process::resident(&self.process)
    }

    /// The process, for figures of the system's.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the process is ours alone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
