//! Where the copy of the store comes from: the relay that runs, or else the store itself.

use super::{BackupError, on_disk_thread};
use crate::admin;
use crate::admin::client::{self, CallError};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::store::{Loaded, Options, Snapshot, Store, load};
use bytes::{Buf as _, Bytes};
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use std::io::{self, Read};
use std::path::PathBuf;
use tokio::sync::mpsc;

/// Parts of the stream that may wait for the disk.
const PARTS: usize = 4;
/// Bytes of a refusal that are looked at.
const REFUSAL: usize = 64 << 10;

/// Copies the store into a new file.
pub(super) async fn copy_store(config: &Config, to: PathBuf) -> Result<Loaded, BackupError> {
    match client::open(&config.data_dir, admin::backup::PATH).await {
        Ok(response) => from_relay(response, to).await,
        Err(CallError::Absent { .. }) => from_files(config, to).await,
        Err(error) => Err(error.into()),
    }
}

async fn from_relay(
    response: http::Response<Incoming>,
    to: PathBuf,
) -> Result<Loaded, BackupError> {
    let status = response.status();
    let mut body = response.into_body();
    if status != StatusCode::OK {
        let body = Limited::new(body, REFUSAL).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = body["error"]["message"]
            .as_str()
            .unwrap_or("it does not say why");
        return Err(BackupError::Refused(message.to_owned()));
    }
    let (sender, parts) = mpsc::channel(PARTS);
    let reading = async move {
        while let Some(frame) = body.frame().await {
            let part = frame
                .map_err(io::Error::other)
                .map(|frame| frame.into_data().unwrap_or_default());
            let is_broken = part.is_err();
            if sender.send(part).await.is_err() || is_broken {
                return;
            }
        }
    };
    let (loaded, ()) = tokio::join!(load_parts(parts, to), reading);
    loaded
}

async fn from_files(config: &Config, to: PathBuf) -> Result<Loaded, BackupError> {
    let database = config.data_dir.join(super::DATABASE);
    if !database.exists() {
        return Err(BackupError::NoData(config.data_dir.clone()));
    }
    // Keeps every relay out while it is read.
    let data_dir = DataDir::open(&config.data_dir)?;
    let store = Store::open(&data_dir.database(), Options::default())?;
    let snapshot = store.snapshot().await?;
    let (sender, parts) = mpsc::channel(PARTS);
    let (loaded, ()) = tokio::join!(load_parts(parts, to), hand_on(snapshot, sender));
    store.close().await;
    drop(data_dir);
    loaded
}

async fn hand_on(mut snapshot: Snapshot, sender: mpsc::Sender<io::Result<Bytes>>) {
    while let Some(part) = snapshot.next().await {
        if sender.send(part.map_err(io::Error::other)).await.is_err() {
            return;
        }
    }
}

async fn load_parts(
    parts: mpsc::Receiver<io::Result<Bytes>>,
    to: PathBuf,
) -> Result<Loaded, BackupError> {
    let stream = PartReader {
        parts,
        current: Bytes::new(),
    };
    on_disk_thread(move || Ok(load(stream, &to)?)).await
}

/// Parts as one stream, for a thread that may wait.
struct PartReader {
    parts: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for PartReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.parts.blocking_recv() {
                Some(part) => self.current = part?,
                None => return Ok(0),
            }
        }
        let length = into.len().min(self.current.len());
        self.current.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}
