//! Pages of messages: out of the indexes of an inbox, bounded in what they hold and in what it takes to find it.

use super::engine::View;
use super::failure::Failure;
use super::inbox::{Page, Poll, Room, Sequence, Stored};
use super::pair::Pair;
use super::read::{Standing, assemble, read_for};
use super::recent::Row;
use super::record::{AgentKey, Entry, Head, TextTag, text_hash, text_tag};
use super::removal::gone_at;
use super::tables::{
    DELIVERED, EXPIRED, IndexDefinition, MESSAGES, Messages, PURGES, QUEUED, THREADS, purged_below,
};
use mrp_proto::key::PublicKey;
use mrp_proto::message::{Message, Status};
use mrp_proto::time::Timestamp;

/// Bytes of a page, at most (and one message more).
const PAGE_BYTES: usize = 8 << 20;
/// Entries of an index that are looked at for a page, at most.
const SCAN_ENTRIES: usize = 10_000;
/// Messages that are read for a page without fitting it, at most.
const SCAN_MESSAGES: usize = 1_000;

/// The next waiting messages behind a place: none only if there are none.
pub(super) fn next_after(
    view: &View<'_>,
    recipient: PublicKey,
    after: Sequence,
    room: Room,
    now: Timestamp,
) -> Result<Vec<Stored>, Failure> {
    let mut query = Query {
        recipient,
        status: Status::Sent,
        after: Some(after),
        sender: None,
        in_reply_to: None,
        thread_id: None,
        now,
    };
    loop {
        let page = query.page(view, room)?;
        // A page without a message has passed by many that expired, and says where to go on.
        match page.next {
            Some(next) if page.found.is_empty() => query.after = Some(next),
            Some(_) | None => return Ok(page.found),
        }
    }
}

/// Messages of which the rows are known and which wait, but for those that expired.
pub(super) fn of_rows(rows: &[Row], now: Timestamp) -> Result<Vec<Stored>, Failure> {
    let mut found = Vec::with_capacity(rows.len());
    for (sequence, row) in rows {
        let (head, content) = Head::read(row)?;
        if head.expires <= now {
            continue;
        }
        let standing = Standing {
            status: Status::Sent,
            delivered: None,
        };
        found.push(Stored {
            sequence: Sequence(*sequence),
            message: assemble(&head, content, standing)?,
        });
    }
    Ok(found)
}

/// A page of the messages of a thread that the caller sent or received.
pub(super) fn thread(
    view: &View<'_>,
    caller: PublicKey,
    thread_id: &str,
    after: Option<Sequence>,
    limit: usize,
    now: Timestamp,
) -> Result<Found, Failure> {
    let (agent, thread) = (caller.as_bytes(), text_hash(thread_id));
    let first = after.map_or(0, |Sequence(after)| after.saturating_add(1));
    let threads = view.transaction.open_table(THREADS)?;
    let room = Room {
        messages: limit,
        bytes: PAGE_BYTES,
    };
    let mut page = Collector::new(view, room)?;
    let mut last = after.unwrap_or(Sequence::START);
    for place in threads.range((agent, &thread, first)..=(agent, &thread, u64::MAX))? {
        let sequence = place?.0.value().2;
        if let Some(message) = read_for(view, &page.messages, sequence, caller, now)? {
            let size = message.body.as_ref().map_or(0, |body| body.get().len());
            if page.is_full(size) {
                return Ok(page.stop_after(last));
            }
            page.add(sequence, size, message);
        } else {
            page.missed += 1;
        }
        last = Sequence(sequence);
        if page.missed == SCAN_MESSAGES {
            return Ok(page.stop_after(last));
        }
    }
    Ok(page.end())
}

/// What a poll asks for, with the store's time.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) recipient: PublicKey,
    status: Status,
    pub(super) after: Option<Sequence>,
    sender: Option<PublicKey>,
    in_reply_to: Option<String>,
    thread_id: Option<String>,
    now: Timestamp,
}

/// Messages found, and where to go on if there may be more.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) found: Vec<Stored>,
    pub(super) next: Option<Sequence>,
}

impl Found {
    pub(super) fn into_page(self) -> Page {
        Page {
            messages: self
                .found
                .into_iter()
                .map(|stored| stored.message)
                .collect(),
            next: self.next,
        }
    }
}

