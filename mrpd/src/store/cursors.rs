//! Named readers of the inbox: how far each has read.

use super::schema::CURSORS;
use super::{Store, StoreError};

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
}
