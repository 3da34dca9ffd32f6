//! Backups: a directory with everything that a relay must not forget, and the way back.
//!
//! A backup is a directory of its own with `relay.redb` (the database of one moment), `blobs/` (where they are local) and
//! `manifest.json`, which says what is in it. It is made under another name and renamed when all of it is on disk, so one that was
//! not finished never looks like one. What the administrator writes (configuration, certificates, lists of keys) is not in it.

mod blobs;
mod disk;
mod manifest;
mod restore;
mod source;

pub(crate) use manifest::{BlobsPart, Manifest};
pub(crate) use restore::restore;

use crate::admin::client::CallError;
use crate::blobs::collect;
use crate::config::{BlobStoreConfig, Config};
use crate::data_dir::DataDirError;
use crate::store::{LoadError, OpenError, StoreError};
use blobs::Which;
use disk::Staging;
use manifest::FilePart;
use std::io;
use std::path::{Path, PathBuf};

/// The files of a backup.
const DATABASE: &str = "relay.redb";
const BLOBS: &str = "blobs";
const MANIFEST: &str = "manifest.json";

/// Why a backup was not taken or brought back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    #[error("{0}: there is something already; name a new or empty directory")]
    NotEmpty(PathBuf),
    #[error("{0}: another backup is being written there")]
    Busy(PathBuf),
    #[error("{0}: there is no data of a relay here; set data_dir, or --data-dir")]
    NoData(PathBuf),
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the relay refuses: {0}")]
    Refused(String),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("{path}: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    #[error(
        "{path}: was made by relayd {version}, whose store has layout {layout}; this version knows layouts up to {known}: restore with that version or a newer one"
    )]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// The version that wrote it.
        version: String,
        /// The layout it has.
        layout: u64,
        /// The newest one known here.
        known: u64,
    },
}

impl BackupError {
    /// For `map_err` on what is done to a path.
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// Copies everything into `directory`. A relay that runs is asked for it and goes on; otherwise its store is opened here, and no
/// relay can start meanwhile.
///
/// What the relay had answered for before this began is in the copy. What it answers meanwhile may or may not be.
///
/// # Errors
/// [`BackupError`]; then there is nothing at `directory`.
pub(crate) async fn take(config: &Config, directory: &Path) -> Result<Manifest, BackupError> {
    let staging = Staging::begin(directory)?;
    let manifest = fill(config, staging.path()).await?;
    staging.finish()?;
    Ok(manifest)
}

async fn fill(config: &Config, directory: &Path) -> Result<Manifest, BackupError> {
    let is_local = config.blob_store == BlobStoreConfig::Local;
    let (from, to) = (config.data_dir.join(BLOBS), directory.join(BLOBS));
    // From before the snapshot until they are copied: whatever it names is there for so long.
    let held = if is_local {
        let directory = from.clone();
        on_disk_thread(move || collect::hold(&directory).map_err(BackupError::at(&directory)))
            .await?
    } else {
        None
    };
    let loaded = source::copy_store(config, directory.join(DATABASE)).await?;
    let blobs = if is_local {
        let names = loaded
            .blobs
            .iter()
            .map(|hash| manifest::hex(hash))
            .collect();
        BlobsPart::Local(copy_blobs(from, to, Which::Named(names)).await?)
    } else {
        BlobsPart::elsewhere(&config.blob_store)
    };
    drop(held);
    let directory = directory.to_owned();
    on_disk_thread(move || {
        let database = FilePart::of(&directory.join(DATABASE), DATABASE)?;
        let manifest = Manifest::new(&loaded, database, blobs);
        manifest.write(&directory.join(MANIFEST))?;
        Ok(manifest)
    })
    .await
}

async fn copy_blobs(
    from: PathBuf,
    to: PathBuf,
    which: Which,
) -> Result<blobs::Copied, BackupError> {
    on_disk_thread(move || blobs::copy(&from, &to, &which)).await
}

async fn on_disk_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("nothing that is done to files here panics, and nobody cancels it")
}
