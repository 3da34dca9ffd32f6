//! The tables, and the view of them that a write transaction has.
//!
//! Keys are made so that what is new comes last: a copy-on-write tree pays for each page it touches, and inserts at the right
//! edge touch few. A message's status is the index of its recipient that it is in.

use super::agents;
use super::blobs;
use super::clock::{Clock, from_millis, to_millis};
use super::directory::{self, Directory};
use super::failure::Failure;
use super::ledger::Ledger;
use super::memory::ActiveAgent;
use super::pair::Pair;
use super::record::{AgentKey, AgentStart, Entry, TextHash, agent_start};
use super::webhooks;
use mrp_journal::{Replay, Table, Transaction};
use mrp_proto::time::Timestamp;
use redb::{
    Database, Key, ReadOnlyTable, ReadableDatabase as _, ReadableTable, TableDefinition,
    TableError, TableHandle as _, Value, WriteTransaction,
};

type Bytes = &'static [u8];
pub(super) type KeyBytes = &'static AgentKey;
type Hash = &'static TextHash;
type Start = &'static AgentStart;
/// Queued messages and bytes, bytes sent, whether shares are counted.
pub(super) type UsageRow = (u64, u64, u64, bool);
/// Messages and bytes.
pub(super) type LoadRow = (u64, u64);
type EntryBytes = &'static [u8; Entry::LENGTH];

/// Messages of one inbox by sequence number: `(recipient, sequence)`.
pub(super) type IndexDefinition = TableDefinition<'static, Pair<KeyBytes, u64>, EntryBytes>;
pub(super) type Index<'a> = Table<'a, Pair<KeyBytes, u64>, EntryBytes>;

/// The messages, for reading.
pub(super) type Messages = ReadOnlyTable<u64, Bytes>;

/// The layout described here. A database with a newer one is not opened.
///
/// 1 had no directory, 2 no journal beside it, 3 whole keys in [`WRITTEN`].
pub(crate) const LAYOUT: u64 = 4;

/// Single numbers by name: [`meta`].
pub(super) const META: TableDefinition<'static, &'static str, u64> = TableDefinition::new("meta");
/// Messages by sequence number: [`super::record::Head`] and content.
pub(super) const MESSAGES: TableDefinition<'static, u64, Bytes> = TableDefinition::new("messages");
/// Sequence numbers by message id ([`super::record::id_number`]).
pub(super) const IDS: TableDefinition<'static, u128, u64> = TableDefinition::new("ids");
/// Messages that wait for their recipients.
pub(super) const QUEUED: IndexDefinition = TableDefinition::new("queued");
/// Messages that their recipients took over.
pub(super) const DELIVERED: IndexDefinition = TableDefinition::new("delivered");
/// Messages whose body is gone and that are still shown as expired.
pub(super) const EXPIRED: IndexDefinition = TableDefinition::new("expired");
/// Messages of a thread: `(sender or recipient, thread, sequence)`.
pub(super) const THREADS: TableDefinition<'static, (KeyBytes, Hash, u64), ()> =
    TableDefinition::new("threads");
/// When something is to be done about a message: `(time, sequence)`. A live one expires then, an expired one goes.
pub(super) const DUE: TableDefinition<'static, Pair<u64, u64>, ()> = TableDefinition::new("due");
/// Signatures that took effect: `(until when they are kept, hash)`.
pub(super) const CLAIMS: TableDefinition<'static, Pair<u64, Hash>, ()> =
    TableDefinition::new("claims");
/// Answers to sends with an idempotency key, by hash of sender and key.
pub(super) const ANSWERS: TableDefinition<'static, Hash, Bytes> = TableDefinition::new("answers");
/// When answers are forgotten: `(time, hash)`.
pub(super) const ANSWERS_DUE: TableDefinition<'static, Pair<u64, Hash>, ()> =
    TableDefinition::new("answers_due");
/// Agents' records.
pub(super) const AGENTS: TableDefinition<'static, KeyBytes, Bytes> = TableDefinition::new("agents");
/// When agents were last active, apart from their records, which may be long.
pub(super) const ACTIVITY: TableDefinition<'static, KeyBytes, u64> =
    TableDefinition::new("activity");
