//! Taking a message in: one transaction from the replay guard to the recipient's queue (protocol A1.4, A1.8, A4, A9).

use super::agents::Profile;
use super::answers::{self, Question, Remembered};
use super::blobs::{self, Attaching, BlobQuotaExceeded};
use super::claims::{self, ReplayClaim};
use super::clock::to_millis;
use super::failure::{Failure, Stop};
use super::queue::Admission;
use super::quota::{self, InboxLimit, Quotas};
use super::record::{
    AgentKey, Content, Entry, Head, RowState, TextHash, TextTag, agent_start, head_id_number,
    text_hash, text_tag,
};
use super::tables::{self, Tables};
use super::{Sequence, Store, StoreError, webhooks};
use mrp_proto::acl::{self, EntryType, InboxPolicy, Relation, Verdict};
use mrp_proto::agent::AgentStatus;
use mrp_proto::key::PublicKey;
use mrp_proto::message::{Draft, Status};
use mrp_proto::relay_api::Accepted;
use mrp_proto::time::Timestamp;
use redb::ReadableTable as _;
use std::time::Duration;

/// A send, whole.
#[derive(Debug)]
pub struct Submission {
    /// Who sends; already verified.
    pub sender: PublicKey,
    /// What is sent, within its limits.
    pub draft: Draft,
    /// The clock.
    pub now: Timestamp,
    /// Randomness for the message id.
    pub random: [u8; 6],
    /// The request's signature; `None` for a frame of an authenticated socket.
    pub claim: Option<ReplayClaim>,
    /// The sender's key for this send, 1 to 64 visible ASCII characters.
    pub idempotency_key: Option<String>,
    /// The limits in force.
    pub quotas: Quotas,
}

/// Whether an answer is given for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// The message was stored now.
    Fresh,
    /// The message was stored by an earlier send with the same idempotency key.
    Repeated,
}

/// The message is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The answer to the sender.
    pub accepted: Accepted,
    /// Its place in the order of acceptance.
    pub sequence: Sequence,
    /// Whether it was stored now or before.
    pub replayed: Replayed,
}

/// Why a message was not taken. Nothing of it was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// The signature took effect before.
    #[error("the signature was used before")]
    Replay,
    /// The idempotency key came before, with another message.
    #[error("the idempotency key was used for another message")]
    IdempotencyMismatch,
    /// The recipient's policy keeps this sender out.
    #[error("the recipient does not take messages from this sender")]
    Denied(InboxPolicy),
    /// The sender is suspended.
    #[error("the sender is suspended")]
    SenderSuspended,
    /// The recipient is suspended.
    #[error("the recipient is suspended")]
    RecipientSuspended,
    /// The inbox is full, or the part of it that this sender may use.
    #[error("the inbox is full: at most {limit} {what}, with this message {actual}")]
    InboxFull {
        /// The limit.
        limit: u64,
        /// What it would be with this message.
        actual: u64,
        /// Which limit.
        what: InboxLimit,
    },
    /// The sender's live messages take too many bytes.
    #[error("the sender's live messages may take {limit} bytes, with this one {actual}")]
    SenderQuota {
        /// The limit.
        limit: u64,
        /// What it would be with this message.
        actual: u64,
    },
    /// Attachments name blobs that the sender neither owns nor was sent.
    #[error("the sender neither owns nor was sent: {}", blob_ids.join(", "))]
    BlobNotFound {
        /// All of them, as the sender wrote them.
        blob_ids: Vec<String>,
    },
    /// The sender was sent the blobs and would own too much by attaching them.
    #[error(transparent)]
    BlobQuota(BlobQuotaExceeded),
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Takes a message in, or says why not; an answer means that it is on disk.
    ///
    /// # Errors
    /// [`AcceptError`]; nothing is stored then, unless it is [`StoreError::Unavailable`].
    pub async fn accept_message(&self, submission: Submission) -> Result<Acceptance, AcceptError> {
        // A request is the only one of its connection. Of frames many may be under way, and share a group.
        let is_alone = submission.claim.is_some();
        let incoming = Incoming::prepare(submission);
        let admission = Admission::Send {
            bytes: incoming.payload.length(),
            is_alone,
        };
        self.write(admission, move |tables| incoming.accept(tables))
            .await
    }
}

