//! What hooks have before them and behind them: for each hook how far it has looked, the messages it still has to do with, those it
//! has given up, and a log of its runs.
//!
//! Whether a hook has done with a message is the hook's affair: the message's own state belongs to people and their programs.

mod dead;
mod log;
mod settled;

pub use dead::DeadJob;
pub use log::{HookLogEntry, LogPage};

use super::record::{MessageRecord, decode, encode};
use super::schema::{Counter, HOOK_DEAD, HOOK_JOBS, HOOKS, MESSAGES};
use super::transaction::Transaction;
use super::{Store, StoreError};
use mrp_proto::time::Timestamp;
use redb::ReadableTable as _;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a hook's queue is kept when the hook is not configured any more.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What is kept of a hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookRecord {
    /// Everything up to this `seq` was looked at.
    pub cursor: u64,
    /// Whether it was switched off by hand.
    pub disabled: bool,
    /// Messages it has done with.
    pub handled: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Since when it is not configured any more.
    pub removed_at: Option<Timestamp>,
}

/// A message that a hook still has to do with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookJob {
    /// Who sent the message.
    pub from: String,
    /// The relay's name for the message.
    pub message_id: String,
    /// Runs that were begun.
    pub attempts: u32,
    /// Runs that failed. One that never came to an end, since the daemon did, is none.
    #[serde(default)]
    pub failures: u32,
    /// When it is tried again.
    #[serde(default)]
    pub due: Option<Timestamp>,
}

/// What looking at some messages found, for all hooks.
#[derive(Debug, Clone, Default)]
pub struct Matched {
    /// How far each hook has looked now.
    pub cursors: Vec<(String, u64)>,
    /// What each has to do: hook, `seq`, message.
    pub jobs: Vec<(String, u64, HookJob)>,
    /// What was passed over, for the log.
    pub passed: Vec<HookLogEntry>,
}

/// What became of a message in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// Done.
    Handled,
    /// To be tried again then.
    Retry(Timestamp),
    /// Given up, for this reason.
    Dead(String),
}

/// The end of a run.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// The hook.
    pub hook: String,
    /// What became of each message.
    pub jobs: Vec<(u64, JobEnd)>,
    /// Hooks that are not to be run for these messages any more, unless they have begun; also those that have not looked yet.
    pub skipped: Vec<String>,
    /// For the log.
    pub log: HookLogEntry,
}

impl Store {
    /// Makes known which hooks there are. A new one begins behind the newest message; what was configured before is kept a while.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn know_hooks(
        &self,
        names: Vec<String>,
        now: Timestamp,
    ) -> Result<Vec<(String, HookRecord)>, StoreError> {
        self.write(move |transaction| know(transaction, names, now))
            .await
    }

    /// What a hook still has to do, in order.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn hook_jobs(&self, hook: String) -> Result<Vec<(u64, HookJob)>, StoreError> {
        self.read(move |transaction| {
            let table = transaction.open_table(HOOK_JOBS)?;
            let mut jobs = Vec::new();
            for entry in table.range((hook.as_str(), 0)..=(hook.as_str(), u64::MAX))? {
                let (key, bytes) = entry?;
                jobs.push((key.value().1, decode(bytes.value())?));
            }
            Ok(jobs)
        })
        .await
    }

    /// Writes down what is to be done, and that those messages were looked at, in one step. Gives what is to be done: what another
    /// hook has settled alone meanwhile is not.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn record_matched(
        &self,
        matched: Matched,
    ) -> Result<Vec<(String, u64, HookJob)>, StoreError> {
        self.write(move |transaction| record_matched(transaction, matched))
            .await
    }

    /// Counts an attempt, and gives the messages it is about. A message that is there no more is nobody's affair.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn begin_run(
        &self,
        hook: String,
        seqs: Vec<u64>,
    ) -> Result<Vec<(u64, HookJob, MessageRecord)>, StoreError> {
        self.write(move |transaction| begin_run(transaction, &hook, &seqs))
            .await
    }

    /// Writes down what came of a run. Gives the jobs of later hooks that fell away.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn end_run(&self, end: RunEnd) -> Result<Vec<(String, u64)>, StoreError> {
        self.write(move |transaction| end_run(transaction, end))
            .await
    }

    /// Switches a hook on or off. One that is switched on begins behind the newest message.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn switch_hook(
        &self,
        hook: String,
        disabled: bool,
    ) -> Result<HookRecord, StoreError> {
        self.write(move |transaction| {
            let newest = transaction.counter(Counter::Newest)?;
            change(transaction, &hook, |record| {
                if record.disabled && !disabled {
                    record.cursor = newest;
                }
                record.disabled = disabled;
            })
        })
        .await
    }

    /// Has a hook look at messages again, also at those that another has settled alone.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn rewind_hook(&self, hook: String, cursor: u64) -> Result<HookRecord, StoreError> {
        self.write(move |transaction| {
            settled::forget_behind(transaction, &hook, cursor)?;
            change(transaction, &hook, |record| {
                record.cursor = record.cursor.min(cursor);
            })
        })
        .await
    }
}

