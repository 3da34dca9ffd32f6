//! The systems that people would otherwise pick, each as a process of its own with its data in a folder that goes away with it.
//!
//! Each is as Debian has it, with the setting that the comparison is about. One that is not installed is named as missing.

pub(crate) mod mosquitto;
pub(crate) mod nats;
pub(crate) mod nginx;
pub(crate) mod postgres;
pub(crate) mod redis;

use crate::process::Running;
use anyhow::{Context as _, bail};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two attempts to reach it: short, since the time until it is ready is a figure.
const PAUSE: Duration = Duration::from_millis(1);

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Peer {
    process: Running,
    pub(crate) address: SocketAddr,
    /// How long it took to listen.
    pub(crate) started_in: Duration,
}

impl Peer {
    /// Starts a command that makes it listen at `address`, in a folder of its own.
    pub(crate) fn start(
        mut command: Command,
        address: SocketAddr,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let program = PathBuf::from(command.get_program());
        let program = program.display();
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.current_dir(folder);
        let begun = Instant::now();
        let process = command.stderr(Stdio::null()).spawn();
        let process = Running::new(process.with_context(|| format!("cannot start {program}"))?);
        while TcpStream::connect(address).is_err() {
            if begun.elapsed() > PATIENCE {
                bail!("{program} does not listen at {address}");
            }
            std::thread::sleep(PAUSE);
        }
        Ok(Self {
            process,
            address,
            started_in: begun.elapsed(),
        })
    }

    /// Ends it as a loss of power does.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// The process, for figures of the system's.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

/// A port that was free a moment ago. Whoever finds it taken after all says so.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Where a program is, if it is installed.
pub(crate) fn installed(program: &str) -> Option<PathBuf> {
    // Debian has servers where only the administrator's search path looks.
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|program| is_file(program))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}
