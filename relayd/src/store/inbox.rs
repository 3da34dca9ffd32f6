//! Reading messages and taking them over (protocol A4.5 to A4.10).

use super::failure::{Failure, Stop};
use super::page::{self, Found, Query};
use super::queue::Admission;
use super::read;
use super::record::{AgentKey, Entry, id_number};
use super::removal::gone_at;
use super::tables::Tables;
use super::{ReplayClaim, Store, StoreError, claims};
use mrp_proto::id::MessageId;
use mrp_proto::key::PublicKey;
use mrp_proto::message::{Message, Status};
use mrp_proto::relay_api::MessageStatus;
use mrp_proto::time::Timestamp;
use redb::ReadableTable as _;

/// A message's place in the order in which this store accepted messages; the first is 1. It never changes and is never reused, so
/// it serves as a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

impl Sequence {
    /// Before every message.
    pub const START: Self = Self(0);
}

/// How much a reader can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Messages.
    pub messages: usize,
    /// Bytes, as [`super::Quotas`] counts them.
    pub bytes: usize,
}

/// A message with its place.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The place.
    pub sequence: Sequence,
    /// The message.
    pub message: Message,
}

/// Whether a poll takes over what it hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marking {
    /// No; the recipient acknowledges one by one.
    Manual,
    /// Yes; only messages that wait (`Status::Sent`) are marked. The claim is stored with the marks, if there are any.
    Deliver {
        /// The poll's signature.
        claim: ReplayClaim,
    },
}

/// A poll.
#[derive(Debug, Clone)]
pub struct Poll {
    /// Whose inbox.
    pub recipient: PublicKey,
    /// Messages of this status.
    pub status: Status,
    /// Only behind this place.
    pub after: Option<Sequence>,
    /// Messages, at most; at least 1.
    pub limit: usize,
    /// Only of this sender.
    pub sender: Option<PublicKey>,
    /// Only answers to this.
    pub in_reply_to: Option<String>,
    /// Only of this thread.
    pub thread_id: Option<String>,
    /// Whether to take over what is handed out.
    pub mark: Marking,
    /// The clock.
    pub now: Timestamp,
}

/// Messages, oldest first. A page ends early, even empty, where it would get too large or take too long to find.
#[derive(Debug, Clone)]
pub struct Page {
    /// The messages, with the status they had before.
    pub messages: Vec<Message>,
    /// Where to go on, if there may be more.
    pub next: Option<Sequence>,
}

/// Why a poll handed out nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PollError {
    /// The signature took effect before.
    #[error("the signature was used before")]
    Replay,
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an acknowledgement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// The message was waiting and is delivered now.
    Now(Sequence),
    /// The message was not waiting any more: it is delivered, or expired.
    Already,
    /// The recipient has no such message.
    NotFound,
}