fn know(
    transaction: &Transaction,
    names: Vec<String>,
    now: Timestamp,
) -> Result<Vec<(String, HookRecord)>, redb::Error> {
    let newest = transaction.counter(Counter::Newest)?;
    let known = all(transaction)?;
    for (name, mut record) in known {
        match record.removed_at {
            _ if names.contains(&name) => {}
            None => {
                record.removed_at = Some(now);
                put(transaction, &name, &record)?;
            }
            Some(removed) if removed.after(KEPT) < now => forget(transaction, &name)?,
            Some(_) => {}
        }
    }
    let mut hooks = Vec::with_capacity(names.len());
    for name in names {
        let record = match find(transaction, &name)? {
            Some(record) if record.removed_at.is_none() => record,
            Some(record) => HookRecord {
                cursor: newest,
                removed_at: None,
                ..record
            },
            None => HookRecord {
                cursor: newest,
                ..HookRecord::default()
            },
        };
        put(transaction, &name, &record)?;
        hooks.push((name, record));
    }
    Ok(hooks)
}

fn all(transaction: &Transaction) -> Result<Vec<(String, HookRecord)>, redb::Error> {
    let hooks = transaction.tables().open_table(HOOKS)?;
    let mut all = Vec::new();
    for entry in hooks.iter()? {
        let (name, bytes) = entry?;
        all.push((name.value().to_owned(), decode(bytes.value())?));
    }
    Ok(all)
}

fn find(transaction: &Transaction, name: &str) -> Result<Option<HookRecord>, redb::Error> {
    let hooks = transaction.tables().open_table(HOOKS)?;
    let bytes = hooks.get(name)?;
    bytes.map(|bytes| decode(bytes.value())).transpose()
}

fn put(transaction: &Transaction, name: &str, record: &HookRecord) -> Result<(), redb::Error> {
    let mut hooks = transaction.tables().open_table(HOOKS)?;
    hooks.insert(name, encode(record)?.as_slice())?;
    Ok(())
}

fn change(
    transaction: &Transaction,
    name: &str,
    change: impl FnOnce(&mut HookRecord),
) -> Result<HookRecord, redb::Error> {
    let mut record = find(transaction, name)?.unwrap_or_default();
    change(&mut record);
    put(transaction, name, &record)?;
    Ok(record)
}

fn forget(transaction: &Transaction, name: &str) -> Result<(), redb::Error> {
    let tables = transaction.tables();
    tables.open_table(HOOKS)?.remove(name)?;
    let all = (name, 0)..=(name, u64::MAX);
    tables
        .open_table(HOOK_JOBS)?
        .retain_in(all.clone(), |_, _| false)?;
    tables.open_table(HOOK_DEAD)?.retain_in(all, |_, _| false)?;
    settled::forget_behind(transaction, name, 0)
}

