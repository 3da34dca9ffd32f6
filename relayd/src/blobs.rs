//! Bytes of blobs, from the first that arrives of an upload to the last that is removed (protocol A5.1, A5.2).
//!
//! An upload goes to a spool file while it is hashed ([`spool`]); when its signature is known to be good, its bytes come into place
//! ([`objects`]), under their hash and nothing else; when the store has no record of them any more, they go ([`collect`]). Who
//! owns what, and who may read it, is the store's to know, not this module's.

pub(crate) mod collect;
mod guards;
mod objects;
mod spool;
mod uploads;

pub(crate) use guards::Placing;
pub(crate) use objects::{ByteStream, ObjectsError};
pub(crate) use spool::{SpoolError, Spooled, Spooling};
pub(crate) use uploads::{Busy, Slot};

use crate::config::{BlobStoreConfig, Config, ConfigError, S3Access};
use crate::store::BlobHash;
use guards::Guards;
use objects::Objects;
use spool::Spool;
use std::io;
use std::path::{Path, PathBuf};
use uploads::Uploads;

/// Why the bytes of blobs cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum BlobsError {
    /// A directory cannot be made or cleaned.
    #[error("{path}: cannot keep blobs here: {source}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The environment does not say how to use the bucket.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The client for the bucket cannot be set up.
    #[error("blob_store: cannot be used: {cause}")]
    Setup {
        /// Why.
        cause: String,
    },
}

impl BlobsError {
    /// Whether the configuration is to be changed, rather than the machine.
    pub(crate) fn is_configuration(&self) -> bool {
        match self {
            Self::Config(_) | Self::Setup { .. } => true,
            Self::Io { .. } => false,
        }
    }
}

/// Where bytes of blobs are, and those that are on their way there.
#[derive(Debug)]
pub(crate) struct Blobs {
    spool: Spool,
    objects: Objects,
    uploads: Uploads,
    guards: Guards,
    /// Whose lock those take who copy what is in it.
    directory: Option<PathBuf>,
}

impl Blobs {
    /// Blobs in memory, for a relay that is a value.
    pub(crate) fn in_memory(config: &Config) -> Self {
        Self::new(config, Spool::in_memory(), Objects::in_memory())
    }

    /// Prepares the directory, without what a former process left half done in it; blocks.
    pub(crate) fn open(config: &Config, directory: &Path) -> Result<Self, BlobsError> {
        let io_error = |path: &Path| {
            let path = path.to_owned();
            move |source| BlobsError::Io { path, source }
        };
        let stays = config.blob_store == BlobStoreConfig::Local;
        let spool = Spool::open(&directory.join("spool"), stays).map_err(io_error(directory))?;
        let objects = match &config.blob_store {
            BlobStoreConfig::Local => {
                let root = directory.join("objects");
                Objects::in_directory(&root).map_err(io_error(&root))?
            }
            BlobStoreConfig::S3 { bucket, prefix } => {
                let access = S3Access::from_environment()?;
                Objects::in_bucket(bucket, prefix, &access)?
            }
        };
        Ok(Self {
            directory: Some(directory.to_owned()),
            ..Self::new(config, spool, objects)
        })
    }

    fn new(config: &Config, spool: Spool, objects: Objects) -> Self {
        Self {
            spool,
            objects,
            uploads: Uploads::new(config),
            guards: Guards::default(),
            directory: None,
        }
    }

    /// The uploads that are under way.
    pub(crate) fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// Begins an upload.
    pub(crate) async fn spool(&self) -> Result<Spooling, SpoolError> {
        self.spool.begin().await
    }

    /// Keeps the bytes under a hash from being removed, until the answer is dropped: they are about to come into place, or to get
    /// a record.
    pub(crate) async fn keep(&self, hash: &BlobHash) -> Placing<'_> {
        self.guards.keep(hash).await
    }

    /// Puts bytes into place, durably. Whether the same were there before makes no difference, in time neither.
    pub(crate) async fn place(
        &self,
        spooled: Spooled,
        _placing: &Placing<'_>,
    ) -> Result<(), ObjectsError> {
        self.objects.put(spooled).await
    }

    /// Sees that bytes can be asked for at all, wherever they are.
    pub(crate) async fn probe(&self) -> Result<(), ObjectsError> {
        self.objects.probe().await
    }

    /// The bytes under a hash, or a part of them.
    pub(crate) async fn read(
        &self,
        hash: &BlobHash,
        range: std::ops::Range<u64>,
    ) -> Result<ByteStream, ObjectsError> {
        self.objects.read(hash, range).await
    }
}
