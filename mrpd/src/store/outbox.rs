//! What goes out: durable before it is answered, and visible with a `seq` once a relay has accepted it.

use super::inbox::append;
use super::record::{HeldFor, MessageRecord, OutboxRecord, OutboxStage, Track, decode, encode};
use super::schema::{
    Counter, FORGET, IDS, LET_IN, MESSAGES, OUTBOX, OUTBOX_IDS, SEND_KEYS, TRACKS,
};
use super::tracks::{StageChange, note_early_reply};
use super::transaction::Transaction;
use super::{Store, StoreError};
use mrp_proto::time::Timestamp;
use mrpd_api::body::Stage;
use mrpd_api::error::{Code, ErrorDetail};
use mrpd_api::message::Direction;
use redb::ReadableTable as _;
use serde::{Deserialize, Serialize};

/// What begins the marks of idempotency keys, so that they are told from marks of messages.
pub(super) const SEND_KEY_MARK: &str = "send-key ";

/// Entries that may wait to be sent.
const LIMIT: u64 = 10_000;

/// Entries that were given up and are kept; the oldest give way.
const FAILED_LIMIT: u64 = 10_000;

/// An idempotency key of the local interface, and what was asked for under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendKey {
    /// The key.
    pub key: String,
    /// A digest of the request.
    pub digest: String,
    /// When to forget it.
    pub until: Timestamp,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SendKeyRecord {
    digest: String,
    out_id: String,
    pub(super) until: Timestamp,
}

/// What became of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// It is in the outbox, at this place.
    New(u64),
    /// The same was sent before under the same key, by this name.
    Before(String),
    /// Something else was sent before under the same key.
    Mismatch,
    /// Too much waits.
    Full,
    /// There is no file of that name any more.
    NoFile(String),
}

/// An entry that is still to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its place.
    pub position: u64,
    /// The key it is sent by.
    pub from: String,
    /// The key it goes to.
    pub to: String,
    /// The relay it goes by.
    pub relay: String,
    /// When it may be sent first.
    pub due_at: Option<Timestamp>,
    /// By what that was said.
    pub held_for: HeldFor,
    /// Since when it is to be sent: since it was put here, or since it was due.
    pub since: Timestamp,
    /// From when on it is of no use any more.
    pub useless_at: Option<Timestamp>,
    /// Whether a relay may have it already.
    pub perhaps_sent: bool,
}

impl Pending {
    /// Of the entry at a place.
    pub fn new(position: u64, record: OutboxRecord) -> Self {
        Self {
            position,
            since: record.tried_since(),
            from: record.message.from,
            to: record.message.to,
            relay: record.message.relay,
            due_at: record.due_at,
            held_for: record.held_for,
            useless_at: record.useless_at,
            perhaps_sent: record.perhaps_sent,
        }
    }
}

/// What a relay said of a message that it accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its name there.
    pub message_id: String,
    /// When.
    pub created_at: Timestamp,
    /// When it drops it.
    pub expires_at: Timestamp,
}

/// Why an attempt failed, and what comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub error: ErrorDetail,
    /// When it is tried again; never, where absent.
    pub retry_at: Option<Timestamp>,
    /// When it failed.
    pub at: Timestamp,
    /// Whether the relay may have the message all the same.
    pub perhaps_sent: bool,
    /// Whether it was tried; what expired while it waited was not.
    pub tried: bool,
}

/// How far a send has come.
#[derive(Debug, Clone)]
pub enum Progress {
    /// It is in the outbox.
    Outbox(Box<OutboxRecord>),
    /// A relay has it; it is visible under this `seq`, and so much is known of it since.
    Sent(u64, Box<MessageRecord>, Track),
}

impl Progress {
    /// How far that is.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Outbox(record) => match record.stage {
                OutboxStage::Queued => Stage::Queued,
                OutboxStage::Failed => Stage::Failed,
            },
            Self::Sent(_, _, track) => track.stage(),
        }
    }
}

