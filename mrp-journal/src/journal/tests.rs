use super::super::{Record, Transaction};
use super::*;
use proptest::prelude::*;
use redb::{ReadableTable as _, TableHandle as _};
use std::collections::BTreeMap;
use tempfile::TempDir;

mod reuse;

const ROWS: TableDefinition<'static, u64, &'static [u8]> = TableDefinition::new("rows");
const NAMES: TableDefinition<'static, &'static str, u64> = TableDefinition::new("names");
const SMALL: Options = Options {
    segment_bytes: 512,
    checkpoint_bytes: 1 << 20,
    checkpoint_rows: 1_000,
};

/// A database with its journal, in a folder that lasts longer.
struct Home {
    folder: TempDir,
}

struct Opened {
    database: Database,
    journal: Journal,
    applied: u64,
}

fn register<'t>(
    replay: &mut Replay<'t>,
    transaction: &'t WriteTransaction,
) -> Result<(), redb::Error> {
    replay.add(transaction, ROWS)?;
    replay.add(transaction, NAMES)?;
    Ok(())
}

impl Home {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("db.journal")
    }

    fn files(&self) -> Vec<PathBuf> {
        Found::in_directory(&self.journal()).unwrap().0
    }

    fn spares(&self) -> Vec<PathBuf> {
        super::files(&self.journal(), SPARE).unwrap()
    }

    fn try_open(&self) -> Result<Opened, OpenError> {
        self.try_open_with(Database::create(self.folder.path().join("db")).unwrap())
    }

    fn open_with(&self, database: Database) -> Opened {
        self.try_open_with(database).unwrap()
    }

    fn try_open_with(&self, database: Database) -> Result<Opened, OpenError> {
        let (journal, applied) = Journal::open(&database, &self.journal(), SMALL, register)?;
        Ok(Opened {
            database,
            journal,
            applied,
        })
    }

    fn open(&self) -> Opened {
        self.try_open().unwrap()
    }

    /// One that has 20 rows from several files, which nobody needs any more.
    fn after_checkpoint(&self) -> Opened {
        let mut opened = self.open();
        let transaction = opened.append_rows(0..20);
        opened.journal.checkpoint(transaction.into_inner()).unwrap();
        opened
    }

    /// Writes rows down and loses the transaction, as a crash does.
    fn crash_after(&self, rows: std::ops::Range<u64>) {
        let mut opened = self.open();
        let transaction = opened.append_rows(rows);
        transaction.into_inner().abort().unwrap();
    }
}

impl Opened {
    fn begin(&self) -> Transaction {
        Transaction::new(self.database.begin_write().unwrap())
    }

    /// Writes rows down, each in a record of its own.
    fn append_rows(&mut self, rows: std::ops::Range<u64>) -> Transaction {
        let transaction = self.begin();
        for number in rows {
            self.append_row(&transaction, number);
        }
        transaction
    }

    fn append_row(&mut self, transaction: &Transaction, number: u64) {
        let mut table = transaction.open_table(ROWS).unwrap();
        table
            .insert(number, [number as u8; 100].as_slice())
            .unwrap();
        drop(table);
        self.append(transaction);
    }

    fn append(&mut self, transaction: &Transaction) {
        let mut record = Record::default();
        transaction.take_record(&mut record);
        self.journal.append(&mut record).unwrap();
    }

    fn rows(&self) -> Vec<u64> {
        let transaction = self.database.begin_read().unwrap();
        let table = transaction.open_table(ROWS).unwrap();
        let rows = table.iter().unwrap();
        rows.map(|row| row.unwrap().0.value()).collect()
    }
}

#[test]
fn what_was_appended_is_there_after_a_crash_and_applied_once() {
    let home = Home::new();
    home.crash_after(0..20);
    assert!(home.files().len() > 3, "it takes several files");
    let opened = home.open();
    assert_eq!(opened.applied, 20);
    assert_eq!(opened.rows(), (0..20).collect::<Vec<_>>());
    assert!(home.files().is_empty(), "what the database has is not kept");
    drop(opened);
    assert_eq!(home.open().applied, 0);
    home.crash_after(20..22);
    assert_eq!(home.open().rows().len(), 22);
}

