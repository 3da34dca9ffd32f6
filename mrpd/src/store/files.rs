//! Files on their way out, and what was uploaded. A file stays as long as an entry of the outbox needs it, failed ones included: they
//! may be tried again.

use super::record::{FileRecord, OutboxRecord, OutgoingFile, UploadRecord, decode, encode};
use super::schema::{FILE_USES, FILES, OUTBOX, OUTBOX_IDS, UPLOADS};
use super::transaction::Transaction;
use super::{Store, StoreError};
use mrp_proto::message::SendRequest;
use mrp_proto::time::Timestamp;
use redb::ReadableTable as _;
use std::time::Duration;

/// What became of a file that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// It is on record.
    Kept,
    /// There is no room beside those that wait.
    Full {
        /// Bytes that wait already.
        waiting: u64,
    },
}

impl Store {
    /// Puts a file on record that is on the disk already, unless all files together would have more than `limit` bytes.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn keep_file(&self, file: FileRecord, limit: u64) -> Result<Reserved, StoreError> {
        self.write(move |transaction| {
            let mut files = transaction.tables().open_table(FILES)?;
            let mut waiting = 0_u64;
            for entry in files.iter()? {
                let known: FileRecord = decode(entry?.1.value())?;
                waiting = waiting.saturating_add(known.size);
            }
            if waiting.saturating_add(file.size) > limit {
                return Ok(Reserved::Full { waiting });
            }
            files.insert(file.id.as_str(), encode(&file)?.as_slice())?;
            Ok(Reserved::Kept)
        })
        .await
    }

    /// A file by its id.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn file(&self, id: String) -> Result<Option<FileRecord>, StoreError> {
        self.read(move |transaction| {
            let files = transaction.open_table(FILES)?;
            let bytes = files.get(id.as_str())?;
            bytes.map(|bytes| decode(bytes.value())).transpose()
        })
        .await
    }

    /// All files, in the order of their ids.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn files(&self) -> Result<Vec<FileRecord>, StoreError> {
        self.read(|transaction| {
            let files = transaction.open_table(FILES)?;
            files
                .iter()?
                .map(|entry| decode(entry?.1.value()))
                .collect()
        })
        .await
    }

    /// Takes off the record which no message needs and which were left alone for as long as `grace`; gives their ids, and when the
    /// next one may go by the passing of time.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn drop_files(
        &self,
        now: Timestamp,
        grace: Duration,
    ) -> Result<(Vec<String>, Option<Timestamp>), StoreError> {
        self.write(move |transaction| drop_files(transaction, now, grace))
            .await
    }

    /// Takes a file off the record that no message needs; `false` if one does.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn drop_file(&self, id: String) -> Result<bool, StoreError> {
        self.write(move |transaction| {
            if is_needed(transaction, &id)? {
                return Ok(false);
            }
            forget(transaction, &id)?;
            Ok(true)
        })
        .await
    }

    /// Records how far the files of an entry have come, and what is posted instead where the relay calls them otherwise than was
    /// expected.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn record_files(
        &self,
        position: u64,
        files: Vec<OutgoingFile>,
        request: Option<SendRequest>,
    ) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut outbox = transaction.tables().open_table(OUTBOX)?;
            let record: Option<OutboxRecord> = outbox
                .get(position)?
                .map(|bytes| decode(bytes.value()))
                .transpose()?;
            let Some(mut record) = record else {
                return Ok(());
            };
            for (attachment, file) in record.message.attachments.iter_mut().zip(&files) {
                attachment.blob_id.clone_from(&file.blob_id);
            }
            record.files = files;
            if let Some(request) = request {
                record.request = request;
            }
            outbox.insert(position, encode(&record)?.as_slice())?;
            Ok(())
        })
        .await
    }

    /// Remembers an upload.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn put_upload(&self, upload: UploadRecord) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut uploads = transaction.tables().open_table(UPLOADS)?;
            let key = upload_key(&upload.id, &upload.agent, &upload.relay);
            uploads.insert(key.as_str(), encode(&upload)?.as_slice())?;
            Ok(())
        })
        .await
    }

    /// All uploads that the relays may still have, oldest first.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn uploads(&self) -> Result<Vec<UploadRecord>, StoreError> {
        let mut all: Vec<UploadRecord> = self
            .read(|transaction| {
                let uploads = transaction.open_table(UPLOADS)?;
                uploads
                    .iter()?
                    .map(|entry| decode(entry?.1.value()))
                    .collect()
            })
            .await?;
        all.sort_by_key(|upload| upload.created_at);
        Ok(all)
    }

    /// Forgets an upload.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn forget_upload(
        &self,
        id: String,
        agent: String,
        relay: String,
    ) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut uploads = transaction.tables().open_table(UPLOADS)?;
            uploads.remove(upload_key(&id, &agent, &relay).as_str())?;
            Ok(())
        })
        .await
    }
}