/// A submission made ready by its caller, so that whoever has the pen has little left to do.
struct Incoming {
    sender: AgentKey,
    recipient: AgentKey,
    now: Timestamp,
    random: [u8; 6],
    lifetime: Duration,
    claim: Option<claims::Key>,
    question: Option<Question>,
    quotas: Quotas,
    thread: Option<TextHash>,
    thread_tag: TextTag,
    reply_tag: TextTag,
    payload: Payload,
}

/// What is stored behind the head of the row.
enum Payload {
    /// As it will be.
    Ready(Vec<u8>),
    /// The relay has yet to fill in what it knows about the attachments.
    Attaching { content: Content, length: usize },
}

impl Payload {
    fn of(content: Content) -> Self {
        let encoded = content.encode();
        if content.attachments.is_empty() {
            Self::Ready(encoded)
        } else {
            let length = encoded.len();
            Self::Attaching { content, length }
        }
    }

    fn length(&self) -> usize {
        match self {
            Self::Ready(encoded) => encoded.len(),
            Self::Attaching { length, .. } => *length,
        }
    }
}

impl Incoming {
    fn prepare(submission: Submission) -> Self {
        let Submission {
            sender,
            draft,
            now,
            random,
            claim,
            idempotency_key,
            quotas,
        } = submission;
        let question = idempotency_key.map(|key| Question::new(&sender, &key, &draft));
        Self {
            sender: *sender.as_bytes(),
            recipient: *draft.recipient.as_bytes(),
            now,
            random,
            lifetime: draft.expires_in,
            claim: claim.as_ref().map(claims::Key::of),
            question,
            quotas,
            thread: draft.thread_id.as_deref().map(text_hash),
            thread_tag: text_tag(draft.thread_id.as_deref()),
            reply_tag: text_tag(draft.in_reply_to.as_deref()),
            payload: Payload::of(Content::of(draft)),
        }
    }

    fn accept(&self, tables: &mut Tables<'_>) -> Result<Acceptance, Stop<AcceptError>> {
        let now = tables.clock.observe(self.now);
        if let Some(claim) = &self.claim {
            claims::refuse_used(tables, claim, AcceptError::Replay)?;
        }
        let sender = Profile::find(&tables.agents, &self.sender)?;
        if sender.is_some_and(|profile| profile.status == AgentStatus::Suspended) {
            return Err(Stop::Refused(AcceptError::SenderSuspended));
        }
        if let Some(earlier) = self.answered_before(tables, now)? {
            self.store_claim(tables)?;
            return Ok(earlier);
        }
        let recipient = self.check_recipient(tables)?;
        let acceptance = match &self.payload {
            Payload::Ready(encoded) => {
                let mut head = self.admit(tables, encoded, now)?;
                self.store(tables, &mut head, encoded)?
            }
            Payload::Attaching { content, .. } => {
                let attaching = self.resolve(tables, content, now)?;
                let filled = Content {
                    attachments: attaching.attachments.clone(),
                    ..content.clone()
                };
                let encoded = filled.encode();
                let mut head = self.admit(tables, &encoded, now)?;
                let acceptance = self.store(tables, &mut head, &encoded)?;
                blobs::attach(tables, acceptance.sequence.0, &head, &attaching)?;
                acceptance
            }
        };
        if recipient.is_some_and(|profile| profile.has_webhook) {
            webhooks::enqueue(tables, &self.recipient, now)?;
        }
        Ok(acceptance)
    }

    fn resolve(
        &self,
        tables: &Tables<'_>,
        content: &Content,
        now: Timestamp,
    ) -> Result<Attaching, Stop<AcceptError>> {
        let quotas = &self.quotas.blobs;
        let resolved = blobs::resolve(tables, &self.sender, &content.attachments, quotas, now);
        resolved.map_err(|stop| match stop {
            Stop::Refused(refusal) => Stop::Refused(refusal.into()),
            Stop::Failed(failure) => Stop::Failed(failure),
        })
    }

