//! Messages that hooks have given up.

use super::HookJob;
use crate::store::record::{decode, encode};
use crate::store::schema::{HOOK_DEAD, HOOK_JOBS, MESSAGES};
use crate::store::transaction::Transaction;
use crate::store::{Store, StoreError};
use mrp_proto::time::Timestamp;
use redb::{ReadableTable, ReadableTableMetadata as _};
use serde::{Deserialize, Serialize};

/// Messages that are kept so, at most; the oldest of the same hook gives way.
const LIMIT: u64 = 10_000;

/// A message that a hook has given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadJob {
    /// The hook.
    #[serde(default)]
    pub hook: String,
    /// The message's place in the inbox.
    #[serde(default)]
    pub seq: u64,
    /// What it was.
    pub job: HookJob,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

impl Store {
    /// All of them, by hook and message.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn dead_jobs(&self) -> Result<Vec<DeadJob>, StoreError> {
        self.read(|transaction| {
            let mut all = Vec::new();
            for entry in transaction.open_table(HOOK_DEAD)?.iter()? {
                let (key, bytes) = entry?;
                let (hook, seq) = key.value();
                let mut dead: DeadJob = decode(bytes.value())?;
                hook.clone_into(&mut dead.hook);
                dead.seq = seq;
                all.push(dead);
            }
            Ok(all)
        })
        .await
    }

    /// How many there are.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn dead_job_count(&self) -> Result<u64, StoreError> {
        self.read(|transaction| Ok(transaction.open_table(HOOK_DEAD)?.len()?))
            .await
    }

    /// Has a hook try a message again that it has given up, from its first attempt on; says whether there was one, and
    /// the message is still there.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn revive_job(&self, hook: String, seq: u64) -> Result<Option<HookJob>, StoreError> {
        self.write(move |transaction| {
            let Some(dead) = take(transaction, &hook, seq)? else {
                return Ok(None);
            };
            // The message was deleted: there is nothing to try, and nothing to keep.
            if transaction
                .tables()
                .open_table(MESSAGES)?
                .get(seq)?
                .is_none()
            {
                return Ok(None);
            }
            let job = HookJob {
                failures: 0,
                due: None,
                ..dead.job
            };
            let mut jobs = transaction.tables().open_table(HOOK_JOBS)?;
            jobs.insert((hook.as_str(), seq), encode(&job)?.as_slice())?;
            Ok(Some(job))
        })
        .await
    }

    /// Forgets a message that a hook has given up; says whether there was one.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn drop_dead_job(&self, hook: String, seq: u64) -> Result<bool, StoreError> {
        self.write(move |transaction| Ok(take(transaction, &hook, seq)?.is_some()))
            .await
    }
}

/// Gives a message up.
pub(super) fn bury(
    transaction: &Transaction,
    hook: &str,
    seq: u64,
    job: HookJob,
    why: &str,
    at: Timestamp,
) -> Result<(), redb::Error> {
    let mut table = transaction.tables().open_table(HOOK_DEAD)?;
    let dead = DeadJob {
        hook: hook.to_owned(),
        seq,
        job,
        why: why.to_owned(),
        at,
    };
    table.insert((hook, seq), encode(&dead)?.as_slice())?;
    if table.len()? > LIMIT
        && let Some((hook, seq)) = victim(&table, hook, seq)?
    {
        table.remove((hook.as_str(), seq))?;
    }
    Ok(())
}

/// What gives way to a message that was given up just now: the oldest of the same hook, and where it has no other, the first of all.
fn victim(
    table: &impl ReadableTable<(&'static str, u64), &'static [u8]>,
    hook: &str,
    seq: u64,
) -> Result<Option<(String, u64)>, redb::Error> {
    let own = table.range((hook, 0)..=(hook, u64::MAX))?;
    for entry in own.chain(table.iter()?) {
        let (key, _) = entry?;
        let (name, place) = key.value();
        if (name, place) != (hook, seq) {
            return Ok(Some((name.to_owned(), place)));
        }
    }
    Ok(None)
}

fn take(transaction: &Transaction, hook: &str, seq: u64) -> Result<Option<DeadJob>, redb::Error> {
    let mut table = transaction.tables().open_table(HOOK_DEAD)?;
    let bytes = table.remove((hook, seq))?;
    bytes.map(|bytes| decode(bytes.value())).transpose()
}
