//! Named readers of the inbox: how far each has read.

use super::schema::CURSORS;
use super::{Store, StoreError};
use redb::ReadableTable as _;

impl Store {
    /// Where a reader stands; 0 if it was never heard of.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn cursor(&self, name: String) -> Result<u64, StoreError> {
        self.read(move |transaction| {
            let cursors = transaction.open_table(CURSORS)?;
            let seq = cursors.get(name.as_str())?;
            Ok(seq.map_or(0, |seq| seq.value()))
        })
        .await
    }

    /// Moves a reader, in either direction.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn put_cursor(&self, name: String, seq: u64) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut cursors = transaction.tables().open_table(CURSORS)?;
            cursors.insert(name.as_str(), seq)?;
            Ok(())
        })
        .await
    }

    /// All readers and where they stand, by name.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn cursors(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.read(|transaction| {
            let mut all = Vec::new();
            for entry in transaction.open_table(CURSORS)?.iter()? {
                let (name, seq) = entry?;
                all.push((name.value().to_owned(), seq.value()));
            }
            Ok(all)
        })
        .await
    }

    /// Forgets a reader; says whether there was one.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn remove_cursor(&self, name: String) -> Result<bool, StoreError> {
        self.write(move |transaction| {
            let mut cursors = transaction.tables().open_table(CURSORS)?;
            let removed = cursors.remove(name.as_str())?;
            Ok(removed.is_some())
        })
        .await
    }
}
