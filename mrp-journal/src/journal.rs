//! The journal of one database: a directory of files, read at the start and appended to from then on.

use super::record::Record;
use super::replay::{Replay, ReplayError};
use super::segment::{End, HEAD, Opened, Reader, Segment, footprint};
use redb::{
    Database, Durability, ReadableDatabase as _, ReadableTableMetadata as _, TableDefinition,
    TableError, WriteTransaction,
};
use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Where the database says which journal is its own, and the number of the first record that it lacks. Whoever copies a database by
/// its tables takes this one along if the copy is to go on with the journal, and leaves it out if not.
pub const TABLE: TableDefinition<'static, &'static str, u64> = TableDefinition::new("journal");
const LINEAGE: &str = "lineage";
const NEXT: &str = "next";

const EXTENSION: &str = "log";
/// Of a file that is kept to be the next one.
const SPARE: &str = "spare";

/// How a journal is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Bytes of a file. A record that is longer gets one of its own. As many stay as records between two checkpoints need, since a
    /// file that was written before is faster than a new one.
    pub segment_bytes: usize,
    /// Bytes of records after which a [checkpoint](Journal::checkpoint) is due: what a start has to apply.
    pub checkpoint_bytes: usize,
    /// Changes of rows after which one is due: what it costs, since each may be in a page of its own.
    pub checkpoint_rows: usize,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file cannot be read, made or removed.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The files belong to another database.
    #[error("{} belongs to another database than the one beside it: put back the database that it was written for, or move the directory away if its last seconds are not needed", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// Records are missing or damaged, and later ones are there.
    #[error("{} is damaged: record {record} cannot be read, and there are later ones; restore a backup, or move the directory away to start without what was written last", path.display())]
    Damaged {
        /// The directory.
        path: PathBuf,
        /// The first that is missing.
        record: u64,
    },
    /// A record cannot be applied.
    #[error("{}: {cause}", path.display())]
    Replay {
        /// The directory.
        path: PathBuf,
        /// Why.
        cause: ReplayError,
    },
    /// The database failed.
    #[error("{0}")]
    Engine(#[from] redb::Error),
}

impl OpenError {
    /// Whether the files are not what was written for this database: [`salvage`] takes of them what can be had.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Foreign { .. } | Self::Damaged { .. } => true,
            Self::Replay { cause, .. } => matches!(cause, ReplayError::Malformed),
            Self::Io { .. } | Self::Engine(_) => false,
        }
    }
}

/// For those who treat a failing journal as a failing engine.
impl From<OpenError> for redb::Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Engine(error) => error,
            error => Self::Io(io::Error::other(error)),
        }
    }
}

macro_rules! engine_errors {
    ($($error:ty),*) => {$(
        impl From<$error> for OpenError {
            fn from(error: $error) -> Self {
                Self::Engine(error.into())
            }
        }
    )*};
}

engine_errors!(
    redb::StorageError,
    TableError,
    redb::TransactionError,
    redb::CommitError
);

/// The journal of a database that is open.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    options: Options,
    /// Whether the name of the directory, and of the database beside it, is on disk for certain.
    is_named: bool,
    lineage: u64,
    /// The number of the next record.
    next: u64,
    current: Option<Segment>,
    /// Files that are there, the current one last.
    files: Vec<PathBuf>,
    /// Files to be used again: all that is in them was written by this journal, since it was opened.
    spares: Vec<PathBuf>,
    /// Bytes of records since the last checkpoint.
    behind: usize,
    /// Changes of rows since then.
    rows: usize,
}

