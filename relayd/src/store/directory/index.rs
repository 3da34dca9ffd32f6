//! Keeping the index: what a write transaction changes of the directory.
//!
//! Changes of postings and counts are gathered and written once before the commit, in the order of their keys: operations that
//! share a commit often share terms. Nothing is opened for transactions that leave the directory alone.

use super::super::failure::Failure;
use super::super::record::AgentKey;
use super::super::tables::KeyBytes;
use super::posting::{Bits, locate};
use super::recency::Recency;
use super::terms::{self, Term};
use super::{FREE, LISTED, Listing, NUMBERS, POSTINGS, TAG_COUNTS, TAG_ORDER, listed_row};
use mrp_journal::{Table, Transaction};
use mrp_proto::time::Timestamp;
use redb::ReadableTable as _;
use std::collections::{BTreeMap, HashMap};

/// The directory, in a write transaction.
pub(in crate::store) struct Directory<'a> {
    transaction: &'a Transaction,
    /// Open once it was needed.
    numbers: Option<Table<'a, KeyBytes, u32>>,
    /// Which offsets of a chunk of a term come or go.
    postings: BTreeMap<(Term, u32), BTreeMap<u16, bool>>,
    tags: BTreeMap<String, i64>,
    moves: Moves,
}

/// When numbers were last active, for the memory; `None` for those that are free again.
#[derive(Debug, Default)]
pub(in crate::store) struct Moves(HashMap<u32, Option<Timestamp>>);

impl Moves {
    /// What may be noted before it is committed: should that fail, no more is wrong than a time that was meant to be.
    pub(in crate::store) fn note_active(&self, recency: &Recency) {
        let active = self.0.iter().filter(|(_, time)| time.is_some());
        recency.note(active.map(|(number, time)| (*number, *time)));
    }

    /// What may be noted only once it is committed: an agent that stayed would not be found without its time.
    pub(in crate::store) fn note_gone(&self, recency: &Recency) {
        let gone = self.0.iter().filter(|(_, time)| time.is_none());
        recency.note(gone.map(|(number, _)| (*number, None)));
    }
}

impl<'a> Directory<'a> {
    pub(in crate::store) fn new(transaction: &'a Transaction) -> Self {
        Self {
            transaction,
            numbers: None,
            postings: BTreeMap::new(),
            tags: BTreeMap::new(),
            moves: Moves::default(),
        }
    }

    /// Makes the tables, for readers take them for granted.
    pub(in crate::store) fn make(&mut self) -> Result<(), Failure> {
        self.numbers()?;
        self.transaction.open_table(LISTED)?;
        self.transaction.open_table(FREE)?;
        self.transaction.open_table(POSTINGS)?;
        self.transaction.open_table(TAG_COUNTS)?;
        self.transaction.open_table(TAG_ORDER)?;
        Ok(())
    }

    /// Notes that a listed agent was active.
    pub(in crate::store) fn moved(
        &mut self,
        agent: &AgentKey,
        last_active: Timestamp,
    ) -> Result<(), Failure> {
        if let Some(number) = self.number(agent)? {
            self.moves.0.insert(number, Some(last_active));
        }
        Ok(())
    }

    /// Changes what is listed of an agent: `before` is what was, `after` what is to be; `None` is not listed.
    pub(in crate::store) fn change(
        &mut self,
        agent: &AgentKey,
        before: Option<&Listing>,
        after: Option<&Listing>,
        last_active: Timestamp,
    ) -> Result<(), Failure> {
        let number = match (self.number(agent)?, after) {
            (None, None) => return Ok(()),
            (None, Some(_)) => self.take_number(agent)?,
            (Some(number), _) => number,
        };
        self.change_terms(number, before, after);
        self.change_tags(before, after);
        match after {
            Some(listing) => {
                let row = listed_row(agent, listing);
                let mut listed = self.transaction.open_table(LISTED)?;
                listed.insert(number, row.as_slice())?;
                self.moves.0.insert(number, Some(last_active));
            }
            None => self.free_number(agent, number)?,
        }
        Ok(())
    }

    /// Writes what was gathered. The moves are for the memory.
    pub(in crate::store) fn flush(&mut self) -> Result<Moves, Failure> {
        self.flush_postings()?;
        self.flush_tags()?;
        Ok(std::mem::take(&mut self.moves))
    }

