//! What is taken out of the outbox by hand, and what is tried anew after it was given up.

use super::outbox::{Pending, SEND_KEY_MARK, SendKeyRecord};
use super::record::{OutboxRecord, OutboxStage, decode, encode};
use super::schema::{Counter, FORGET, OUTBOX, OUTBOX_IDS, SEND_KEYS};
use super::tracks::StageChange;
use super::transaction::Transaction;
use super::{Store, StoreError};
use mrp_proto::time::Timestamp;
use mrpd_api::body::Stage;
use mrpd_api::error::ErrorDetail;
use redb::ReadableTable as _;

impl Store {
    /// Where an outbox name stands, if it is in the outbox.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn outbox_position(&self, out_id: String) -> Result<Option<u64>, StoreError> {
        self.read(move |transaction| {
            let ids = transaction.open_table(OUTBOX_IDS)?;
            Ok(ids.get(out_id.as_str())?.map(|position| position.value()))
        })
        .await
    }

    /// Takes an entry out, and its idempotency key with it. `why` is what those are told who wait for it. Says whether it was there
    /// and stood so.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn remove_from_outbox(
        &self,
        position: u64,
        stage: OutboxStage,
        why: ErrorDetail,
    ) -> Result<bool, StoreError> {
        self.write(move |transaction| remove(transaction, position, stage, &why))
            .await
    }

    /// Has an entry that is held for later due at once.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn release_now(&self, position: u64, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |transaction| release_now(transaction, position, now))
            .await
    }

    /// Has an entry that was given up tried anew, behind all others; `None` if there is no such entry.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn revive(
        &self,
        position: u64,
        now: Timestamp,
    ) -> Result<Option<Pending>, StoreError> {
        self.write(move |transaction| revive(transaction, position, now))
            .await
    }
}

fn entry_at(
    transaction: &Transaction,
    position: u64,
    stage: OutboxStage,
) -> Result<Option<OutboxRecord>, redb::Error> {
    let outbox = transaction.tables().open_table(OUTBOX)?;
    let record: Option<OutboxRecord> = outbox
        .get(position)?
        .map(|bytes| decode(bytes.value()))
        .transpose()?;
    Ok(record.filter(|record| record.stage == stage))
}

pub(super) fn remove(
    transaction: &Transaction,
    position: u64,
    stage: OutboxStage,
    why: &ErrorDetail,
) -> Result<bool, redb::Error> {
    let Some(mut record) = entry_at(transaction, position, stage)? else {
        return Ok(false);
    };
    let tables = transaction.tables();
    tables.open_table(OUTBOX)?.remove(position)?;
    tables.open_table(OUTBOX_IDS)?.remove(record.id.as_str())?;
    if let Some(key) = &record.key {
        forget_key(transaction, key)?;
    }
    let counter = match stage {
        OutboxStage::Queued => Counter::Queued,
        OutboxStage::Failed => Counter::Failed,
    };
    transaction.count(counter, -1)?;
    record.error = Some(why.clone());
    transaction.note_recorded();
    transaction.note_stage(StageChange::of(&record, Stage::Failed));
    Ok(true)
}

/// With its mark, which would make the sweep forget a later send under the same key too early.
fn forget_key(transaction: &Transaction, key: &str) -> Result<(), redb::Error> {
    let tables = transaction.tables();
    let mut keys = tables.open_table(SEND_KEYS)?;
    let known: Option<SendKeyRecord> = keys
        .remove(key)?
        .map(|bytes| decode(bytes.value()))
        .transpose()?;
    if let Some(known) = known {
        let until = u64::try_from(known.until.unix_millis()).unwrap_or(1);
        let mark = format!("{SEND_KEY_MARK}{key}");
        tables.open_table(FORGET)?.remove((until, mark.as_str()))?;
    }
    Ok(())
}

fn release_now(
    transaction: &Transaction,
    position: u64,
    now: Timestamp,
) -> Result<(), redb::Error> {
    let Some(mut record) = entry_at(transaction, position, OutboxStage::Queued)? else {
        return Ok(());
    };
    if record.due_at.is_none_or(|due_at| due_at <= now) {
        return Ok(());
    }
    record.due_at = None;
    record.tried_since = Some(now);
    let mut outbox = transaction.tables().open_table(OUTBOX)?;
    outbox.insert(position, encode(&record)?.as_slice())?;
    transaction.note_recorded();
    Ok(())
}

fn revive(
    transaction: &Transaction,
    position: u64,
    now: Timestamp,
) -> Result<Option<Pending>, redb::Error> {
    let Some(mut record) = entry_at(transaction, position, OutboxStage::Failed)? else {
        return Ok(None);
    };
    record.stage = OutboxStage::Queued;
    record.tried_since = Some(now);
    record.failed_at = None;
    record.next_attempt_at = None;
    record.useless_at = None;
    record.due_at = None;
    let behind = transaction.count(Counter::OutboxPosition, 1)?;
    let tables = transaction.tables();
    let mut outbox = tables.open_table(OUTBOX)?;
    outbox.remove(position)?;
    outbox.insert(behind, encode(&record)?.as_slice())?;
    tables
        .open_table(OUTBOX_IDS)?
        .insert(record.id.as_str(), behind)?;
    transaction.count(Counter::Failed, -1)?;
    transaction.count(Counter::Queued, 1)?;
    transaction.note_recorded();
    transaction.note_stage(StageChange::of(&record, Stage::Queued));
    Ok(Some(Pending::new(behind, record)))
}