impl Store {
    /// Puts a draft into the outbox.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn enqueue(
        &self,
        record: OutboxRecord,
        key: Option<SendKey>,
    ) -> Result<Enqueued, StoreError> {
        self.write(move |transaction| enqueue(transaction, record, key.as_ref()))
            .await
    }

    /// Puts drafts into the outbox, in their order and in one go. One that does not get in keeps no other out.
    ///
    /// # Errors
    /// A [`StoreError`]: then none is there.
    pub async fn enqueue_all(
        &self,
        records: Vec<(OutboxRecord, Option<SendKey>)>,
    ) -> Result<Vec<Enqueued>, StoreError> {
        self.write(move |transaction| {
            records
                .into_iter()
                .map(|(record, key)| enqueue(transaction, record, key.as_ref()))
                .collect()
        })
        .await
    }

    /// What was sent under an idempotency key, if anything was: the digest of it and its name.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn sent_under(
        &self,
        key: String,
        now: Timestamp,
    ) -> Result<Option<(String, String)>, StoreError> {
        self.read(move |transaction| {
            let keys = transaction.open_table(SEND_KEYS)?;
            let Some(bytes) = keys.get(key.as_str())? else {
                return Ok(None);
            };
            let known: SendKeyRecord = decode(bytes.value())?;
            Ok((known.until > now).then_some((known.digest, known.out_id)))
        })
        .await
    }

    /// Everything that is still to be sent, in order, for the one who sends from now on. Where its predecessor has not recorded all
    /// that it tried, a relay may have whatever was due.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn take_pending(&self, now: Timestamp) -> Result<Vec<Pending>, StoreError> {
        let settled = self
            .write(|transaction| {
                let settled = transaction.counter(Counter::OutboxSettled)?;
                if settled > 0 {
                    transaction.count(Counter::OutboxSettled, -1)?;
                }
                Ok(settled > 0)
            })
            .await?;
        let mut pending = self.pending().await?;
        for entry in pending.iter_mut().filter(|_| !settled) {
            entry.perhaps_sent |= entry.due_at.is_none_or(|due| due <= now);
        }
        Ok(pending)
    }

    /// All that was tried is recorded, and nothing more will be tried.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn settle_outbox(&self) -> Result<(), StoreError> {
        self.write(|transaction| {
            if transaction.counter(Counter::OutboxSettled)? == 0 {
                transaction.count(Counter::OutboxSettled, 1)?;
            }
            Ok(())
        })
        .await
    }

    /// Everything that is still to be sent, in order.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn pending(&self) -> Result<Vec<Pending>, StoreError> {
        let queued = |record: &OutboxRecord| record.stage == OutboxStage::Queued;
        let records = self.outbox_records(queued).await?;
        let pending = records
            .into_iter()
            .map(|(position, record)| Pending::new(position, record));
        Ok(pending.collect())
    }

    /// The whole outbox, in order.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn outbox(&self) -> Result<Vec<OutboxRecord>, StoreError> {
        let records = self.outbox_records(|_| true).await?;
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }

    async fn outbox_records(
        &self,
        wanted: impl Fn(&OutboxRecord) -> bool + Send + 'static,
    ) -> Result<Vec<(u64, OutboxRecord)>, StoreError> {
        self.read(move |transaction| {
            let mut records = Vec::new();
            for entry in transaction.open_table(OUTBOX)?.iter()? {
                let (position, bytes) = entry?;
                let mut record: OutboxRecord = decode(bytes.value())?;
                if wanted(&record) {
                    // Lists show no content, and the outbox may hold more of it than memory does.
                    record.request.body = None;
                    record.message.body = None;
                    records.push((position.value(), record));
                }
            }
            Ok(records)
        })
        .await
    }

    /// An entry by its place; `None` if it is not there any more.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn outbox_at(&self, position: u64) -> Result<Option<OutboxRecord>, StoreError> {
        self.read(move |transaction| {
            let outbox = transaction.open_table(OUTBOX)?;
            let bytes = outbox.get(position)?;
            bytes.map(|bytes| decode(bytes.value())).transpose()
        })
        .await
    }

    /// How far a send has come; `None` if nothing of that name was ever sent.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn progress(&self, out_id: String) -> Result<Option<Progress>, StoreError> {
        self.read(move |transaction| {
            let position = transaction.open_table(OUTBOX_IDS)?.get(out_id.as_str())?;
            if let Some(position) = position {
                let outbox = transaction.open_table(OUTBOX)?;
                let bytes = outbox.get(position.value())?;
                return bytes
                    .map(|bytes| Ok(Progress::Outbox(Box::new(decode(bytes.value())?))))
                    .transpose();
            }
            let ids = transaction.open_table(IDS)?;
            let messages = transaction.open_table(MESSAGES)?;
            for entry in ids.range((out_id.as_str(), 0)..=(out_id.as_str(), u64::MAX))? {
                let seq = entry?.0.value().1;
                let Some(bytes) = messages.get(seq)? else {
                    continue;
                };
                let message: MessageRecord = decode(bytes.value())?;
                // Between two agents of this machine, the copy that came in bears the same name.
                if message.dir == Direction::Out {
                    let tracks = transaction.open_table(TRACKS)?;
                    let track = tracks.get(seq)?;
                    let track = track.map(|bytes| decode(bytes.value())).transpose()?;
                    let track = track.unwrap_or_default();
                    return Ok(Some(Progress::Sent(seq, Box::new(message), track)));
                }
            }
            Ok(None)
        })
        .await
    }

    /// A relay has accepted the entry: it leaves the outbox and becomes visible.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn record_accepted(
        &self,
        position: u64,
        accepted: Accepted,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |transaction| record_accepted(transaction, position, accepted, now))
            .await
    }

    /// An attempt has failed.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn record_failure(&self, position: u64, failure: Failure) -> Result<(), StoreError> {
        self.write(move |transaction| record_failure(transaction, position, failure))
            .await
    }
}