    fn numbers(&mut self) -> Result<&mut Table<'a, KeyBytes, u32>, Failure> {
        if self.numbers.is_none() {
            self.numbers = Some(self.transaction.open_table(NUMBERS)?);
        }
        self.numbers
            .as_mut()
            .ok_or_else(|| Failure::corrupt("the directory's numbers"))
    }

    fn number(&mut self, agent: &AgentKey) -> Result<Option<u32>, Failure> {
        Ok(self.numbers()?.get(agent)?.map(|number| number.value()))
    }

    /// Gives a number back that nobody has.
    #[cfg(test)]
    pub(super) fn offer(&mut self, number: u32) -> Result<(), Failure> {
        self.transaction.open_table(FREE)?.insert(number, ())?;
        Ok(())
    }

    /// The least that is free, so that sets stay dense.
    fn take_number(&mut self, agent: &AgentKey) -> Result<u32, Failure> {
        let mut free = self.transaction.open_table(FREE)?;
        let freed = free.pop_first()?.map(|(number, _)| number.value());
        let number = match freed {
            Some(number) => number,
            // Without a free one, all up to the last are in use.
            None => {
                let listed = self.transaction.open_table(LISTED)?;
                let last = listed.last()?.map(|(number, _)| number.value());
                last.map_or(0, |last| last.saturating_add(1))
            }
        };
        self.numbers()?.insert(agent, number)?;
        Ok(number)
    }

    fn free_number(&mut self, agent: &AgentKey, number: u32) -> Result<(), Failure> {
        self.numbers()?.remove(agent)?;
        self.transaction.open_table(LISTED)?.remove(number)?;
        self.transaction.open_table(FREE)?.insert(number, ())?;
        self.moves.0.insert(number, None);
        Ok(())
    }

    fn change_terms(&mut self, number: u32, before: Option<&Listing>, after: Option<&Listing>) {
        let (chunk, offset) = locate(number);
        let before = before.map(terms::of).unwrap_or_default();
        let after = after.map(terms::of).unwrap_or_default();
        let gone = before.difference(&after).map(|term| (term, false));
        let come = after.difference(&before).map(|term| (term, true));
        for (term, present) in gone.chain(come) {
            let row = self.postings.entry((term.clone(), chunk)).or_default();
            row.insert(offset, present);
        }
    }

    fn change_tags(&mut self, before: Option<&Listing>, after: Option<&Listing>) {
        let before = before.map(terms::tags).unwrap_or_default();
        let after = after.map(terms::tags).unwrap_or_default();
        let gone = before.difference(&after).map(|tag| (tag, -1));
        let come = after.difference(&before).map(|tag| (tag, 1));
        for (tag, change) in gone.chain(come) {
            *self.tags.entry((*tag).to_owned()).or_default() += change;
        }
    }

    fn flush_postings(&mut self) -> Result<(), Failure> {
        if self.postings.is_empty() {
            return Ok(());
        }
        let mut postings = self.transaction.open_table(POSTINGS)?;
        for ((term, chunk), changes) in std::mem::take(&mut self.postings) {
            let key = (term.as_slice(), chunk);
            let mut bits = Bits::new();
            if let Some(row) = postings.get(key)? {
                bits.unite(row.value())?;
            }
            for (offset, present) in changes {
                bits.put(offset, present);
            }
            match bits.to_row() {
                Some(row) => postings.insert(key, row.as_slice())?,
                None => postings.remove(key)?,
            };
        }
        Ok(())
    }

    fn flush_tags(&mut self) -> Result<(), Failure> {
        if self.tags.is_empty() {
            return Ok(());
        }
        let mut counts = self.transaction.open_table(TAG_COUNTS)?;
        let mut order = self.transaction.open_table(TAG_ORDER)?;
        for (tag, change) in std::mem::take(&mut self.tags) {
            let tag = tag.as_str();
            let before = counts.get(tag)?.map_or(0, |count| count.value());
            let after = before.saturating_add_signed(change);
            if before == after {
                continue;
            }
            order.remove((!before, tag))?;
            if after == 0 {
                counts.remove(tag)?;
            } else {
                counts.insert(tag, after)?;
                order.insert((!after, tag), ())?;
            }
        }
        Ok(())
    }
}