    /// Holds the message against the quotas; the answer is the head of its row.
    fn admit(
        &self,
        tables: &Tables<'_>,
        content: &[u8],
        now: Timestamp,
    ) -> Result<Head, Stop<AcceptError>> {
        // What it takes in the store is what it counts.
        let size = u32::try_from(Head::LENGTH + content.len()).unwrap_or(u32::MAX);
        quota::check(
            tables,
            &self.quotas,
            &self.sender,
            &self.recipient,
            size,
            || self.standing(tables),
        )?;
        Ok(self.head(size, now))
    }

    fn answered_before(
        &self,
        tables: &Tables<'_>,
        now: Timestamp,
    ) -> Result<Option<Acceptance>, Stop<AcceptError>> {
        let Some(question) = &self.question else {
            return Ok(None);
        };
        match answers::look_up(tables, question, now)? {
            None => Ok(None),
            Some(Remembered::Other) => Err(Stop::Refused(AcceptError::IdempotencyMismatch)),
            Some(Remembered::Same(accepted, sequence)) => Ok(Some(Acceptance {
                accepted,
                sequence,
                replayed: Replayed::Repeated,
            })),
        }
    }

    fn check_recipient(&self, tables: &Tables<'_>) -> Result<Option<Profile>, Stop<AcceptError>> {
        // A key that was never seen may get mail, under the policy that its record would begin with.
        let profile = Profile::find(&tables.agents, &self.recipient)?;
        if profile.is_some_and(|profile| profile.status == AgentStatus::Suspended) {
            return Err(Stop::Refused(AcceptError::RecipientSuspended));
        }
        let policy = profile.map_or_else(InboxPolicy::default, |profile| profile.inbox_policy);
        match acl::decide(policy, self.relation(tables)?) {
            Verdict::Accept => Ok(profile),
            Verdict::Deny(policy) => Err(Stop::Refused(AcceptError::Denied(policy))),
        }
    }

    fn relation(&self, tables: &Tables<'_>) -> Result<Relation, Failure> {
        if self.sender == self.recipient {
            return Ok(Relation::Oneself);
        }
        let Some(entry) = tables.acl.get((&self.recipient, &self.sender))? else {
            return Ok(Relation::Stranger);
        };
        match entry.value().first() {
            Some(&tables::ACL_ALLOW) => Ok(Relation::Listed(EntryType::Allow)),
            Some(&tables::ACL_BLOCK) => Ok(Relation::Listed(EntryType::Block)),
            _ => Err(Failure::corrupt("an access entry")),
        }
    }

    fn standing(&self, tables: &Tables<'_>) -> Result<quota::Standing, Failure> {
        let known = match self.relation(tables)? {
            Relation::Oneself | Relation::Listed(EntryType::Allow) => true,
            Relation::Stranger | Relation::Listed(EntryType::Block) => {
                has_written(tables, &self.recipient, &self.sender)?
            }
        };
        Ok(if known {
            quota::Standing::Known
        } else {
            quota::Standing::Stranger
        })
    }

    /// The head of the message's row, with an id that may yet turn out to be taken.
    fn head(&self, size: u32, now: Timestamp) -> Head {
        Head {
            state: RowState::Live,
            sender: self.sender,
            recipient: self.recipient,
            created: now,
            expires: now.after(self.lifetime),
            delivered: None,
            random: self.random,
            size,
            thread: self.thread,
        }
    }

