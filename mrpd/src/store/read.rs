//! Reading messages by their names.

use super::record::{MessageRecord, decode};
use super::schema::{IDS, MESSAGES, STANDINGS};
use super::standing::standing;
use super::{Store, StoreError};
use redb::ReadableTable;

impl Store {
    /// The messages that bear an id (the relay's or the outbox's), oldest first.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn by_id(&self, id: String) -> Result<Vec<(u64, MessageRecord)>, StoreError> {
        self.read(move |transaction| {
            let ids = transaction.open_table(IDS)?;
            let messages = transaction.open_table(MESSAGES)?;
            let standings = transaction.open_table(STANDINGS)?;
            let mut found = Vec::new();
            for seq in bearers(&ids, &id)? {
                if let Some(bytes) = messages.get(seq)? {
                    let mut message: MessageRecord = decode(bytes.value())?;
                    message.standing = standing(&standings, seq)?;
                    found.push((seq, message));
                }
            }
            Ok(found)
        })
        .await
    }
}

/// The `seq` of the messages that bear an id, oldest first.
pub(super) fn bearers<'a>(
    ids: &impl ReadableTable<(&'static str, u64), ()>,
    id: &'a str,
) -> Result<Vec<u64>, redb::Error> {
    let mut bearers = Vec::new();
    for entry in ids.range::<(&'a str, u64)>((id, 0)..=(id, u64::MAX))? {
        bearers.push(entry?.0.value().1);
    }
    Ok(bearers)
}
