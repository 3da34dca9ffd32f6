//! Attachments of what came in: which are to be looked at, and where each is.

use super::record::{Download, MessageRecord, decode, encode};
use super::schema::{Counter, DOWNLOADS, MESSAGES};
use super::transaction::Transaction;
use super::{Store, StoreError};
use mrp_proto::time::Timestamp;
use redb::ReadableTable as _;

/// Attachments that are looked at in one go, at most.
const BATCH: usize = 64;

/// What is to be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// Message and place, of what is due.
    pub now: Vec<(u64, u32)>,
    /// When the next one is.
    pub next: Option<Timestamp>,
}

impl Store {
    /// The attachments that are to be looked at by now.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn due_downloads(&self, now: Timestamp) -> Result<Due, StoreError> {
        self.read(move |transaction| {
            let now = millis(now);
            let mut due = Due::default();
            for entry in transaction.open_table(DOWNLOADS)?.iter()? {
                let (place, at) = entry?;
                if at.value() > now {
                    let at = i64::try_from(at.value()).unwrap_or(i64::MAX);
                    let at = Timestamp::from_unix_millis(at);
                    due.next = Some(due.next.map_or(at, |next| next.min(at)));
                } else if due.now.len() < BATCH {
                    due.now.push(place.value());
                }
            }
            Ok(due)
        })
        .await
    }

    /// A message by its place.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn message_at(&self, seq: u64) -> Result<Option<MessageRecord>, StoreError> {
        self.read(move |transaction| {
            let messages = transaction.open_table(MESSAGES)?;
            let bytes = messages.get(seq)?;
            bytes.map(|bytes| decode(bytes.value())).transpose()
        })
        .await
    }

    /// Records where an attachment is, and when it is to be looked at again; never, where that is absent.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn record_download(
        &self,
        (seq, place): (u64, u32),
        download: Option<Download>,
        again: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut queue = transaction.tables().open_table(DOWNLOADS)?;
            match again {
                Some(again) => queue.insert((seq, place), millis(again))?,
                None => queue.remove((seq, place))?,
            };
            match download {
                Some(download) => put(transaction, seq, place, download),
                None => Ok(()),
            }
        })
        .await
    }
}

/// Notes the attachments of a message that has come in.
pub(super) fn note(
    transaction: &Transaction,
    seq: u64,
    message: &MessageRecord,
) -> Result<(), redb::Error> {
    if message.attachments.is_empty() {
        return Ok(());
    }
    let mut queue = transaction.tables().open_table(DOWNLOADS)?;
    for (place, _) in (0..).zip(&message.attachments) {
        queue.insert((seq, place), 0)?;
    }
    Ok(())
}

fn put(
    transaction: &Transaction,
    seq: u64,
    place: u32,
    download: Download,
) -> Result<(), redb::Error> {
    let mut messages = transaction.tables().open_table(MESSAGES)?;
    let known: Option<(MessageRecord, usize)> = messages
        .get(seq)?
        .map(|bytes| Ok::<_, redb::Error>((decode(bytes.value())?, bytes.value().len())))
        .transpose()?;
    // It may have been removed meanwhile.
    let Some((mut record, size)) = known else {
        return Ok(());
    };
    record
        .downloads
        .resize(record.attachments.len(), Download::default());
    let Some(slot) = record.downloads.get_mut(place as usize) else {
        return Ok(());
    };
    *slot = download;
    let bytes = encode(&record)?;
    messages.insert(seq, bytes.as_slice())?;
    let length = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
    transaction.count(Counter::Bytes, length(bytes.len()) - length(size))?;
    Ok(())
}

fn millis(time: Timestamp) -> u64 {
    u64::try_from(time.unix_millis()).unwrap_or(0)
}