impl Query {
    pub(super) fn of(poll: &Poll, now: Timestamp) -> Self {
        Self {
            recipient: poll.recipient,
            status: poll.status,
            after: poll.after,
            sender: poll.sender,
            in_reply_to: poll.in_reply_to.clone(),
            thread_id: poll.thread_id.clone(),
            now,
        }
    }

    /// The first messages that fit, up to `room`.
    pub(super) fn page(&self, view: &View<'_>, room: Room) -> Result<Found, Failure> {
        let recipient = self.recipient.as_bytes();
        let purges = view.transaction.open_table(PURGES)?;
        let behind = self.after.map_or(0, |Sequence(after)| after);
        let first = behind
            .saturating_add(1)
            .max(purged_below(&purges, recipient)?);
        // Until the sweep comes by, expired messages lie among the others.
        let indexes: &[IndexDefinition] = match self.status {
            Status::Sent => &[QUEUED],
            Status::Delivered => &[DELIVERED],
            Status::Expired => &[QUEUED, DELIVERED, EXPIRED],
        };
        let mut lanes = indexes
            .iter()
            .map(|index| Lane::open(view, *index, recipient, first))
            .collect::<Result<Vec<_>, Failure>>()?;
        self.collect(view, room, &mut lanes)
    }

    /// Walks the lanes in order of sequence.
    fn collect(&self, view: &View<'_>, room: Room, lanes: &mut [Lane]) -> Result<Found, Failure> {
        let filter = Filter::of(self);
        let mut page = Collector::new(view, room)?;
        let mut last = self.after.unwrap_or(Sequence::START);
        for _ in 0..SCAN_ENTRIES {
            let Some((sequence, entry)) = next_of(lanes)? else {
                return Ok(page.end());
            };
            if filter.may_pass(self, &entry) {
                let size = usize::try_from(entry.size).unwrap_or(usize::MAX);
                if page.is_full(size) {
                    return Ok(page.stop_after(last));
                }
                match self.load(&page, sequence, &entry)? {
                    Some(message) => page.add(sequence, size, message),
                    None => page.missed += 1,
                }
            }
            last = Sequence(sequence);
            if page.missed == SCAN_MESSAGES {
                break;
            }
        }
        Ok(page.stop_after(last))
    }

    /// Reads a message that passed by its tags, if it is truly meant.
    fn load(
        &self,
        page: &Collector,
        sequence: u64,
        entry: &Entry,
    ) -> Result<Option<Message>, Failure> {
        let Some(row) = page.messages.get(sequence)? else {
            return Err(Failure::corrupt("an index without its message"));
        };
        let (head, content) = Head::read(row.value())?;
        let standing = Standing {
            status: self.status,
            delivered: entry.delivered,
        };
        let message = assemble(&head, content, standing)?;
        Ok(self.passes(&message).then_some(message))
    }

    fn passes(&self, message: &Message) -> bool {
        let is =
            |wanted: &Option<String>, actual: &Option<String>| wanted.is_none() || wanted == actual;
        is(&self.in_reply_to, &message.in_reply_to) && is(&self.thread_id, &message.thread_id)
    }
}

/// What a query's entries have in common.
struct Filter {
    sender: Option<AgentKey>,
    thread: Option<TextTag>,
    reply: Option<TextTag>,
}

impl Filter {
    fn of(query: &Query) -> Self {
        let tag = |text: &Option<String>| text.as_deref().map(|text| text_tag(Some(text)));
        Self {
            sender: query.sender.map(|sender| *sender.as_bytes()),
            thread: tag(&query.thread_id),
            reply: tag(&query.in_reply_to),
        }
    }

    fn may_pass(&self, query: &Query, entry: &Entry) -> bool {
        let expired = entry.expires <= query.now;
        let timely = match query.status {
            Status::Sent | Status::Delivered => !expired,
            Status::Expired => expired && query.now < gone_at(entry.expires),
        };
        timely
            && self.sender.is_none_or(|sender| sender == entry.sender)
            && self.thread.is_none_or(|tag| tag == entry.thread)
            && self.reply.is_none_or(|tag| tag == entry.reply)
    }
}

