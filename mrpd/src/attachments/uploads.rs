//! Files that wait to go out. Each lies sealed with a key of its own, as a sealed message posts it; a message in clear has it opened
//! again on its way. So a file is taken in once, whoever it goes to, and its content is on no disk of this machine twice.

use crate::clock;
use crate::store::{FileRecord, Reserved, Store, StoreError};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use mrp_proto::base64url;
use mrp_proto::blob::{BlobKey, Opener, Sealer};
use mrp_proto::id::EnvelopeId;
use mrpd_api::paths::create_private_dir;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Notify, Semaphore};
use tokio_util::io::ReaderStream;
use tokio_util::sync::CancellationToken;

/// How long a file is kept that no message needs: it may be about to be sent, or sent to somebody else as well.
const GRACE: Duration = Duration::from_secs(10 * 60);
/// Pause between two looks for files that are not needed any more.
const PAUSE: Duration = Duration::from_secs(1);
/// Files that are taken in at the same time.
const ARRIVING: usize = 4;
/// Bytes that are read from a file at once.
const PIECE: usize = 64 << 10;
/// How long the next piece of a file may take to come: what writes it may be slow, but not for ever.
const STANDSTILL: Duration = Duration::from_secs(10 * 60);

/// Why a file was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It is too large.
    #[error("the file has more than {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: u64,
    },
    /// There is no room beside those that wait.
    #[error("{waiting} bytes of files wait to be sent already, and at most {limit} may")]
    Full {
        /// Bytes that wait.
        waiting: u64,
        /// Bytes that may.
        limit: u64,
    },
    /// Too many come at once.
    #[error("{ARRIVING} files are being taken in already")]
    Busy,
    /// It stopped coming.
    #[error("the file did not come to its end: {0}")]
    Broken(String),
    /// It cannot be written.
    #[error("the file cannot be kept: {0}")]
    Disk(#[from] io::Error),
    /// The system has no random numbers.
    #[error("no random numbers from the system: {0}")]
    Random(#[from] getrandom::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is said of a file that comes.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// A name for people.
    pub filename: Option<String>,
    /// Media type.
    pub content_type: Option<String>,
    /// Bytes it may have.
    pub limit: u64,
    /// Bytes that all files that wait may have.
    pub limit_of_all: u64,
}

/// The files that wait. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Uploads {
    dir: Arc<PathBuf>,
    store: Store,
    arriving: Arc<Semaphore>,
    changed: Arc<Notify>,
}

impl Uploads {
    /// Those in a directory, which is made. What is there and on no record was cut short, and goes.
    ///
    /// # Errors
    /// What the file system or the store says.
    pub async fn open(dir: PathBuf, store: Store) -> Result<Self, ReceiveError> {
        create_private_dir(&dir)?;
        let known: HashSet<String> = store
            .files()
            .await?
            .into_iter()
            .map(|file| file.id)
            .collect();
        for entry in std::fs::read_dir(&dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if !name.to_str().is_some_and(|name| known.contains(name)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Self {
            dir: Arc::new(dir),
            store,
            arriving: Arc::new(Semaphore::new(ARRIVING)),
            changed: Arc::default(),
        })
    }

    /// Takes a file in. When this returns, it is on the disk and on record.
    ///
    /// # Errors
    /// A [`ReceiveError`]: then nothing of it is left.
    pub async fn receive<E: std::fmt::Display>(
        &self,
        description: Description,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<FileRecord, ReceiveError> {
        let _place = self
            .arriving
            .try_acquire()
            .map_err(|_| ReceiveError::Busy)?;
        let now = clock::now();
        let id = format!(
            "file_{}",
            EnvelopeId::from_parts(now, clock::random_bytes()?)
        );
        let partial = Partial::new(self.dir.join(&id));
        let key = BlobKey::generate(&mut UnwrapErr(SysRng));
        let written = write(&partial, &key, &description, body).await?;
        sync_directory(&self.dir).await?;
        let file = FileRecord {
            id,
            filename: description.filename,
            content_type: description.content_type,
            size: written.size,
            plain_digest: base64url::encode(&written.plain),
            sealed_digest: base64url::encode(&written.sealed),
            key: base64url::encode(key.as_bytes()),
            created_at: now,
            used_at: clock::now(),
        };
        let limit = description.limit_of_all;
        match self.store.keep_file(file.clone(), limit).await? {
            Reserved::Kept => {}
            Reserved::Full { waiting } => return Err(ReceiveError::Full { waiting, limit }),
        }
        partial.keep();
        self.changed.notify_one();
        Ok(file)
    }

    /// A file by its id.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn find(&self, id: &str) -> Result<Option<FileRecord>, StoreError> {
        self.store.file(id.to_owned()).await
    }

    /// Removes a file; `false` if a message in the outbox needs it.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn remove(&self, id: &str) -> Result<bool, StoreError> {
        let removed = self.store.drop_file(id.to_owned()).await?;
        if removed {
            self.unlink(id);
        }
        Ok(removed)
    }

