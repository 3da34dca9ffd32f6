//! What inboxes and senders hold, counted as messages come and go.
//!
//! Counters are changed in memory and written once per commit, however many messages moved them. How much of an inbox is one
//! sender's is counted only where the inbox is long: a short one is gone through when the question comes up, so that mail that is
//! fetched soon costs no counter.

use super::failure::Failure;
use super::pair::Pair;
use super::record::{AgentKey, Entry};
use super::tables::{Index, KeyBytes, LoadRow, UsageRow};
use mrp_journal::Table;
use redb::ReadableTable as _;
use std::collections::HashMap;

/// Messages of an inbox up to which it is gone through.
const SHORT: u64 = 256;
/// Agents whose counters are kept in memory as they were written, at most: a megabyte.
const KNOWN: usize = 8_192;

/// What one agent has in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    pub(super) queued: Load,
    /// Bytes of the live messages that it sent.
    pub(super) sent_bytes: u64,
    /// Whether its inbox has grown long, and the shares in it are counted. They are until it is empty.
    shares_counted: bool,
}

/// Messages and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Load {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

impl Load {
    pub(super) fn plus(self, size: u32) -> Self {
        Self {
            messages: self.messages.saturating_add(1),
            bytes: self.bytes.saturating_add(u64::from(size)),
        }
    }

    fn minus(self, size: u32) -> Self {
        Self {
            messages: self.messages.saturating_sub(1),
            bytes: self.bytes.saturating_sub(u64::from(size)),
        }
    }
}

/// The counters of one write transaction.
pub(super) struct Ledger<'a> {
    usage_table: Table<'a, KeyBytes, UsageRow>,
    shares_table: Table<'a, Pair<KeyBytes, KeyBytes>, LoadRow>,
    /// What was changed and not written yet.
    usage: HashMap<AgentKey, Usage>,
    /// What was written of late, so that it need not be looked up again.
    known: HashMap<AgentKey, Usage>,
    /// By recipient and sender.
    shares: HashMap<(AgentKey, AgentKey), Load>,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(
        usage_table: Table<'a, KeyBytes, UsageRow>,
        shares_table: Table<'a, Pair<KeyBytes, KeyBytes>, LoadRow>,
    ) -> Self {
        Self {
            usage_table,
            shares_table,
            usage: HashMap::new(),
            known: HashMap::new(),
            shares: HashMap::new(),
        }
    }

    pub(super) fn usage(&self, agent: &AgentKey) -> Result<Usage, Failure> {
        if let Some(usage) = self.usage.get(agent).or_else(|| self.known.get(agent)) {
            return Ok(*usage);
        }
        let stored = self.usage_table.get(agent)?;
        Ok(stored.map_or_else(Usage::default, |guard| {
            let (messages, bytes, sent_bytes, shares_counted) = guard.value();
            Usage {
                queued: Load { messages, bytes },
                sent_bytes,
                shares_counted,
            }
        }))
    }

    /// What one sender has in an inbox.
    pub(super) fn share(
        &self,
        queued: &Index<'_>,
        recipient: &AgentKey,
        sender: &AgentKey,
    ) -> Result<Load, Failure> {
        if self.usage(recipient)?.shares_counted {
            return self.counted_share(recipient, sender);
        }
        let mut share = Load::default();
        for entry in entries(queued, recipient)? {
            let entry = entry?;
            if &entry.sender == sender {
                share = share.plus(entry.size);
            }
        }
        Ok(share)
    }

    /// A message was accepted: it is in the queue, and its sender pays for it.
    pub(super) fn accepted(
        &mut self,
        queued: &Index<'_>,
        sender: &AgentKey,
        recipient: &AgentKey,
        size: u32,
    ) -> Result<(), Failure> {
        let mut usage = self.usage(recipient)?;
        usage.queued = usage.queued.plus(size);
        if usage.shares_counted {
            let share = self.counted_share(recipient, sender)?.plus(size);
            self.shares.insert((*recipient, *sender), share);
        } else if usage.queued.messages > SHORT {
            self.count_shares(queued, recipient)?;
            usage.shares_counted = true;
        }
        self.usage.insert(*recipient, usage);
        let mut usage = self.usage(sender)?;
        usage.sent_bytes = usage.sent_bytes.saturating_add(u64::from(size));
        self.usage.insert(*sender, usage);
        Ok(())
    }

    /// A message does not wait any more.
    pub(super) fn unqueued(
        &mut self,
        sender: &AgentKey,
        recipient: &AgentKey,
        size: u32,
    ) -> Result<(), Failure> {
        let mut usage = self.usage(recipient)?;
        usage.queued = usage.queued.minus(size);
        if usage.shares_counted {
            let share = self.counted_share(recipient, sender)?.minus(size);
            self.shares.insert((*recipient, *sender), share);
            usage.shares_counted = usage.queued.messages > 0;
        }
        self.usage.insert(*recipient, usage);
        Ok(())
    }

    /// A message's body is gone: its sender does not pay for it any more.
    pub(super) fn freed(&mut self, sender: &AgentKey, size: u32) -> Result<(), Failure> {
        let mut usage = self.usage(sender)?;
        usage.sent_bytes = usage.sent_bytes.saturating_sub(u64::from(size));
        self.usage.insert(*sender, usage);
        Ok(())
    }

    fn counted_share(&self, recipient: &AgentKey, sender: &AgentKey) -> Result<Load, Failure> {
        if let Some(share) = self.shares.get(&(*recipient, *sender)) {
            return Ok(*share);
        }
        let stored = self.shares_table.get((recipient, sender))?;
        Ok(stored.map_or_else(Load::default, |guard| {
            let (messages, bytes) = guard.value();
            Load { messages, bytes }
        }))
    }

    fn count_shares(&mut self, queued: &Index<'_>, recipient: &AgentKey) -> Result<(), Failure> {
        for entry in entries(queued, recipient)? {
            let entry = entry?;
            let share = self.shares.entry((*recipient, entry.sender)).or_default();
            *share = share.plus(entry.size);
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        for (agent, usage) in self.usage.drain() {
            // Nothing in it is older than what is written now.
            if self.known.len() >= KNOWN && !self.known.contains_key(&agent) {
                self.known.clear();
            }
            self.known.insert(agent, usage);
            if usage == Usage::default() {
                self.usage_table.remove(&agent)?;
            } else {
                let Load { messages, bytes } = usage.queued;
                let row = (messages, bytes, usage.sent_bytes, usage.shares_counted);
                self.usage_table.insert(&agent, row)?;
            }
        }
        for ((recipient, sender), share) in self.shares.drain() {
            if share == Load::default() {
                self.shares_table.remove((&recipient, &sender))?;
            } else {
                let row = (share.messages, share.bytes);
                self.shares_table.insert((&recipient, &sender), row)?;
            }
        }
        Ok(())
    }
}

