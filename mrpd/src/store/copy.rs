//! Copying a whole store, table by table, out of one consistent state of it.

// All of them: the list of tables is the list.
use super::schema::*;
use redb::{
    Database, Key, ReadOnlyTable, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    TableDefinition, Value,
};

/// Rows of one commit: what a commit holds in memory is bounded.
const ROWS: usize = 2000;

/// Where the reading of a table begins: what stands behind a damaged page is reached from the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// In order.
    Start,
    /// In the opposite order.
    End,
}

/// From one state of a store into another file.
#[derive(Debug)]
pub(super) struct Copier<'a> {
    from: &'a ReadTransaction,
    to: &'a Database,
    begin: From,
}

impl<'a> Copier<'a> {
    pub(super) fn new(from: &'a ReadTransaction, to: &'a Database, begin: From) -> Self {
        Self { from, to, begin }
    }

    /// Copies everything.
    pub(super) fn copy_all(&self) -> Result<(), redb::Error> {
        self.copy(META)?;
        for_each_table!(self.copy);
        Ok(())
    }

    /// Copies one table, in commits of which each stays done whatever comes after.
    pub(super) fn copy<K: Key + 'static, V: Value + 'static>(
        &self,
        definition: TableDefinition<'_, K, V>,
    ) -> Result<(), redb::Error> {
        let source = self.from.open_table(definition)?;
        match self.begin {
            From::Start => self.copy_rows(definition, source.iter()?),
            From::End => self.copy_rows(definition, source.iter()?.rev()),
        }
    }

    fn copy_rows<'t, K: Key + 'static, V: Value + 'static>(
        &self,
        definition: TableDefinition<'_, K, V>,
        mut rows: impl Iterator<Item = Result<Row<'t, K, V>, redb::StorageError>>,
    ) -> Result<(), redb::Error> {
        loop {
            let transaction = self.to.begin_write()?;
            let mut copied = 0;
            let mut damage = None;
            {
                let mut target = transaction.open_table(definition)?;
                for row in rows.by_ref().take(ROWS) {
                    match row {
                        Ok((key, value)) => {
                            target.insert(key.value(), value.value())?;
                            copied += 1;
                        }
                        Err(error) => {
                            damage = Some(error);
                            break;
                        }
                    }
                }
            }
            transaction.commit()?;
            if let Some(damage) = damage {
                return Err(damage.into());
            }
            if copied < ROWS {
                return Ok(());
            }
        }
    }
}

type Row<'t, K, V> = (redb::AccessGuard<'t, K>, redb::AccessGuard<'t, V>);

/// Looks at both ends of every table.
pub(super) fn touch_all(database: &Database) -> Result<(), redb::Error> {
    fn touch<K: Key + 'static, V: Value + 'static>(
        table: ReadOnlyTable<K, V>,
    ) -> Result<(), redb::Error> {
        table.first()?;
        table.last()?;
        Ok(())
    }
    struct Toucher(ReadTransaction);
    impl Toucher {
        fn touch<K: Key + 'static, V: Value + 'static>(
            &self,
            definition: TableDefinition<'_, K, V>,
        ) -> Result<(), redb::Error> {
            match self.0.open_table(definition) {
                Ok(table) => touch(table),
                // One that an older version did not have.
                Err(redb::TableError::TableDoesNotExist(_)) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
    }
    let toucher = Toucher(database.begin_read()?);
    toucher.touch(META)?;
    for_each_table!(toucher.touch);
    Ok(())
}
