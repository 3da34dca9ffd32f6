//! What inboxes and senders hold, and the limits on it (protocol A4.12, A9).
//!
//! New keys cost nothing, so a stranger must not be able to fill an inbox: one sender may use a quarter of it, and a quarter is
//! kept for those whom the recipient has allowed or has written to.

use super::accept::AcceptError;
use super::blobs::BlobQuotas;
use super::failure::{Failure, Stop};
use super::ledger::Load;
use super::record::AgentKey;
use super::tables::Tables;

/// How much an inbox and a sender may hold (protocol A4.12, A9); 0 switches a limit off. Bytes are those that a message takes in
/// the store: its body, its attachments' descriptions and its other fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Queued messages of an inbox.
    pub inbox_messages: u64,
    /// Queued bytes of an inbox.
    pub inbox_bytes: u64,
    /// Bytes of a sender's live messages, delivered ones included.
    pub sender_bytes: u64,
    /// What the sender may own: attaching a blob that it was sent makes it an owner.
    pub blobs: BlobQuotas,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            inbox_messages: 10_000,
            inbox_bytes: 256 << 20,
            sender_bytes: 1 << 30,
            blobs: BlobQuotas::default(),
        }
    }
}

/// The limit of an inbox that a message would break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboxLimit {
    /// Messages in the inbox.
    Messages,
    /// Bytes in the inbox.
    Bytes,
    /// Messages of one sender: a quarter of the inbox.
    SenderMessages,
    /// Bytes of one sender: a quarter of the inbox.
    SenderBytes,
    /// Messages from strangers: all but the quarter that is kept for those whom the recipient allowed or wrote to.
    StrangerMessages,
    /// Bytes from strangers, likewise.
    StrangerBytes,
}

impl std::fmt::Display for InboxLimit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Messages => "queued messages",
            Self::Bytes => "queued bytes",
            Self::SenderMessages => "queued messages of one sender",
            Self::SenderBytes => "queued bytes of one sender",
            Self::StrangerMessages => "queued messages of senders it does not know",
            Self::StrangerBytes => "queued bytes of senders it does not know",
        })
    }
}

/// Whether a sender may use the part of an inbox that is kept from strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Known,
    Stranger,
}

/// Holds one more message of `size` bytes against the limits. `standing` is looked up only if the answer depends on it.
pub(super) fn check(
    tables: &Tables<'_>,
    quotas: &Quotas,
    sender: &AgentKey,
    recipient: &AgentKey,
    size: u32,
    standing: impl FnOnce() -> Result<Standing, Failure>,
) -> Result<(), Stop<AcceptError>> {
    let ledger = &tables.ledger;
    let inbox = ledger.usage(recipient)?.queued.plus(size);
    let (messages, bytes) = (quotas.inbox_messages, quotas.inbox_bytes);
    within(messages, inbox.messages, InboxLimit::Messages)?;
    within(bytes, inbox.bytes, InboxLimit::Bytes)?;
    let for_one_sender = |load: Load| {
        within(
            messages.div_ceil(4),
            load.messages,
            InboxLimit::SenderMessages,
        )
        .and_then(|()| within(bytes.div_ceil(4), load.bytes, InboxLimit::SenderBytes))
    };
    // One sender's share is no larger than the whole, which is known without counting.
    if for_one_sender(inbox).is_err() {
        let share = ledger.share(&tables.queued, recipient, sender)?;
        for_one_sender(share.plus(size))?;
    }
    let for_strangers = within(
        messages - messages / 4,
        inbox.messages,
        InboxLimit::StrangerMessages,
    )
    .and_then(|()| within(bytes - bytes / 4, inbox.bytes, InboxLimit::StrangerBytes));
    if let Err(refusal) = for_strangers
        && standing()? == Standing::Stranger
    {
        return Err(refusal.into());
    }
    let sent_bytes = ledger
        .usage(sender)?
        .sent_bytes
        .saturating_add(u64::from(size));
    if quotas.sender_bytes != 0 && sent_bytes > quotas.sender_bytes {
        return Err(Stop::Refused(AcceptError::SenderQuota {
            limit: quotas.sender_bytes,
            actual: sent_bytes,
        }));
    }
    Ok(())
}

/// A limit of 0 is none.
fn within(limit: u64, actual: u64, what: InboxLimit) -> Result<(), InboxFull> {
    if limit == 0 || actual <= limit {
        Ok(())
    } else {
        Err(InboxFull {
            limit,
            actual,
            what,
        })
    }
}

struct InboxFull {
    limit: u64,
    actual: u64,
    what: InboxLimit,
}

