//! From the tables that were saved to a store that can be opened: what follows from them is made anew.

use crate::store::HookRecord;
use crate::store::record::{MessageRecord, OutboxRecord, OutboxStage, Track, decode, encode};
use crate::store::schema::{
    CURSORS, Counter, DOWNLOADS, FANOUTS, HELD, HOOK_DEAD, HOOK_JOBS, HOOK_SETTLED, HOOKS, IDS,
    MESSAGES, META, OUTBOX, OUTBOX_IDS, SCHEMA, STANDINGS, TRACKS,
};
use mrpd_api::message::Direction;
use redb::{Database, ReadableTable as _, ReadableTableMetadata as _, WriteTransaction};
use std::path::Path;

/// The layout that this makes: whatever later ones have besides is made when the store is opened, as for any old store.
const LAYOUT: u64 = 1;

/// What is counted anew when a store of that layout is opened.
const REMADE: &[Counter] = &[
    Counter::Unread,
    Counter::Bytes,
    Counter::Freed,
    Counter::Upgraded,
    Counter::HeldBytes,
];

/// What was saved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) messages: u64,
    pub(super) outbox: u64,
    /// Sends that were still to be made and are gone, if that is known.
    pub(super) lost_outbox: Option<u64>,
}

/// Counters, as they follow from the tables.
#[derive(Debug, Default)]
struct Tally {
    newest: u64,
    position: u64,
    received: u64,
    sent: u64,
    queued: u64,
    failed: u64,
    held: u64,
    held_position: u64,
    fanouts: u64,
}

/// Makes a store of the saved tables.
pub(super) fn rebuild(path: &Path) -> Result<Saved, redb::Error> {
    let database = Database::create(path)?;
    let transaction = database.begin_write()?;
    let mut tally = Tally::default();
    enter_messages(&transaction, &mut tally)?;
    enter_outbox(&transaction, &mut tally)?;
    look_at_ends(&transaction, &mut tally)?;
    let queued_before = write_counters(&transaction, &tally)?;
    set_readers_back(&transaction)?;
    transaction.commit()?;
    Ok(Saved {
        messages: tally.received + tally.sent,
        outbox: tally.queued + tally.failed,
        lost_outbox: queued_before.map(|before| before.saturating_sub(tally.queued)),
    })
}

fn enter_messages(transaction: &WriteTransaction, tally: &mut Tally) -> Result<(), redb::Error> {
    let mut messages = transaction.open_table(MESSAGES)?;
    let mut ids = transaction.open_table(IDS)?;
    let mut unreadable = Vec::new();
    for entry in messages.iter()? {
        let (seq, bytes) = entry?;
        let seq = seq.value();
        let Ok(message) = decode::<MessageRecord>(bytes.value()) else {
            unreadable.push(seq);
            continue;
        };
        ids.insert((message.id.as_str(), seq), ())?;
        if let Some(out_id) = &message.out_id {
            ids.insert((out_id.as_str(), seq), ())?;
        }
        match message.dir {
            Direction::In => tally.received += 1,
            Direction::Out => tally.sent += 1,
        }
        tally.newest = tally.newest.max(seq);
    }
    for seq in unreadable {
        messages.remove(seq)?;
    }
    // What was said of messages that are gone must not be said of those that get their numbers.
    let is_there = |seq| messages.get(seq).is_ok_and(|message| message.is_some());
    let mut standings = transaction.open_table(STANDINGS)?;
    standings.retain(|seq, _| is_there(seq))?;
    let mut tracks = transaction.open_table(TRACKS)?;
    tracks.retain(|seq, bytes| is_there(seq) && decode::<Track>(bytes).is_ok())?;
    let mut downloads = transaction.open_table(DOWNLOADS)?;
    downloads.retain(|(seq, _), _| is_there(seq))?;
    for table in [HOOK_JOBS, HOOK_DEAD] {
        let mut jobs = transaction.open_table(table)?;
        jobs.retain(|(_, seq), _| is_there(seq))?;
    }
    let mut settled = transaction.open_table(HOOK_SETTLED)?;
    settled.retain(|(_, seq), ()| is_there(seq))?;
    Ok(())
}

fn enter_outbox(transaction: &WriteTransaction, tally: &mut Tally) -> Result<(), redb::Error> {
    let mut outbox = transaction.open_table(OUTBOX)?;
    let mut ids = transaction.open_table(OUTBOX_IDS)?;
    let mut unreadable = Vec::new();
    for entry in outbox.iter()? {
        let (position, bytes) = entry?;
        let position = position.value();
        let Ok(record) = decode::<OutboxRecord>(bytes.value()) else {
            unreadable.push(position);
            continue;
        };
        ids.insert(record.id.as_str(), position)?;
        match record.stage {
            OutboxStage::Queued => tally.queued += 1,
            _ => tally.failed += 1,
        }
        tally.position = tally.position.max(position);
    }
    for position in unreadable {
        outbox.remove(position)?;
    }
    Ok(())
}