    fn store(
        &self,
        tables: &mut Tables<'_>,
        head: &mut Head,
        content: &[u8],
    ) -> Result<Acceptance, Failure> {
        let sequence = tables.next_sequence();
        give_id(tables, head, sequence)?;
        let mut start = [0; Head::LENGTH];
        head.write(&mut start);
        tables.messages.insert_parts(sequence, &[&start, content])?;
        let entry = Entry {
            sender: self.sender,
            expires: head.expires,
            delivered: None,
            thread: self.thread_tag,
            reply: self.reply_tag,
            size: head.size,
        };
        let place = (&self.recipient, sequence);
        tables.queued.insert(place, &entry.to_bytes())?;
        tables.due.insert((to_millis(head.expires), sequence), ())?;
        tables.arrived.push((self.recipient, sequence));
        if let Some(thread) = &self.thread {
            tables
                .threads
                .insert((&self.sender, thread, sequence), ())?;
            tables
                .threads
                .insert((&self.recipient, thread, sequence), ())?;
        }
        tables
            .ledger
            .accepted(&tables.queued, &self.sender, &self.recipient, head.size)?;
        if !has_written(tables, &self.sender, &self.recipient)? {
            tables.written.insert(
                (&agent_start(&self.sender), &agent_start(&self.recipient)),
                sequence,
            )?;
        }
        self.store_claim(tables)?;
        if let Some(question) = &self.question {
            answers::remember(tables, question, sequence, head)?;
        }
        Ok(Acceptance {
            accepted: Accepted {
                message_id: head.message_id(),
                status: Status::Sent,
                created_at: head.created,
                expires_at: head.expires,
            },
            sequence: Sequence(sequence),
            replayed: Replayed::Fresh,
        })
    }

    fn store_claim(&self, tables: &mut Tables<'_>) -> Result<(), Failure> {
        match &self.claim {
            Some(claim) => claims::store(tables, claim),
            None => Ok(()),
        }
    }
}

impl From<blobs::Refusal> for AcceptError {
    fn from(refusal: blobs::Refusal) -> Self {
        match refusal {
            blobs::Refusal::NotFound(blob_ids) => Self::BlobNotFound { blob_ids },
            blobs::Refusal::Quota(exceeded) => Self::BlobQuota(exceeded),
        }
    }
}

/// Gives the message an id that no message here has: the store's time does not go back, so only ids of this second can be taken. That
/// one is free shows when it is put down, without a look before.
fn give_id(tables: &mut Tables<'_>, head: &mut Head, sequence: u64) -> Result<(), Failure> {
    loop {
        let id = head_id_number(head);
        let before = tables.ids.insert(id, sequence)?;
        let Some(owner) = before.map(|guard| guard.value()) else {
            return Ok(());
        };
        tables.ids.insert(id, owner)?;
        let mut number = [0; 8];
        number[2..].copy_from_slice(&head.random);
        let next = u64::from_be_bytes(number).wrapping_add(1).to_be_bytes();
        head.random.copy_from_slice(&next[2..]);
    }
}

