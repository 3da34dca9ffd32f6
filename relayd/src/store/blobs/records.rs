//! The tables of blobs, which only operations on blobs open, and how their records hang together.

use super::{BlobHash, BlobUsage, from_millis, to_millis};
use crate::store::failure::Failure;
use crate::store::record::AgentKey;
use crate::store::tables::{EachTable, KeyBytes, purged_below};
use mrp_journal::{Table, Transaction};
use mrp_proto::time::Timestamp;
use redb::{ReadableTable, TableDefinition};

type Hash = &'static BlobHash;
/// Bytes, and how many owners and messages hold the record.
type BlobRow = (u64, u64);
/// [`Owner`], field by field.
type OwnerRow = (u64, u64, u64, u64, u64, &'static str);
/// When the message expires, its recipient, what its sender calls the blob.
type UseRow = (u64, KeyBytes, &'static str);

/// Blobs whose bytes are in place.
pub(super) const BLOBS: TableDefinition<'static, Hash, BlobRow> = TableDefinition::new("blobs");
/// Who owns which: `(owner, hash)`.
pub(super) const OWNERS: TableDefinition<'static, (KeyBytes, Hash), OwnerRow> =
    TableDefinition::new("blob_owners");
/// When owners give up what is not attached: `(time, owner, hash)`.
const DUE: TableDefinition<'static, (u64, KeyBytes, Hash), ()> = TableDefinition::new("blob_due");
/// Who may read which on account of a message: `(sender or recipient, hash, sequence)`.
pub(super) const USES: TableDefinition<'static, (KeyBytes, Hash, u64), UseRow> =
    TableDefinition::new("blob_uses");
/// What live messages attach: `(sequence, hash)`.
const ATTACHED: TableDefinition<'static, (u64, Hash), ()> = TableDefinition::new("blob_attached");
/// What owners have: blobs and bytes.
pub(super) const USAGE: TableDefinition<'static, KeyBytes, (u64, u64)> =
    TableDefinition::new("blob_usage");
/// Bytes that may be in place and have no record.
pub(super) const LOOSE: TableDefinition<'static, Hash, ()> = TableDefinition::new("blob_loose");

/// Goes through all of them.
pub(in crate::store) fn for_each_table(each: &mut impl EachTable) -> Result<(), Failure> {
    each.table(BLOBS)?;
    each.table(OWNERS)?;
    each.table(DUE)?;
    each.table(USES)?;
    each.table(ATTACHED)?;
    each.table(USAGE)?;
    each.table(LOOSE)
}

/// Makes the tables, in the transaction that makes all others.
pub(in crate::store) fn make_tables(transaction: &Transaction) -> Result<(), Failure> {
    Records::open(transaction).map(drop)
}

/// The tables of one operation.
pub(super) struct Records<'a> {
    pub(super) blobs: Table<'a, Hash, BlobRow>,
    pub(super) owners: Table<'a, (KeyBytes, Hash), OwnerRow>,
    pub(super) due: Table<'a, (u64, KeyBytes, Hash), ()>,
    pub(super) uses: Table<'a, (KeyBytes, Hash, u64), UseRow>,
    pub(super) attached: Table<'a, (u64, Hash), ()>,
    pub(super) usage: Table<'a, KeyBytes, (u64, u64)>,
    pub(super) loose: Table<'a, Hash, ()>,
}

/// An agent's part in a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) created: Timestamp,
    /// Until when it is kept whether it is attached or not.
    pub(super) kept_until: Timestamp,
    /// Live messages of the owner that attach it.
    pub(super) attached: u64,
    /// When the last of them expires.
    pub(super) attached_until: Timestamp,
    /// Only messages behind this place in the order of acceptance count: what the agent sent before it became an owner, perhaps
    /// as one of a former record, is not its own to hold.
    pub(super) since: u64,
    pub(super) content_type: String,
}

impl Owner {
    pub(super) fn new(now: Timestamp, since: u64) -> Self {
        Self {
            created: now,
            kept_until: now,
            attached: 0,
            attached_until: Timestamp::EPOCH,
            since,
            content_type: String::new(),
        }
    }

    /// The record, though its time may be over.
    pub(super) fn read(
        owners: &impl ReadableTable<(KeyBytes, Hash), OwnerRow>,
        agent: &AgentKey,
        hash: &BlobHash,
    ) -> Result<Option<Self>, Failure> {
        Ok(owners.get((agent, hash))?.map(|row| {
            let (created, kept_until, attached, attached_until, since, content_type) = row.value();
            Self {
                created: from_millis(created),
                kept_until: from_millis(kept_until),
                attached,
                attached_until: from_millis(attached_until),
                since,
                content_type: content_type.to_owned(),
            }
        }))
    }

    /// The record, if its time is not over.
    pub(super) fn find(
        owners: &impl ReadableTable<(KeyBytes, Hash), OwnerRow>,
        agent: &AgentKey,
        hash: &BlobHash,
        now: Timestamp,
    ) -> Result<Option<Self>, Failure> {
        Ok(Self::read(owners, agent, hash)?.filter(|owner| owner.is_valid(now)))
    }

    pub(super) fn is_attached(&self, now: Timestamp) -> bool {
        self.attached > 0 && self.attached_until > now
    }

    pub(super) fn is_valid(&self, now: Timestamp) -> bool {
        self.kept_until > now || self.is_attached(now)
    }

