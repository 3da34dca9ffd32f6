//! What a backup says about itself.

use super::blobs::Copied;
use super::disk::{create_file, sum_of};
use super::{BackupError, MANIFEST};
use crate::config::BlobStoreConfig;
use crate::store::{LAYOUT, Loaded};
use mrp_proto::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The form described here.
const FORMAT: u32 = 1;
/// Bytes of a manifest that are read, at most.
const MOST: u64 = 1 << 20;

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format: u32,
    /// The version of relayd that took it.
    pub(crate) version: String,
    /// The layout of the database.
    pub(crate) layout: u64,
    pub(crate) taken_at: Timestamp,
    /// The last sequence number given out: later messages are not in it.
    pub(crate) last_sequence: u64,
    /// Rows by table.
    pub(crate) rows: BTreeMap<String, u64>,
    pub(super) database: FilePart,
    pub(crate) blobs: BlobsPart,
}

/// A file of the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FilePart {
    file: String,
    bytes: u64,
    /// In hexadecimal.
    pub(super) sha256: String,
}

/// Where the bytes of blobs are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BlobsPart {
    /// In the backup; each file's name is its SHA-256.
    Local(Copied),
    /// Where they were: they are not part of the backup.
    S3 {
        /// The bucket.
        bucket: String,
        /// What the names in it begin with.
        prefix: String,
    },
}

impl BlobsPart {
    /// Blobs that stay where they are.
    pub(super) fn elsewhere(store: &BlobStoreConfig) -> Self {
        match store {
            BlobStoreConfig::Local => Self::Local(Copied::default()),
            BlobStoreConfig::S3 { bucket, prefix } => Self::S3 {
                bucket: bucket.clone(),
                prefix: prefix.clone(),
            },
        }
    }
}

impl FilePart {
    /// A file as it is now.
    pub(super) fn of(path: &Path, name: &str) -> Result<Self, BackupError> {
        let sum = sum_of(path)?;
        Ok(Self {
            file: name.to_owned(),
            bytes: sum.bytes,
            sha256: hex(&sum.sha256),
        })
    }
}

impl Manifest {
    pub(super) fn new(loaded: &Loaded, database: FilePart, blobs: BlobsPart) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_millis();
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            layout: loaded.layout,
            taken_at: Timestamp::from_unix_millis(i64::try_from(now).unwrap_or(i64::MAX)),
            last_sequence: loaded.sequence,
            rows: loaded.tables.clone(),
            database,
            blobs,
        }
    }

    /// Rows of a table.
    pub(crate) fn rows_of(&self, table: &str) -> u64 {
        self.rows.get(table).copied().unwrap_or(0)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), BackupError> {
        let text = serde_json::to_vec_pretty(self).expect("its fields are texts and numbers");
        let mut file = create_file(path).map_err(BackupError::at(path))?;
        file.write_all(&text)
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.sync_all())
            .map_err(BackupError::at(path))
    }

    /// Reads the manifest of a backup that this version can bring back.
    pub(super) fn read(backup: &Path) -> Result<Self, BackupError> {
        let path = backup.join(MANIFEST);
        let mut text = Vec::new();
        std::fs::File::open(&path)
            .and_then(|file| file.take(MOST).read_to_end(&mut text))
            .map_err(BackupError::at(&path))?;
        let damaged = |problem: String| BackupError::Damaged {
            path: path.clone(),
            problem,
        };
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| damaged(format!("not the manifest of a backup: {error}")))?;
        if manifest.format != FORMAT {
            let found = manifest.format;
            return Err(damaged(format!(
                "its form is {found}, this version knows {FORMAT}"
            )));
        }
        if manifest.layout > LAYOUT {
            return Err(BackupError::Newer {
                path,
                version: manifest.version,
                layout: manifest.layout,
                known: LAYOUT,
            });
        }
        Ok(manifest)
    }
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