#[test]
fn a_checkpoint_leaves_nothing_to_apply_and_goes_on_in_its_file() {
    let home = Home::new();
    let mut opened = home.open();
    let transaction = opened.begin();
    for number in 0..10 {
        let mut table = transaction.open_table(ROWS).unwrap();
        table.insert(number, [1; 100].as_slice()).unwrap();
        drop(table);
        opened.append(&transaction);
    }
    assert!(opened.journal.behind() > 1_000);
    opened.journal.checkpoint(transaction.into_inner()).unwrap();
    assert_eq!(opened.journal.behind(), 0);
    assert_eq!(home.files().len(), 1);
    let transaction = opened.begin();
    transaction.open_table(ROWS).unwrap().remove(3).unwrap();
    opened.append(&transaction);
    drop(transaction);
    drop(opened);
    let opened = home.open();
    assert_eq!(opened.applied, 1);
    assert_eq!(opened.rows(), [0, 1, 2, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_checkpoint_is_due_after_so_many_bytes_or_rows() {
    let home = Home::new();
    let mut opened = home.open();
    let transaction = opened.begin();
    let insert = |number: u64, value: &[u8]| {
        let mut table = transaction.open_table(ROWS).unwrap();
        table.insert(number, value).unwrap();
    };
    for number in 0..999 {
        insert(number, b"x");
    }
    opened.append(&transaction);
    assert!(!opened.journal.is_checkpoint_due());
    // The same row again is a change again.
    insert(0, b"y");
    opened.append(&transaction);
    assert!(opened.journal.is_checkpoint_due(), "1,000 rows");
    opened.journal.checkpoint(transaction.into_inner()).unwrap();
    assert!(!opened.journal.is_checkpoint_due());
    let transaction = opened.begin();
    let mut table = transaction.open_table(ROWS).unwrap();
    table.insert(1, vec![0; 1 << 20].as_slice()).unwrap();
    drop(table);
    opened.append(&transaction);
    assert!(opened.journal.is_checkpoint_due(), "a mebibyte");
}

#[test]
fn a_new_database_takes_its_journal_with_its_first_commit() {
    let home = Home::new();
    let database = Database::create(home.folder.path().join("db")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(ROWS).unwrap();
    adopt(&transaction).unwrap();
    transaction.commit().unwrap();
    let adopted = position(&database).unwrap();
    assert!(adopted.is_some_and(|(_, next)| next == 1));
    let transaction = database.begin_write().unwrap();
    adopt(&transaction).unwrap();
    transaction.commit().unwrap();
    assert_eq!(position(&database).unwrap(), adopted, "once and for all");
    let mut opened = home.open_with(database);
    assert_eq!(opened.applied, 0);
    assert_eq!(position(&opened.database).unwrap(), adopted);
    assert!(home.files().is_empty());
    opened.journal.prepare().unwrap();
    opened.journal.prepare().unwrap();
    assert_eq!(home.files().len(), 1);
    drop(opened);
    home.crash_after(0..3);
    assert_eq!(home.open().applied, 3);
}

#[test]
fn a_record_longer_than_a_file_gets_one_of_its_own() {
    let home = Home::new();
    let mut opened = home.open();
    let transaction = opened.begin();
    let long = vec![9; 10 * SMALL.segment_bytes];
    let mut table = transaction.open_table(ROWS).unwrap();
    table.insert_parts(1, &[&long, b"end"]).unwrap();
    drop(table);
    opened.append(&transaction);
    drop(transaction);
    drop(opened);
    let opened = home.open();
    let reading = opened.database.begin_read().unwrap();
    let row = reading.open_table(ROWS).unwrap().get(1).unwrap().unwrap();
    assert_eq!(row.value(), [&long[..], b"end"].concat());
}

#[test]
fn every_kind_of_change_is_written_down() {
    let home = Home::new();
    let mut opened = home.open();
    let transaction = opened.begin();
    {
        let mut rows = transaction.open_table(ROWS).unwrap();
        for number in 0..10 {
            rows.insert(number, b"x".as_slice()).unwrap();
        }
        rows.remove(9).unwrap();
        assert_eq!(rows.pop_first().unwrap().unwrap().0.value(), 0);
        rows.retain(|number, _| number != 1).unwrap();
        rows.retain_in(4..8, |number, _| number == 5).unwrap();
        let mut names = transaction.open_table(NAMES).unwrap();
        names.insert("name", 1).unwrap();
        assert_eq!(names.insert("name", 2).unwrap().unwrap().value(), 1);
    }
    opened.append(&transaction);
    assert_eq!(transaction.changes(), 0);
    drop(transaction);
    drop(opened);
    let opened = home.open();
    assert_eq!(opened.rows(), [2, 3, 5, 8]);
    let reading = opened.database.begin_read().unwrap();
    let name = reading.open_table(NAMES).unwrap().get("name").unwrap();
    assert_eq!(name.unwrap().value(), 2);
}

#[test]
fn a_missing_file_is_damage_and_changes_nothing() {
    let home = Home::new();
    home.crash_after(0..20);
    let files = home.files();
    std::fs::remove_file(&files[1]).unwrap();
    let error = home.try_open().map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert_eq!(home.files().len(), files.len() - 1);
}

#[test]
fn what_is_whole_before_damage_is_salvaged_and_the_files_stay() {
    const SECOND: usize = HEAD + 3 * 40 + 100;
    for (file, place) in [(0, HEAD + 40), (0, SECOND), (1, HEAD + 40), (1, SECOND)] {
        let home = Home::new();
        home.crash_after(0..20);
        let files = home.files();
        let mut damaged = std::fs::read(&files[file]).unwrap();
        damaged[place] ^= 1;
        std::fs::write(&files[file], &damaged).unwrap();
        assert!(home.try_open().map(|_| ()).unwrap_err().is_damage());
        let database = Database::create(home.folder.path().join("db")).unwrap();
        let salvaged = salvage(&database, &home.journal(), register).unwrap();
        assert!(salvaged.applied < 20, "{salvaged:?}");
        assert_eq!(salvaged.applied == 0, (file, place) == (0, HEAD + 40));
        assert!(salvaged.damage.unwrap().is_damage());
        assert_eq!(home.files(), files);
        let again = salvage(&database, &home.journal(), register).unwrap();
        assert_eq!((again.applied, again.damage.is_some()), (0, true));
        drop(database);
        std::fs::remove_dir_all(home.journal()).unwrap();
        let opened = home.open();
        assert_eq!(opened.applied, 0);
        assert_eq!(opened.rows(), (0..salvaged.applied).collect::<Vec<_>>());
    }
}

#[test]
fn a_journal_that_is_whole_or_missing_is_salvaged_as_such() {
    let home = Home::new();
    home.crash_after(0..20);
    let database = Database::create(home.folder.path().join("db")).unwrap();
    let only_names = |replay: &mut Replay<'_>, _: &WriteTransaction| {
        replay.ignore(ROWS);
        Ok(())
    };
    let salvaged = salvage(&database, &home.journal(), only_names).unwrap();
    assert_eq!((salvaged.applied, salvaged.damage.is_none()), (20, true));
    let salvaged = salvage(&database, Path::new("/there/is/none"), register).unwrap();
    assert_eq!((salvaged.applied, salvaged.damage.is_none()), (0, true));
    drop(database);
    assert_eq!(home.open().rows(), [0_u64; 0], "they were passed over");
}

#[test]
fn a_journal_that_was_closed_leaves_no_file() {
    let home = Home::new();
    let mut opened = home.open();
    let transaction = opened.begin();
    transaction
        .open_table(NAMES)
        .unwrap()
        .insert("a", 1)
        .unwrap();
    opened.append(&transaction);
    opened.journal.checkpoint(transaction.into_inner()).unwrap();
    opened.journal.close().unwrap();
    assert_eq!(home.files(), Vec::<PathBuf>::new());
    let mut opened = home.open_with(opened.database);
    let transaction = opened.begin();
    transaction
        .open_table(NAMES)
        .unwrap()
        .insert("b", 1)
        .unwrap();
    opened.append(&transaction);
    drop(transaction);
    opened.journal.close().unwrap();
    assert_eq!(home.files().len(), 1, "what the database lacks stays");
}

#[test]
fn what_changes_nothing_is_not_written_down() {
    let home = Home::new();
    let opened = home.open();
    let transaction = opened.begin();
    let mut rows = transaction.open_table(ROWS).unwrap();
    assert!(rows.remove(1).unwrap().is_none());
    assert!(rows.pop_first().unwrap().is_none());
    rows.retain(|_, _| false).unwrap();
    drop(rows);
    assert_eq!(transaction.changes(), 0);
}

#[test]
fn a_damaged_record_before_others_is_damage() {
    let home = Home::new();
    home.crash_after(0..20);
    for file in [0, home.files().len() - 1] {
        let path = &home.files()[file];
        let whole = std::fs::read(path).unwrap();
        let mut damaged = whole.clone();
        damaged[HEAD + 40] ^= 1;
        std::fs::write(path, &damaged).unwrap();
        let error = home.try_open().map(|_| ()).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        std::fs::write(path, &whole).unwrap();
    }
    assert_eq!(home.open().applied, 20);
}

#[test]
fn damage_in_what_the_database_has_loses_nothing() {
    let home = Home::new();
    let mut opened = home.open();
    let transaction = opened.begin();
    let insert = |transaction: &Transaction, number: u64| {
        let mut table = transaction.open_table(ROWS).unwrap();
        table.insert(number, [1; 20].as_slice()).unwrap();
    };
    insert(&transaction, 0);
    opened.append(&transaction);
    opened.journal.checkpoint(transaction.into_inner()).unwrap();
    let transaction = opened.begin();
    insert(&transaction, 1);
    opened.append(&transaction);
    drop(transaction);
    drop(opened);
    let path = home.files().pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[HEAD + 40] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let opened = home.open();
    assert_eq!((opened.applied, opened.rows()), (1, vec![0, 1]));
}

#[test]
fn a_damaged_head_is_damage() {
    let home = Home::new();
    home.crash_after(0..2);
    let path = home.files().pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[3] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = home.try_open().map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(path.exists());
}

#[test]
fn the_directory_is_its_owners_alone_and_no_link() {
    let home = Home::new();
    std::fs::create_dir(home.journal()).unwrap();
    std::fs::set_permissions(home.journal(), Permissions::from_mode(0o755)).unwrap();
    drop(home.open());
    let mode = home.journal().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let other = Home::new();
    std::os::unix::fs::symlink(home.journal(), other.journal()).unwrap();
    let error = other.try_open().map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
}

#[test]
fn a_record_cut_short_is_as_if_it_was_never_begun() {
    let home = Home::new();
    home.crash_after(0..2);
    let path = home.files().pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[last] = 0;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(home.open().rows(), [0]);
    home.crash_after(5..6);
    assert_eq!(home.open().rows(), [0, 5]);
}

#[test]
fn the_journal_of_another_database_is_refused() {
    let (home, other) = (Home::new(), Home::new());
    home.crash_after(0..2);
    other.crash_after(0..2);
    std::fs::remove_file(other.folder.path().join("db")).unwrap();
    let error = other.try_open().map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    std::fs::copy(
        home.folder.path().join("db"),
        other.folder.path().join("db"),
    )
    .unwrap();
    let error = other.try_open().map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
}

#[test]
fn a_table_that_only_a_newer_program_has_is_named() {
    let home = Home::new();
    let mut opened = home.open();
    let transaction = opened.begin();
    const NEW: TableDefinition<'static, u64, u64> = TableDefinition::new("from the future");
    transaction.open_table(NEW).unwrap().insert(1, 1).unwrap();
    opened.append(&transaction);
    drop(transaction);
    drop(opened);
    let error = home.try_open().map(|_| ()).unwrap_err();
    assert!(error.to_string().contains(NEW.name()), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is done, in whatever steps, and however often it crashes, the database is as a map that was treated alike.
    #[test]
    fn it_is_like_a_map_that_never_crashes(steps in prop::collection::vec(step(), 1..60)) {
        let home = Home::new();
        let mut model = BTreeMap::new();
        let mut opened = home.open();
        let mut transaction = opened.begin();
        for step in steps {
            match step {
                Step::Put(key, length) => {
                    let value = vec![key as u8; length];
                    transaction.open_table(ROWS).unwrap().insert(key, value.as_slice()).unwrap();
                    opened.append(&transaction);
                    model.insert(key, value);
                }
                Step::Remove(key) => {
                    transaction.open_table(ROWS).unwrap().remove(key).unwrap();
                    opened.append(&transaction);
                    model.remove(&key);
                }
                Step::Show => {
                    let mut inner = transaction.into_inner();
                    inner.set_durability(Durability::None).unwrap();
                    inner.commit().unwrap();
                    transaction = opened.begin();
                }
                Step::Checkpoint => {
                    opened.journal.checkpoint(transaction.into_inner()).unwrap();
                    transaction = opened.begin();
                }
                Step::Crash => {
                    drop(transaction);
                    // Not closed: what was only shown is lost.
                    let path = home.folder.path().join("db");
                    let copy = std::fs::read(&path).unwrap();
                    drop(opened);
                    std::fs::write(&path, copy).unwrap();
                    opened = home.open();
                    transaction = opened.begin();
                }
            }
        }
        let table = transaction.open_table(ROWS).unwrap();
        let rows = table.iter().unwrap().map(|row| {
            let (key, value) = row.unwrap();
            (key.value(), value.value().to_vec())
        });
        prop_assert_eq!(rows.collect::<BTreeMap<_, _>>(), model);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put(u64, usize),
    Remove(u64),
    Show,
    Checkpoint,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..20_u64, 0..700_usize).prop_map(|(key, length)| Step::Put(key, length)),
        2 => (0..20_u64).prop_map(Step::Remove),
        1 => Just(Step::Show),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Crash),
    ]
}