    /// The bytes as they lie on the disk: sealed.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn sealed(
        &self,
        file: &FileRecord,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
        let opened = File::open(self.dir.join(&file.id)).await?;
        Ok(ReaderStream::with_capacity(opened, PIECE))
    }

    /// The content. Its end is an error if the bytes on the disk are not those that were written.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn plain(
        &self,
        file: &FileRecord,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
        let damaged = |_| io::Error::new(io::ErrorKind::InvalidData, "the waiting file is damaged");
        let key = base64url::decode_array(&file.key).map_err(damaged)?;
        let sealed = Box::pin(self.sealed(file).await?);
        let state = Some((sealed, Opener::new(BlobKey::from_bytes(&key))));
        Ok(futures_util::stream::try_unfold(
            state,
            move |state| async move {
                let Some((mut sealed, mut opener)) = state else {
                    return Ok(None);
                };
                let mut opened = Vec::new();
                while opened.is_empty() {
                    let Some(piece) = sealed.try_next().await? else {
                        opener.finish().map_err(|error| {
                            io::Error::new(io::ErrorKind::InvalidData, error.to_string())
                        })?;
                        return Ok(None);
                    };
                    opener.open(&piece, &mut opened);
                }
                Ok(Some((Bytes::from(opened), Some((sealed, opener)))))
            },
        ))
    }

    /// Removes what no message needs any more, until it is stopped. It sleeps until something can have changed.
    pub async fn tidy(self, stop: CancellationToken) {
        let mut outbox = self.store.outbox_changes();
        loop {
            outbox.borrow_and_update();
            let next = match self.sweep(clock::cautious()).await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, "files that are not needed any more were not removed");
                    Some(Duration::from_secs(60))
                }
            };
            let due = async {
                match next {
                    Some(pause) => tokio::time::sleep(pause.max(PAUSE)).await,
                    None => std::future::pending().await,
                }
            };
            let waiting = self.has_files();
            tokio::select! {
                () = due => {}
                () = self.changed.notified() => {}
                _ = outbox.changed(), if waiting => tokio::time::sleep(PAUSE).await,
                () = stop.cancelled() => return,
            }
        }
    }

    /// Removes what no message needs; says when it is worth looking again.
    async fn sweep(&self, now: mrp_proto::time::Timestamp) -> Result<Option<Duration>, StoreError> {
        let (dropped, next) = self.store.drop_files(now, GRACE).await?;
        for id in dropped {
            self.unlink(&id);
        }
        Ok(next.map(|next| next.since(now)))
    }

    fn has_files(&self) -> bool {
        std::fs::read_dir(&*self.dir).is_ok_and(|mut entries| entries.next().is_some())
    }

    fn unlink(&self, id: &str) {
        if let Err(error) = std::fs::remove_file(self.dir.join(id)) {
            tracing::warn!(id, %error, "a file that was sent was not removed");
        }
    }
}

/// What was written.
struct Written {
    size: u64,
    plain: [u8; 32],
    sealed: [u8; 32],
}

async fn write<E: std::fmt::Display>(
    partial: &Partial,
    key: &BlobKey,
    description: &Description,
    body: impl Stream<Item = Result<Bytes, E>>,
) -> Result<Written, ReceiveError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(&partial.path).await?;
    let mut sealer = Sealer::new(key, &mut UnwrapErr(SysRng));
    let (mut plain, mut sealed) = (Sha256::new(), Sha256::new());
    let nonce = sealer.nonce();
    sealed.update(nonce);
    file.write_all(&nonce).await?;
    let mut size = 0_u64;
    let mut body = pin!(body);
    let standstill = || ReceiveError::Broken("it stood still".to_owned());
    while let Some(piece) = tokio::time::timeout(STANDSTILL, body.next())
        .await
        .map_err(|_| standstill())?
    {
        let piece = piece.map_err(|error| ReceiveError::Broken(error.to_string()))?;
        size = size.saturating_add(piece.len() as u64);
        if size > description.limit {
            let limit = description.limit;
            return Err(ReceiveError::TooLarge { limit });
        }
        plain.update(&piece);
        let mut piece = Vec::from(piece);
        sealer.seal(&mut piece);
        sealed.update(&piece);
        file.write_all(&piece).await?;
    }
    let tag = sealer.finish();
    sealed.update(tag);
    file.write_all(&tag).await?;
    file.flush().await?;
    file.sync_all().await?;
    Ok(Written {
        size,
        plain: plain.finalize().into(),
        sealed: sealed.finalize().into(),
    })
}

async fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir).await?.sync_all().await
}

/// A file that is gone unless it is kept.
#[derive(Debug)]
struct Partial {
    path: PathBuf,
    kept: bool,
}

impl Partial {
    fn new(path: PathBuf) -> Self {
        Self { path, kept: false }
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            // It may not have been made yet.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests;
