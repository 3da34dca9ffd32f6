//! How much there is: for the relay's operator. Nothing here is counted by going through it.

use super::tables::{
    ACL, AGENTS, ANSWERS, CLAIMS, DELIVERED, EXPIRED, MESSAGES, QUEUED, SUSPENDED, USAGE,
};
use super::{Store, StoreError, acl, blobs};
use mrp_proto::key::PublicKey;
use redb::ReadableTableMetadata as _;
use serde::Serialize;

/// What the store holds. What expired and was not swept yet counts as what it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Holdings {
    /// Agents with a record.
    pub agents: u64,
    /// Those of them that are suspended.
    pub suspended_agents: u64,
    /// Messages, whatever became of them.
    pub messages: u64,
    /// Those of them that wait for their recipients.
    pub queued_messages: u64,
    /// Those that their recipients took over.
    pub delivered_messages: u64,
    /// Those whose bodies are gone.
    pub expired_messages: u64,
    /// Signatures that took effect and could be repeated.
    pub replay_claims: u64,
    /// Answers to sends with an idempotency key.
    pub remembered_answers: u64,
    /// Blobs that someone owns or a live message attaches, each once.
    pub blobs: u64,
}

/// What the store holds of one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct AgentHoldings {
    /// Messages that wait for it.
    pub queued_messages: u64,
    /// Bytes of them.
    pub queued_bytes: u64,
    /// Bytes of the live messages that it sent.
    pub sent_bytes: u64,
    /// Entries of its access list.
    pub acl_entries: u64,
    /// Blobs that it owns.
    pub blobs: u64,
    /// Bytes of them.
    pub blob_bytes: u64,
}

impl Store {
    /// What the store holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn holdings(&self) -> Result<Holdings, StoreError> {
        self.read(|view| {
            let open = &view.transaction;
            Ok(Holdings {
                agents: open.open_table(AGENTS)?.len()?,
                suspended_agents: open.open_table(SUSPENDED)?.len()?,
                messages: open.open_table(MESSAGES)?.len()?,
                queued_messages: open.open_table(QUEUED)?.len()?,
                delivered_messages: open.open_table(DELIVERED)?.len()?,
                expired_messages: open.open_table(EXPIRED)?.len()?,
                replay_claims: open.open_table(CLAIMS)?.len()?,
                remembered_answers: open.open_table(ANSWERS)?.len()?,
                blobs: blobs::count(open)?,
            })
        })
        .await
    }

    /// What the store holds of one agent; nothing where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agent_holdings(&self, key: &PublicKey) -> Result<AgentHoldings, StoreError> {
        let agent = *key.as_bytes();
        self.read(move |view| {
            let usage = view.transaction.open_table(USAGE)?;
            let usage = usage.get(&agent)?.map(|usage| usage.value());
            let (queued_messages, queued_bytes, sent_bytes, _) = usage.unwrap_or_default();
            let owned = blobs::owned(&view.transaction, &agent)?;
            Ok(AgentHoldings {
                queued_messages,
                queued_bytes,
                sent_bytes,
                acl_entries: acl::count(&view.transaction.open_table(ACL)?, &agent)?,
                blobs: owned.blobs,
                blob_bytes: owned.bytes,
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::{NewAgents, Scheme};
    use super::*;
    use mrp_proto::acl::EntryType;
    use mrp_proto::agent::AgentStatus;

    #[tokio::test]
    async fn everything_is_counted() {
        let store = empty_store();
        for number in [1, 2] {
            let recording = store.record_activity(
                agent(number),
                at(0),
                NewAgents::Allowed,
                Scheme::Published,
                None,
            );
            recording.await.unwrap();
        }
        store
            .set_status(agent(2), AgentStatus::Suspended, at(0))
            .await
            .unwrap();
        for recipient in [3, 3, 4] {
            let sending = store.accept_message(send(agent(1), agent(recipient), "1", at(0)));
            sending.await.unwrap();
        }
        store.poll(taking_poll(agent(4), at(0))).await.unwrap();
        let claim = claim(agent(3), at(0));
        store
            .put_acl_entry(agent(3), agent(1), EntryType::Allow, 0, claim, at(0))
            .await
            .unwrap();
        let holdings = store.holdings().await.unwrap();
        let expected = Holdings {
            agents: 2,
            suspended_agents: 1,
            messages: 3,
            queued_messages: 2,
            delivered_messages: 1,
            expired_messages: 0,
            replay_claims: 5,
            remembered_answers: 0,
            blobs: 0,
        };
        assert_eq!(holdings, expected);
        let of_recipient = store.agent_holdings(&agent(3)).await.unwrap();
        assert_eq!(of_recipient.queued_messages, 2);
        assert_eq!(of_recipient.acl_entries, 1);
        let of_sender = store.agent_holdings(&agent(1)).await.unwrap();
        assert!(of_sender.sent_bytes > of_recipient.queued_bytes);
        let of_nobody = store.agent_holdings(&agent(9)).await.unwrap();
        assert_eq!(of_nobody, AgentHoldings::default());
    }
}