/// Why an acknowledgement was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// The signature took effect before.
    #[error("the signature was used before")]
    Replay,
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// The next waiting messages of an inbox behind a place, in order; at least one if there is any, whatever its size.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_after(
        &self,
        recipient: PublicKey,
        after: Sequence,
        room: Room,
        now: Timestamp,
    ) -> Result<Vec<Stored>, StoreError> {
        let shared = self.shared();
        let now = shared.clock.observe(now);
        let mut from = after.0;
        while let Some(rows) = shared.recent.after(recipient.as_bytes(), from, room) {
            let found = page::of_rows(&rows, now).map_err(|failure| failure.to_error())?;
            match rows.last() {
                // All of them expired; others may stand behind them.
                Some((last, _)) if found.is_empty() => from = *last,
                _ => return Ok(found),
            }
        }
        // First, so that nothing is missed between what is read and what is kept from now on.
        shared.recent.watch(recipient.as_bytes());
        self.read(move |view| page::next_after(view, recipient, after, room, now))
            .await
    }

    /// A page of an inbox.
    ///
    /// # Errors
    /// [`PollError`]; nothing is marked then, unless it is [`StoreError::Unavailable`].
    pub async fn poll(&self, poll: Poll) -> Result<Page, PollError> {
        let now = self.shared().clock.observe(poll.now);
        let mut query = Query::of(&poll, now);
        let room = Room {
            messages: poll.limit,
            bytes: usize::MAX,
        };
        let claim = match &poll.mark {
            Marking::Deliver { claim } if poll.status == Status::Sent => claims::Key::of(claim),
            Marking::Deliver { .. } | Marking::Manual => {
                let found = self.read(move |view| query.page(view, room)).await?;
                return Ok(found.into_page());
            }
        };
        for _ in 0..POLL_ATTEMPTS {
            let asked = query.clone();
            let mut found = self.read(move |view| asked.page(view, room)).await?;
            if found.found.is_empty() {
                return Ok(found.into_page());
            }
            let candidates = found.found.iter().map(|stored| stored.sequence).collect();
            let taken = self.take(poll.recipient, candidates, claim, now).await?;
            found
                .found
                .retain(|stored| taken.binary_search(&stored.sequence).is_ok());
            if !found.found.is_empty() {
                return Ok(found.into_page());
            }
            // Another poll was faster with all of them.
            query.after = found.next.or(query.after);
        }
        Ok(Page {
            messages: Vec::new(),
            next: query.after,
        })
    }

    /// A message, if the caller is its sender or recipient.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn message(
        &self,
        id: &MessageId,
        caller: PublicKey,
        now: Timestamp,
    ) -> Result<Option<Message>, StoreError> {
        let now = self.shared().clock.observe(now);
        let id = id.clone();
        self.read(move |view| read::message(view, &id, caller, now))
            .await
    }

    /// Where a message stands, if the caller is its sender or recipient.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn status(
        &self,
        id: &MessageId,
        caller: PublicKey,
        now: Timestamp,
    ) -> Result<Option<MessageStatus>, StoreError> {
        let now = self.shared().clock.observe(now);
        let id = id.clone();
        self.read(move |view| read::status(view, &id, caller, now))
            .await
    }

    /// A page of the messages of a thread that the caller sent or received.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn thread(
        &self,
        caller: PublicKey,
        thread_id: &str,
        after: Option<Sequence>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page, StoreError> {
        let now = self.shared().clock.observe(now);
        let thread_id = thread_id.to_owned();
        self.read(move |view| page::thread(view, caller, &thread_id, after, limit, now))
            .await
            .map(Found::into_page)
    }

    /// Takes a message over for its recipient.
    ///
    /// # Errors
    /// [`MarkError`]; nothing is marked then, unless it is [`StoreError::Unavailable`].
    pub async fn mark_delivered(
        &self,
        recipient: PublicKey,
        message_id: &MessageId,
        claim: Option<ReplayClaim>,
        now: Timestamp,
    ) -> Result<Marked, MarkError> {
        let claim = claim.as_ref().map(claims::Key::of);
        let Some(id) = id_number(message_id) else {
            return Ok(Marked::NotFound);
        };
        let recipient = *recipient.as_bytes();
        self.write(Admission::Other, move |tables| {
            let now = tables.clock.observe(now);
            mark(tables, &recipient, id, claim.as_ref(), now)
        })
        .await
    }

    /// Takes messages over for a poll, all but those that do not wait any more; the answer is in order.
    async fn take(
        &self,
        recipient: PublicKey,
        candidates: Vec<Sequence>,
        claim: claims::Key,
        now: Timestamp,
    ) -> Result<Vec<Sequence>, PollError> {
        let recipient = *recipient.as_bytes();
        self.write(Admission::Other, move |tables| {
            claims::refuse_used(tables, &claim, PollError::Replay)?;
            let below = tables.purged_below(&recipient)?;
            let mut taken = Vec::with_capacity(candidates.len());
            for &sequence in &candidates {
                if sequence.0 >= below && deliver(tables, &recipient, sequence.0, now)? {
                    taken.push(sequence);
                }
            }
            if !taken.is_empty() {
                claims::store(tables, &claim)?;
            }
            Ok(taken)
        })
        .await
    }
}

