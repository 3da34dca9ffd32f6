//! Threads: what belongs together, both ways.

use super::record::{MessageRecord, decode};
use super::schema::{MESSAGES, THREAD_ORDER, THREADS};
use super::{Store, StoreError};

/// A thread.
#[derive(Debug, Clone)]
pub struct Thread {
    /// Its id.
    pub id: String,
    /// How many messages of it are here.
    pub count: u64,
    /// The `seq` of the newest one.
    pub newest: u64,
    /// The newest one.
    pub message: MessageRecord,
}

impl Store {
    /// Threads whose newest message stands before `before`, the latest first.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn threads(&self, before: u64, count: usize) -> Result<Vec<Thread>, StoreError> {
        self.read(move |transaction| {
            let order = transaction.open_table(THREAD_ORDER)?;
            let threads = transaction.open_table(THREADS)?;
            let messages = transaction.open_table(MESSAGES)?;
            let mut found = Vec::new();
            for entry in order.range(..before)?.rev() {
                if found.len() >= count {
                    break;
                }
                let (newest, id) = entry?;
                let (newest, id) = (newest.value(), id.value().to_owned());
                let count = threads.get(id.as_str())?.map_or(0, |entry| entry.value().0);
                if let Some(bytes) = messages.get(newest)? {
                    found.push(Thread {
                        id,
                        count,
                        newest,
                        message: decode(bytes.value())?,
                    });
                }
            }
            Ok(found)
        })
        .await
    }
}
