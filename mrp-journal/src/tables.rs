//! redb's write transaction and tables, with every change written down as it is made.

use super::record::Record;
use redb::{
    AccessGuard, Key, Range, ReadableTable, ReadableTableMetadata, StorageError, TableDefinition,
    TableError, TableHandle as _, TableStats, Value, WriteTransaction,
};
use std::borrow::Borrow;
use std::ops::{Deref, RangeBounds};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A write transaction whose changes are written down.
pub struct Transaction {
    inner: WriteTransaction,
    log: Log,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Transaction")
            .finish_non_exhaustive()
    }
}

/// What was changed. Nobody waits for the lock: whoever has the tables is alone, but another thread may carry on.
#[derive(Debug, Default)]
struct Log(Mutex<Changed>);

#[derive(Debug, Default)]
struct Changed {
    record: Record,
    /// The tables by their numbers.
    names: Vec<Box<str>>,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Changed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self, name: &str) -> u8 {
        let names = &mut self.lock().names;
        let found = names.iter().position(|known| &**known == name);
        let number = found.unwrap_or_else(|| {
            names.push(name.into());
            names.len() - 1
        });
        u8::try_from(number).expect("no database here has more than 256 tables")
    }

    /// Where changes of a table are noted.
    fn of(&self, table: u8) -> MutexGuard<'_, Changed> {
        let mut changed = self.lock();
        let Changed { record, names } = &mut *changed;
        record.name(table, &names[usize::from(table)]);
        changed
    }
}

impl Transaction {
    /// Begins to write down what `inner` changes.
    pub fn new(inner: WriteTransaction) -> Self {
        Self {
            inner,
            log: Log::default(),
        }
    }

    /// Opens a table, or makes it.
    ///
    /// # Errors
    /// As redb's.
    pub fn open_table<K: Key + 'static, V: Value + 'static>(
        &self,
        definition: TableDefinition<'_, K, V>,
    ) -> Result<Table<'_, K, V>, TableError> {
        Ok(Table {
            inner: self.inner.open_table(definition)?,
            number: self.log.number(definition.name()),
            log: &self.log,
        })
    }

    /// Bytes of what was changed since the record was last taken: it grows with every change.
    pub fn changes(&self) -> usize {
        self.log.lock().record.len()
    }

    /// What was changed since this was last called. `into` is what it is written to, empty; its memory is used again.
    pub fn take_record(&self, into: &mut Record) {
        std::mem::swap(&mut self.log.lock().record, into);
    }

    /// The transaction, to end it.
    pub fn into_inner(self) -> WriteTransaction {
        self.inner
    }
}

type Row<'a, K, V> = (AccessGuard<'a, K>, AccessGuard<'a, V>);

/// A table whose changes are written down. It is read like redb's, which it is.
pub struct Table<'t, K: Key + 'static, V: Value + 'static> {
    inner: redb::Table<'t, K, V>,
    number: u8,
    log: &'t Log,
}

impl<K: Key + 'static, V: Value + 'static> std::fmt::Debug for Table<'_, K, V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Table").field(&self.inner).finish()
    }
}

impl<'t, K: Key + 'static, V: Value + 'static> Deref for Table<'t, K, V> {
    type Target = redb::Table<'t, K, V>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl<K: Key + 'static, V: Value + 'static> Table<'_, K, V> {
    /// Puts a row; the answer is the value that it had.
    ///
    /// # Errors
    /// As redb's. Nothing is to be committed then.
    pub fn insert<'k, 'v>(
        &mut self,
        key: impl Borrow<K::SelfType<'k>>,
        value: impl Borrow<V::SelfType<'v>>,
    ) -> Result<Option<AccessGuard<'_, V>>, StorageError> {
        {
            let (key, value) = (K::as_bytes(key.borrow()), V::as_bytes(value.borrow()));
            let record = &mut self.log.of(self.number).record;
            record.put(self.number, key.as_ref(), &[value.as_ref()]);
        }
        self.inner.insert(key, value)
    }