/// How often a poll looks again when others took what it had found.
const POLL_ATTEMPTS: usize = 8;

fn mark(
    tables: &mut Tables<'_>,
    recipient: &AgentKey,
    id: u128,
    claim: Option<&claims::Key>,
    now: Timestamp,
) -> Result<Marked, Stop<MarkError>> {
    if let Some(claim) = claim {
        claims::refuse_used(tables, claim, MarkError::Replay)?;
    }
    let Some(sequence) = tables.ids.get(id)?.map(|guard| guard.value()) else {
        return Ok(Marked::NotFound);
    };
    if !is_shown(tables, recipient, sequence, now)? {
        return Ok(Marked::NotFound);
    }
    if let Some(claim) = claim {
        claims::store(tables, claim)?;
    }
    Ok(if deliver(tables, recipient, sequence, now)? {
        Marked::Now(Sequence(sequence))
    } else {
        Marked::Already
    })
}

/// Whether a recipient has a message, waiting or not.
fn is_shown(
    tables: &Tables<'_>,
    recipient: &AgentKey,
    sequence: u64,
    now: Timestamp,
) -> Result<bool, Failure> {
    if sequence < tables.purged_below(recipient)? {
        return Ok(false);
    }
    for index in [&tables.queued, &tables.delivered, &tables.expired] {
        if let Some(entry) = index.get((recipient, sequence))? {
            return Ok(now < gone_at(Entry::from_bytes(entry.value())?.expires));
        }
    }
    Ok(false)
}

