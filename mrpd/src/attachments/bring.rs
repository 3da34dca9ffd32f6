//! Getting the files of a message to its relay, before the message is posted.

use super::Uploads;
use crate::clock;
use crate::outbox::{ComposeError, Seal, recompose};
use crate::roster::{Link, LocalAgent};
use crate::store::{FileRecord, OutboxRecord, OutgoingFile, Store, StoreError};
use mrp_client::Upload;
use mrp_proto::base64url;
use mrp_proto::blob::OVERHEAD;
use mrp_proto::message::SendRequest;
use mrp_proto::relay_api::BlobInfo;
use mrp_proto::sign::BodyHash;
use std::borrow::Cow;
use std::io;
use std::time::Duration;

/// How long a relay is taken to have a blob that no message carries yet: half of the day for which it keeps it.
const FRESH: Duration = Duration::from_secs(12 * 3600);
/// What bytes are called that are sealed, or that nobody called anything.
const UNNAMED: &str = "application/octet-stream";

/// Why the files are not with the relay.
#[derive(Debug, thiserror::Error)]
pub enum BringError {
    /// The relay did not take one.
    #[error(transparent)]
    Relay(#[from] mrp_client::Error),
    /// One is not here any more, or damaged.
    #[error("the file {id} is not here any more, or damaged: {cause}")]
    Gone {
        /// The file.
        id: String,
        /// What the file system says.
        cause: String,
    },
    /// The message cannot be made with the names that the relay gave.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Uploads what the relay does not have, and gives what is to be posted.
pub(crate) async fn upload<'a>(
    store: &Store,
    uploads: &Uploads,
    (agent, link): (&LocalAgent, &Link),
    position: u64,
    record: &'a OutboxRecord,
) -> Result<Cow<'a, SendRequest>, BringError> {
    let mut files = record.files.clone();
    let mut known = Vec::with_capacity(files.len());
    let mut uploaded = false;
    for outgoing in &mut files {
        let Some(id) = &outgoing.file else {
            known.push(None);
            continue;
        };
        let file = store
            .file(id.clone())
            .await?
            .ok_or_else(|| gone(id, "it is on no record"))?;
        let now = clock::now();
        if outgoing.uploaded_at.is_none_or(|at| now.since(at) > FRESH) {
            let seal = Seal::of(record);
            let info = put(uploads, link, &file, seal).await?;
            outgoing.blob_id = info.blob_id.to_string();
            outgoing.uploaded_at = Some(now);
            uploaded = true;
        }
        known.push(Some(file));
    }
    if !uploaded {
        return Ok(Cow::Borrowed(&record.request));
    }
    let expected = record.files.iter().map(|file| &file.blob_id);
    if expected.eq(files.iter().map(|file| &file.blob_id)) {
        store.record_files(position, files, None).await?;
        return Ok(Cow::Borrowed(&record.request));
    }
    // This relay does not name blobs by their content: the message is made anew, with the names that it gave.
    let request = recompose(agent, record, &files, &known)?;
    store
        .record_files(position, files, Some(request.clone()))
        .await?;
    Ok(Cow::Owned(request))
}

/// Notes that the relay has the files of an entry no longer: the next attempt brings them again.
pub(crate) async fn clear(
    store: &Store,
    position: u64,
    record: &OutboxRecord,
) -> Result<(), StoreError> {
    let files = record.files.iter().map(|file| OutgoingFile {
        uploaded_at: None,
        ..file.clone()
    });
    store.record_files(position, files.collect(), None).await
}

impl Uploads {
    /// Uploads a file in clear, for whatever use.
    ///
    /// # Errors
    /// A [`BringError`].
    pub async fn publish(&self, link: &Link, file: &FileRecord) -> Result<BlobInfo, BringError> {
        put(self, link, file, Seal::Plain).await
    }
}

async fn put(
    uploads: &Uploads,
    link: &Link,
    file: &FileRecord,
    seal: Seal,
) -> Result<BlobInfo, BringError> {
    let lost = |cause: io::Error| gone(&file.id, &cause.to_string());
    let (digest, size, content_type) = match seal {
        Seal::Sealed => (&file.sealed_digest, file.size + OVERHEAD as u64, None),
        Seal::Plain => (&file.plain_digest, file.size, file.content_type.as_deref()),
    };
    let digest =
        base64url::decode_array(digest).map_err(|error| gone(&file.id, &error.to_string()))?;
    let upload = Upload {
        size,
        hash: BodyHash::from_digest(digest),
        content_type: content_type.unwrap_or(UNNAMED),
    };
    let info = match seal {
        Seal::Sealed => {
            let body = uploads.sealed(file).await.map_err(lost)?;
            link.client.upload_blob(upload, body).await?
        }
        Seal::Plain => {
            let body = uploads.plain(file).await.map_err(lost)?;
            link.client.upload_blob(upload, body).await?
        }
    };
    Ok(info)
}

fn gone(id: &str, cause: &str) -> BringError {
    BringError::Gone {
        id: id.to_owned(),
        cause: cause.to_owned(),
    }
}