fn enqueue(
    transaction: &Transaction,
    mut record: OutboxRecord,
    key: Option<&SendKey>,
) -> Result<Enqueued, redb::Error> {
    let tables = transaction.tables();
    if let Some(missing) = super::files::missing(transaction, &record)? {
        return Ok(Enqueued::NoFile(missing));
    }
    let is_full = transaction.counter(Counter::Queued)? >= LIMIT;
    if let Some(key) = key {
        let mut keys = tables.open_table(SEND_KEYS)?;
        let known: Option<SendKeyRecord> = keys
            .get(key.key.as_str())?
            .map(|bytes| decode(bytes.value()))
            .transpose()?;
        if let Some(known) = &known
            && known.until > record.created_at
        {
            return Ok(if known.digest == key.digest {
                Enqueued::Before(known.out_id.clone())
            } else {
                Enqueued::Mismatch
            });
        }
        if !is_full {
            let remembered = SendKeyRecord {
                digest: key.digest.clone(),
                out_id: record.id.clone(),
                until: key.until,
            };
            keys.insert(key.key.as_str(), encode(&remembered)?.as_slice())?;
            let mark = format!("{SEND_KEY_MARK}{}", key.key);
            // The mark of what is overwritten would make the sweep forget this one.
            if let Some(known) = known {
                let until = u64::try_from(known.until.unix_millis()).unwrap_or(1);
                tables.open_table(FORGET)?.remove((until, mark.as_str()))?;
            }
            let until = u64::try_from(key.until.unix_millis()).unwrap_or(1);
            transaction.forget_at(until, &mark)?;
        }
    }
    if is_full {
        return Ok(Enqueued::Full);
    }
    record.key = key.map(|key| key.key.clone());
    let_in(transaction, &record.message.to)?;
    record.message.behind = transaction.counter(Counter::Newest)?;
    let position = transaction.count(Counter::OutboxPosition, 1)?;
    let bytes = encode(&record)?;
    tables
        .open_table(OUTBOX)?
        .insert(position, bytes.as_slice())?;
    tables
        .open_table(OUTBOX_IDS)?
        .insert(record.id.as_str(), position)?;
    super::files::note_uses(transaction, &record)?;
    transaction.count(Counter::Queued, 1)?;
    transaction.note_enqueued();
    transaction.note_stage(StageChange::of(&record, Stage::Queued));
    Ok(Enqueued::New(position))
}