/// Access entries: `(owner, peer)`; the value begins with [`ACL_ALLOW`] or [`ACL_BLOCK`]. See [`super::acl`].
pub(super) const ACL: TableDefinition<'static, Pair<KeyBytes, KeyBytes>, Bytes> =
    TableDefinition::new("acl");
/// What agents hold and have queued: [`super::ledger::Usage`].
pub(super) const USAGE: TableDefinition<'static, KeyBytes, UsageRow> =
    TableDefinition::new("usage");
/// What one sender has in a long inbox: `(recipient, sender)`.
pub(super) const SHARES: TableDefinition<'static, Pair<KeyBytes, KeyBytes>, LoadRow> =
    TableDefinition::new("shares");
/// Who has written to whom: `(writer, reader)`, with the sequence number of the first message. There may be more of these than of
/// anything else, and their order is nobody's, so that each is another page; hence no more of the keys than tells them apart. It is
/// not called "written", since journals of layout 3 mean the table by that name.
pub(super) const WRITTEN: TableDefinition<'static, Pair<Start, Start>, u64> =
    TableDefinition::new("wrote");
/// The same with whole keys, before layout 4.
const WRITTEN_BY_KEYS: TableDefinition<'static, Pair<KeyBytes, KeyBytes>, u64> =
    TableDefinition::new(NAME_BY_KEYS);
/// Apart from its definition, since it is in no database of this layout: what looks for definitions by name is to pass it over.
const NAME_BY_KEYS: &str = "written";
/// Agents that were deleted, and the sequence number below which their mail is gone, until it is freed.
pub(super) const PURGES: TableDefinition<'static, KeyBytes, u64> = TableDefinition::new("purges");

/// Agents that are suspended, and since when; opened only where that changes or is asked.
pub(super) const SUSPENDED: TableDefinition<'static, KeyBytes, u64> =
    TableDefinition::new("suspended");

pub(super) const ACL_ALLOW: u8 = 1;
pub(super) const ACL_BLOCK: u8 = 2;

/// Names in [`META`].
pub(super) mod meta {
    /// [`super::LAYOUT`] of the database.
    pub(in crate::store) const LAYOUT: &str = "layout";
    /// The last sequence number given out.
    pub(in crate::store) const SEQUENCE: &str = "sequence";
    /// The store's time.
    pub(in crate::store) const CLOCK: &str = "clock";
    /// See [`super::super::claims`].
    pub(in crate::store) const CLAIMS_FLOOR: &str = "claims_floor";
    /// The number of the last registration of a webhook.
    pub(in crate::store) const WEBHOOKS: &str = "webhooks";
    /// The last number given to an access entry: see [`super::super::acl`].
    pub(in crate::store) const ACL_NUMBER: &str = "acl_number";
}

/// Something to do with every table, whatever its types.
pub(super) trait EachTable {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<(), Failure>;
}

/// Goes through all tables there are. What is missing here is missing in every backup, so a test looks for definitions.
pub(super) fn for_each_table(each: &mut impl EachTable) -> Result<(), Failure> {
    each.table(META)?;
    each.table(MESSAGES)?;
    each.table(IDS)?;
    each.table(QUEUED)?;
    each.table(DELIVERED)?;
    each.table(EXPIRED)?;
    each.table(THREADS)?;
    each.table(DUE)?;
    each.table(CLAIMS)?;
    each.table(ANSWERS)?;
    each.table(ANSWERS_DUE)?;
    each.table(AGENTS)?;
    each.table(ACTIVITY)?;
    each.table(ACL)?;
    each.table(USAGE)?;
    each.table(SHARES)?;
    each.table(WRITTEN)?;
    each.table(PURGES)?;
    each.table(SUSPENDED)?;
    directory::for_each_table(each)?;
    blobs::for_each_table(each)?;
    webhooks::for_each_table(each)
}