/// Moves a message that waits to those that are delivered; `false` if it does not wait, or expired waiting.
pub(super) fn deliver(
    tables: &mut Tables<'_>,
    recipient: &AgentKey,
    sequence: u64,
    now: Timestamp,
) -> Result<bool, Failure> {
    let place = (recipient, sequence);
    let mut entry = match tables.queued.get(place)? {
        None => return Ok(false),
        Some(entry) => Entry::from_bytes(entry.value())?,
    };
    if entry.expires <= now {
        return Ok(false);
    }
    entry.delivered = Some(now);
    tables.queued.remove(place)?;
    tables.left.push((*recipient, sequence));
    tables.delivered.insert(place, &entry.to_bytes())?;
    tables
        .ledger
        .unqueued(&entry.sender, recipient, entry.size)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;

    async fn fill(store: &Store, recipient: u8, count: usize) {
        for number in 0..count {
            let sender = agent(1 + u8::try_from(number % 3).unwrap());
            let body = number.to_string();
            let sending = store.accept_message(send(sender, agent(recipient), &body, at(0)));
            sending.await.unwrap();
        }
    }

    #[tokio::test]
    async fn messages_come_in_the_order_in_which_they_were_accepted() {
        let store = empty_store();
        fill(&store, 9, 5).await;
        fill(&store, 8, 1).await;
        let all = waiting(&store, agent(9), at(0)).await;
        let sequences: Vec<u64> = all.iter().map(|stored| stored.sequence.0).collect();
        assert_eq!(sequences, [1, 2, 3, 4, 5]);
        let room = |messages, bytes| Room { messages, bytes };
        let after = async |sequence, room| {
            let found = store.next_after(agent(9), Sequence(sequence), room, at(0));
            let found = found.await.unwrap();
            found
                .iter()
                .map(|stored| stored.sequence.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(after(2, room(2, usize::MAX)).await, [3, 4]);
        assert_eq!(after(2, room(9, 1)).await, [3], "one, whatever its size");
        assert_eq!(after(2, room(0, 0)).await, [3]);
        assert!(after(5, room(9, usize::MAX)).await.is_empty());
    }

    #[tokio::test]
    async fn a_page_ends_where_it_would_get_too_large() {
        let store = empty_store();
        let body = format!("\"{}\"", "x".repeat(1 << 20));
        for _ in 0..9 {
            let sending = store.accept_message(send(agent(1), agent(9), &body, at(0)));
            sending.await.unwrap();
        }
        let page = store.poll(poll(agent(9), at(0))).await.unwrap();
        assert_eq!((page.messages.len(), page.next), (7, Some(Sequence(7))));
        let rest = Poll {
            after: page.next,
            ..poll(agent(9), at(0))
        };
        let page = store.poll(rest).await.unwrap();
        assert_eq!((page.messages.len(), page.next), (2, None));
    }

    #[tokio::test]
    async fn pages_follow_each_other_without_gap_or_repeat() {
        let store = empty_store();
        fill(&store, 9, 7).await;
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = Poll {
                after,
                limit: 3,
                ..poll(agent(9), at(0))
            };
            let page = store.poll(page).await.unwrap();
            seen.extend(bodies(&page.messages).iter().map(|body| (*body).to_owned()));
            // What others do meanwhile behind the cursor changes nothing.
            let first = page.messages[0].message_id.clone();
            let marking = store.mark_delivered(agent(9), &first, None, at(0));
            marking.await.unwrap();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6"]);
    }

    #[tokio::test]
    async fn filters_find_what_was_meant() {
        let store = empty_store();
        fill(&store, 9, 6).await;
        let mut draft = draft(agent(9), "6");
        draft.thread_id = Some("t".to_owned());
        draft.in_reply_to = Some("r".to_owned());
        let sending = store.accept_message(submission(agent(1), draft, at(0)));
        sending.await.unwrap();
        let find = async |change: fn(&mut Poll)| {
            let mut poll = poll(agent(9), at(0));
            change(&mut poll);
            let page = store.poll(poll).await.unwrap();
            bodies(&page.messages).join(" ")
        };
        assert_eq!(find(|poll| poll.sender = Some(agent(2))).await, "1 4");
        assert_eq!(find(|poll| poll.sender = Some(agent(7))).await, "");
        assert_eq!(find(|poll| poll.thread_id = Some("t".into())).await, "6");
        assert_eq!(find(|poll| poll.in_reply_to = Some("r".into())).await, "6");
        assert_eq!(find(|poll| poll.in_reply_to = Some("t".into())).await, "");
    }

    #[tokio::test]
    async fn a_poll_marks_what_it_hands_out_and_shows_it_as_it_was() {
        let store = empty_store();
        fill(&store, 9, 3).await;
        let first = Poll {
            limit: 2,
            ..taking_poll(agent(9), at(7))
        };
        let page = store.poll(first).await.unwrap();
        assert_eq!(bodies(&page.messages), ["0", "1"]);
        assert!(
            page.messages
                .iter()
                .all(|message| message.status == Status::Sent)
        );
        let page = store.poll(taking_poll(agent(9), at(8))).await.unwrap();
        assert_eq!(bodies(&page.messages), ["2"]);
        let page = store.poll(taking_poll(agent(9), at(8))).await.unwrap();
        assert!(page.messages.is_empty());
        let delivered = Poll {
            status: Status::Delivered,
            ..taking_poll(agent(9), at(9))
        };
        let page = store.poll(delivered).await.unwrap();
        assert_eq!(bodies(&page.messages), ["0", "1", "2"]);
        assert_eq!(page.messages[0].status, Status::Delivered);
        assert_eq!(page.messages[0].delivered_at, Some(at(7)));
    }

    #[tokio::test]
    async fn a_marking_poll_takes_effect_once_per_signature() {
        let store = empty_store();
        let poll = taking_poll(agent(9), at(0));
        assert!(store.poll(poll.clone()).await.unwrap().messages.is_empty());
        fill(&store, 9, 1).await;
        // It marked nothing yet, so it may.
        assert_eq!(store.poll(poll.clone()).await.unwrap().messages.len(), 1);
        fill(&store, 9, 1).await;
        assert_eq!(store.poll(poll).await.unwrap_err(), PollError::Replay);
        assert_eq!(waiting(&store, agent(9), at(0)).await.len(), 1);
    }

    #[tokio::test]
    async fn polls_at_the_same_time_share_the_messages_out() {
        let store = empty_store();
        fill(&store, 9, 40).await;
        let polls: Vec<_> = (0..8)
            .map(|_| {
                let (store, poll) = (store.clone(), taking_poll(agent(9), at(0)));
                tokio::spawn(async move { store.poll(Poll { limit: 10, ..poll }).await })
            })
            .collect();
        let mut seen = Vec::new();
        for poll in polls {
            seen.extend(
                poll.await
                    .unwrap()
                    .unwrap()
                    .messages
                    .iter()
                    .map(|message| message.message_id.to_string()),
            );
        }
        seen.sort();
        seen.dedup();
        let left = waiting(&store, agent(9), at(0)).await.len();
        assert_eq!(seen.len() + left, 40);
    }

    #[tokio::test]
    async fn an_acknowledgement_is_the_recipients_and_idempotent() {
        let store = empty_store();
        fill(&store, 9, 1).await;
        let id = waiting(&store, agent(9), at(0)).await[0]
            .message
            .message_id
            .clone();
        let mark = async |who: u8, claim| store.mark_delivered(agent(who), &id, claim, at(3)).await;
        assert_eq!(mark(1, None).await, Ok(Marked::NotFound), "the sender");
        assert_eq!(mark(7, None).await, Ok(Marked::NotFound));
        let signature = claim(agent(9), at(0));
        let marked = mark(9, Some(signature.clone())).await;
        assert_eq!(marked, Ok(Marked::Now(Sequence(1))));
        assert_eq!(mark(9, Some(signature)).await, Err(MarkError::Replay));
        assert_eq!(mark(9, None).await, Ok(Marked::Already));
        let unknown = "msg_1_000000000000".parse().unwrap();
        let unknown = store.mark_delivered(agent(9), &unknown, None, at(3));
        assert_eq!(unknown.await, Ok(Marked::NotFound));
        let status = store.status(&id, agent(1), at(9)).await.unwrap().unwrap();
        assert_eq!(status.status, Status::Delivered);
        assert_eq!(status.delivered_at, Some(at(3)));
        assert_eq!(status.created_at, at(0));
    }

    #[tokio::test]
    async fn only_sender_and_recipient_see_a_message() {
        let store = empty_store();
        fill(&store, 9, 1).await;
        let id = waiting(&store, agent(9), at(0)).await[0]
            .message
            .message_id
            .clone();
        for (who, sees) in [(1, true), (9, true), (2, false)] {
            let message = store.message(&id, agent(who), at(0)).await.unwrap();
            assert_eq!(message.is_some(), sees, "{who}");
            let status = store.status(&id, agent(who), at(0)).await.unwrap();
            assert_eq!(status.is_some(), sees, "{who}");
        }
        let status = store.status(&id, agent(9), at(0)).await.unwrap().unwrap();
        assert_eq!(status.status, Status::Sent, "reading does not mark");
    }

    #[tokio::test]
    async fn a_thread_has_both_directions_and_is_its_members_own() {
        let store = empty_store();
        for (sender, recipient, thread, body) in [
            (1, 2, "t", "0"),
            (2, 1, "t", "1"),
            (1, 2, "u", "2"),
            (3, 4, "t", "3"),
            (1, 1, "t", "4"),
            (1, 3, "t", "5"),
        ] {
            let mut draft = draft(agent(recipient), body);
            draft.thread_id = Some(thread.to_owned());
            let sending = store.accept_message(submission(agent(sender), draft, at(0)));
            sending.await.unwrap();
        }
        let thread = async |who: u8, after, limit| {
            store
                .thread(agent(who), "t", after, limit, at(0))
                .await
                .unwrap()
        };
        let page = thread(1, None, 3).await;
        assert_eq!(bodies(&page.messages), ["0", "1", "4"]);
        let page = thread(1, page.next, 3).await;
        assert_eq!(bodies(&page.messages), ["5"]);
        assert_eq!(page.next, None);
        assert_eq!(bodies(&thread(2, None, 9).await.messages), ["0", "1"]);
        assert_eq!(bodies(&thread(3, None, 9).await.messages), ["3", "5"]);
        assert!(thread(9, None, 9).await.messages.is_empty());
    }
}