/// Whoever is written to may answer.
fn let_in(transaction: &Transaction, peer: &str) -> Result<(), redb::Error> {
    let mut let_in = transaction.tables().open_table(LET_IN)?;
    // Most are written to again and again, and a row that is there would go through the journal once more.
    if let_in.get(peer)?.is_none() {
        let_in.insert(peer, ())?;
    }
    Ok(())
}

fn record_accepted(
    transaction: &Transaction,
    position: u64,
    accepted: Accepted,
    now: Timestamp,
) -> Result<(), redb::Error> {
    let tables = transaction.tables();
    let removed: Option<OutboxRecord> = tables
        .open_table(OUTBOX)?
        .remove(position)?
        .map(|bytes| decode(bytes.value()))
        .transpose()?;
    let Some(OutboxRecord {
        id, mut message, ..
    }) = removed
    else {
        return Ok(());
    };
    tables.open_table(OUTBOX_IDS)?.remove(id.as_str())?;
    message.out_id = Some(id.clone());
    message.id = accepted.message_id;
    message.created_at = accepted.created_at;
    message.expires_at = accepted.expires_at;
    message.received_at = now;
    transaction.count(Counter::Queued, -1)?;
    transaction.count(Counter::Sent, 1)?;
    transaction.note_recorded();
    transaction.note_stage(StageChange {
        id,
        message_id: Some(message.id.clone()),
        stage: Stage::Accepted,
        error: None,
    });
    let seq = append(transaction, &message)?;
    note_early_reply(transaction, &message, seq)
}

fn record_failure(
    transaction: &Transaction,
    position: u64,
    failure: Failure,
) -> Result<(), redb::Error> {
    let mut outbox = transaction.tables().open_table(OUTBOX)?;
    let record: Option<OutboxRecord> = outbox
        .get(position)?
        .map(|bytes| decode(bytes.value()))
        .transpose()?;
    let Some(mut record) = record else {
        return Ok(());
    };
    let is_given_up = failure.retry_at.is_none();
    // Cancelled or given up by somebody else meanwhile.
    if record.stage == OutboxStage::Failed {
        return Ok(());
    }
    record.attempts = record.attempts.saturating_add(u32::from(failure.tried));
    record.next_attempt_at = failure.retry_at;
    record.perhaps_sent |= failure.perhaps_sent;
    record.error = Some(failure.error);
    if failure.retry_at.is_none() {
        record.stage = OutboxStage::Failed;
        record.failed_at = Some(failure.at);
        transaction.count(Counter::Queued, -1)?;
        transaction.count(Counter::Failed, 1)?;
    }
    outbox.insert(position, encode(&record)?.as_slice())?;
    transaction.note_recorded();
    let stage = match record.stage {
        OutboxStage::Queued => Stage::Queued,
        OutboxStage::Failed => Stage::Failed,
    };
    transaction.note_stage(StageChange::of(&record, stage));
    drop(outbox);
    if is_given_up && transaction.counter(Counter::Failed)? > FAILED_LIMIT {
        drop_oldest_failed(transaction)?;
    }
    Ok(())
}

fn drop_oldest_failed(transaction: &Transaction) -> Result<(), redb::Error> {
    let mut oldest = None;
    {
        let outbox = transaction.tables().open_table(OUTBOX)?;
        for entry in outbox.iter()? {
            let (position, bytes) = entry?;
            let record: OutboxRecord = decode(bytes.value())?;
            if record.stage == OutboxStage::Failed {
                oldest = Some((position.value(), record.id));
                break;
            }
        }
    }
    let Some((position, id)) = oldest else {
        return Ok(());
    };
    let message = "dropped: too many messages that were given up are kept";
    tracing::warn!(%id, limit = FAILED_LIMIT, message);
    let why = ErrorDetail::new(Code::Cancelled, message, None);
    super::dead::remove(transaction, position, OutboxStage::Failed, &why).map(|_| ())
}