    pub(super) fn expires(&self, now: Timestamp) -> Timestamp {
        if self.is_attached(now) {
            self.kept_until.max(self.attached_until)
        } else {
            self.kept_until
        }
    }
}

impl<'a> Records<'a> {
    pub(super) fn open(transaction: &'a Transaction) -> Result<Self, Failure> {
        Ok(Self {
            blobs: transaction.open_table(BLOBS)?,
            owners: transaction.open_table(OWNERS)?,
            due: transaction.open_table(DUE)?,
            uses: transaction.open_table(USES)?,
            attached: transaction.open_table(ATTACHED)?,
            usage: transaction.open_table(USAGE)?,
            loose: transaction.open_table(LOOSE)?,
        })
    }

    /// Makes an agent an owner, or writes down what changed about one.
    pub(super) fn own(
        &mut self,
        agent: &AgentKey,
        hash: &BlobHash,
        size: u64,
        owner: &Owner,
    ) -> Result<(), Failure> {
        match Owner::read(&self.owners, agent, hash)? {
            Some(earlier) => {
                let due = to_millis(earlier.kept_until);
                self.due.remove((due, agent, hash))?;
            }
            None => {
                let usage = usage(&self.usage, agent)?;
                let bytes = usage.bytes.saturating_add(size);
                self.usage.insert(agent, (usage.blobs + 1, bytes))?;
                self.hold(hash, size)?;
            }
        }
        let due = to_millis(owner.kept_until);
        self.due.insert((due, agent, hash), ())?;
        self.write(agent, hash, owner)
    }

    /// Writes down what changed about an owner, but for the time until which it keeps the blob.
    pub(super) fn write(
        &mut self,
        agent: &AgentKey,
        hash: &BlobHash,
        owner: &Owner,
    ) -> Result<(), Failure> {
        let row = (
            to_millis(owner.created),
            to_millis(owner.kept_until),
            owner.attached,
            to_millis(owner.attached_until),
            owner.since,
            owner.content_type.as_str(),
        );
        self.owners.insert((agent, hash), row)?;
        Ok(())
    }

    /// Ends an agent's part in a blob, if it has one.
    pub(super) fn disown(&mut self, agent: &AgentKey, hash: &BlobHash) -> Result<(), Failure> {
        let Some(owner) = Owner::read(&self.owners, agent, hash)? else {
            return Ok(());
        };
        self.owners.remove((agent, hash))?;
        let due = to_millis(owner.kept_until);
        self.due.remove((due, agent, hash))?;
        let size = self.size(hash)?;
        let usage = usage(&self.usage, agent)?;
        if usage.blobs <= 1 {
            self.usage.remove(agent)?;
        } else {
            let bytes = usage.bytes.saturating_sub(size);
            self.usage.insert(agent, (usage.blobs - 1, bytes))?;
        }
        self.let_go(hash)
    }

    /// One more owner or message holds the record; the first one makes it.
    pub(super) fn hold(&mut self, hash: &BlobHash, size: u64) -> Result<(), Failure> {
        let holders = self.blobs.get(hash)?.map_or(0, |row| row.value().1);
        self.blobs.insert(hash, (size, holders + 1))?;
        if holders == 0 {
            self.loose.remove(hash)?;
        }
        Ok(())
    }

    /// One owner or message less; with the last one the record ends, and the bytes are loose.
    pub(super) fn let_go(&mut self, hash: &BlobHash) -> Result<(), Failure> {
        let Some((size, holders)) = self.blobs.get(hash)?.map(|row| row.value()) else {
            return Err(Failure::corrupt("a blob that has no record"));
        };
        if holders > 1 {
            self.blobs.insert(hash, (size, holders - 1))?;
        } else {
            self.blobs.remove(hash)?;
            self.loose.insert(hash, ())?;
        }
        Ok(())
    }

    pub(super) fn size(&self, hash: &BlobHash) -> Result<u64, Failure> {
        let row = self.blobs.get(hash)?;
        row.map(|row| row.value().0)
            .ok_or_else(|| Failure::corrupt("a blob that has no record"))
    }
}

/// What an agent's blobs take.
pub(super) fn usage(
    usage: &impl ReadableTable<KeyBytes, (u64, u64)>,
    agent: &AgentKey,
) -> Result<BlobUsage, Failure> {
    let (blobs, bytes) = usage.get(agent)?.map_or((0, 0), |row| row.value());
    Ok(BlobUsage { blobs, bytes })
}

/// Whether an agent is sender or recipient of a live message that attaches a blob; the answer is what the sender of the last one
/// calls it.
pub(super) fn sent_to(
    uses: &impl ReadableTable<(KeyBytes, Hash, u64), UseRow>,
    purges: &impl ReadableTable<KeyBytes, u64>,
    agent: &AgentKey,
    hash: &BlobHash,
    now: Timestamp,
) -> Result<Option<String>, Failure> {
    for row in uses
        .range((agent, hash, 0)..=(agent, hash, u64::MAX))?
        .rev()
    {
        let (key, value) = row?;
        let (expires, recipient, content_type) = value.value();
        let (_, _, sequence) = key.value();
        if from_millis(expires) > now && sequence >= purged_below(purges, recipient)? {
            return Ok(Some(content_type.to_owned()));
        }
    }
    Ok(None)
}
