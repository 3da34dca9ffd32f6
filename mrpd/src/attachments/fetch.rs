//! Reading one attachment: streamed from the relay, opened, counted and hashed on the way, and put into place only when all of it is
//! what its sender said.

use super::folder::{Folder, Placed};
use crate::config::Attachments;
use crate::roster::{Link, LocalAgent};
use crate::store::MessageRecord;
use bytes::Bytes;
use mrp_client::Error;
use mrp_proto::blob::{BlobError, OVERHEAD, Opener, hash_of_digest};
use mrp_proto::code::Code;
use mrp_proto::envelope::{OpenError, WrappedKey, unwrap_key};
use mrp_proto::id::BlobId;
use mrp_proto::message::Attachment;
use mrpd_api::filename::plain_name;
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

/// Why an attachment is not here.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The relay does not give it.
    #[error(transparent)]
    Relay(#[from] Error),
    /// What the message names is no blob.
    #[error("{id:?} is not the name of a blob")]
    NotABlob {
        /// What it names.
        id: String,
    },
    /// There is more of it than was announced, or than may come.
    #[error("there is more of it than the {limit} bytes that were expected")]
    TooLong {
        /// Bytes expected.
        limit: u64,
    },
    /// There is less of it than was announced.
    #[error("it has {actual} bytes, and {announced} were announced")]
    TooShort {
        /// Bytes announced.
        announced: u64,
        /// Bytes that came.
        actual: u64,
    },
    /// It is something else than what was sent.
    #[error("its bytes are not those that were sent")]
    OtherBytes,
    /// Its key cannot be opened.
    #[error("its key cannot be opened: {0}")]
    Key(#[from] OpenError),
    /// It is sealed, and its message does not carry the key, or was sealed by this agent for somebody else.
    #[error("it is sealed for somebody else")]
    NoKey,
    /// It was altered.
    #[error(transparent)]
    Altered(#[from] BlobError),
    /// Another file is there, and conflict = "skip".
    #[error("another file is there: {}", .0.display())]
    Taken(PathBuf),
    /// It cannot be written.
    #[error("it cannot be saved: {0}")]
    Disk(#[from] io::Error),
}

impl FetchError {
    /// Whether trying again cannot help.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Relay(error) => {
                error.code() == Some(Code::BlobNotFound) || matches!(error, Error::Setup { .. })
            }
            Self::Disk(_) => false,
            Self::NotABlob { .. }
            | Self::TooLong { .. }
            | Self::TooShort { .. }
            | Self::OtherBytes
            | Self::Key(_)
            | Self::NoKey
            | Self::Altered(_)
            | Self::Taken(_) => true,
        }
    }
}

/// Which attachment, and whose.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) agent: &'a LocalAgent,
    pub(super) link: &'a Link,
    pub(super) message: &'a MessageRecord,
    pub(super) place: u32,
    pub(super) attachment: &'a Attachment,
    /// Bytes it may have where it is not said how many it has.
    pub(super) limit: u64,
}

/// Reads an attachment into a file.
pub(super) async fn fetch(
    wanted: Wanted<'_>,
    settings: &Attachments,
) -> Result<PathBuf, FetchError> {
    let attachment = wanted.attachment;
    let id: BlobId = attachment
        .blob_id
        .parse()
        .map_err(|_| FetchError::NotABlob {
            id: attachment.blob_id.clone(),
        })?;
    let opener = opener(wanted)?;
    let mut download = wanted.link.client.blob(&id).await?;
    let base = settings.dir.clone();
    let message = wanted.message.id.clone();
    let folder = blocking(move || Folder::open(&base, &message)).await?;
    let folder = Arc::new(folder);
    let mut partial = folder.partial(wanted.place)?;
    let mut arriving = Arriving {
        file: File::from_std(partial.take()?),
        opener,
        opened: Vec::new(),
        stored: Sha256::new(),
        content: Sha256::new(),
        came: 0,
        size: 0,
        limit: attachment.size.unwrap_or(wanted.limit),
    };
    while let Some(piece) = download.chunk().await? {
        arriving.take(piece).await?;
    }
    let digest = arriving.finish(&id, attachment).await?;
    let name = plain_name(attachment.filename.as_deref(), wanted.place);
    // Short calls of the file system, but for the comparison with a file that is there: that one is as large as what just came.
    match partial.place(&name, &digest, settings.conflict)? {
        Placed::At(path) => Ok(path),
        Placed::Taken(path) => Err(FetchError::Taken(path)),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn opener(wanted: Wanted<'_>) -> Result<Option<Opener>, FetchError> {
    let Attachment {
        encrypted,
        dek_enc,
        dek_ct,
        ..
    } = wanted.attachment;
    let (dek_enc, dek_ct) = match (dek_enc, dek_ct) {
        (Some(dek_enc), Some(dek_ct)) => (dek_enc.clone(), dek_ct.clone()),
        _ if *encrypted == Some(true) => return Err(FetchError::NoKey),
        _ => return Ok(None),
    };
    if wanted.message.to != wanted.agent.public.to_string() {
        return Err(FetchError::NoKey);
    }
    let sender = wanted.message.from.parse().map_err(|_| FetchError::NoKey)?;
    let key = unwrap_key(
        &wanted.agent.secret,
        &sender,
        &WrappedKey { dek_enc, dek_ct },
    )?;
    Ok(Some(Opener::new(key)))
}

/// An attachment while it comes in.
struct Arriving {
    file: File,
    opener: Option<Opener>,
    opened: Vec<u8>,
    stored: Sha256,
    content: Sha256,
    came: u64,
    size: u64,
    limit: u64,
}

impl Arriving {
    async fn take(&mut self, piece: Bytes) -> Result<(), FetchError> {
        self.came = self.came.saturating_add(piece.len() as u64);
        let sealing = self.opener.as_ref().map_or(0, |_| OVERHEAD as u64);
        if self.came > self.limit.saturating_add(sealing) {
            let limit = self.limit;
            return Err(FetchError::TooLong { limit });
        }
        self.stored.update(&piece);
        let content = match &mut self.opener {
            Some(opener) => {
                self.opened.clear();
                opener.open(&piece, &mut self.opened);
                self.opened.as_slice()
            }
            None => &piece,
        };
        self.size += content.len() as u64;
        self.content.update(content);
        self.file.write_all(content).await?;
        Ok(())
    }

    /// Checks the whole, and syncs it; gives the content's SHA-256.
    async fn finish(mut self, id: &BlobId, said: &Attachment) -> Result<[u8; 32], FetchError> {
        if let Some(opener) = self.opener.take() {
            opener.finish()?;
        }
        if let Some(announced) = said.size.filter(|size| *size != self.size) {
            let actual = self.size;
            return Err(FetchError::TooShort { announced, actual });
        }
        let content: [u8; 32] = self.content.finalize().into();
        let stored: [u8; 32] = self.stored.finalize().into();
        let named = hash_of_digest(&content);
        let hash = named.trim_start_matches("sha256:");
        let as_said = said.hash.as_deref().is_none_or(|said| {
            said.trim_start_matches("sha256:")
                .eq_ignore_ascii_case(hash)
        });
        // The name is signed where the message is, so what it stands for is proven as well.
        let as_named = id.digest().is_none_or(|digest| digest == stored);
        if !as_said || !as_named {
            return Err(FetchError::OtherBytes);
        }
        self.file.flush().await?;
        self.file.sync_all().await?;
        Ok(content)
    }
}
