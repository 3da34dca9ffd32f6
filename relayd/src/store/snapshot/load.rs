//! A database made of a snapshot's stream.

use super::super::blobs::{self, BlobHash};
use super::super::failure::Failure;
use super::super::tables::{EachTable, LAYOUT, for_each_table};
use super::{END, MAGIC, ROW, TABLE};
use crate::data_dir::private_file;
use redb::{Database, DatabaseError, Key, TableDefinition, TableHandle as _, Value};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

/// Bytes of rows in one transaction, at most, and one row more.
const BATCH: usize = 8 << 20;
/// The longest key or value that is believed; a message has 2 MiB.
const LONGEST: u32 = 64 << 20;
/// Memory for pages.
const CACHE: usize = 32 << 20;

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The stream ends too early, or is none.
    #[error("the copy broke off: {0}")]
    Broken(#[from] io::Error),
    /// It was written by a relay of another version.
    #[error(
        "the relay has a store of layout {found}, this program one of layout {known}; restart the relay with this version, then try again"
    )]
    Layout {
        /// The relay's.
        found: u64,
        /// Ours.
        known: u64,
    },
    /// The database cannot be written.
    #[error("the copy cannot be written: {0}")]
    Write(String),
}

/// What was loaded.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The layout of the database.
    pub(crate) layout: u64,
    /// The last sequence number in it.
    pub(crate) sequence: u64,
    /// Rows of each table.
    pub(crate) tables: BTreeMap<String, u64>,
    /// The blobs whose bytes it counts on.
    pub(crate) blobs: Vec<BlobHash>,
}

/// Makes a new database of a stream. What is there after an error is of no use.
pub(crate) fn load(mut stream: impl Read, path: &Path) -> Result<Loaded, LoadError> {
    let mut magic = [0; MAGIC.len()];
    stream.read_exact(&mut magic)?;
    if &magic != MAGIC {
        return Err(broken("it is no snapshot"));
    }
    let mut reader = Reader { stream };
    let (layout, sequence) = (reader.number()?, reader.number()?);
    if layout != LAYOUT {
        let (found, known) = (layout, LAYOUT);
        return Err(LoadError::Layout { found, known });
    }
    let database = create(path)?;
    let mut tables = BTreeMap::new();
    let mut tag = reader.byte()?;
    while tag == TABLE {
        let name = reader.name()?;
        let mut loader = Loader {
            reader: &mut reader,
            database: &database,
            name: &name,
            next: None,
            failed: None,
            rows: 0,
        };
        let outcome = for_each_table(&mut loader);
        let (next, rows) = (loader.next, loader.rows);
        if let Some(error) = loader.failed {
            return Err(error.into());
        }
        outcome.map_err(|failure| LoadError::Write(failure.to_string()))?;
        tag = next.ok_or_else(|| broken("it has a table that is not known"))?;
        tables.insert(name, rows);
    }
    if tag != END || reader.number()? != tables.values().sum::<u64>() {
        return Err(broken("its end is not as it must be"));
    }
    let blobs = blobs::names(&database);
    let blobs = blobs.map_err(|failure| LoadError::Write(failure.to_string()))?;
    drop(database);
    Ok(Loaded {
        layout,
        sequence,
        tables,
        blobs,
    })
}

fn broken(problem: &'static str) -> LoadError {
    LoadError::Broken(io::Error::new(io::ErrorKind::InvalidData, problem))
}

fn create(path: &Path) -> Result<Database, LoadError> {
    let file = private_file().create_new(true).open(path);
    let file = file.map_err(DatabaseError::from);
    file.and_then(|file| Database::builder().set_cache_size(CACHE).create_file(file))
        .map_err(|error| LoadError::Write(error.to_string()))
}

struct Reader<R> {
    stream: R,
}

impl<R: Read> Reader<R> {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn byte(&mut self) -> io::Result<u8> {
        self.array().map(|[byte]| byte)
    }

    fn number(&mut self) -> io::Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn name(&mut self) -> io::Result<String> {
        let mut name = vec![0; self.byte()?.into()];
        self.stream.read_exact(&mut name)?;
        String::from_utf8(name).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    /// A key or a value of a type.
    fn bytes<T: Value>(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        let length = u32::from_be_bytes(self.array()?);
        let width = T::fixed_width();
        if length > LONGEST || width.is_some_and(|width| width != length as usize) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        into.resize(length as usize, 0);
        self.stream.read_exact(into)
    }
}

/// Takes the rows of one table in.
struct Loader<'a, R> {
    reader: &'a mut Reader<R>,
    database: &'a Database,
    name: &'a str,
    /// What comes after the rows; `None` until the table was found.
    next: Option<u8>,
    failed: Option<io::Error>,
    rows: u64,
}

impl<R: Read> EachTable for Loader<'_, R> {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<(), Failure> {
        if definition.name() != self.name || self.next.is_some() || self.failed.is_some() {
            return Ok(());
        }
        let (mut key, mut value) = (Vec::new(), Vec::new());
        while self.next.is_none() && self.failed.is_none() {
            let transaction = self.database.begin_write()?;
            let mut table = transaction.open_table(definition)?;
            let mut bytes = 0;
            while bytes < BATCH {
                match self.read_row::<K, V>(&mut key, &mut value) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        self.failed = Some(error);
                        return Ok(());
                    }
                }
                table.insert(K::from_bytes(&key), V::from_bytes(&value))?;
                bytes += key.len() + value.len();
                self.rows += 1;
            }
            drop(table);
            transaction.commit()?;
        }
        Ok(())
    }
}

impl<R: Read> Loader<'_, R> {
    /// Whether there was another row.
    fn read_row<K: Key, V: Value>(
        &mut self,
        key: &mut Vec<u8>,
        value: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let tag = self.reader.byte()?;
        if tag != ROW {
            self.next = Some(tag);
            return Ok(false);
        }
        self.reader.bytes::<K>(key)?;
        self.reader.bytes::<V>(value)?;
        Ok(true)
    }
}
