//! What travels along with a message: files that wait here, and blobs that a relay has.

use super::compose::ComposeError;
use super::sealing::Seal;
use crate::roster::LocalAgent;
use crate::store::{FileRecord, OutgoingFile, Store, StoreError};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use mrp_proto::base64url;
use mrp_proto::blob::{BlobKey, hash_of_digest};
use mrp_proto::envelope::wrap_key;
use mrp_proto::id::BlobId;
use mrp_proto::key::PublicKey;
use mrp_proto::message::Attachment;
use mrpd_api::body::blobs::Attach;

/// Why something cannot travel along.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// There is no such file.
    #[error("attachments: there is no file {id:?} here")]
    Unknown {
        /// What was named.
        id: String,
    },
    /// Neither a file nor a blob.
    #[error(
        "attachments: {id:?} is not an id; expected file_... from PUT /v1/blobs, or a relay's blob_..."
    )]
    Malformed {
        /// What was named.
        id: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Something that travels along.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// The file, unless the relay has it already.
    pub(super) file: Option<FileRecord>,
    /// The relay's name for it; of a file, empty until it is known whether it is sealed.
    pub(super) blob_id: String,
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
}

/// Looks up what was asked for.
pub(super) async fn choose(store: &Store, asked: &[Attach]) -> Result<Vec<Chosen>, ChooseError> {
    let mut chosen = Vec::with_capacity(asked.len());
    for attach in asked {
        let id = attach.id.clone();
        let file = if id.starts_with("file_") {
            let file = store.file(id.clone()).await?;
            Some(file.ok_or(ChooseError::Unknown { id })?)
        } else {
            id.parse::<BlobId>()
                .map_err(|_| ChooseError::Malformed { id })?;
            None
        };
        let known = file.as_ref();
        chosen.push(Chosen {
            filename: attach.filename.clone().or_else(|| known?.filename.clone()),
            content_type: attach
                .content_type
                .clone()
                .or_else(|| known?.content_type.clone()),
            blob_id: known.map_or_else(|| attach.id.clone(), |_| String::new()),
            file,
        });
    }
    Ok(chosen)
}

impl Chosen {
    /// What a message says of it. Relays that name blobs by their content are expected to name it as here.
    pub(super) fn attachment(
        &self,
        agent: &LocalAgent,
        recipient: &PublicKey,
        seal: Seal,
    ) -> Result<Attachment, ComposeError> {
        let mut attachment = Attachment {
            blob_id: self.blob_id.clone(),
            filename: self.filename.clone(),
            content_type: self.content_type.clone(),
            size: None,
            hash: None,
            encrypted: None,
            dek_enc: None,
            dek_ct: None,
        };
        let Some(file) = &self.file else {
            let digest = self
                .blob_id
                .parse::<BlobId>()
                .ok()
                .and_then(|id| id.digest());
            attachment.hash = digest.map(|digest| hash_of_digest(&digest));
            return Ok(attachment);
        };
        let damaged = || ComposeError::DamagedFile {
            id: file.id.clone(),
        };
        let decoded = |text: &str| base64url::decode_array::<32>(text).map_err(|_| damaged());
        let plain = decoded(&file.plain_digest)?;
        let stored = match seal {
            Seal::Sealed => decoded(&file.sealed_digest)?,
            Seal::Plain => plain,
        };
        if attachment.blob_id.is_empty() {
            attachment.blob_id = BlobId::of_digest(&stored).to_string();
        }
        attachment.size = Some(file.size);
        attachment.hash = Some(hash_of_digest(&plain));
        if seal == Seal::Sealed {
            let key = BlobKey::from_bytes(&decoded(&file.key)?);
            let mut rng = UnwrapErr(SysRng);
            let wrapped = wrap_key(&agent.secret, recipient, &key, &mut rng);
            attachment.encrypted = Some(true);
            attachment.dek_enc = Some(wrapped.dek_enc);
            attachment.dek_ct = Some(wrapped.dek_ct);
        }
        Ok(attachment)
    }

    /// What the outbox remembers of it, with the name that the message gives it.
    pub(super) fn outgoing(&self, attachment: &Attachment) -> OutgoingFile {
        OutgoingFile {
            file: self.file.as_ref().map(|file| file.id.clone()),
            blob_id: attachment.blob_id.clone(),
            uploaded_at: None,
        }
    }
}
