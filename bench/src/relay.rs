//! A relayd process of its own, on a free port, with its data in a folder that goes away with it.

use crate::process::{self, Programs, Running};
use crate::scratch;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Relay {
    program: PathBuf,
    process: Running,
    pub(crate) address: SocketAddr,
    /// How long it took to become ready.
    pub(crate) started_in: Duration,
    data: Data,
    /// Fields of its configuration, as `key=value`.
    settings: Vec<String>,
}

impl Relay {
    /// Starts one that is empty.
    pub(crate) fn start(programs: &Programs) -> anyhow::Result<Self> {
        Self::start_with(programs, Data::temporary()?, Vec::new())
    }

    /// Starts one on what is in a folder already, with fields of its configuration set.
    pub(crate) fn start_with(
        programs: &Programs,
        data: Data,
        settings: Vec<String>,
    ) -> anyhow::Result<Self> {
        let program = programs.relayd()?;
        let started = start(&program, &data, &settings)?;
        Ok(Self {
            program,
            process: started.process,
            address: started.place.parse()?,
            started_in: started.took,
            data,
            settings,
        })
    }

    /// Ends it without warning and starts it on what it has on disk.
    pub(crate) fn crash(&mut self) -> anyhow::Result<()> {
        self.process.kill();
        let started = start(&self.program, &self.data, &self.settings)?;
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

fn start(program: &Path, data: &Data, settings: &[String]) -> anyhow::Result<process::Started> {
    let mut command = Command::new(program);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data.folder())
        .args(["--set", "log=error"])
        .current_dir(data.folder());
    for setting in settings {
        command.args(["--set", setting]);
    }
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
    pub(crate) fn temporary() -> anyhow::Result<Self> {
        Ok(Self::Temporary(scratch::folder("relayd")?))
    }

    /// A folder that is made if it is not there.
    pub(crate) fn kept(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self::Kept(folder.canonicalize()?))
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
        // Properly: data may be kept, and a relay that counts what it does writes that down at its end.
        self.process.end();
    }
}

impl Relay {
    /// Ends it properly and gives back what it has on disk.
    pub(crate) fn close(mut self) -> Data {
        self.process.end();
        std::mem::replace(&mut self.data, Data::Kept(PathBuf::new()))
    }
}