/// One index of an inbox, read from a place on.
struct Lane {
    rest: redb::Range<'static, Pair<&'static AgentKey, u64>, &'static [u8; Entry::LENGTH]>,
    next: Option<(u64, Entry)>,
}

impl Lane {
    fn open(
        view: &View<'_>,
        table: IndexDefinition,
        recipient: &AgentKey,
        first: u64,
    ) -> Result<Self, Failure> {
        let table = view.transaction.open_table(table)?;
        let mut lane = Self {
            rest: table.range((recipient, first)..=(recipient, u64::MAX))?,
            next: None,
        };
        lane.advance()?;
        Ok(lane)
    }

    fn advance(&mut self) -> Result<Option<(u64, Entry)>, Failure> {
        let next = match self.rest.next() {
            None => None,
            Some(entry) => {
                let (place, entry) = entry?;
                Some((place.value().1, Entry::from_bytes(entry.value())?))
            }
        };
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// The entry with the lowest sequence number of all lanes.
fn next_of(lanes: &mut [Lane]) -> Result<Option<(u64, Entry)>, Failure> {
    let first = lanes
        .iter_mut()
        .filter(|lane| lane.next.is_some())
        .min_by_key(|lane| lane.next.as_ref().map(|(sequence, _)| *sequence));
    match first {
        None => Ok(None),
        Some(lane) => lane.advance(),
    }
}

/// A page as it fills.
struct Collector {
    messages: Messages,
    room: Room,
    bytes: usize,
    found: Vec<Stored>,
    /// Messages that were read and did not fit the query.
    missed: usize,
}

impl Collector {
    fn new(view: &View<'_>, room: Room) -> Result<Self, Failure> {
        Ok(Self {
            messages: view.transaction.open_table(MESSAGES)?,
            room: Room {
                messages: room.messages.max(1),
                bytes: room.bytes.min(PAGE_BYTES),
            },
            bytes: 0,
            found: Vec::new(),
            missed: 0,
        })
    }

    /// Whether another message of this size has no place. The first always has.
    fn is_full(&self, size: usize) -> bool {
        self.found.len() == self.room.messages
            || (!self.found.is_empty() && self.bytes + size > self.room.bytes)
    }

    fn add(&mut self, sequence: u64, size: usize, message: Message) {
        self.bytes += size;
        self.found.push(Stored {
            sequence: Sequence(sequence),
            message,
        });
    }

    fn stop_after(self, last: Sequence) -> Found {
        Found {
            found: self.found,
            next: Some(last),
        }
    }

    fn end(self) -> Found {
        Found {
            found: self.found,
            next: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::queue::Admission;
    use super::super::{Store, StoreError};
    use super::*;

    /// An inbox that begins with more expired messages than are looked at for a page.
    async fn inbox_behind_expired_ones() -> Store {
        let store = empty_store();
        let recipient = *agent(2).as_bytes();
        let filling = store.write::<_, StoreError, _>(Admission::Other, move |tables| {
            for _ in 0..=SCAN_ENTRIES {
                let entry = Entry {
                    sender: [0; 32],
                    expires: at(1),
                    delivered: None,
                    thread: [0; 4],
                    reply: [0; 4],
                    size: 1,
                };
                let place = (&recipient, tables.next_sequence());
                tables.queued.insert(place, &entry.to_bytes())?;
            }
            Ok(())
        });
        filling.await.unwrap();
        let sending = store.accept_message(send(agent(1), agent(2), "1", at(1)));
        sending.await.unwrap();
        store
    }

    #[tokio::test]
    async fn a_page_takes_bounded_time_and_says_where_to_go_on() {
        let store = inbox_behind_expired_ones().await;
        let page = store.poll(poll(agent(2), at(1))).await.unwrap();
        assert!(page.messages.is_empty());
        assert_eq!(page.next, Some(Sequence(SCAN_ENTRIES as u64)));
        let rest = Poll {
            after: page.next,
            ..poll(agent(2), at(1))
        };
        let page = store.poll(rest).await.unwrap();
        assert_eq!((bodies(&page.messages), page.next), (vec!["1"], None));
    }

    #[tokio::test]
    async fn what_waits_is_found_behind_any_number_of_expired_ones() {
        let store = inbox_behind_expired_ones().await;
        assert_eq!(waiting(&store, agent(2), at(1)).await.len(), 1);
    }
}
