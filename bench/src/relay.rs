//! A relayd process of its own, on a free port, with its data in a folder that goes away with it.

use crate::process;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Relay {
    program: PathBuf,
    process: Child,
    pub(crate) address: SocketAddr,
    /// How long it took to become ready.
    pub(crate) started_in: Duration,
    data: Data,
}

impl Relay {
    /// Starts `program`, or the relayd that was built beside this program.
    pub(crate) fn start(program: Option<&PathBuf>) -> anyhow::Result<Self> {
        Self::start_with(program, Data::temporary()?)
    }

    /// As [`Relay::start`], with what is in a folder already.
    pub(crate) fn start_with(program: Option<&PathBuf>, data: Data) -> anyhow::Result<Self> {
        let program = process::beside(program.map(PathBuf::as_path), "relayd")?;
        let started = start(&program, &data)?;
        Ok(Self {
            program,
            process: started.process,
            address: started.place.parse()?,
            started_in: started.took,
            data,
        })
    }

    /// Ends it without warning and starts it on what it has on disk.
    pub(crate) fn crash(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        let started = start(&self.program, &self.data)?;
        self.process = started.process;
        self.address = started.place.parse()?;
        self.started_in = started.took;
        Ok(())
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        process::resident(self.process.id())
    }

    /// The process, for figures of the system's.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Processor time used so far, user and system together.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        process::cpu(self.process.id())
    }
}

fn start(program: &Path, data: &Data) -> anyhow::Result<process::Started> {
    let mut command = Command::new(program);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data.folder())
        .args(["--set", "log=warn"]);
    process::start(command, "relayd ready http://")
}

/// Where a relay has its data.
#[derive(Debug)]
pub(crate) enum Data {
    /// A folder that goes away.
    Temporary(tempfile::TempDir),
    /// A folder that stays.
    Kept(PathBuf),
}

impl Data {
    /// A new folder below the working directory, since the system's temporary folder may be in memory, where nothing is ever on disk.
    pub(crate) fn temporary() -> anyhow::Result<Self> {
        let mut builder = tempfile::Builder::new();
        Ok(Self::Temporary(
            builder.prefix("bench-relayd-").tempdir_in(".")?,
        ))
    }

    /// The relay's database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder().join("relay.redb")
    }

    fn folder(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the process is ours alone. Data that is kept is closed properly.
        let id = i32::try_from(self.process.id()).map(Pid::from_raw);
        if let (Data::Kept(_), Ok(id)) = (&self.data, id) {
            let _ = kill(id, Signal::SIGTERM);
        } else {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}