/// Whether an agent has written to another, since its record was last deleted if it ever was.
fn has_written(tables: &Tables<'_>, writer: &AgentKey, reader: &AgentKey) -> Result<bool, Failure> {
    let first = tables
        .written
        .get((&agent_start(writer), &agent_start(reader)))?;
    match first.map(|guard| guard.value()) {
        None => Ok(false),
        Some(first) => Ok(first >= tables.purged_below(writer)?),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use mrp_proto::message::Attachment;

    #[tokio::test]
    async fn a_message_arrives_as_it_was_sent() {
        let store = empty_store();
        let mut draft = draft(agent(2), r#"{"b": 1.10, "a":"\u00e9"}"#);
        draft.thread_id = Some("t".to_owned());
        draft.in_reply_to = Some("r".to_owned());
        draft.metadata.insert("k".to_owned(), "v".to_owned());
        let acceptance = store
            .accept_message(submission(agent(1), draft, at(5)))
            .await
            .unwrap();
        assert_eq!(acceptance.sequence, Sequence(1));
        assert_eq!(acceptance.accepted.created_at, at(5));
        assert_eq!(acceptance.accepted.expires_at, at(1_005));
        let waiting = waiting(&store, agent(2), at(5)).await;
        let message = &waiting[0].message;
        assert_eq!(waiting[0].sequence, Sequence(1));
        assert_eq!(message.message_id, acceptance.accepted.message_id);
        assert_eq!(message.sender_key, agent(1));
        assert_eq!(message.recipient_key, agent(2));
        assert_eq!(
            message.body.as_ref().unwrap().get(),
            r#"{"b": 1.10, "a":"\u00e9"}"#
        );
        assert_eq!(message.thread_id.as_deref(), Some("t"));
        assert_eq!(message.in_reply_to.as_deref(), Some("r"));
        assert_eq!(message.metadata["k"], "v");
        assert_eq!(message.status, Status::Sent);
        assert_eq!(message.delivered_at, None);
    }

    #[tokio::test]
    async fn ids_differ_even_if_the_randomness_does_not() {
        let store = empty_store();
        let mut ids = Vec::new();
        for body in ["1", "2", "3"] {
            let submission = Submission {
                random: [0xff; 6],
                ..send(agent(1), agent(2), body, at(0))
            };
            let acceptance = store.accept_message(submission).await.unwrap();
            ids.push(acceptance.accepted.message_id);
        }
        // Each is still the name of its own.
        let waiting = waiting(&store, agent(2), at(0)).await;
        for ((id, stored), body) in ids.iter().zip(&waiting).zip(["1", "2", "3"]) {
            assert_eq!(&stored.message.message_id, id);
            let found = store.message(id, agent(2), at(0)).await.unwrap().unwrap();
            assert_eq!(bodies(&[found]), [body]);
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3);
    }

    #[tokio::test]
    async fn a_signature_takes_effect_once_whatever_it_signed() {
        let store = empty_store();
        let first = send(agent(1), agent(2), "1", at(0));
        let claim = first.claim.clone();
        store.accept_message(first).await.unwrap();
        for idempotency_key in [None, Some("k".to_owned())] {
            let again = Submission {
                claim: claim.clone(),
                idempotency_key,
                ..send(agent(1), agent(3), "2", at(1))
            };
            assert_eq!(
                store.accept_message(again).await.unwrap_err(),
                AcceptError::Replay
            );
        }
        assert!(waiting(&store, agent(3), at(1)).await.is_empty());
    }

    #[tokio::test]
    async fn a_refused_send_does_not_use_up_its_signature() {
        let store = empty_store();
        set_policy(&store, 2, InboxPolicy::Closed).await;
        let refused = send(agent(1), agent(2), "1", at(0));
        let claim = refused.claim.clone();
        assert_eq!(
            store.accept_message(refused).await.unwrap_err(),
            AcceptError::Denied(InboxPolicy::Closed)
        );
        let elsewhere = Submission {
            claim,
            ..send(agent(1), agent(3), "1", at(0))
        };
        store.accept_message(elsewhere).await.unwrap();
    }

    #[tokio::test]
    async fn an_idempotency_key_gives_the_first_answer_again() {
        let store = empty_store();
        let with_key = |sender: u8, body: &str, seconds: u64| Submission {
            idempotency_key: Some("key".to_owned()),
            ..send(agent(sender), agent(2), body, at(seconds))
        };
        let first = store.accept_message(with_key(1, "1", 0)).await.unwrap();
        assert_eq!(first.replayed, Replayed::Fresh);
        let again = store.accept_message(with_key(1, "1", 9)).await.unwrap();
        assert_eq!(
            again,
            Acceptance {
                replayed: Replayed::Repeated,
                ..first.clone()
            }
        );
        assert_eq!(
            store.accept_message(with_key(1, "2", 9)).await.unwrap_err(),
            AcceptError::IdempotencyMismatch
        );
        let of_another = store.accept_message(with_key(3, "2", 9)).await.unwrap();
        assert_eq!(of_another.replayed, Replayed::Fresh);
        assert_eq!(waiting(&store, agent(2), at(9)).await.len(), 2);
        // A day later it is forgotten, whether the sweep came by or not.
        let day = 24 * 3_600;
        let last = store
            .accept_message(with_key(1, "1", day - 1))
            .await
            .unwrap();
        assert_eq!(last.replayed, Replayed::Repeated);
        let fresh = store.accept_message(with_key(1, "2", day)).await.unwrap();
        assert_eq!(fresh.replayed, Replayed::Fresh);
    }

    #[tokio::test]
    async fn every_field_of_a_send_counts_for_the_comparison() {
        let store = empty_store();
        let with_key = |draft: Draft| Submission {
            idempotency_key: Some("key".to_owned()),
            ..submission(agent(1), draft, at(0))
        };
        let original = || draft(agent(2), "1");
        store.accept_message(with_key(original())).await.unwrap();
        let changed: [fn(&mut Draft); 7] = [
            |draft| draft.recipient = agent(3),
            |draft| draft.body = None,
            |draft| draft.content_type = "text/plain".to_owned(),
            |draft| draft.thread_id = Some(String::new()),
            |draft| draft.in_reply_to = Some(String::new()),
            |draft| draft.expires_in = Duration::from_secs(999),
            |draft| {
                draft.metadata.insert("k".to_owned(), "v".to_owned());
            },
        ];
        for change in changed {
            let mut draft = original();
            change(&mut draft);
            assert_eq!(
                store.accept_message(with_key(draft)).await.unwrap_err(),
                AcceptError::IdempotencyMismatch
            );
        }
    }

    #[tokio::test]
    async fn policies_and_entries_decide() {
        let store = empty_store();
        let entry = |owner: u8, peer: u8, kind: u8| {
            let (owner, peer) = (*agent(owner).as_bytes(), *agent(peer).as_bytes());
            store.write::<_, StoreError, _>(Admission::Other, move |tables| {
                tables.acl.insert((&owner, &peer), [kind].as_slice())?;
                Ok(())
            })
        };
        let outcome = async |sender: u8, recipient: u8| {
            let submission = send(agent(sender), agent(recipient), "1", at(0));
            store.accept_message(submission).await.map(|_| ())
        };
        entry(9, 1, tables::ACL_BLOCK).await.unwrap();
        let denied = Err(AcceptError::Denied(InboxPolicy::Blocklist));
        assert_eq!(
            outcome(1, 9).await,
            denied,
            "nobody needs a record to block"
        );
        assert_eq!(outcome(2, 9).await, Ok(()));
        set_policy(&store, 9, InboxPolicy::Allowlist).await;
        entry(9, 1, tables::ACL_ALLOW).await.unwrap();
        assert_eq!(outcome(1, 9).await, Ok(()));
        let denied = Err(AcceptError::Denied(InboxPolicy::Allowlist));
        assert_eq!(outcome(2, 9).await, denied);
        assert_eq!(outcome(9, 9).await, Ok(()), "a note to oneself");
        set_policy(&store, 9, InboxPolicy::Closed).await;
        let denied = Err(AcceptError::Denied(InboxPolicy::Closed));
        assert_eq!(outcome(9, 9).await, denied);
    }

    #[tokio::test]
    async fn a_suspended_agent_neither_sends_nor_receives() {
        let store = empty_store();
        set_policy(&store, 1, InboxPolicy::Open).await;
        let suspended = *agent(1).as_bytes();
        let suspending = store.write::<_, StoreError, _>(Admission::Other, move |tables| {
            let mut record = match tables.agents.get(&suspended)? {
                Some(record) => record.value().to_vec(),
                None => Vec::new(),
            };
            record[0] = 1;
            tables.agents.insert(&suspended, record.as_slice())?;
            Ok(())
        });
        suspending.await.unwrap();
        let from = store.accept_message(send(agent(1), agent(2), "1", at(0)));
        assert_eq!(from.await.unwrap_err(), AcceptError::SenderSuspended);
        let to = store.accept_message(send(agent(2), agent(1), "1", at(0)));
        assert_eq!(to.await.unwrap_err(), AcceptError::RecipientSuspended);
    }

    #[tokio::test]
    async fn an_attachment_names_a_blob_that_is_not_there() {
        let store = empty_store();
        let mut draft = draft(agent(2), "1");
        let blob = r#"{"blob_id":"blob_0123456789ab"}"#;
        draft.attachments = vec![serde_json::from_str::<Attachment>(blob).unwrap()];
        let refused = store.accept_message(submission(agent(1), draft, at(0)));
        assert_eq!(
            refused.await.unwrap_err(),
            AcceptError::BlobNotFound {
                blob_ids: vec!["blob_0123456789ab".to_owned()]
            }
        );
    }

    async fn set_policy(store: &Store, number: u8, policy: InboxPolicy) {
        let patch = mrp_proto::agent::ProfilePatch {
            inbox_policy: mrp_proto::agent::Change::Set(policy),
            ..Default::default()
        };
        let claim = claim(agent(number), at(0));
        store
            .update_agent(agent(number), patch, claim, at(0))
            .await
            .unwrap();
    }
}
