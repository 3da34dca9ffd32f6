//! Messages that come out of a file instead of from a relay.

use super::inbox::append;
use super::record::{MessageRecord, decode};
use super::schema::{Counter, IDS, MESSAGES};
use super::transaction::Transaction;
use super::{Store, StoreError, standing};
use mrpd_api::message::{Direction, State};
use redb::ReadableTable as _;

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It is there now, under this `seq`.
    New(u64),
    /// It was there before, under this `seq`.
    Present(u64),
}

impl Store {
    /// Takes messages in, in their order, behind all that are there. One that is there already stays as it is: a message is the
    /// same if its id, its direction and both keys are.
    ///
    /// # Errors
    /// A [`StoreError`]: then none of them was taken in, or nobody knows.
    pub async fn import(&self, messages: Vec<MessageRecord>) -> Result<Vec<Imported>, StoreError> {
        self.write(move |transaction| {
            messages
                .iter()
                .map(|message| import(transaction, message))
                .collect()
        })
        .await
    }
}

fn import(transaction: &Transaction, message: &MessageRecord) -> Result<Imported, redb::Error> {
    if let Some(seq) = find(transaction, message)? {
        return Ok(Imported::Present(seq));
    }
    let counter = match message.dir {
        Direction::In => Counter::Received,
        Direction::Out => Counter::Sent,
    };
    transaction.count(counter, 1)?;
    let seq = append(transaction, message)?;
    let settled = [State::Read, State::Archived, State::Done, State::Dead];
    if message.dir == Direction::In && settled.contains(&message.standing.state) {
        let before = standing::Standing::default();
        standing::put(transaction, seq, before, message.standing)?;
    }
    Ok(Imported::New(seq))
}

fn find(transaction: &Transaction, message: &MessageRecord) -> Result<Option<u64>, redb::Error> {
    let tables = transaction.tables();
    let ids = tables.open_table(IDS)?;
    let messages = tables.open_table(MESSAGES)?;
    let id = message.id.as_str();
    for entry in ids.range((id, 0)..=(id, u64::MAX))? {
        let seq = entry?.0.value().1;
        let Some(bytes) = messages.get(seq)? else {
            continue;
        };
        let known: MessageRecord = decode(bytes.value())?;
        if known.dir == message.dir && known.from == message.from && known.to == message.to {
            return Ok(Some(seq));
        }
    }
    Ok(None)
}
