//! Everything of one commit as a stream of bytes, and a database made of such a stream: how backups are taken.
//!
//! The stream is cut from one read transaction, so it is consistent while the writer goes on. It is read by a program of the same
//! layout, soon after; what is kept is a database, not the stream. A stream that was not written to its end says so by lacking it.
//!
//! While a snapshot is taken, the database cannot use pages again that were freed meanwhile: under heavy writes its file grows. A
//! reader that takes nothing for long is given up for that reason.

mod load;

pub(crate) use load::{LoadError, Loaded, load};

use super::engine::Shared;
use super::failure::Failure;
use super::tables::{self, EachTable, LAYOUT, META, meta};
use super::{Store, StoreError};
use bytes::{BufMut as _, Bytes, BytesMut};
use redb::{
    Database, Key, ReadTransaction, ReadableDatabase as _, ReadableTable as _, TableDefinition,
    TableError, TableHandle as _, Value,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Bytes that are handed over at once, and as many parts may wait.
const PART: usize = 256 << 10;
const PARTS: usize = 4;
/// How often it is looked whether the database is still to be read.
const LOOK: Duration = Duration::from_millis(500);
/// How long the reader of a snapshot may take nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a stream begins, before layout and last sequence number.
const MAGIC: &[u8; 16] = b"relayd snapshot\n";
/// What comes next in a stream.
const END: u8 = 0;
const TABLE: u8 = 1;
const ROW: u8 = 2;

/// A snapshot that is being taken. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Snapshot {
    parts: mpsc::Receiver<Result<Bytes, StoreError>>,
}

impl Snapshot {
    /// The next part; `None` after the last. An error is the end, too.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, StoreError>> {
        self.parts.recv().await
    }
}

impl Store {
    /// Begins to read everything that was committed until now. What is accepted meanwhile is not in it.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] while another one is taken.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let shared = Arc::clone(&self.0.shared);
        let permit = Arc::clone(&shared.snapshots).try_acquire_owned();
        let permit = permit.map_err(|_| StoreError::Overloaded)?;
        self.show().await?;
        let database = shared.database()?;
        // Here and not in the thread: the caller counts on everything that was answered before.
        let begun = Arc::clone(&database);
        let transaction = tokio::task::spawn_blocking(move || begun.begin_read());
        let transaction = transaction
            .await
            .map_err(|_| StoreError::Unavailable)?
            .map_err(|error| Failure::from(error).to_error())?;
        let (sender, parts) = mpsc::channel(PARTS);
        let outlet = Outlet {
            parts: sender,
            shared,
            database,
            runtime: Handle::current(),
            part: BytesMut::new(),
        };
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let parts = outlet.parts.clone();
            if let Err(failure) = write_all(&transaction, outlet) {
                tracing::warn!(%failure, "a snapshot was not finished");
                // Who takes nothing does not learn why it ends.
                let _ = parts.try_send(Err(failure.to_error()));
            }
        });
        Ok(Snapshot { parts })
    }
}

/// Where the stream goes.
struct Outlet {
    parts: mpsc::Sender<Result<Bytes, StoreError>>,
    shared: Arc<Shared>,
    database: Arc<Database>,
    runtime: Handle,
    part: BytesMut,
}

impl Outlet {
    fn hand_over_if_full(&mut self) -> Result<(), Failure> {
        if self.part.len() < PART {
            return Ok(());
        }
        self.hand_over()
    }

    /// Waits for room, but neither for ever nor when the store wants its database back.
    fn hand_over(&mut self) -> Result<(), Failure> {
        let gone = || Failure::Refused(StoreError::Unavailable);
        let part = self.part.split().freeze();
        let begun = Instant::now();
        loop {
            if !self.shared.is_current(&self.database) || begun.elapsed() > PATIENCE {
                return Err(gone());
            }
            let room = self.parts.reserve();
            let room = self
                .runtime
                .block_on(async { tokio::time::timeout(LOOK, room).await });
            match room {
                Ok(Ok(room)) => {
                    room.send(Ok(part));
                    return Ok(());
                }
                Ok(Err(_)) => return Err(gone()),
                Err(_) => {}
            }
        }
    }
}