/// A file that an entry needs and that is not there.
pub(super) fn missing(
    transaction: &Transaction,
    record: &OutboxRecord,
) -> Result<Option<String>, redb::Error> {
    if record.files.is_empty() {
        return Ok(None);
    }
    let files = transaction.tables().open_table(FILES)?;
    for id in record.files.iter().filter_map(|file| file.file.as_ref()) {
        if files.get(id.as_str())?.is_none() {
            return Ok(Some(id.clone()));
        }
    }
    Ok(None)
}

/// Notes which files an entry needs.
pub(super) fn note_uses(
    transaction: &Transaction,
    record: &OutboxRecord,
) -> Result<(), redb::Error> {
    if record.files.is_empty() {
        return Ok(());
    }
    let mut uses = transaction.tables().open_table(FILE_USES)?;
    let mut files = transaction.tables().open_table(FILES)?;
    for id in record.files.iter().filter_map(|file| file.file.as_ref()) {
        uses.insert((id.as_str(), record.id.as_str()), ())?;
        let known: Option<FileRecord> = files
            .get(id.as_str())?
            .map(|bytes| decode(bytes.value()))
            .transpose()?;
        if let Some(mut file) = known {
            file.used_at = record.created_at;
            files.insert(id.as_str(), encode(&file)?.as_slice())?;
        }
    }
    Ok(())
}

fn drop_files(
    transaction: &Transaction,
    now: Timestamp,
    grace: Duration,
) -> Result<(Vec<String>, Option<Timestamp>), redb::Error> {
    let files: Vec<FileRecord> = {
        let files = transaction.tables().open_table(FILES)?;
        let all = files.iter()?.map(|entry| decode(entry?.1.value()));
        all.collect::<Result<_, redb::Error>>()?
    };
    let (mut dropped, mut next) = (Vec::new(), None::<Timestamp>);
    for file in files {
        let until = file.used_at.after(grace);
        if is_needed(transaction, &file.id)? {
            continue;
        }
        if until > now {
            next = Some(next.map_or(until, |next| next.min(until)));
            continue;
        }
        forget(transaction, &file.id)?;
        dropped.push(file.id);
    }
    Ok((dropped, next))
}

/// Whether an entry that is still in the outbox needs the file.
fn is_needed(transaction: &Transaction, id: &str) -> Result<bool, redb::Error> {
    let uses = transaction.tables().open_table(FILE_USES)?;
    let entries = transaction.tables().open_table(OUTBOX_IDS)?;
    for entry in uses.range((id, "")..=(id, "\u{10ffff}"))? {
        let (key, ()) = {
            let (key, _) = entry?;
            (key.value().1.to_owned(), ())
        };
        if entries.get(key.as_str())?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn forget(transaction: &Transaction, id: &str) -> Result<(), redb::Error> {
    transaction.tables().open_table(FILES)?.remove(id)?;
    let mut uses = transaction.tables().open_table(FILE_USES)?;
    uses.retain_in((id, "")..=(id, "\u{10ffff}"), |_, ()| false)?;
    Ok(())
}

fn upload_key(id: &str, agent: &str, relay: &str) -> String {
    format!("{id} {agent} {relay}")
}