/// The tables of one write transaction, with what is counted in memory until it is committed.
pub(super) struct Tables<'a> {
    /// For tables that are rarely needed.
    pub(super) transaction: &'a Transaction,
    pub(super) clock: &'a Clock,
    pub(super) meta: Table<'a, &'static str, u64>,
    pub(super) messages: Table<'a, u64, Bytes>,
    pub(super) ids: Table<'a, u128, u64>,
    pub(super) queued: Index<'a>,
    pub(super) delivered: Index<'a>,
    pub(super) expired: Index<'a>,
    pub(super) threads: Table<'a, (KeyBytes, Hash, u64), ()>,
    pub(super) due: Table<'a, Pair<u64, u64>, ()>,
    pub(super) claims: Table<'a, Pair<u64, Hash>, ()>,
    pub(super) answers: Table<'a, Hash, Bytes>,
    pub(super) answers_due: Table<'a, Pair<u64, Hash>, ()>,
    pub(super) agents: Table<'a, KeyBytes, Bytes>,
    pub(super) activity: Table<'a, KeyBytes, u64>,
    pub(super) acl: Table<'a, Pair<KeyBytes, KeyBytes>, Bytes>,
    pub(super) written: Table<'a, Pair<Start, Start>, u64>,
    pub(super) purges: Table<'a, KeyBytes, u64>,
    pub(super) ledger: Ledger<'a>,
    pub(super) webhooks: webhooks::Lazy<'a>,
    pub(super) directory: Directory<'a>,
    /// What became of agents' activity: for the memory, once it is committed. `None` where the agent is gone.
    pub(super) noted: Vec<(AgentKey, Option<ActiveAgent>)>,
    /// Messages that came, by recipient, and those that do not wait any more.
    pub(super) arrived: Vec<(AgentKey, u64)>,
    pub(super) left: Vec<(AgentKey, u64)>,
    sequence: u64,
}

impl<'a> Tables<'a> {
    pub(super) fn open(transaction: &'a Transaction, clock: &'a Clock) -> Result<Self, Failure> {
        let meta = transaction.open_table(META)?;
        let sequence = meta.get(meta::SEQUENCE)?.map_or(0, |guard| guard.value());
        Ok(Self {
            transaction,
            clock,
            meta,
            messages: transaction.open_table(MESSAGES)?,
            ids: transaction.open_table(IDS)?,
            queued: transaction.open_table(QUEUED)?,
            delivered: transaction.open_table(DELIVERED)?,
            expired: transaction.open_table(EXPIRED)?,
            threads: transaction.open_table(THREADS)?,
            due: transaction.open_table(DUE)?,
            claims: transaction.open_table(CLAIMS)?,
            answers: transaction.open_table(ANSWERS)?,
            answers_due: transaction.open_table(ANSWERS_DUE)?,
            agents: transaction.open_table(AGENTS)?,
            activity: transaction.open_table(ACTIVITY)?,
            acl: transaction.open_table(ACL)?,
            written: transaction.open_table(WRITTEN)?,
            purges: transaction.open_table(PURGES)?,
            ledger: Ledger::new(
                transaction.open_table(USAGE)?,
                transaction.open_table(SHARES)?,
            ),
            webhooks: webhooks::Lazy::new(transaction),
            directory: Directory::new(transaction),
            noted: Vec::new(),
            arrived: Vec::new(),
            left: Vec::new(),
            sequence,
        })
    }

    /// The next place in the order of acceptance. They are taken in the order in which groups are written down.
    pub(super) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// The last place that was given out.
    pub(super) fn last_sequence(&self) -> u64 {
        self.sequence
    }

    /// The sequence number below which an agent's mail is gone with the agent's former record.
    pub(super) fn purged_below(&self, agent: &AgentKey) -> Result<u64, Failure> {
        purged_below(&self.purges, agent)
    }

    /// Writes what was counted in memory. Comes last before a group of operations is written down; the answer is for after that.
    pub(super) fn settle(&mut self) -> Result<Noted, Failure> {
        self.ledger.flush()?;
        let moves = self.directory.flush()?;
        put(&mut self.meta, meta::SEQUENCE, self.sequence)?;
        let time = to_millis(self.clock.latest());
        put(&mut self.meta, meta::CLOCK, time)?;
        Ok(Noted {
            agents: std::mem::take(&mut self.noted),
            arrived: std::mem::take(&mut self.arrived),
            left: std::mem::take(&mut self.left),
            moves,
            webhooks: self.webhooks.take_use(),
        })
    }
}

/// What a transaction came to, for the memory.
pub(super) struct Noted {
    pub(super) agents: Vec<(AgentKey, Option<ActiveAgent>)>,
    pub(super) arrived: Vec<(AgentKey, u64)>,
    pub(super) left: Vec<(AgentKey, u64)>,
    pub(super) moves: directory::Moves,
    pub(super) webhooks: webhooks::Use,
}