fn look_at_ends(transaction: &WriteTransaction, tally: &mut Tally) -> Result<(), redb::Error> {
    let held = transaction.open_table(HELD)?;
    tally.held = held.len()?;
    tally.held_position = held.last()?.map_or(0, |(position, _)| position.value());
    let fanouts = transaction.open_table(FANOUTS)?;
    tally.fanouts = fanouts.last()?.map_or(0, |(number, _)| number.value());
    Ok(())
}

/// Where the newest messages are gone with the counters, their numbers are given again: whoever reads in order must not stand
/// beyond them.
fn set_readers_back(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let newest = {
        let meta = transaction.open_table(META)?;
        let newest = meta.get(Counter::Newest.name())?;
        newest.map_or(0, |newest| newest.value())
    };
    let mut cursors = transaction.open_table(CURSORS)?;
    let mut beyond = Vec::new();
    for entry in cursors.iter()? {
        let (name, seq) = entry?;
        if seq.value() > newest {
            beyond.push(name.value().to_owned());
        }
    }
    for name in beyond {
        cursors.insert(name.as_str(), newest)?;
    }
    let mut hooks = transaction.open_table(HOOKS)?;
    let mut changed = Vec::new();
    for entry in hooks.iter()? {
        let (name, bytes) = entry?;
        let hook = decode::<HookRecord>(bytes.value()).ok();
        if hook.as_ref().is_none_or(|hook| hook.cursor > newest) {
            changed.push((name.value().to_owned(), hook));
        }
    }
    for (name, hook) in changed {
        // One that cannot be read begins as a new one does: behind the newest message.
        let hook = HookRecord {
            cursor: newest,
            ..hook.unwrap_or_default()
        };
        hooks.insert(name.as_str(), encode(&hook)?.as_slice())?;
    }
    Ok(())
}

/// Gives how many sends were still to be made, by the old counters.
fn write_counters(
    transaction: &WriteTransaction,
    tally: &Tally,
) -> Result<Option<u64>, redb::Error> {
    let mut meta = transaction.open_table(META)?;
    let before = |counter: Counter| -> Result<Option<u64>, redb::Error> {
        Ok(meta.get(counter.name())?.map(|value| value.value()))
    };
    let has_counters = meta.get(SCHEMA)?.is_some();
    let newest = before(Counter::Newest)?.unwrap_or(0).max(tally.newest);
    let position = before(Counter::OutboxPosition)?.unwrap_or(0);
    let refused = before(Counter::Refused)?.unwrap_or(0);
    let queued = has_counters.then_some(before(Counter::Queued)?.unwrap_or(0));
    let fanouts = before(Counter::FanoutNumber)?.unwrap_or(0);
    meta.retain(|name, _| !REMADE.iter().any(|counter| counter.name() == name))?;
    for (name, value) in [
        (SCHEMA, LAYOUT),
        (Counter::Newest.name(), newest),
        (Counter::OutboxPosition.name(), position.max(tally.position)),
        (Counter::Received.name(), tally.received),
        (Counter::Sent.name(), tally.sent),
        (Counter::Queued.name(), tally.queued),
        (Counter::Failed.name(), tally.failed),
        (Counter::Refused.name(), refused),
        (Counter::Held.name(), tally.held),
        (Counter::HeldPosition.name(), tally.held_position),
        (Counter::FanoutNumber.name(), fanouts.max(tally.fanouts)),
    ] {
        meta.insert(name, value)?;
    }
    Ok(queued)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::store::{HookJob, Matched, Store};
    use crate::testing;

    fn job(id: &str) -> HookJob {
        HookJob {
            from: "alice".to_owned(),
            message_id: id.to_owned(),
            attempts: 0,
            failures: 0,
            due: None,
        }
    }

    #[tokio::test]
    async fn numbers_that_are_given_again_mean_the_new_messages_to_everybody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let store = Store::open(&path).unwrap();
        let hook = "deploy".to_owned();
        let hooks = vec![hook.clone()];
        store.know_hooks(hooks.clone(), clock::now()).await.unwrap();
        let mut matched = Matched::default();
        for seq in 1..=3 {
            let id = format!("msg_{seq}");
            testing::receive(&store, &id).await;
            matched.jobs.push((hook.clone(), seq, job(&id)));
        }
        matched.cursors.push((hook.clone(), 3));
        store.record_matched(matched).await.unwrap();
        store.put_cursor("reader".to_owned(), 3).await.unwrap();
        store.close().await;
        // As a damaged file has it: the counters are gone, and the last message.
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.delete_table(META).unwrap();
        let mut messages = transaction.open_table(MESSAGES).unwrap();
        messages.remove(3).unwrap();
        drop(messages);
        transaction.commit().unwrap();
        drop(database);

        assert_eq!(rebuild(&path).unwrap().messages, 2);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.cursor("reader".to_owned()).await.unwrap(), 2);
        let known = store.know_hooks(hooks, clock::now()).await.unwrap();
        assert_eq!(known[0].1.cursor, 2);
        let jobs = store.hook_jobs(hook).await.unwrap();
        let seqs: Vec<u64> = jobs.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, [1, 2]);
    }
}
