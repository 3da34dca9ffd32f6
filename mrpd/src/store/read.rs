//! Reading messages in their order, a bounded page at a time.

use super::record::{MessageRecord, decode};
use super::schema::{IDS, MESSAGES};
use super::{Store, StoreError};
use redb::ReadTransaction;

/// Messages that one page looks at, at most: a scan for something rare must not hold a thread for long.
const SCAN: usize = 2000;
/// Bytes of records that one page takes, at most (but one record always fits).
const PAGE_BYTES: usize = 256 << 10;
/// Messages that one page gives, at most.
const PAGE: usize = 200;

/// Some messages, and where to go on.
#[derive(Debug, Clone)]
pub struct Page {
    /// Those that matched, oldest first.
    pub messages: Vec<(u64, MessageRecord)>,
    /// Everything up to this `seq` was looked at.
    pub reached: u64,
    /// Whether the end was reached: there is nothing behind yet.
    pub end: bool,
}

impl Store {
    /// The messages behind `after` that match, oldest first, as many as fit a page.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn page(
        &self,
        after: u64,
        matches: impl Fn(&MessageRecord) -> bool + Send + 'static,
    ) -> Result<Page, StoreError> {
        self.read(move |transaction| {
            let table = transaction.open_table(MESSAGES)?;
            let mut page = Page {
                messages: Vec::new(),
                reached: after,
                end: false,
            };
            let mut bytes = 0;
            for (scanned, entry) in table.range(after.saturating_add(1)..)?.enumerate() {
                let (seq, value) = entry?;
                let full = page.messages.len() >= PAGE || bytes >= PAGE_BYTES || scanned >= SCAN;
                if full {
                    return Ok(page);
                }
                page.reached = seq.value();
                let record: MessageRecord = decode(value.value())?;
                if matches(&record) {
                    bytes += value.value().len();
                    page.messages.push((seq.value(), record));
                }
            }
            page.end = true;
            Ok(page)
        })
        .await
    }

    /// The place behind which the last `count` matching messages stand, searching backwards from the end.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn place_before_last(
        &self,
        count: u64,
        floor: u64,
        matches: impl Fn(&MessageRecord) -> bool + Send + Clone + 'static,
    ) -> Result<u64, StoreError> {
        let mut missing = count;
        let mut before = u64::MAX;
        if missing == 0 {
            return Ok(floor.max(*self.newest().borrow()));
        }
        loop {
            let matches = matches.clone();
            let step = self
                .read(move |transaction| step_back(transaction, floor, before, missing, matches))
                .await?;
            match step {
                Step::Place(place) => return Ok(place),
                Step::Further { from, found } => {
                    before = from;
                    missing -= found;
                }
            }
        }
    }

    /// The messages that bear an id (the relay's or the outbox's), oldest first.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn by_id(&self, id: String) -> Result<Vec<(u64, MessageRecord)>, StoreError> {
        self.read(move |transaction| {
            let ids = transaction.open_table(IDS)?;
            let messages = transaction.open_table(MESSAGES)?;
            let mut found = Vec::new();
            for entry in ids.range((id.as_str(), 0)..=(id.as_str(), u64::MAX))? {
                let seq = entry?.0.value().1;
                if let Some(bytes) = messages.get(seq)? {
                    found.push((seq, decode(bytes.value())?));
                }
            }
            Ok(found)
        })
        .await
    }
}

/// What looking backwards over one page found.
enum Step {
    /// The place that was looked for.
    Place(u64),
    /// Not enough yet: go on before `from`.
    Further { from: u64, found: u64 },
}

fn step_back(
    transaction: &ReadTransaction,
    floor: u64,
    before: u64,
    missing: u64,
    matches: impl Fn(&MessageRecord) -> bool,
) -> Result<Step, redb::Error> {
    let table = transaction.open_table(MESSAGES)?;
    let mut found = 0;
    let first = floor.saturating_add(1);
    for (scanned, entry) in table.range(first..before)?.rev().enumerate() {
        let (seq, value) = entry?;
        let seq = seq.value();
        if matches(&decode(value.value())?) {
            found += 1;
            if found == missing {
                return Ok(Step::Place(seq - 1));
            }
        }
        if scanned + 1 >= SCAN {
            return Ok(Step::Further { from: seq, found });
        }
    }
    Ok(Step::Place(floor))
}
