//! PostgreSQL: a row that is on disk before its insert is acknowledged (`synchronous_commit = on`, as it comes).

use super::{Peer, free_address};
use crate::scratch;
use anyhow::{Context as _, ensure};
use nix::unistd::{Uid, User, chown};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls, Statement};

#[derive(Debug)]
pub(crate) struct Postgres {
    pub(crate) peer: Peer,
    /// Held for its end.
    _folder: TempDir,
}

/// The server's own user, as whom it runs where the bench is run by root.
const USER: &str = "postgres";
/// Connections that it accepts.
const CONNECTIONS: &str = "max_connections=300";

impl Postgres {
    /// `None` where PostgreSQL is not installed, or cannot come to where its data would be.
    pub(crate) async fn start() -> anyhow::Result<Option<Self>> {
        let Some(programs) = programs() else {
            return Ok(None);
        };
        if !is_open_to_its_user(scratch::root()?)? {
            return Ok(None);
        }
        let address = free_address()?;
        let folder = scratch::folder("postgres")?;
        let data = folder.path().join("data");
        let mut prepare = unprivileged(Command::new(programs.join("initdb")), &folder)?;
        prepare
            .args(["--auth", "trust", "--username", USER, "--pgdata"])
            .arg(&data)
            .stdout(Stdio::null());
        ensure!(prepare.status()?.success(), "initdb failed");
        let mut command = unprivileged(Command::new(programs.join("postgres")), &folder)?;
        command
            .arg("-D")
            .arg(&data)
            .args(["-c", &format!("listen_addresses={}", address.ip())])
            .args(["-c", &format!("port={}", address.port())])
            .args(["-c", "unix_socket_directories=", "-c", CONNECTIONS]);
        let postgres = Self {
            peer: Peer::start(command, address, folder.path())?,
            _folder: folder,
        };
        let client = connect_when_ready(address).await?;
        client
            .batch_execute(
                "CREATE TABLE messages (id bigserial PRIMARY KEY, recipient text NOT NULL, body bytea NOT NULL)",
            )
            .await?;
        Ok(Some(postgres))
    }
}

/// Debian has the programs of each version in a folder of its own, and the newest serves.
pub(crate) fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.flatten().map(|version| version.path().join("bin"));
    folders.filter(|bin| bin.join("initdb").is_file()).max()
}

/// Whether the user as whom the server runs may go through a folder and all above it.
fn is_open_to_its_user(folder: &Path) -> anyhow::Result<bool> {
    if !Uid::effective().is_root() {
        return Ok(true);
    }
    for place in folder.ancestors() {
        if place.metadata()?.permissions().mode() & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// PostgreSQL does not run as root, and its own user must be able to enter the folder that it is given.
fn unprivileged(mut command: Command, folder: &TempDir) -> anyhow::Result<Command> {
    if Uid::effective().is_root() {
        let user = User::from_name(USER)?.context("PostgreSQL has a user of its own")?;
        chown(folder.path(), Some(user.uid), Some(user.gid))?;
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        command.current_dir(folder.path());
    }
    Ok(command)
}

/// It listens before it has recovered.
async fn connect_when_ready(address: SocketAddr) -> anyhow::Result<Client> {
    let ready = async {
        loop {
            if let Ok(client) = connect(address).await {
                return client;
            }
            tokio::time::sleep(super::PAUSE).await;
        }
    };
    let waited = tokio::time::timeout(super::PATIENCE, ready).await;
    waited.context("PostgreSQL does not become ready")
}

async fn connect(address: SocketAddr) -> anyhow::Result<Client> {
    let (ip, port) = (address.ip(), address.port());
    let place = format!("host={ip} port={port} user={USER} dbname=postgres");
    let (client, connection) = tokio_postgres::connect(&place, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A connection that inserts.
pub(crate) struct Connection {
    client: Client,
    insert: Statement,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let client = connect(address).await?;
        let insert = "INSERT INTO messages (recipient, body) VALUES ($1, $2)";
        let insert = client.prepare(insert).await?;
        Ok(Self { client, insert })
    }

    /// Inserts a row and waits until it is committed.
    pub(crate) async fn publish(&self, recipient: &str, body: &[u8]) -> anyhow::Result<()> {
        self.client
            .execute(&self.insert, &[&recipient, &body])
            .await?;
        Ok(())
    }
}