fn write_all(transaction: &ReadTransaction, mut outlet: Outlet) -> Result<(), Failure> {
    let sequence = transaction
        .open_table(META)?
        .get(meta::SEQUENCE)?
        .map_or(0, |sequence| sequence.value());
    outlet.part.put_slice(MAGIC);
    outlet.part.put_u64(LAYOUT);
    outlet.part.put_u64(sequence);
    let mut writer = TableWriter {
        transaction,
        outlet,
        written: BTreeSet::new(),
        rows: 0,
    };
    tables::for_each_table(&mut writer)?;
    for found in transaction.list_tables()? {
        // A copy has no journal, and begins one of its own.
        if found.name() != mrp_journal::TABLE.name() && !writer.written.contains(found.name()) {
            return Err(Failure::corrupt("a table that snapshots do not know"));
        }
    }
    if transaction.list_multimap_tables()?.next().is_some() {
        return Err(Failure::corrupt(
            "a table of a kind that snapshots do not know",
        ));
    }
    let TableWriter {
        mut outlet, rows, ..
    } = writer;
    outlet.part.put_u8(END);
    outlet.part.put_u64(rows);
    outlet.hand_over()
}

struct TableWriter<'a> {
    transaction: &'a ReadTransaction,
    outlet: Outlet,
    written: BTreeSet<String>,
    rows: u64,
}

