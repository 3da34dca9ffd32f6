//! A message's way onto the lists by which it is found, and off them again.

use super::index::terms;
use super::record::{MessageRecord, decode};
use super::schema::{
    Counter, IDS, INDEX, MESSAGES, STANDINGS, THREAD_ORDER, THREADS, TIMES, TRACKS,
};
use super::standing::{self, millis};
use super::transaction::Transaction;
use mrpd_api::message::Direction;
use redb::ReadableTable as _;

/// Distance of the entries of [`TIMES`], in milliseconds.
const TIMES_APART: u64 = 1000;

/// Puts a message onto all lists. `size` is that of its record.
pub(super) fn enter(
    transaction: &Transaction,
    seq: u64,
    message: &MessageRecord,
    size: usize,
) -> Result<(), redb::Error> {
    let tables = transaction.tables();
    {
        let mut ids = tables.open_table(IDS)?;
        for id in names(message) {
            ids.insert((id, seq), ())?;
        }
        let mut index = tables.open_table(INDEX)?;
        for term in terms(message) {
            index.insert((term, seq), ())?;
        }
        let mut times = tables.open_table(TIMES)?;
        let received = millis(message.received_at);
        let last = times.last()?.map(|(time, _)| time.value());
        if last.is_none_or(|last| received >= last.saturating_add(TIMES_APART)) {
            times.insert(received, seq)?;
        }
        if let Some(thread) = &message.thread {
            let mut threads = tables.open_table(THREADS)?;
            let known = threads.get(thread.as_str())?.map(|entry| entry.value());
            let mut order = tables.open_table(THREAD_ORDER)?;
            if let Some((_, newest)) = known {
                order.remove(newest)?;
            }
            order.insert(seq, thread.as_str())?;
            let count = known.map_or(0, |(count, _)| count);
            threads.insert(thread.as_str(), (count + 1, seq))?;
        }
    }
    count_bytes(transaction, size)?;
    match message.dir {
        Direction::In => standing::enter(transaction, seq),
        Direction::Out => Ok(()),
    }
}

/// Takes a message away for good; its number is not used again. Says how many bytes it had, if it was there.
pub(super) fn remove(transaction: &Transaction, seq: u64) -> Result<Option<u64>, redb::Error> {
    let tables = transaction.tables();
    let (message, size): (MessageRecord, u64) = {
        let mut messages = tables.open_table(MESSAGES)?;
        let Some(bytes) = messages.remove(seq)? else {
            return Ok(None);
        };
        (decode(bytes.value())?, bytes.value().len() as u64)
    };
    {
        let mut ids = tables.open_table(IDS)?;
        for id in names(&message) {
            ids.remove((id, seq))?;
        }
        let mut index = tables.open_table(INDEX)?;
        for term in terms(&message) {
            index.remove((term, seq))?;
        }
    }
    if message.dir == Direction::In {
        let before = {
            let table = tables.open_table(STANDINGS)?;
            standing::standing(&table, seq)?
        };
        standing::leave(transaction, seq, before)?;
        tables.open_table(STANDINGS)?.remove(seq)?;
    }
    if let Some(thread) = &message.thread {
        leave_thread(transaction, thread, seq)?;
    }
    tables.open_table(TRACKS)?.remove(seq)?;
    let counter = match message.dir {
        Direction::In => Counter::Received,
        Direction::Out => Counter::Sent,
    };
    transaction.count(counter, -1)?;
    let bytes = i64::try_from(size).unwrap_or(i64::MAX);
    transaction.count(Counter::Bytes, bytes.saturating_neg())?;
    transaction.count(Counter::Freed, bytes)?;
    Ok(Some(size))
}

/// What is stored takes the place of what was removed.
fn count_bytes(transaction: &Transaction, size: usize) -> Result<(), redb::Error> {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    transaction.count(Counter::Bytes, size)?;
    if transaction.counter(Counter::Freed)? > 0 {
        transaction.count(Counter::Freed, size.saturating_neg())?;
    }
    Ok(())
}

fn names(message: &MessageRecord) -> impl Iterator<Item = &str> {
    std::iter::once(message.id.as_str()).chain(message.out_id.as_deref())
}

fn leave_thread(transaction: &Transaction, thread: &str, seq: u64) -> Result<(), redb::Error> {
    let tables = transaction.tables();
    let mut threads = tables.open_table(THREADS)?;
    let Some((count, newest)) = threads.get(thread)?.map(|entry| entry.value()) else {
        return Ok(());
    };
    let mut order = tables.open_table(THREAD_ORDER)?;
    if count <= 1 {
        order.remove(newest)?;
        threads.remove(thread)?;
        return Ok(());
    }
    let newest = if newest == seq {
        order.remove(newest)?;
        let list = super::index::term(super::index::Field::Thread, thread);
        let index = tables.open_table(INDEX)?;
        let before = index.range((list, 0)..(list, seq))?.next_back();
        let before = before.transpose()?.map_or(0, |(key, _)| key.value().1);
        order.insert(before, thread)?;
        before
    } else {
        newest
    };
    threads.insert(thread, (count - 1, newest))?;
    Ok(())
}