impl Journal {
    /// Brings the database up to date with its journal, on disk, and begins with an empty one. The names of both are on disk with the
    /// first file, which comes before the first record. `register` adds the database's tables to the [`Replay`]; the answer says how many
    /// records were applied.
    ///
    /// # Errors
    /// [`OpenError`]; nothing has changed then.
    pub fn open(
        database: &Database,
        directory: &Path,
        options: Options,
        register: impl for<'t> FnOnce(&mut Replay<'t>, &'t WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(Self, u64), OpenError> {
        make_directory(directory).map_err(|cause| failed(directory, cause))?;
        // None is used again: beside a database of an earlier day they may have records that it is still to number. And what follows may
        // need their room.
        remove(files(directory, SPARE).map_err(|cause| failed(directory, cause))?)?;
        let found = Found::in_directory(directory)?;
        let position = position(database)?;
        let (lineage, first) = match position {
            Some(position) => position,
            None => (new_lineage().map_err(|cause| failed(directory, cause))?, 1),
        };
        let transaction = database.begin_write()?;
        let mut next = first;
        {
            let mut replay = Replay::default();
            register(&mut replay, &transaction)?;
            found.replay(directory, lineage, &mut next, u64::MAX, &mut replay)?;
        }
        let mut journal = Self {
            directory: directory.to_owned(),
            options,
            is_named: false,
            lineage,
            next,
            current: None,
            files: Vec::new(),
            spares: Vec::new(),
            behind: 0,
            rows: 0,
        };
        if position.is_none() || next > first {
            journal.checkpoint(transaction)?;
        } else {
            transaction.abort()?;
        }
        remove(found.0)?;
        Ok((journal, next - first))
    }

    /// Makes the first file, for which the first record would have to wait, and who waits for it; the names of the directory and of what
    /// is beside it are on disk then. Where the disk is full there is none yet: what is there can be read meanwhile.
    ///
    /// # Errors
    /// [`OpenError::Io`]: nothing can be written down.
    pub fn prepare(&mut self) -> Result<(), OpenError> {
        if self.current.is_some() {
            return Ok(());
        }
        match self.begin_file(0) {
            Ok(segment) => self.current = Some(segment),
            Err(cause) if is_full(&cause) => {}
            Err(cause) => return Err(failed(&self.directory, cause)),
        }
        Ok(())
    }

    /// Writes a record down and has it on disk. An empty one is none.
    ///
    /// # Errors
    /// The record may be there or not: the journal is to be opened anew before anything else is done with it.
    pub fn append(&mut self, record: &mut Record) -> io::Result<()> {
        if record.is_empty() {
            return Ok(());
        }
        let (length, rows) = (record.len(), record.rows());
        let segment = match &mut self.current {
            Some(segment) if segment.has_room(length) => segment,
            _ => {
                let segment = self.begin_file(length)?;
                self.current.insert(segment)
            }
        };
        segment.append(self.next, record.framed())?;
        segment.sync()?;
        self.next += 1;
        self.behind += length;
        self.rows += rows;
        Ok(())
    }