fn put(table: &mut Table<'_, &'static str, u64>, name: &str, value: u64) -> Result<(), Failure> {
    let current = table.get(name)?.map(|guard| guard.value());
    if current != Some(value) {
        table.insert(name, value)?;
    }
    Ok(())
}

pub(super) fn purged_below(
    purges: &impl ReadableTable<KeyBytes, u64>,
    agent: &AgentKey,
) -> Result<u64, Failure> {
    Ok(purges.get(agent)?.map_or(0, |guard| guard.value()))
}

/// Adds every table to what a journal may be about.
pub(super) fn register<'t>(
    replay: &mut Replay<'t>,
    transaction: &'t WriteTransaction,
) -> Result<(), redb::Error> {
    struct Adding<'r, 't> {
        replay: &'r mut Replay<'t>,
        transaction: &'t WriteTransaction,
        is_old: bool,
    }
    impl EachTable for Adding<'_, '_> {
        fn table<K: Key + 'static, V: Value + 'static>(
            &mut self,
            definition: TableDefinition<'static, K, V>,
        ) -> Result<(), Failure> {
            // It would be made, and the program that the database is of does not know it.
            if self.is_old && definition.name() == WRITTEN.name() {
                return Ok(());
            }
            Ok(self.replay.add(self.transaction, definition)?)
        }
    }
    let all = has_written_by_keys(transaction).and_then(|is_old| {
        let mut adding = Adding {
            replay,
            transaction,
            is_old,
        };
        if is_old {
            adding.table(WRITTEN_BY_KEYS)?;
        }
        for_each_table(&mut adding)
    });
    all.map_err(|failure| match failure {
        Failure::Engine(error) => error,
        Failure::Corrupt(_) | Failure::Refused(_) => redb::Error::Corrupted(failure.to_string()),
    })
}

/// Whether the database is of a layout before 4: what its journal has is for the table that it had.
fn has_written_by_keys(transaction: &WriteTransaction) -> Result<bool, Failure> {
    let mut tables = transaction.list_tables()?;
    Ok(tables.any(|table| table.name() == NAME_BY_KEYS))
}

/// What a database says of itself; all is 0 in a new one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    layout: u64,
    /// The store's time when it was last written.
    pub(super) time: Timestamp,
    /// The last sequence number given out.
    pub(super) sequence: u64,
}

fn written(database: &Database) -> Result<Written, Failure> {
    match database.begin_read()?.open_table(META) {
        Ok(table) => {
            let number = |name| Ok::<_, Failure>(table.get(name)?.map_or(0, |guard| guard.value()));
            Ok(Written {
                layout: number(meta::LAYOUT)?,
                time: from_millis(number(meta::CLOCK)?),
                sequence: number(meta::SEQUENCE)?,
            })
        }
        Err(TableError::TableDoesNotExist(_)) => Ok(Written {
            layout: 0,
            time: Timestamp::EPOCH,
            sequence: 0,
        }),
        Err(error) => Err(error.into()),
    }
}

/// The layout of a database; 0 of one that is new.
pub(super) fn layout(database: &Database) -> Result<u64, Failure> {
    Ok(written(database)?.layout)
}

/// Makes the tables of a new database, and gives it a journal, in one commit.
pub(super) fn make(database: &Database) -> Result<(), Failure> {
    let transaction = database.begin_write()?;
    mrp_journal::adopt(&transaction).map_err(redb::Error::from)?;
    upgrade(transaction, 0, Timestamp::EPOCH)
}

/// Makes the tables of a new database, and brings an old one up to date; the answer is what it said before.
pub(super) fn prepare(database: &Database) -> Result<Written, Failure> {
    let written = written(database)?;
    if written.layout < LAYOUT {
        upgrade(database.begin_write()?, written.layout, written.time)?;
    }
    Ok(written)
}

