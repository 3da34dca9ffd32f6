//! Where messages stand: every change of it, and what follows from it in lists, counters and leases.

use super::index::{delayed_term, state_term};
use super::schema::{Counter, DUE, INDEX, META, STANDINGS};
use super::transaction::Transaction;
use super::{Store, StoreError};
use mrp_proto::time::Timestamp;
use mrpd_api::message::State;
use redb::ReadableTable;

/// Leases and delays that one step ends at most, so that no commit becomes long.
const BATCH: usize = 1000;

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What was done with it. Of one that went out it means nothing.
    pub state: State,
    /// How often it was claimed.
    pub attempt: u32,
    /// When the lease ends, by the steady clock; of a new message: when it can be claimed again.
    pub until: Option<Timestamp>,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            state: State::New,
            attempt: 0,
            until: None,
        }
    }
}

impl Standing {
    fn list(self) -> u64 {
        match (self.state, self.until) {
            (State::New, Some(_)) => delayed_term(),
            (state, _) => state_term(state),
        }
    }

    fn is_ready(self) -> bool {
        self.state == State::New && self.until.is_none()
    }

    fn packed(self) -> (u8, u32, u64) {
        let until = self.until.map_or(0, millis);
        (code(self.state), self.attempt, until)
    }
}

/// A state's number in the tables.
pub(super) fn code(state: State) -> u8 {
    match state {
        State::New => 0,
        State::Read => 1,
        State::Archived => 2,
        State::Claimed => 3,
        State::Done => 4,
        State::Dead => 5,
        State::Held => 6,
        State::Sent => 7,
    }
}

fn state_of(code: u8) -> State {
    match code {
        1 => State::Read,
        2 => State::Archived,
        3 => State::Claimed,
        4 => State::Done,
        5 => State::Dead,
        6 => State::Held,
        7 => State::Sent,
        _ => State::New,
    }
}

pub(super) fn millis(time: Timestamp) -> u64 {
    u64::try_from(time.unix_millis()).unwrap_or(0)
}

fn time(millis: u64) -> Timestamp {
    Timestamp::from_unix_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// Where a message stands.
pub(super) fn standing(
    table: &impl ReadableTable<u64, (u8, u32, u64)>,
    seq: u64,
) -> Result<Standing, redb::Error> {
    let Some(packed) = table.get(seq)? else {
        return Ok(Standing::default());
    };
    let (state, attempt, until) = packed.value();
    Ok(Standing {
        state: state_of(state),
        attempt,
        until: (until > 0).then(|| time(until)),
    })
}

/// Enters a message that has just come in.
pub(super) fn enter(transaction: &Transaction, seq: u64) -> Result<(), redb::Error> {
    let list = Standing::default().list();
    let mut index = transaction.tables().open_table(INDEX)?;
    index.insert((list, seq), ())?;
    transaction.count(Counter::Unread, 1).map(|_| ())
}

/// Moves a message that came in from where it stands to where it shall stand.
pub(super) fn put(
    transaction: &Transaction,
    seq: u64,
    before: Standing,
    after: Standing,
) -> Result<(), redb::Error> {
    leave(transaction, seq, before)?;
    let tables = transaction.tables();
    tables.open_table(INDEX)?.insert((after.list(), seq), ())?;
    tables.open_table(STANDINGS)?.insert(seq, after.packed())?;
    if let Some(until) = after.until {
        tables.open_table(DUE)?.insert((millis(until), seq), ())?;
        transaction.raise(Counter::Steady, millis(crate::clock::steady()))?;
        transaction.note_due();
    }
    if after.state == State::New {
        transaction.count(Counter::Unread, 1)?;
    }
    if after.is_ready() {
        transaction.note_ready();
    }
    Ok(())
}

/// Takes a message that came in from all lists of where it stands.
pub(super) fn leave(
    transaction: &Transaction,
    seq: u64,
    standing: Standing,
) -> Result<(), redb::Error> {
    let tables = transaction.tables();
    tables.open_table(INDEX)?.remove((standing.list(), seq))?;
    if let Some(until) = standing.until {
        tables.open_table(DUE)?.remove((millis(until), seq))?;
    }
    if standing.state == State::New {
        transaction.count(Counter::Unread, -1)?;
    }
    Ok(())
}

impl Store {
    /// Changes whenever a message can be claimed again that could not be.
    pub fn ready_changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.ready.clone()
    }

    /// Changes whenever there is a new lease or delay.
    pub fn due_changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.due.clone()
    }

    /// What the steady clock showed when a lease or delay was last given.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn last_steady(&self) -> Result<Timestamp, StoreError> {
        self.read(|transaction| {
            let meta = transaction.open_table(META)?;
            let last = meta.get(Counter::Steady.name())?;
            Ok(time(last.map_or(0, |value| value.value())))
        })
        .await
    }

    /// When the next lease or delay ends.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|transaction| {
            let due = transaction.open_table(DUE)?;
            let first = due.first()?;
            Ok(first.map(|(key, _)| time(key.value().0)))
        })
        .await
    }

    /// Ends leases and delays whose time has come: the messages can be claimed again. Says whether there are more.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn end_due(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.write(move |transaction| end_due(transaction, now))
            .await
    }
}

/// Ends leases and delays whose time has come; says whether there are more.
pub(super) fn end_due(transaction: &Transaction, now: Timestamp) -> Result<bool, redb::Error> {
    let mut due = Vec::new();
    {
        let table = transaction.read_tables().open_table(DUE)?;
        for entry in table.range(..=(millis(now), u64::MAX))?.take(BATCH) {
            due.push(entry?.0.value().1);
        }
    }
    for &seq in &due {
        let before = {
            let table = transaction.tables().open_table(STANDINGS)?;
            standing(&table, seq)?
        };
        let after = Standing {
            state: State::New,
            until: None,
            ..before
        };
        put(transaction, seq, before, after)?;
    }
    Ok(due.len() == BATCH)
}
