//! Brings a file of an older layout to this one, a bounded step at a time: a crash in between costs only the last step.

use super::record::{MessageRecord, decode};
use super::schema::{Counter, LET_IN, MESSAGES, META, OUTBOX, SCHEMA, STANDINGS, VERSION};
use super::standing::{self, Standing};
use super::transaction::Transaction;
use super::{OutboxRecord, entry};
use mrpd_api::message::Direction;
use redb::{Database, ReadableTable as _};

/// Messages of one step.
const STEP: usize = 2000;

/// Brings the file to the present layout, from the one before: messages get onto the lists by which they are found.
pub(super) fn upgrade(database: &Database) -> Result<(), redb::Error> {
    tracing::info!("bringing the store to its new layout");
    let mut done = 0;
    loop {
        let transaction = Transaction::begin(database)?;
        let entered = step(&transaction)?;
        if entered == 0 {
            let mut meta = transaction.tables().open_table(META)?;
            meta.insert(SCHEMA, VERSION)?;
        }
        transaction.commit()?;
        done += entered;
        if entered == 0 {
            break;
        }
        tracing::debug!(messages = done, "brought to the new layout");
    }
    tracing::info!(messages = done, "the store has its new layout");
    Ok(())
}

/// Enters the next messages; says how many there were.
fn step(transaction: &Transaction) -> Result<usize, redb::Error> {
    let after = transaction.counter(Counter::Upgraded)?;
    if after == 0 {
        let_in_recipients(transaction)?;
    }
    let mut messages: Vec<(u64, MessageRecord, usize)> = Vec::new();
    {
        let table = transaction.tables().open_table(MESSAGES)?;
        for entry in table.range(after + 1..)?.take(STEP) {
            let (seq, bytes) = entry?;
            let mut message: MessageRecord = decode(bytes.value())?;
            message.body = None;
            messages.push((seq.value(), message, bytes.value().len()));
        }
    }
    let Some(reached) = messages.last().map(|(seq, ..)| *seq) else {
        return Ok(0);
    };
    for (seq, message, size) in &messages {
        entry::enter(transaction, *seq, message, *size)?;
        match message.dir {
            Direction::In => stand(transaction, *seq)?,
            Direction::Out => {
                let mut let_in = transaction.tables().open_table(LET_IN)?;
                let_in.insert(message.to.as_str(), ())?;
            }
        }
    }
    let by = i64::try_from(reached - after).unwrap_or(i64::MAX);
    transaction.count(Counter::Upgraded, by)?;
    Ok(messages.len())
}

/// Where a message stood in a store that was damaged, it stands again.
fn stand(transaction: &Transaction, seq: u64) -> Result<(), redb::Error> {
    let after = {
        let standings = transaction.tables().open_table(STANDINGS)?;
        standing::standing(&standings, seq)?
    };
    if after == Standing::default() {
        return Ok(());
    }
    standing::put(transaction, seq, Standing::default(), after)
}

/// Whoever was written to may answer.
fn let_in_recipients(transaction: &Transaction) -> Result<(), redb::Error> {
    let tables = transaction.tables();
    let outbox = tables.open_table(OUTBOX)?;
    let mut let_in = tables.open_table(LET_IN)?;
    for entry in outbox.iter()? {
        let record: OutboxRecord = decode(entry?.1.value())?;
        let_in.insert(record.message.to.as_str(), ())?;
    }
    Ok(())
}