impl EachTable for TableWriter<'_> {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<(), Failure> {
        let table = match self.transaction.open_table(definition) {
            Ok(table) => table,
            // Some are made when they are first written to.
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let name = definition.name();
        self.outlet.part.put_u8(TABLE);
        self.outlet
            .part
            .put_u8(u8::try_from(name.len()).map_err(|_| Failure::corrupt("the name of a table"))?);
        self.outlet.part.put_slice(name.as_bytes());
        for row in table.iter()? {
            let (key, value) = row?;
            let (key, value) = (key.value(), value.value());
            let (key, value) = (K::as_bytes(&key), V::as_bytes(&value));
            self.outlet.part.put_u8(ROW);
            for bytes in [key.as_ref(), value.as_ref()] {
                let length = u32::try_from(bytes.len()).map_err(|_| Failure::corrupt("a row"))?;
                self.outlet.part.put_u32(length);
                self.outlet.part.put_slice(bytes);
            }
            self.rows += 1;
            self.outlet.hand_over_if_full()?;
        }
        self.written.insert(name.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::{AcceptError, Options, Submission};
    use super::*;
    use std::io::Cursor;
    use std::path::Path;

    async fn bytes_of(store: &Store) -> Vec<u8> {
        let mut snapshot = store.snapshot().await.unwrap();
        let mut bytes = Vec::new();
        while let Some(part) = snapshot.next().await {
            bytes.extend_from_slice(&part.unwrap_or_default());
        }
        bytes
    }

    fn load_into(bytes: Vec<u8>, path: &Path) -> Result<Loaded, LoadError> {
        load(Cursor::new(bytes), path)
    }

    /// Every name in a `TableDefinition::new` of the store's sources.
    fn defined(folder: &Path, names: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                defined(&path, names);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let text: String = text.split_whitespace().collect();
            for rest in text.split("TableDefinition::new(\"").skip(1) {
                names.insert(rest.split('"').next().unwrap().to_owned());
            }
        }
    }

    #[derive(Default)]
    struct Names(BTreeSet<String>);

    impl EachTable for Names {
        fn table<K: Key + 'static, V: Value + 'static>(
            &mut self,
            definition: TableDefinition<'static, K, V>,
        ) -> Result<(), Failure> {
            assert!(self.0.insert(definition.name().to_owned()));
            Ok(())
        }
    }

    #[test]
    fn no_table_is_forgotten() {
        let mut sources = BTreeSet::new();
        defined(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store"),
            &mut sources,
        );
        let mut known = Names::default();
        tables::for_each_table(&mut known).unwrap();
        assert!(sources.len() >= 18, "{sources:?}");
        assert_eq!(sources, known.0);
    }

    #[tokio::test]
    async fn what_was_accepted_is_in_the_copy_with_its_claims_and_its_order() {
        let store = empty_store();
        let first = send(agent(1), agent(2), "1", at(100));
        let claim = first.claim.clone();
        store.accept_message(first).await.unwrap();
        let large = format!("\"{}\"", "x".repeat(900 << 10));
        store
            .accept_message(send(agent(3), agent(2), &large, at(101)))
            .await
            .unwrap();
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("copy.redb");
        let loaded = load_into(bytes_of(&store).await, &path).unwrap();
        assert_eq!((loaded.layout, loaded.sequence), (LAYOUT, 2));
        assert_eq!(loaded.tables["messages"], 2);
        // What comes after the snapshot is not in it.
        store
            .accept_message(send(agent(1), agent(2), "3", at(102)))
            .await
            .unwrap();
        let copy = Store::open(&path, Options::default()).unwrap();
        let there = waiting(&copy, agent(2), at(103)).await;
        let there: Vec<_> = there.into_iter().map(|stored| stored.message).collect();
        assert_eq!(bodies(&there), ["1", &large]);
        let replayed = Submission {
            claim,
            ..send(agent(1), agent(2), "1", at(103))
        };
        assert_eq!(
            copy.accept_message(replayed).await.unwrap_err(),
            AcceptError::Replay
        );
        let next = copy.accept_message(send(agent(1), agent(2), "3", at(103)));
        assert_eq!(next.await.unwrap().sequence.0, 3);
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_anywhere_makes_no_copy() {
        let store = empty_store();
        for number in 0..20 {
            let body = number.to_string();
            store
                .accept_message(send(agent(1), agent(2), &body, at(0)))
                .await
                .unwrap();
        }
        let bytes = bytes_of(&store).await;
        let home = tempfile::tempdir().unwrap();
        for (number, cut) in (0..bytes.len()).step_by(211).enumerate() {
            let path = home.path().join(format!("{number}.redb"));
            let error = load_into(bytes[..cut].to_vec(), &path).unwrap_err();
            assert!(matches!(error, LoadError::Broken(_)), "{cut}: {error}");
        }
        let mut other = bytes.clone();
        other[23] ^= 1;
        let error = load_into(other, &home.path().join("layout.redb")).unwrap_err();
        assert!(matches!(error, LoadError::Layout { .. }), "{error}");
        let mut fewer = bytes.clone();
        let last = fewer.len() - 1;
        fewer[last] ^= 1;
        let error = load_into(fewer, &home.path().join("fewer.redb")).unwrap_err();
        assert!(matches!(error, LoadError::Broken(_)), "{error}");
    }

    #[tokio::test]
    async fn one_snapshot_is_taken_at_a_time_and_one_that_is_dropped_ends() {
        let store = empty_store();
        let body = format!("\"{}\"", "x".repeat(1 << 19));
        for _ in 0..6 {
            store
                .accept_message(send(agent(1), agent(2), &body, at(0)))
                .await
                .unwrap();
        }
        let first = store.snapshot().await.unwrap();
        assert_eq!(store.snapshot().await.unwrap_err(), StoreError::Overloaded);
        drop(first);
        let deadline = Instant::now() + Duration::from_secs(20);
        while store.snapshot().await.is_err() {
            assert!(Instant::now() < deadline);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn closing_the_store_does_not_wait_for_a_snapshot_that_nobody_reads() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("relay.redb");
        let store = Store::open(&path, Options::default()).unwrap();
        let body = format!("\"{}\"", "x".repeat(1 << 19));
        for _ in 0..6 {
            store
                .accept_message(send(agent(1), agent(2), &body, at(0)))
                .await
                .unwrap();
        }
        let snapshot = store.snapshot().await.unwrap();
        store.close().await;
        Store::open(&path, Options::default()).unwrap();
        drop(snapshot);
    }

    #[tokio::test]
    async fn a_table_that_nobody_lists_is_not_left_out_in_silence() {
        const STRAY: TableDefinition<'static, u64, u64> =
            TableDefinition::<u64, u64>::new(concat!("str", "ay"));
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("relay.redb");
        Store::open(&path, Options::default())
            .unwrap()
            .close()
            .await;
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(STRAY).unwrap();
        transaction.commit().unwrap();
        drop(database);
        let store = Store::open(&path, Options::default()).unwrap();
        let error = load_into(bytes_of(&store).await, &home.path().join("copy.redb")).unwrap_err();
        assert!(matches!(error, LoadError::Broken(_)), "{error}");
    }
}
