//! Opening the file and its journal, as they were left.

use super::recover::set_aside;
// All of them: the list of tables is the list.
use super::schema::*;
use super::{CACHE_BYTES, OpenError, layout_version, lock, schema, upgrade};
use mrp_journal::{Journal, Options, Replay};
use redb::{Database, Key, TableDefinition, Value, WriteTransaction};
use std::path::{Path, PathBuf};

/// A start after a crash brings in so much at most, which takes it a fraction of a second; and at full load checkpoints, of which
/// each rewrites pages all over the file, are far enough apart that they cost little beside what is appended.
const JOURNAL: Options = Options {
    segment_bytes: 1 << 20,
    checkpoint_bytes: 8 << 20,
    checkpoint_rows: 32 << 10,
};

/// A store and what it lacks yet.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) journal: Journal,
}

/// Where the journal of a store is.
pub(super) fn journal_of(store: &Path) -> PathBuf {
    let mut name = store.file_name().unwrap_or_default().to_owned();
    name.push(".journal");
    store.with_file_name(name)
}

/// Opens both, making what is missing, and brings the file up to date. A damaged journal is set aside, once what is whole of it is in
/// the file.
pub(super) fn open_database(path: &Path) -> Result<Opened, OpenError> {
    let failed = |cause| engine(path, cause);
    let file = lock::open_private(path).map_err(|cause| OpenError::Io {
        path: path.to_path_buf(),
        cause,
    })?;
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create_file(file)
        .map_err(|cause| failed(cause.into()))?;
    let found = layout_version(&database)
        .map_err(failed)?
        .unwrap_or(VERSION);
    if found > VERSION {
        return Err(OpenError::TooNew {
            path: path.to_path_buf(),
            found,
            known: VERSION,
        });
    }
    schema::prepare(&database).map_err(failed)?;
    // Before the upgrade: rows are in the layout in which they were written down.
    let journal = open_journal(&database, path)?;
    if found < VERSION {
        upgrade::upgrade(&database).map_err(failed)?;
    }
    Ok(Opened { database, journal })
}

fn open_journal(database: &Database, store: &Path) -> Result<Journal, OpenError> {
    let directory = journal_of(store);
    let opened = match Journal::open(database, &directory, JOURNAL, register) {
        Err(damage) if damage.is_damage() => {
            let salvaged = mrp_journal::salvage(database, &directory, register)?;
            let aside = set_aside(&directory).map_err(|cause| OpenError::Io {
                path: directory.clone(),
                cause,
            })?;
            tracing::error!(
                applied = salvaged.applied,
                aside = %aside.display(),
                "{damage}; what was whole of it is taken over, the rest of what was written last is lost, and the journal is set aside"
            );
            Journal::open(database, &directory, JOURNAL, register)
        }
        opened => opened,
    };
    let (mut journal, applied) = opened?;
    journal.prepare()?;
    if applied > 0 {
        tracing::info!(
            applied,
            "what the store lacked was brought in from its journal"
        );
    }
    Ok(journal)
}

/// Names every table to a replay.
fn register<'t>(
    replay: &mut Replay<'t>,
    transaction: &'t WriteTransaction,
) -> Result<(), redb::Error> {
    Register {
        replay,
        transaction,
        wanted: None,
    }
    .add_all()
}

/// As [`register`], but of the records only what is about some of the tables counts.
pub(super) fn register_only<'t>(
    wanted: &[&str],
    replay: &mut Replay<'t>,
    transaction: &'t WriteTransaction,
) -> Result<(), redb::Error> {
    Register {
        replay,
        transaction,
        wanted: Some(wanted),
    }
    .add_all()
}

struct Register<'r, 't> {
    replay: &'r mut Replay<'t>,
    transaction: &'t WriteTransaction,
    wanted: Option<&'r [&'r str]>,
}

impl Register<'_, '_> {
    fn add_all(&mut self) -> Result<(), redb::Error> {
        self.add(META)?;
        for_each_table!(self.add);
        Ok(())
    }

    fn add<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'_, K, V>,
    ) -> Result<(), redb::Error> {
        use redb::TableHandle as _;
        let is_wanted = |wanted: &[&str]| wanted.contains(&definition.name());
        if self.wanted.is_none_or(is_wanted) {
            self.replay.add(self.transaction, definition)?;
        } else {
            self.replay.ignore(definition);
        }
        Ok(())
    }
}

pub(super) fn engine(path: &Path, cause: redb::Error) -> OpenError {
    OpenError::Engine {
        path: path.to_path_buf(),
        cause: Box::new(cause),
    }
}
