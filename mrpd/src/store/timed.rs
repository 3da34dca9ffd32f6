//! How far dead-man switches and schedules have come, by their names.

use super::record::{decode, encode};
use super::schema::{EXPECTS, SCHEDULES};
use super::{Store, StoreError};
use mrp_proto::time::Timestamp;
use redb::{ReadableTable as _, TableDefinition};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

type Records = TableDefinition<'static, &'static str, &'static [u8]>;

/// How a dead-man switch stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectRecord {
    /// What is expected, in words: with other words it begins anew.
    pub rule: String,
    /// When the last message came; when it was configured, if none did yet.
    pub since: Timestamp,
    /// The last message.
    #[serde(default)]
    pub last: Option<u64>,
    /// Everything up to this `seq` was looked at.
    pub position: u64,
    /// Periods that have passed without a message and were told of.
    #[serde(default)]
    pub missed: u64,
    /// How the last run ended, in words.
    #[serde(default)]
    pub outcome: Option<String>,
}

/// How a schedule stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRecord {
    /// When it is due, in cron's manner: with other times it begins anew.
    pub cron: String,
    /// The last time that was dealt with; when it was configured, if none was yet.
    pub last: Timestamp,
    /// A time that was begun with, whose message may be in the outbox or not.
    #[serde(default)]
    pub begun: Option<Timestamp>,
    /// The time for which a message was last put into the outbox.
    #[serde(default)]
    pub sent: Option<Timestamp>,
    /// The outbox's names for what was put there then.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Why nothing was sent, or not everything.
    #[serde(default)]
    pub error: Option<String>,
}

impl Store {
    /// All dead-man switches that are known.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn expects(&self) -> Result<HashMap<String, ExpectRecord>, StoreError> {
        self.records(EXPECTS).await
    }

    /// Keeps how a dead-man switch stands, or forgets it.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn put_expect(
        &self,
        name: String,
        record: Option<ExpectRecord>,
    ) -> Result<(), StoreError> {
        self.put_record(EXPECTS, name, record).await
    }

    /// All schedules that are known.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn schedules(&self) -> Result<HashMap<String, ScheduleRecord>, StoreError> {
        self.records(SCHEDULES).await
    }

    /// Keeps how a schedule stands, or forgets it.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn put_schedule(
        &self,
        name: String,
        record: Option<ScheduleRecord>,
    ) -> Result<(), StoreError> {
        self.put_record(SCHEDULES, name, record).await
    }

    async fn records<T: DeserializeOwned + Send + 'static>(
        &self,
        table: Records,
    ) -> Result<HashMap<String, T>, StoreError> {
        self.read(move |transaction| {
            let table = transaction.open_table(table)?;
            let mut records = HashMap::new();
            for entry in table.iter()? {
                let (name, bytes) = entry?;
                records.insert(name.value().to_owned(), decode(bytes.value())?);
            }
            Ok(records)
        })
        .await
    }

    async fn put_record<T: Serialize + Send + 'static>(
        &self,
        table: Records,
        name: String,
        record: Option<T>,
    ) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut table = transaction.tables().open_table(table)?;
            match record {
                Some(record) => table.insert(name.as_str(), encode(&record)?.as_slice())?,
                None => table.remove(name.as_str())?,
            };
            Ok(())
        })
        .await
    }
}