    /// Whether a record of so many bytes needs no other file, for which [`append`](Self::append) would have to wait.
    pub fn has_room(&self, length: usize) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|segment| segment.has_room(length))
    }

    /// Bytes of records that a start would have to apply now.
    pub fn behind(&self) -> usize {
        self.behind
    }

    /// Whether enough was written for a [checkpoint](Self::checkpoint).
    pub fn is_checkpoint_due(&self) -> bool {
        self.behind >= self.options.checkpoint_bytes || self.rows >= self.options.checkpoint_rows
    }

    /// Commits a transaction that has all that was written down, on disk; the files that are not needed any more are to be used again.
    /// An open after a crash finds the database as it is then, without looking at all of it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn checkpoint(&mut self, mut transaction: WriteTransaction) -> Result<(), OpenError> {
        transaction
            .set_durability(Durability::Immediate)
            .map_err(redb::Error::from)?;
        transaction.set_quick_repair(true);
        note_position(&transaction, self.lineage, self.next)?;
        transaction.commit()?;
        self.behind = 0;
        self.rows = 0;
        self.retire_files()
    }

    /// Ends it. Where the database has all that was written down, it is whole without any file then.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn close(self) -> Result<(), OpenError> {
        if self.behind > 0 {
            return Ok(());
        }
        remove(self.files)?;
        remove(self.spares)
    }

    fn begin_file(&mut self, length: usize) -> io::Result<Segment> {
        if !self.is_named {
            sync_parent(&self.directory)?;
            self.is_named = true;
        }
        let path = self
            .directory
            .join(format!("{:016x}.{EXTENSION}", self.next));
        let size = self.options.segment_bytes.max(HEAD + footprint(length));
        // Of an attempt that failed.
        if self.files.last() == Some(&path) {
            remove_file(&path)?;
            self.files.pop();
        }
        let is_kept = size == self.options.segment_bytes;
        if is_kept && let Some(segment) = self.reuse(&path)? {
            self.files.push(path);
            return Ok(segment);
        }
        let create = |size, is_kept| {
            let created = Segment::create(&path, self.lineage, self.next, size, is_kept);
            // What cannot be used takes no room.
            created.inspect_err(|error| {
                if error.kind() != io::ErrorKind::AlreadyExists {
                    let _ = std::fs::remove_file(&path);
                }
            })
        };
        let mut created = create(size, is_kept);
        if created.as_ref().is_err_and(is_full) {
            for spare in self.spares.drain(..) {
                let _ = std::fs::remove_file(spare);
            }
            // There may be room for this one.
            created = create(HEAD + footprint(length), false);
        }
        let segment = created?;
        self.sync_directory()?;
        self.files.push(path);
        Ok(segment)
    }

    /// Makes a spare file the one at `path`, if there is a spare.
    fn reuse(&mut self, path: &Path) -> io::Result<Option<Segment>> {
        let Some(spare) = self.spares.pop() else {
            return Ok(None);
        };
        if std::fs::rename(&spare, path).is_err() {
            // Somebody took it away.
            return Ok(None);
        }
        self.sync_directory()?;
        Segment::reuse(path, self.lineage, self.next).map(Some)
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    /// Nobody needs the files but the one that is appended to: making a new one costs more than going on in it, and than using an old
    /// one again.
    fn retire_files(&mut self) -> Result<(), OpenError> {
        let kept = usize::from(self.current.is_some());
        let unneeded = self.files.len().saturating_sub(kept);
        // And one for what heads and ends of files take.
        let most = self.options.checkpoint_bytes / self.options.segment_bytes + 1;
        for path in self.files.drain(..unneeded) {
            let size = path.metadata().map_or(0, |metadata| metadata.len());
            let spare = path.with_extension(SPARE);
            if self.spares.len() < most
                && size == self.options.segment_bytes as u64
                && std::fs::rename(&path, &spare).is_ok()
            {
                self.spares.push(spare);
            } else {
                remove([path])?;
            }
        }
        Ok(())
    }
}

/// Removes files, those that are there.
fn remove(paths: impl IntoIterator<Item = PathBuf>) -> Result<(), OpenError> {
    for path in paths {
        remove_file(&path).map_err(|cause| failed(&path, cause))?;
    }
    Ok(())
}

fn remove_file(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

/// Gives a database that never had a journal one of its own, together with what else a transaction changes: the [`Journal::open`] that
/// follows has nothing to commit then.
///
/// # Errors
/// [`OpenError`].
pub fn adopt(transaction: &WriteTransaction) -> Result<(), OpenError> {
    let is_new = transaction.open_table(TABLE)?.is_empty()?;
    if is_new {
        let lineage = new_lineage().map_err(|cause| OpenError::Engine(cause.into()))?;
        note_position(transaction, lineage, 1)?;
    }
    Ok(())
}

/// What [`salvage`] came to.
#[derive(Debug)]
pub struct Salvaged {
    /// Records that were applied.
    pub applied: u64,
    /// Why there are none behind them, if there should be.
    pub damage: Option<OpenError>,
}

/// Has the database take what a damaged journal has beyond it, in its order, as far as that goes. The files stay as they are.
///
/// # Errors
/// [`OpenError`]; nothing has changed then.
pub fn salvage(
    database: &Database,
    directory: &Path,
    register: impl for<'t> Fn(&mut Replay<'t>, &'t WriteTransaction) -> Result<(), redb::Error>,
) -> Result<Salvaged, OpenError> {
    let found = match Found::in_directory(directory) {
        Err(OpenError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
            Found(Vec::new())
        }
        found => found?,
    };
    let Some((lineage, first)) = position(database)? else {
        let damage = (!found.0.is_empty()).then(|| OpenError::Foreign {
            path: directory.to_owned(),
        });
        return Ok(Salvaged { applied: 0, damage });
    };
    let mut damage = None;
    let mut end = u64::MAX;
    loop {
        let mut transaction = database.begin_write()?;
        let mut next = first;
        let replayed = {
            let mut replay = Replay::default();
            register(&mut replay, &transaction)?;
            found.replay(directory, lineage, &mut next, end, &mut replay)
        };
        match replayed {
            // Once more, since a part of the record may have been applied.
            Err(error) if error.is_damage() && end == u64::MAX => {
                transaction.abort()?;
                end = next;
                damage = Some(error);
            }
            replayed => {
                replayed?;
                transaction.set_quick_repair(true);
                note_position(&transaction, lineage, next)?;
                transaction.commit()?;
                let applied = next - first;
                return Ok(Salvaged { applied, damage });
            }
        }
    }
}

fn note_position(transaction: &WriteTransaction, lineage: u64, next: u64) -> Result<(), OpenError> {
    let mut table = transaction.open_table(TABLE)?;
    table.insert(LINEAGE, lineage)?;
    table.insert(NEXT, next)?;
    Ok(())
}

/// Whether room is all that is missing.
fn is_full(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Which journal a database has, and what it lacks of it; `None` if it never had one.
fn position(database: &Database) -> Result<Option<(u64, u64)>, OpenError> {
    let transaction = database.begin_read()?;
    let table = match transaction.open_table(TABLE) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let number = |name| {
        table
            .get(name)
            .map(|guard| guard.map(|guard| guard.value()))
    };
    Ok(number(LINEAGE)?.zip(number(NEXT)?))
}

/// Two databases never have the same, so that one's journal is not taken for the other's.
fn new_lineage() -> io::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u64::from_be_bytes(bytes))
}

