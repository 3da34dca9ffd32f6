//! Redis: a stream whose every entry is on disk before it is acknowledged (`appendfsync always`).

use super::{Peer, free_address, installed};
use crate::scratch;
use anyhow::{bail, ensure};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Redis {
    program: PathBuf,
    pub(crate) peer: Peer,
    folder: TempDir,
}

impl Redis {
    /// `None` where Redis is not installed.
    pub(crate) fn start() -> anyhow::Result<Option<Self>> {
        let Some(program) = installed("redis-server") else {
            return Ok(None);
        };
        let address = free_address()?;
        let folder = scratch::folder("redis")?;
        let peer = Peer::start(
            command(&program, address, folder.path()),
            address,
            folder.path(),
        )?;
        Ok(Some(Self {
            program,
            peer,
            folder,
        }))
    }

    /// Adds so many entries to the streams in turn, without waiting for the disk until the last.
    pub(crate) async fn fill(
        &self,
        streams: &[String],
        entries: usize,
        payload: &str,
    ) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.peer.address).await?;
        let sync = |how: &'static [u8]| [b"CONFIG".as_slice(), b"SET", b"appendfsync", how];
        connection.ask(&sync(b"everysec")).await?;
        let mut left = entries;
        let mut streams = streams.iter().cycle();
        while left > 0 {
            let together = left.min(PIPELINED);
            for stream in streams.by_ref().take(together) {
                let words = [
                    b"XADD".as_slice(),
                    stream.as_bytes(),
                    b"*",
                    b"b",
                    payload.as_bytes(),
                ];
                connection.write(&words).await?;
            }
            for _ in 0..together {
                connection.answer().await?;
            }
            left -= together;
        }
        connection.ask(&sync(b"always")).await
    }

    /// Ends it without warning, starts it on what it has on disk, and says how long that takes until it answers.
    pub(crate) async fn crash(&mut self) -> anyhow::Result<Duration> {
        self.peer.kill();
        let begun = Instant::now();
        let address = free_address()?;
        let command = command(&self.program, address, self.folder.path());
        self.peer = Peer::start(command, address, self.folder.path())?;
        let mut connection = Connection::open(address).await?;
        // While it reads, it listens and refuses.
        while connection.ask(&[b"DBSIZE"]).await.is_err() {
            tokio::time::sleep(super::PAUSE).await;
        }
        Ok(begun.elapsed())
    }
}

/// Requests without an answer, while it is filled: few enough that neither side waits for the other to read.
const PIPELINED: usize = 100;

fn command(program: &Path, address: SocketAddr, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--bind", &address.ip().to_string()])
        .args(["--port", &address.port().to_string()])
        .arg("--dir")
        .arg(folder)
        .args(["--save", "", "--appendonly", "yes"])
        .args(["--appendfsync", "always"]);
    command
}

/// A connection that asks one thing at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            request: Vec::new(),
        })
    }

    /// Adds an entry to a stream.
    pub(crate) async fn publish(&mut self, stream: &[u8], payload: &[u8]) -> anyhow::Result<()> {
        self.ask(&[b"XADD", stream, b"*", b"b", payload]).await
    }

    /// Asks and waits for the whole answer.
    pub(crate) async fn ask(&mut self, words: &[&[u8]]) -> anyhow::Result<()> {
        self.write(words).await?;
        self.answer().await
    }

    /// Asks without waiting.
    pub(crate) async fn write(&mut self, words: &[&[u8]]) -> anyhow::Result<()> {
        self.request.clear();
        self.request.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            self.request.extend(format!("${}\r\n", word.len()).bytes());
            self.request.extend(*word);
            self.request.extend(b"\r\n");
        }
        Ok(self.stream.get_mut().write_all(&self.request).await?)
    }

    /// Waits for an answer; what is in it does not matter unless it is an error.
    pub(crate) async fn answer(&mut self) -> anyhow::Result<()> {
        self.texts().await?;
        Ok(())
    }

    /// Waits for an answer and takes the texts in it, however deep.
    pub(crate) async fn texts(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut texts = Vec::new();
        let mut expected = 1;
        while expected > 0 {
            expected -= 1;
            let mut line = String::new();
            ensure!(self.stream.read_line(&mut line).await? > 0, "Redis closed");
            let rest = line.get(1..).unwrap_or_default().trim();
            match line.as_bytes().first() {
                Some(b'-') => bail!("Redis: {rest}"),
                Some(b'*') => expected += usize::try_from(rest.parse::<i64>()?).unwrap_or(0),
                Some(b'$') => {
                    if let Ok(length) = usize::try_from(rest.parse::<i64>()?) {
                        let mut text = vec![0; length + 2];
                        self.stream.read_exact(&mut text).await?;
                        text.truncate(length);
                        texts.push(text);
                    }
                }
                _ => {}
            }
        }
        Ok(texts)
    }
}
