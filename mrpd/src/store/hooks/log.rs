//! The hook log: what was run or passed over, and what came of it. It keeps the newest entries only.

use crate::store::record::{decode, encode};
use crate::store::schema::HOOK_LOG;
use crate::store::transaction::Transaction;
use crate::store::{Store, StoreError};
use mrp_proto::time::Timestamp;
use redb::ReadableTable as _;
use serde::{Deserialize, Serialize};

/// Entries that are kept.
const KEPT: u64 = 10_000;
/// Entries that one page gives, at most.
const PAGE: usize = 200;
/// Entries that one page looks at, at most.
const SCAN: usize = 2_000;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookLogEntry {
    /// When.
    pub at: Timestamp,
    /// The hook.
    pub hook: String,
    /// The messages it was about.
    pub seqs: Vec<u64>,
    /// The relay's name for the first of them.
    pub message_id: String,
    /// Which attempt it was, from 1; 0 where nothing was run.
    pub attempt: u32,
    /// What came of it: one word.
    pub outcome: String,
    /// Why, or what is to be known besides.
    pub why: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The beginning of its standard output.
    #[serde(default)]
    pub stdout: String,
    /// The beginning of its standard error.
    #[serde(default)]
    pub stderr: String,
}

/// Some entries, and where to go on.
#[derive(Debug, Clone)]
pub struct LogPage {
    /// Those of the hook that was asked for, oldest first, with their numbers.
    pub entries: Vec<(u64, HookLogEntry)>,
    /// Everything up to this number was looked at.
    pub reached: u64,
    /// Whether there is nothing behind yet.
    pub end: bool,
}

impl Store {
    /// Entries behind a number, of one hook or of all.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn hook_log(&self, after: u64, hook: Option<String>) -> Result<LogPage, StoreError> {
        self.read(move |transaction| {
            let table = transaction.open_table(HOOK_LOG)?;
            let mut page = LogPage {
                entries: Vec::new(),
                reached: after,
                end: false,
            };
            for (scanned, entry) in table.range(after.saturating_add(1)..)?.enumerate() {
                if page.entries.len() >= PAGE || scanned >= SCAN {
                    return Ok(page);
                }
                let (number, bytes) = entry?;
                let entry: HookLogEntry = decode(bytes.value())?;
                page.reached = number.value();
                if hook.as_ref().is_none_or(|hook| *hook == entry.hook) {
                    page.entries.push((number.value(), entry));
                }
            }
            page.end = true;
            Ok(page)
        })
        .await
    }
}

/// Adds an entry, and drops the one that is too old then.
pub(super) fn append(transaction: &Transaction, entry: &HookLogEntry) -> Result<(), redb::Error> {
    let mut log = transaction.tables().open_table(HOOK_LOG)?;
    let newest = log.last()?.map_or(0, |(number, _)| number.value());
    let number = newest + 1;
    log.insert(number, encode(entry)?.as_slice())?;
    if let Some(old) = number.checked_sub(KEPT) {
        log.remove(old)?;
    }
    Ok(())
}