    /// Removes a row; the answer is the value that it had. Where there is none, nothing is written down.
    ///
    /// # Errors
    /// As redb's.
    pub fn remove<'k>(
        &mut self,
        key: impl Borrow<K::SelfType<'k>>,
    ) -> Result<Option<AccessGuard<'_, V>>, StorageError> {
        let (number, log) = (self.number, self.log);
        let removed = self.inner.remove(key.borrow())?;
        if removed.is_some() {
            let record = &mut log.of(number).record;
            record.remove(number, K::as_bytes(key.borrow()).as_ref());
        }
        Ok(removed)
    }

    /// Removes the first row.
    ///
    /// # Errors
    /// As redb's.
    pub fn pop_first(&mut self) -> Result<Option<Row<'_, K, V>>, StorageError> {
        let popped = self.inner.pop_first()?;
        if let Some((key, _)) = &popped {
            let record = &mut self.log.of(self.number).record;
            record.remove(self.number, K::as_bytes(&key.value()).as_ref());
        }
        Ok(popped)
    }

    /// Removes the rows of which `keeps` says no.
    ///
    /// # Errors
    /// As redb's.
    pub fn retain(
        &mut self,
        mut keeps: impl for<'f> FnMut(K::SelfType<'f>, V::SelfType<'f>) -> bool,
    ) -> Result<(), StorageError> {
        let (number, log) = (self.number, self.log);
        self.inner.retain(|key, value| {
            let bytes = K::as_bytes(&key).as_ref().to_vec();
            let is_kept = keeps(key, value);
            if !is_kept {
                log.of(number).record.remove(number, &bytes);
            }
            is_kept
        })
    }

    /// As [`retain`](Self::retain), of the rows in a range.
    ///
    /// # Errors
    /// As redb's.
    pub fn retain_in<'a, R: Borrow<K::SelfType<'a>> + 'a>(
        &mut self,
        range: impl RangeBounds<R> + 'a,
        mut keeps: impl for<'f> FnMut(K::SelfType<'f>, V::SelfType<'f>) -> bool,
    ) -> Result<(), StorageError> {
        let (number, log) = (self.number, self.log);
        self.inner.retain_in(range, |key, value| {
            let bytes = K::as_bytes(&key).as_ref().to_vec();
            let is_kept = keeps(key, value);
            if !is_kept {
                log.of(number).record.remove(number, &bytes);
            }
            is_kept
        })
    }
}

/// For what reads any table.
impl<K: Key + 'static, V: Value + 'static> ReadableTable<K, V> for Table<'_, K, V> {
    fn get<'a>(
        &self,
        key: impl Borrow<K::SelfType<'a>>,
    ) -> Result<Option<AccessGuard<'_, V>>, StorageError> {
        self.inner.get(key)
    }

    fn range<'a, R: Borrow<K::SelfType<'a>> + 'a>(
        &self,
        range: impl RangeBounds<R> + 'a,
    ) -> Result<Range<'_, K, V>, StorageError> {
        self.inner.range(range)
    }

    fn first(&self) -> Result<Option<Row<'_, K, V>>, StorageError> {
        self.inner.first()
    }

    fn last(&self) -> Result<Option<Row<'_, K, V>>, StorageError> {
        self.inner.last()
    }
}

impl<K: Key + 'static, V: Value + 'static> ReadableTableMetadata for Table<'_, K, V> {
    fn stats(&self) -> Result<TableStats, StorageError> {
        self.inner.stats()
    }

    fn len(&self) -> Result<u64, StorageError> {
        self.inner.len()
    }
}

impl<K: Key + 'static> Table<'_, K, &'static [u8]> {
    /// Puts a row whose value is made of parts: they are copied together once, where they are written down.
    ///
    /// # Errors
    /// As redb's.
    pub fn insert_parts<'k>(
        &mut self,
        key: impl Borrow<K::SelfType<'k>>,
        parts: &[&[u8]],
    ) -> Result<(), StorageError> {
        let record = &mut self.log.of(self.number).record;
        let place = record.put(self.number, K::as_bytes(key.borrow()).as_ref(), parts);
        self.inner.insert(key, record.value(place))?;
        Ok(())
    }
}
