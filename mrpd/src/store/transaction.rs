//! What operations see of the writer: the tables, and what is to be announced once their changes are on the disk.

use super::StageChange;
use super::schema::{Counter, FORGET, META};
use crate::crash::crash_point;
use mrp_journal::Record;
use redb::{Database, WriteTransaction};
use std::cell::{Cell, RefCell};

/// A transaction in the making, and what is to be announced of the operations that were made in it last.
#[derive(Debug)]
pub(crate) struct Transaction {
    tables: mrp_journal::Transaction,
    notes: Notes,
}

/// What operations have done.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) touched: Cell<bool>,
    pub(super) newest: Cell<Option<u64>>,
    pub(super) outbox: Cell<bool>,
    received: Cell<bool>,
    enqueued: Cell<bool>,
    recorded: Cell<bool>,
    pub(super) stages: RefCell<Vec<StageChange>>,
    pub(super) ready: Cell<bool>,
    pub(super) due: Cell<bool>,
}

impl Transaction {
    /// Begins one that nobody hears of.
    pub(super) fn begin(database: &Database) -> Result<Self, redb::Error> {
        Ok(Self {
            tables: mrp_journal::Transaction::new(database.begin_write()?),
            notes: Notes::default(),
        })
    }

    /// Puts what was begun with [`begin`](Self::begin) on the disk, without the journal.
    pub(super) fn commit(self) -> Result<(), redb::Error> {
        let mut tables = self.into_inner();
        tables.set_quick_repair(true);
        tables.commit()?;
        Ok(())
    }

    /// What has to be committed, by whoever does it.
    pub(super) fn into_inner(self) -> WriteTransaction {
        self.tables.into_inner()
    }

    /// What operations have done since this was last called, and their changes, which go into `record`.
    pub(super) fn take(&mut self, record: &mut Record) -> Notes {
        self.tables.take_record(record);
        std::mem::take(&mut self.notes)
    }

    /// Bytes of the changes that were not taken yet.
    pub(super) fn changes(&self) -> usize {
        self.tables.changes()
    }

    /// The tables, to read them.
    pub(super) fn read_tables(&self) -> &mrp_journal::Transaction {
        &self.tables
    }

    /// Says that a message can be claimed again.
    pub(super) fn note_ready(&self) {
        self.notes.ready.set(true);
    }

    /// Says that there is a new lease or delay.
    pub(super) fn note_due(&self) {
        self.notes.due.set(true);
    }

    /// The tables. Whoever asks for them means to change something.
    pub(crate) fn tables(&self) -> &mrp_journal::Transaction {
        self.notes.touched.set(true);
        &self.tables
    }

    /// Says that a message came in.
    pub(crate) fn note_received(&self) {
        self.notes.received.set(true);
    }

    /// Says that a draft was put into the outbox.
    pub(crate) fn note_enqueued(&self) {
        self.notes.enqueued.set(true);
        self.notes.outbox.set(true);
    }

    /// Says that the outbox has learned what became of a send.
    pub(crate) fn note_recorded(&self) {
        self.notes.recorded.set(true);
        self.notes.outbox.set(true);
    }

    /// Says that something that goes out has come further.
    pub(crate) fn note_stage(&self, change: StageChange) {
        self.notes.stages.borrow_mut().push(change);
        self.notes.outbox.set(true);
    }

    /// A counter's value.
    pub(crate) fn counter(&self, counter: Counter) -> Result<u64, redb::Error> {
        counter.of(&self.tables.open_table(META)?)
    }

    /// Moves a counter, and gives its new value.
    pub(crate) fn count(&self, counter: Counter, by: i64) -> Result<u64, redb::Error> {
        let mut meta = self.tables().open_table(META)?;
        let value = counter.of(&meta)?.saturating_add_signed(by);
        meta.insert(counter.name(), value)?;
        if counter == Counter::Newest {
            self.notes.newest.set(Some(value));
        }
        Ok(value)
    }

    /// Moves a counter up to a value, and never back.
    pub(super) fn raise(&self, counter: Counter, value: u64) -> Result<(), redb::Error> {
        if value > self.counter(counter)? {
            let mut meta = self.tables().open_table(META)?;
            meta.insert(counter.name(), value)?;
        }
        Ok(())
    }

    /// Sets a counter back.
    pub(super) fn zero(&self, counter: Counter) -> Result<(), redb::Error> {
        let mut meta = self.tables().open_table(META)?;
        meta.insert(counter.name(), 0)?;
        Ok(())
    }

    /// Notes that a key is to be forgotten at a time (milliseconds; 0 for never).
    pub(crate) fn forget_at(&self, time: u64, key: &str) -> Result<(), redb::Error> {
        if time > 0 {
            let mut forget = self.tables.open_table(FORGET)?;
            forget.insert((time, key), ())?;
        }
        Ok(())
    }
}

impl Notes {
    /// Before their changes are written down.
    pub(super) fn before_commit(&self) {
        if self.received.get() {
            crash_point!("receive.before-commit");
        }
        if self.enqueued.get() {
            crash_point!("send.before-commit");
        }
        if self.recorded.get() {
            crash_point!("send.before-record");
        }
    }

    /// Once they are.
    pub(super) fn after_commit(&self) {
        if self.received.get() {
            crash_point!("receive.committed");
        }
        if self.enqueued.get() {
            crash_point!("send.committed");
        }
        if self.recorded.get() {
            crash_point!("send.recorded");
        }
        if self.received.get() {
            crash_point!("receive.before-publish");
        }
    }
}
