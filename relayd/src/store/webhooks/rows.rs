//! How webhooks are written down. Their tables are opened by the operations that need them: most sends do not.

use super::Fault;
use crate::store::clock::{from_millis, to_millis};
use crate::store::failure::Failure;
use crate::store::record::{AgentKey, Fields};
use crate::store::tables::{EachTable, KeyBytes};
use mrp_journal::{Table, Transaction};
use mrp_proto::relay_api::WebhookSecret;
use mrp_proto::time::Timestamp;
use redb::{ReadableTable, TableDefinition};
use zeroize::Zeroizing;

type StateBytes = &'static [u8; State::LENGTH];
type AsideKey = (KeyBytes, u64, u64);

/// What agents registered: [`Registration`].
pub(super) const REGISTRATIONS: TableDefinition<'static, KeyBytes, &'static [u8]> =
    TableDefinition::new("webhooks");
/// How far deliveries have come: [`State`].
pub(super) const STATES: TableDefinition<'static, KeyBytes, StateBytes> =
    TableDefinition::new("webhook_states");
/// Whose turn it is when: `(time, agent)`. An agent is in it at most once.
pub(super) const DUE: TableDefinition<'static, (u64, KeyBytes), ()> =
    TableDefinition::new("webhook_due");
/// Messages that were set aside: `(agent, time of the next attempt, sequence)`.
pub(super) const ASIDE: TableDefinition<'static, AsideKey, ()> =
    TableDefinition::new("webhook_aside");

/// Goes through these tables.
pub(in crate::store) fn for_each_table(each: &mut impl EachTable) -> Result<(), Failure> {
    each.table(REGISTRATIONS)?;
    each.table(STATES)?;
    each.table(DUE)?;
    each.table(ASIDE)
}

/// The tables, opened at the first need in a transaction.
pub(in crate::store) struct Lazy<'a> {
    transaction: &'a Transaction,
    rows: Option<Rows<'a>>,
    used: Use,
}

/// Whether operations had to do with webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store) enum Use {
    #[default]
    Untouched,
    Touched,
}

impl<'a> Lazy<'a> {
    pub(in crate::store) fn new(transaction: &'a Transaction) -> Self {
        Self {
            transaction,
            rows: None,
            used: Use::Untouched,
        }
    }

    /// The tables; opening them makes them.
    pub(in crate::store) fn open(&mut self) -> Result<&mut Rows<'a>, Failure> {
        self.used = Use::Touched;
        let rows = match self.rows.take() {
            Some(rows) => rows,
            None => Rows::open(self.transaction)?,
        };
        Ok(self.rows.insert(rows))
    }

    /// Whether anything had to do with webhooks since this was last asked.
    pub(in crate::store) fn take_use(&mut self) -> Use {
        std::mem::take(&mut self.used)
    }
}

/// The tables of webhooks in one write transaction.
pub(in crate::store) struct Rows<'a> {
    pub(super) registrations: Table<'a, KeyBytes, &'static [u8]>,
    pub(super) states: Table<'a, KeyBytes, StateBytes>,
    pub(super) due: Table<'a, (u64, KeyBytes), ()>,
    pub(super) aside: Table<'a, AsideKey, ()>,
}

impl<'a> Rows<'a> {
    fn open(transaction: &'a Transaction) -> Result<Self, Failure> {
        Ok(Self {
            registrations: transaction.open_table(REGISTRATIONS)?,
            states: transaction.open_table(STATES)?,
            due: transaction.open_table(DUE)?,
            aside: transaction.open_table(ASIDE)?,
        })
    }

    /// Forgets which messages of an agent were set aside.
    pub(super) fn clear_aside(&mut self, agent: &AgentKey) -> Result<(), Failure> {
        self.aside
            .retain_in((agent, 0, 0)..=(agent, u64::MAX, u64::MAX), |_, ()| false)?;
        Ok(())
    }
}

/// What an agent registered. The secret is kept as it is, since a signature needs it; the database is its owner's alone.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) created: Timestamp,
    pub(super) url: String,
    pub(super) secret: WebhookSecret,
}

impl Registration {
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let secret = self.secret.expose();
        let mut row = Zeroizing::new(Vec::with_capacity(12 + self.url.len() + secret.len()));
        row.extend_from_slice(&to_millis(self.created).to_be_bytes());
        let length = u32::try_from(self.url.len()).unwrap_or(u32::MAX);
        row.extend_from_slice(&length.to_be_bytes());
        row.extend_from_slice(self.url.as_bytes());
        row.extend_from_slice(secret.as_bytes());
        row
    }

    pub(super) fn from_bytes(row: &[u8]) -> Result<Self, Failure> {
        let damage = || Failure::corrupt("a webhook");
        let mut fields = Fields(row);
        let created = fields.time()?;
        let length = usize::try_from(fields.number()?).map_err(|_| damage())?;
        let (url, secret) = fields.0.split_at_checked(length).ok_or_else(damage)?;
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned);
        Ok(Self {
            created,
            url: text(url).map_err(|_| damage())?,
            secret: WebhookSecret::new(text(secret).map_err(|_| damage())?),
        })
    }
}

