//! Putting what the journal has into the database.

use super::record::{Change, Changes, Malformed};
use redb::{
    Key, StorageError, TableDefinition, TableError, TableHandle as _, Value, WriteTransaction,
};
use std::collections::HashMap;

/// Puts a row, or removes it where there is no value.
type Apply<'t> = Box<dyn FnMut(&[u8], Option<&[u8]>) -> Result<(), ReplayError> + 't>;

/// The tables that records may be about.
#[derive(Default)]
pub struct Replay<'t> {
    tables: HashMap<String, Apply<'t>>,
}

impl std::fmt::Debug for Replay<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.tables.keys()).finish()
    }
}

/// Why a record cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The engine failed.
    #[error("{0}")]
    Engine(#[from] redb::Error),
    /// It is whole, and not as this program writes records.
    #[error("a record makes no sense to this version")]
    Malformed,
    /// It is about a table that this program does not have.
    #[error(
        "a record is about a table {0:?}, which this version does not know: it was written by a newer one"
    )]
    UnknownTable(String),
}

impl From<StorageError> for ReplayError {
    fn from(error: StorageError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<TableError> for ReplayError {
    fn from(error: TableError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<Malformed> for ReplayError {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

impl<'t> Replay<'t> {
    /// Adds a table.
    ///
    /// # Errors
    /// As opening it.
    pub fn add<K: Key + 'static, V: Value + 'static>(
        &mut self,
        transaction: &'t WriteTransaction,
        definition: TableDefinition<'_, K, V>,
    ) -> Result<(), TableError> {
        let mut table = transaction.open_table(definition)?;
        let apply: Apply<'t> = Box::new(move |key, value| {
            check_width::<K>(key)?;
            let key = K::from_bytes(key);
            match value {
                Some(value) => {
                    check_width::<V>(value)?;
                    table.insert(key, V::from_bytes(value))?;
                }
                None => {
                    table.remove(key)?;
                }
            }
            Ok(())
        });
        self.tables.insert(definition.name().to_owned(), apply);
        Ok(())
    }

    /// Passes over what records have of a table: what it holds follows from others.
    pub fn ignore<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'_, K, V>,
    ) {
        let apply: Apply<'t> = Box::new(|_, _| Ok(()));
        self.tables.insert(definition.name().to_owned(), apply);
    }

    pub(crate) fn apply(&mut self, content: &[u8]) -> Result<(), ReplayError> {
        let mut changes = Changes::of(content);
        while let Some(change) = changes.next()? {
            let (table, key, value) = match change {
                Change::Put { table, key, value } => (table, key, Some(value)),
                Change::Remove { table, key } => (table, key, None),
            };
            let apply = self.tables.get_mut(table);
            let apply = apply.ok_or_else(|| ReplayError::UnknownTable(table.to_owned()))?;
            apply(key, value)?;
        }
        Ok(())
    }
}

/// redb takes the width of such types for granted.
fn check_width<T: Value>(bytes: &[u8]) -> Result<(), ReplayError> {
    match T::fixed_width() {
        Some(width) if width != bytes.len() => Err(ReplayError::Malformed),
        _ => Ok(()),
    }
}