impl From<InboxFull> for Stop<AcceptError> {
    fn from(full: InboxFull) -> Self {
        let InboxFull {
            limit,
            actual,
            what,
        } = full;
        Self::Refused(AcceptError::InboxFull {
            limit,
            actual,
            what,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::queue::Admission;
    use super::super::{Store, StoreError, Submission};
    use super::*;

    async fn outcome(
        store: &Store,
        sender: u8,
        recipient: u8,
        quotas: Quotas,
    ) -> Result<(), AcceptError> {
        outcome_at(store, sender, recipient, quotas, 0).await
    }

    async fn outcome_at(
        store: &Store,
        sender: u8,
        recipient: u8,
        quotas: Quotas,
        seconds: u64,
    ) -> Result<(), AcceptError> {
        let submission = Submission {
            quotas,
            ..send(agent(sender), agent(recipient), "1", at(seconds))
        };
        store.accept_message(submission).await.map(|_| ())
    }

    fn full(limit: u64, actual: u64, what: InboxLimit) -> Result<(), AcceptError> {
        Err(AcceptError::InboxFull {
            limit,
            actual,
            what,
        })
    }

    #[tokio::test]
    async fn one_sender_fills_a_quarter_and_strangers_three() {
        let store = empty_store();
        let quotas = Quotas {
            inbox_messages: 8,
            ..no_quotas()
        };
        let outcome = |sender| outcome(&store, sender, 9, quotas);
        for sender in [1, 1, 2, 2, 3] {
            assert_eq!(outcome(sender).await, Ok(()));
        }
        assert_eq!(outcome(1).await, full(2, 3, InboxLimit::SenderMessages));
        assert_eq!(outcome(3).await, Ok(()));
        assert_eq!(outcome(4).await, full(6, 7, InboxLimit::StrangerMessages));
        // Once the recipient has written to someone, the last quarter is open to them, and to itself.
        let answer = store.accept_message(send(agent(9), agent(4), "1", at(0)));
        answer.await.unwrap();
        assert_eq!(outcome(4).await, Ok(()));
        assert_eq!(outcome(5).await, full(6, 8, InboxLimit::StrangerMessages));
        assert_eq!(outcome(9).await, Ok(()));
        assert_eq!(outcome(4).await, full(8, 9, InboxLimit::Messages));
        // What is delivered makes room.
        store.poll(taking_poll(agent(9), at(0))).await.unwrap();
        assert_eq!(outcome(1).await, Ok(()));
    }

    #[tokio::test]
    async fn an_allowed_sender_uses_the_reserved_quarter() {
        let store = empty_store();
        let quotas = Quotas {
            inbox_messages: 4,
            ..no_quotas()
        };
        let (owner, peer) = (*agent(9).as_bytes(), *agent(4).as_bytes());
        let allowing = store.write::<_, StoreError, _>(Admission::Other, move |tables| {
            let entry = [super::super::tables::ACL_ALLOW];
            tables.acl.insert((&owner, &peer), entry.as_slice())?;
            Ok(())
        });
        allowing.await.unwrap();
        for sender in [1, 2, 3] {
            assert_eq!(outcome(&store, sender, 9, quotas).await, Ok(()));
        }
        let stranger = outcome(&store, 5, 9, quotas).await;
        assert_eq!(stranger, full(3, 4, InboxLimit::StrangerMessages));
        assert_eq!(outcome(&store, 4, 9, quotas).await, Ok(()));
    }

    #[tokio::test]
    async fn bytes_are_limited_like_messages() {
        let store = empty_store();
        let size = |body: &str| {
            let content = super::super::record::Content::of(draft(agent(9), body)).encode();
            (super::super::record::Head::LENGTH + content.len()) as u64
        };
        let quotas = Quotas {
            inbox_bytes: 8 * size("1"),
            ..no_quotas()
        };
        for sender in [1, 1, 2, 2, 3, 3] {
            assert_eq!(outcome(&store, sender, 9, quotas).await, Ok(()));
        }
        let (limit, actual) = (2 * size("1"), 3 * size("1"));
        assert_eq!(
            outcome(&store, 1, 9, quotas).await,
            full(limit, actual, InboxLimit::SenderBytes)
        );
        let (limit, actual) = (6 * size("1"), 7 * size("1"));
        assert_eq!(
            outcome(&store, 4, 9, quotas).await,
            full(limit, actual, InboxLimit::StrangerBytes)
        );
        let much = Quotas {
            inbox_bytes: 6 * size("1"),
            ..no_quotas()
        };
        assert_eq!(
            outcome(&store, 9, 9, much).await,
            full(6 * size("1"), 7 * size("1"), InboxLimit::Bytes)
        );
    }

    #[tokio::test]
    async fn a_sender_pays_until_its_messages_expire() {
        let store = empty_store();
        let content = super::super::record::Content::of(draft(agent(2), "1")).encode();
        let size = (super::super::record::Head::LENGTH + content.len()) as u64;
        let quotas = Quotas {
            sender_bytes: 2 * size,
            ..no_quotas()
        };
        let over = Err(AcceptError::SenderQuota {
            limit: 2 * size,
            actual: 3 * size,
        });
        assert_eq!(outcome(&store, 1, 2, quotas).await, Ok(()));
        assert_eq!(outcome(&store, 1, 3, quotas).await, Ok(()));
        assert_eq!(outcome(&store, 1, 4, quotas).await, over);
        store.poll(taking_poll(agent(2), at(0))).await.unwrap();
        assert_eq!(
            outcome(&store, 1, 4, quotas).await,
            over,
            "delivered ones count"
        );
        store.sweep(at(1_000), 10).await.unwrap();
        let later = || outcome_at(&store, 1, 4, quotas, 1_000);
        assert_eq!(later().await, Ok(()));
        assert_eq!(later().await, Ok(()));
        assert_eq!(later().await, over);
    }
}