/// One transaction, so that an upgrade is there whole or not at all. Opening a table makes it.
fn upgrade(transaction: WriteTransaction, layout: u64, time: Timestamp) -> Result<(), Failure> {
    let clock = Clock::starting_at(time);
    let transaction = Transaction::new(transaction);
    {
        let mut tables = Tables::open(&transaction, &clock)?;
        tables.meta.insert(meta::LAYOUT, LAYOUT)?;
        tables.webhooks.open()?;
        tables.directory.make()?;
        if layout < 2 {
            agents::list_all(&mut tables)?;
        }
        tables.settle()?;
    }
    super::blobs::make_tables(&transaction)?;
    transaction.open_table(SUSPENDED)?;
    let mut transaction = transaction.into_inner();
    // There may be millions, which need not be written down: the commit is of the whole.
    shorten_written(&transaction)?;
    // A commit without it would have the next start after a crash look at the whole database.
    transaction.set_quick_repair(true);
    Ok(transaction.commit()?)
}

/// Gives the table of layout 3 the keys of layout 4.
fn shorten_written(transaction: &WriteTransaction) -> Result<(), Failure> {
    if !has_written_by_keys(transaction)? {
        return Ok(());
    }
    tracing::info!(to = LAYOUT, "the database is brought up to date");
    {
        let mut written = transaction.open_table(WRITTEN)?;
        for row in transaction.open_table(WRITTEN_BY_KEYS)?.iter()? {
            let (pair, first) = row?;
            let (writer, reader) = pair.value();
            written.insert((&agent_start(writer), &agent_start(reader)), first.value())?;
        }
    }
    transaction.delete_table(WRITTEN_BY_KEYS)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::{StoreError, engine};
    use super::*;
    use crate::store::queue::Admission;
    use mrp_journal::Record;

    /// One agent has written to another, as layout 3 had it.
    fn note_by_keys(transaction: &Transaction, writer: u8, reader: u8) {
        const BY_TUPLES: TableDefinition<'_, (KeyBytes, KeyBytes), u64> =
            TableDefinition::new(NAME_BY_KEYS);
        let mut written = transaction.open_table(BY_TUPLES).unwrap();
        let (writer, reader) = (agent(writer), agent(reader));
        let pair = (writer.as_bytes(), reader.as_bytes());
        written.insert(pair, 7).unwrap();
    }

    #[tokio::test]
    async fn a_database_of_layout_3_gets_shorter_keys_also_from_its_journal() {
        let home = Home::new();
        home.open().close().await;
        {
            let database = Database::create(home.database()).unwrap();
            let transaction = Transaction::new(database.begin_write().unwrap());
            {
                let mut numbers = transaction.open_table(META).unwrap();
                let before = numbers.insert(meta::LAYOUT, 3).unwrap();
                assert_eq!(before.unwrap().value(), LAYOUT);
            }
            note_by_keys(&transaction, 1, 2);
            let transaction = transaction.into_inner();
            transaction.delete_table(WRITTEN).unwrap();
            transaction.commit().unwrap();

            // And something more that only the journal has, as after a crash.
            let mut journal = engine::open_journal(&database, &home.journal()).unwrap();
            let transaction = Transaction::new(database.begin_write().unwrap());
            note_by_keys(&transaction, 3, 4);
            let mut record = Record::default();
            transaction.take_record(&mut record);
            journal.append(&mut record).unwrap();
        }
        {
            // What a start does first: the program of before could still go on with it.
            let database = Database::create(home.database()).unwrap();
            engine::open_journal(&database, &home.journal()).unwrap();
            let transaction = database.begin_write().unwrap();
            let mut tables = transaction.list_tables().unwrap();
            assert!(tables.all(|table| table.name() != WRITTEN.name()));
        }
        let store = home.open();
        let reading = store.write::<_, StoreError, _>(Admission::Other, |tables| {
            for (writer, reader) in [(1, 2), (3, 4)] {
                let [writer, reader] = [writer, reader].map(|number| *agent(number).as_bytes());
                let pair = (&agent_start(&writer), &agent_start(&reader));
                let first = tables.written.get(pair)?;
                assert_eq!(first.map(|guard| guard.value()), Some(7));
            }
            assert_eq!(redb::ReadableTableMetadata::len(&*tables.written)?, 2);
            Ok(())
        });
        reading.await.unwrap();
        store.close().await;
        let database = Database::create(home.database()).unwrap();
        assert_eq!(layout(&database).unwrap(), LAYOUT);
        assert!(!has_written_by_keys(&database.begin_write().unwrap()).unwrap());
    }
}