fn failed(path: &Path, cause: io::Error) -> OpenError {
    OpenError::Io {
        path: path.to_owned(),
        cause,
    }
}

/// Makes the directory for its owner alone.
fn make_directory(directory: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = std::fs::symlink_metadata(directory)?;
            if !found.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            if found.permissions().mode() & 0o077 != 0 {
                std::fs::set_permissions(directory, Permissions::from_mode(0o700))?;
            }
        }
        made => made?,
    }
    Ok(())
}

/// Has the name of a directory on disk, also if it was there: whoever made it may not have come to this.
fn sync_parent(directory: &Path) -> io::Result<()> {
    let parent = directory
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// The files of a kind, in the order of their records: names are numbers of one width.
fn files(directory: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The files that a start finds, in the order of their records.
struct Found(Vec<PathBuf>);

impl Found {
    fn in_directory(directory: &Path) -> Result<Self, OpenError> {
        let found = files(directory, EXTENSION);
        found.map(Self).map_err(|cause| failed(directory, cause))
    }

    /// Applies what the database lacks, up to a record. `next` is the number of the first that it lacks, before and after, also after
    /// an error.
    fn replay(
        &self,
        directory: &Path,
        lineage: u64,
        next: &mut u64,
        up_to: u64,
        replay: &mut Replay<'_>,
    ) -> Result<(), OpenError> {
        let damaged = |record| OpenError::Damaged {
            path: directory.to_owned(),
            record,
        };
        let mut end = End::Clean;
        for path in &self.0 {
            if *next == up_to {
                return Ok(());
            }
            let opened = Reader::open(path).map_err(|cause| failed(path, cause))?;
            let mut reader = match opened {
                Opened::Ready(reader) => reader,
                Opened::Unbegun => continue,
                Opened::Damaged => return Err(damaged(*next)),
            };
            if reader.lineage != lineage {
                return Err(OpenError::Foreign {
                    path: directory.to_owned(),
                });
            }
            if end == End::Damaged || reader.next > *next {
                return Err(damaged(*next));
            }
            loop {
                let Some((number, content)) = reader.next() else {
                    // What the database has already may be damaged.
                    if reader.next < *next && reader.pass_damage(*next) {
                        continue;
                    }
                    break;
                };
                if number < *next {
                    continue;
                }
                if number == up_to {
                    return Ok(());
                }
                replay.apply(content).map_err(|cause| OpenError::Replay {
                    path: directory.to_owned(),
                    cause,
                })?;
                *next = number + 1;
            }
            end = reader.end();
        }
        if end == End::Damaged && *next < up_to {
            return Err(damaged(*next));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