fn record_matched(
    transaction: &Transaction,
    matched: Matched,
) -> Result<Vec<(String, u64, HookJob)>, redb::Error> {
    let mut to_do = Vec::with_capacity(matched.jobs.len());
    {
        let mut jobs = transaction.tables().open_table(HOOK_JOBS)?;
        for (hook, seq, job) in matched.jobs {
            if settled::covers(transaction, &hook, seq)? {
                continue;
            }
            let key = (hook.as_str(), seq);
            // One that is there already, since it is looked at again, keeps its attempts.
            if jobs.get(key)?.is_none() {
                jobs.insert(key, encode(&job)?.as_slice())?;
            }
            to_do.push((hook, seq, job));
        }
    }
    for (hook, cursor) in matched.cursors {
        settled::forget_up_to(transaction, &hook, cursor)?;
        change(transaction, &hook, |record| {
            record.cursor = record.cursor.max(cursor);
        })?;
    }
    for entry in matched.passed {
        log::append(transaction, &entry)?;
    }
    Ok(to_do)
}

fn begin_run(
    transaction: &Transaction,
    hook: &str,
    seqs: &[u64],
) -> Result<Vec<(u64, HookJob, MessageRecord)>, redb::Error> {
    let mut jobs = transaction.tables().open_table(HOOK_JOBS)?;
    let messages = transaction.tables().open_table(MESSAGES)?;
    let mut begun = Vec::with_capacity(seqs.len());
    for &seq in seqs {
        let key = (hook, seq);
        let job: Option<HookJob> = jobs
            .get(key)?
            .map(|bytes| decode(bytes.value()))
            .transpose()?;
        let message = messages.get(seq)?;
        match (job, message) {
            (Some(mut job), Some(message)) => {
                job.attempts = job.attempts.saturating_add(1);
                jobs.insert(key, encode(&job)?.as_slice())?;
                begun.push((seq, job, decode(message.value())?));
            }
            (Some(_), None) => {
                jobs.remove(key)?;
            }
            (None, _) => {}
        }
    }
    Ok(begun)
}

fn end_run(transaction: &Transaction, end: RunEnd) -> Result<Vec<(String, u64)>, redb::Error> {
    let RunEnd {
        hook,
        jobs,
        skipped,
        log,
    } = end;
    let mut fallen = Vec::new();
    let mut handled = 0;
    for (seq, end) in &jobs {
        let Some(mut job) = take_job(transaction, &hook, *seq)? else {
            continue;
        };
        match end {
            JobEnd::Handled => handled += 1,
            JobEnd::Retry(due) => {
                job.failures = job.failures.saturating_add(1);
                job.due = Some(*due);
                put_job(transaction, &hook, *seq, &job)?;
            }
            JobEnd::Dead(why) => {
                job.failures = job.failures.saturating_add(1);
                dead::bury(transaction, &hook, *seq, job, why, log.at)?;
            }
        }
        for later in &skipped {
            match take_job(transaction, later, *seq)? {
                Some(job) if job.attempts > 0 => {
                    put_job(transaction, later, *seq, &job)?;
                    continue;
                }
                Some(_) => fallen.push((later.clone(), *seq)),
                None => {}
            }
            settled::note(transaction, later, *seq)?;
        }
    }
    let failed = jobs.iter().any(|(_, end)| *end != JobEnd::Handled);
    change(transaction, &hook, |record| {
        record.handled += handled;
        record.failed += u64::from(failed);
    })?;
    log::append(transaction, &log)?;
    Ok(fallen)
}

fn take_job(
    transaction: &Transaction,
    hook: &str,
    seq: u64,
) -> Result<Option<HookJob>, redb::Error> {
    let mut jobs = transaction.tables().open_table(HOOK_JOBS)?;
    let bytes = jobs.remove((hook, seq))?;
    bytes.map(|bytes| decode(bytes.value())).transpose()
}

fn put_job(
    transaction: &Transaction,
    hook: &str,
    seq: u64,
    job: &HookJob,
) -> Result<(), redb::Error> {
    let mut jobs = transaction.tables().open_table(HOOK_JOBS)?;
    jobs.insert((hook, seq), encode(job)?.as_slice())?;
    Ok(())
}

#[cfg(test)]
mod tests;