fn entries(
    queued: &Index<'_>,
    recipient: &AgentKey,
) -> Result<impl Iterator<Item = Result<Entry, Failure>>, Failure> {
    let range = queued.range((recipient, 0)..=(recipient, u64::MAX))?;
    Ok(range.map(|entry| Entry::from_bytes(entry?.1.value())))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::tables::{SHARES, USAGE};
    use super::super::{AcceptError, InboxLimit, Quotas, Store, StoreError, Submission};
    use super::*;

    /// Records of usage and of shares.
    async fn records(store: &Store) -> (u64, u64) {
        use redb::ReadableTableMetadata as _;
        let left = store.read(|view| {
            let usage = view.transaction.open_table(USAGE)?;
            let shares = view.transaction.open_table(SHARES)?;
            Ok((usage.len()?, shares.len()?))
        });
        left.await.unwrap()
    }

    #[tokio::test]
    async fn nothing_is_left_in_the_ledger_of_an_empty_store() {
        let store = empty_store();
        for sender in 1..4 {
            let sending = store.accept_message(send(agent(sender), agent(9), "1", at(0)));
            sending.await.unwrap();
        }
        let first = waiting(&store, agent(9), at(0)).await.remove(0);
        let id = first.message.message_id;
        store
            .mark_delivered(agent(9), &id, None, at(0))
            .await
            .unwrap();
        store.sweep(at(1_000), 10).await.unwrap();
        assert_eq!(records(&store).await, (0, 0));
    }

    #[tokio::test]
    async fn what_is_kept_in_memory_is_bounded_and_true() {
        use crate::store::queue::Admission;
        let store = empty_store();
        let counting = store.write::<_, StoreError, _>(Admission::Other, |tables| {
            let agent = |number: usize| {
                let mut key = [0; 32];
                key[..8].copy_from_slice(&number.to_be_bytes());
                key
            };
            let many = KNOWN + KNOWN / 2;
            for round in 1..=2 {
                for number in (0..many).chain(0..10) {
                    let (ledger, queued) = (&mut tables.ledger, &tables.queued);
                    ledger.accepted(queued, &agent(number), &agent(many), 1)?;
                    ledger.flush()?;
                    assert!(ledger.known.len() <= KNOWN);
                }
                for number in [0, 9, 10, KNOWN, many - 1] {
                    let sent = if number < 10 { 2 * round } else { round };
                    let usage = tables.ledger.usage(&agent(number))?;
                    assert_eq!(usage.sent_bytes, sent, "{number}");
                }
            }
            Ok(())
        });
        counting.await.unwrap();
    }

    #[tokio::test]
    async fn shares_are_right_whether_they_are_counted_or_not() {
        for before in [SHORT - 1, SHORT, SHORT + 1] {
            let store = empty_store();
            let limited = |sender: u8| {
                let quotas = Quotas {
                    inbox_messages: 4 * (before + 2),
                    ..no_quotas()
                };
                let submission = send(agent(sender), agent(9), "1", at(0));
                store.accept_message(Submission {
                    quotas,
                    ..submission
                })
            };
            for _ in 0..2 {
                limited(1).await.unwrap();
            }
            for _ in 0..before + 2 {
                limited(2).await.unwrap();
            }
            let full = AcceptError::InboxFull {
                limit: before + 2,
                actual: before + 3,
                what: InboxLimit::SenderMessages,
            };
            assert_eq!(limited(2).await.unwrap_err(), full, "{before}");
            limited(1).await.unwrap();
            // A message that is taken makes room for one.
            let of_two = waiting(&store, agent(9), at(0)).await.remove(2).message;
            let marking = store.mark_delivered(agent(9), &of_two.message_id, None, at(0));
            marking.await.unwrap();
            limited(2).await.unwrap();
            assert_eq!(limited(2).await.unwrap_err(), full, "{before}");
            while !store
                .poll(taking_poll(agent(9), at(0)))
                .await
                .unwrap()
                .messages
                .is_empty()
            {}
            assert_eq!(records(&store).await, (2, 0), "the senders alone");
        }
    }
}