/// How far the deliveries to a webhook have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) enabled: bool,
    /// Names the registration, so that what was begun for an earlier one is not held against this one.
    pub(super) registration: u64,
    /// Failed attempts in a row, and since when.
    pub(super) failures: u32,
    pub(super) failing_since: Option<Timestamp>,
    pub(super) fault: Option<Fault>,
    /// Every message up to here was delivered or set aside.
    pub(super) position: u64,
    /// The message behind it that was tried, how often, and when it is tried again.
    pub(super) head: u64,
    pub(super) attempts: u32,
    pub(super) retry_at: Timestamp,
    /// Nothing is tried before.
    pub(super) not_before: Timestamp,
    /// The agent's entry in [`DUE`].
    pub(super) due: Option<Timestamp>,
}

impl State {
    pub(super) const LENGTH: usize = 1 + 8 + 4 + 8 + 2 + 8 + 8 + 4 + 8 + 8 + 8;

    pub(super) fn new(registration: u64) -> Self {
        Self {
            enabled: true,
            registration,
            failures: 0,
            failing_since: None,
            fault: None,
            position: 0,
            head: 0,
            attempts: 0,
            retry_at: Timestamp::EPOCH,
            not_before: Timestamp::EPOCH,
            due: None,
        }
    }

    pub(super) fn find(
        states: &impl ReadableTable<KeyBytes, StateBytes>,
        agent: &AgentKey,
    ) -> Result<Option<Self>, Failure> {
        match states.get(agent)? {
            None => Ok(None),
            Some(row) => Self::from_bytes(row.value()).map(Some),
        }
    }

    pub(super) fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let optional = |time: Option<Timestamp>| time.map_or(0, to_millis).to_be_bytes();
        let fields: [&[u8]; 11] = [
            &[u8::from(self.enabled)],
            &self.registration.to_be_bytes(),
            &self.failures.to_be_bytes(),
            &optional(self.failing_since),
            &self.fault.map_or(0, Fault::number).to_be_bytes(),
            &self.position.to_be_bytes(),
            &self.head.to_be_bytes(),
            &self.attempts.to_be_bytes(),
            &to_millis(self.retry_at).to_be_bytes(),
            &to_millis(self.not_before).to_be_bytes(),
            &optional(self.due),
        ];
        let mut row = [0; Self::LENGTH];
        let bytes = fields.iter().copied().flatten();
        row.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        row
    }

    fn from_bytes(row: &[u8; Self::LENGTH]) -> Result<Self, Failure> {
        let mut fields = Fields(row);
        Ok(Self {
            enabled: fields.take::<1>()? != [0],
            registration: fields.count()?,
            failures: fields.number()?,
            failing_since: fields.optional_time()?,
            fault: Fault::of_number(u16::from_be_bytes(fields.take()?)),
            position: fields.count()?,
            head: fields.count()?,
            attempts: fields.number()?,
            retry_at: from_millis(fields.count()?),
            not_before: from_millis(fields.count()?),
            due: fields.optional_time()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_were_written() {
        let state = State {
            enabled: true,
            registration: 2,
            failures: 3,
            failing_since: Some(from_millis(4)),
            fault: Some(Fault::Status(503)),
            position: 5,
            head: 6,
            attempts: 7,
            retry_at: from_millis(8),
            not_before: from_millis(9),
            due: Some(from_millis(10)),
        };
        for state in [state, State::new(1)] {
            assert_eq!(State::from_bytes(&state.to_bytes()).unwrap(), state);
        }
        for fault in Fault::CLASSES {
            assert_eq!(Fault::of_number(fault.number()), Some(fault));
        }
        let registration = Registration {
            created: from_millis(1),
            url: "https://ü.example/".to_owned(),
            secret: WebhookSecret::new("sixteen letters ü".to_owned()),
        };
        let read = Registration::from_bytes(&registration.to_bytes()).unwrap();
        assert_eq!(read.url, registration.url);
        assert_eq!(read.secret, registration.secret);
        for wrong in [&[][..], &[0; 11], &[0xff; 40]] {
            assert!(Registration::from_bytes(wrong).is_err());
        }
    }
}
