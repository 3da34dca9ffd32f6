//! One message to many: who is still to get it. A fan-out is durable as a whole before the first of them does.

use super::record::{decode, encode};
use super::schema::{Counter, FANOUT_TARGETS, FANOUTS, SEEN};
use super::transaction::Transaction;
use super::{Store, StoreError};
use mrp_proto::time::Timestamp;
use mrpd_api::body::Send;
use redb::{ReadableTable as _, ReadableTableMetadata as _};
use serde::{Deserialize, Serialize};

/// Fan-outs that may wait.
const LIMIT: u64 = 256;
/// Recipients that are taken up at once.
const BATCH: usize = 64;

/// A message to many, without its recipients.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FanoutRecord {
    /// The agent and the message; `to` is each recipient in turn.
    pub send: Send,
    /// What it is, for the log.
    pub subject: String,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// What keeps the same from being sent twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// Names what is sent.
    pub key: String,
    /// A digest of it.
    pub digest: String,
    /// When to forget it.
    pub until: Timestamp,
}

/// What became of a fan-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fanned {
    /// It is durable, for so many recipients.
    New(u64),
    /// The same was asked for before.
    Before,
    /// Something else was asked for before under the same key.
    Mismatch,
    /// Too much waits.
    Full,
}

/// A part of a fan-out that is still to be done.
#[derive(Debug, Clone)]
pub struct FanoutPart {
    /// Which fan-out.
    pub number: u64,
    /// What is sent.
    pub record: FanoutRecord,
    /// Keys of the next recipients.
    pub targets: Vec<String>,
}

impl Store {
    /// Makes a fan-out to these keys durable.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn submit_fanout(
        &self,
        record: FanoutRecord,
        targets: Vec<String>,
        once: Option<Once>,
    ) -> Result<Fanned, StoreError> {
        self.write(move |transaction| submit(transaction, &record, &targets, once.as_ref()))
            .await
    }

    /// The next recipients of the oldest fan-out of that number or a later one; `None` if all of these are done.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn next_fanout(&self, from: u64) -> Result<Option<FanoutPart>, StoreError> {
        self.read(move |transaction| {
            let fanouts = transaction.open_table(FANOUTS)?;
            let Some(first) = fanouts.range(from..)?.next() else {
                return Ok(None);
            };
            let (number, bytes) = first?;
            let number = number.value();
            let record = decode(bytes.value())?;
            let all = transaction.open_table(FANOUT_TARGETS)?;
            let mut targets = Vec::new();
            for entry in all.range((number, "")..(number + 1, ""))?.take(BATCH) {
                targets.push(entry?.0.value().1.to_owned());
            }
            Ok(Some(FanoutPart {
                number,
                record,
                targets,
            }))
        })
        .await
    }

    /// These recipients are done with; the fan-out is, when none are left.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn finish_targets(&self, number: u64, keys: Vec<String>) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let tables = transaction.tables();
            let mut targets = tables.open_table(FANOUT_TARGETS)?;
            for key in &keys {
                targets.remove((number, key.as_str()))?;
            }
            let rest = targets.range((number, "")..(number + 1, ""))?.next();
            if rest.transpose()?.is_none() {
                tables.open_table(FANOUTS)?.remove(number)?;
            }
            Ok(())
        })
        .await
    }
}

fn submit(
    transaction: &Transaction,
    record: &FanoutRecord,
    targets: &[String],
    once: Option<&Once>,
) -> Result<Fanned, redb::Error> {
    let tables = transaction.tables();
    let mut seen = tables.open_table(SEEN)?;
    let marks = once.map(|once| {
        let key = format!("fan-out {}", once.key);
        let whole = format!("{key} {}", once.digest);
        (key, whole)
    });
    if let Some((key, whole)) = &marks
        && seen.get(key.as_str())?.is_some()
    {
        let same = seen.get(whole.as_str())?.is_some();
        return Ok(if same {
            Fanned::Before
        } else {
            Fanned::Mismatch
        });
    }
    let mut fanouts = tables.open_table(FANOUTS)?;
    if fanouts.len()? >= LIMIT {
        return Ok(Fanned::Full);
    }
    if let (Some(once), Some((key, whole))) = (once, &marks) {
        let until = u64::try_from(once.until.unix_millis()).unwrap_or(1);
        for mark in [key, whole] {
            seen.insert(mark.as_str(), until)?;
            transaction.forget_at(until, mark)?;
        }
    }
    if targets.is_empty() {
        return Ok(Fanned::New(0));
    }
    let number = transaction.count(Counter::FanoutNumber, 1)?;
    fanouts.insert(number, encode(record)?.as_slice())?;
    let mut all = tables.open_table(FANOUT_TARGETS)?;
    for key in targets {
        all.insert((number, key.as_str()), ())?;
    }
    Ok(Fanned::New(all_of(number, &all)?))
}

/// Two names of one recipient are one recipient.
fn all_of(
    number: u64,
    targets: &mrp_journal::Table<'_, (u64, &str), ()>,
) -> Result<u64, redb::Error> {
    let found = targets.range((number, "")..(number + 1, ""))?;
    Ok(u64::try_from(found.count()).unwrap_or(u64::MAX))
}
