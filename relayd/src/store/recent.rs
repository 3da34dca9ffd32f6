//! What lately came for agents that are connected: it is pushed to them without asking the database.
//!
//! An inbox that somebody reads to its end is watched from then on: whatever is accepted for it behind its base is kept here, until
//! the reader has passed it. Everything here is in the database, too; what does not fit is read there. Whoever has the pen fills it when
//! a group of operations is on disk, under one lock with the last place, so that nothing can be missed between two groups.

use super::inbox::Room;
use super::record::AgentKey;
use lru::LruCache;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Inboxes that are watched, at most.
const INBOXES: usize = 16_384;
/// A longer message is read from the database: looking through it would keep others waiting.
const LONGEST: usize = 64 << 10;

/// A message's row, with its place.
pub(super) type Row = (u64, Arc<[u8]>);

#[derive(Debug)]
pub(super) struct Recent {
    watched: Mutex<Watched>,
    /// Bytes of rows that are kept, at most; 0 for a store that keeps none.
    most: usize,
}

#[derive(Debug)]
struct Watched {
    /// The last place that is on disk.
    last: u64,
    bytes: usize,
    inboxes: LruCache<AgentKey, Inbox>,
}

/// All that waits in an inbox behind a place.
#[derive(Debug)]
struct Inbox {
    base: u64,
    rows: VecDeque<Row>,
}

impl Recent {
    pub(super) fn new(most: usize, last: u64) -> Self {
        Self {
            watched: Mutex::new(Watched {
                last,
                bytes: 0,
                inboxes: LruCache::unbounded(),
            }),
            most,
        }
    }

    /// Begins anew: the database was opened again, and what became of the last group is known only there.
    pub(super) fn restart(&self, last: u64) {
        let mut watched = self.lock();
        watched.last = last;
        watched.bytes = 0;
        watched.inboxes.clear();
    }

    /// What waits behind a place, as far as there is room, and one message at least; `None` if that is not known here.
    pub(super) fn after(&self, agent: &AgentKey, after: u64, room: Room) -> Option<Vec<Row>> {
        let mut watched = self.lock();
        let inbox = watched
            .inboxes
            .get_mut(agent)
            .filter(|inbox| inbox.base <= after)?;
        let passed = inbox.pass(after);
        let mut left = room.bytes;
        let fits = |row: &&Row| {
            let fits = row.1.len() <= left || left == room.bytes;
            left = left.saturating_sub(row.1.len());
            fits
        };
        let rows = inbox.rows.iter().take(room.messages).take_while(fits);
        let rows = rows.cloned().collect();
        watched.bytes -= passed;
        Some(rows)
    }

    /// Keeps what comes for an agent from now on.
    pub(super) fn watch(&self, agent: &AgentKey) {
        let mut watched = self.lock();
        if self.most == 0 || watched.inboxes.contains(agent) {
            return;
        }
        let base = watched.last;
        let rows = VecDeque::new();
        watched.inboxes.put(*agent, Inbox { base, rows });
        if watched.inboxes.len() > INBOXES {
            watched.drop_oldest();
        }
    }

    /// A group is on disk: what came and what does not wait any more. `row` finds a message.
    pub(super) fn settle<E>(
        &self,
        last: u64,
        arrived: &[(AgentKey, u64)],
        left: &[(AgentKey, u64)],
        mut row: impl FnMut(u64) -> Result<Option<Arc<[u8]>>, E>,
    ) -> Result<(), E> {
        let mut watched = self.lock();
        watched.last = last;
        for (agent, sequence) in arrived {
            // Looked at without being used: only reading makes an inbox young.
            if !watched.inboxes.contains(agent) {
                continue;
            }
            let found = row(*sequence)?;
            watched.keep(agent, *sequence, found);
        }
        for (agent, sequence) in left {
            watched.take_out(agent, *sequence);
        }
        while watched.bytes > self.most && !watched.inboxes.is_empty() {
            watched.drop_oldest();
        }
        Ok(())
    }

    pub(super) fn forget(&self, agent: &AgentKey) {
        let mut watched = self.lock();
        if let Some(inbox) = watched.inboxes.pop(agent) {
            watched.bytes -= inbox.bytes();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn keep(&mut self, agent: &AgentKey, sequence: u64, row: Option<Arc<[u8]>>) {
        let Some(inbox) = self.inboxes.peek_mut(agent) else {
            return;
        };
        match row.filter(|row| row.len() <= LONGEST) {
            Some(row) => {
                self.bytes += row.len();
                inbox.rows.push_back((sequence, row));
            }
            None => self.bytes -= inbox.pass(sequence),
        }
    }

    fn take_out(&mut self, agent: &AgentKey, sequence: u64) {
        let Some(inbox) = self.inboxes.peek_mut(agent) else {
            return;
        };
        if let Ok(place) = inbox
            .rows
            .binary_search_by_key(&sequence, |(place, _)| *place)
            && let Some((_, row)) = inbox.rows.remove(place)
        {
            self.bytes -= row.len();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, inbox)) = self.inboxes.pop_lru() {
            self.bytes -= inbox.bytes();
        }
    }
}

impl Inbox {
    /// Forgets what stands up to a place; the answer is how many bytes that were.
    fn pass(&mut self, place: u64) -> usize {
        let mut bytes = 0;
        while let Some((sequence, row)) = self.rows.front()
            && *sequence <= place
        {
            bytes += row.len();
            self.rows.pop_front();
        }
        self.base = self.base.max(place);
        bytes
    }

    fn bytes(&self) -> usize {
        self.rows.iter().map(|(_, row)| row.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    const ALL: Room = Room {
        messages: 100,
        bytes: usize::MAX,
    };
    const ME: AgentKey = [1; 32];

    fn arrive(recent: &Recent, places: &[u64], length: usize) {
        let arrived: Vec<_> = places.iter().map(|place| (ME, *place)).collect();
        let last = places.last().copied().unwrap_or(0);
        let row = |_| Ok::<_, Infallible>(Some(vec![0; length].into()));
        let Ok(()) = recent.settle(last, &arrived, &[], row);
    }

    fn places(recent: &Recent, after: u64, room: Room) -> Option<Vec<u64>> {
        let rows = recent.after(&ME, after, room)?;
        Some(rows.into_iter().map(|(place, _)| place).collect())
    }

    #[test]
    fn a_watched_inbox_is_known_behind_its_base_only() {
        let recent = Recent::new(1 << 20, 5);
        arrive(&recent, &[6], 10);
        assert_eq!(places(&recent, 6, ALL), None, "nobody watches it");
        recent.watch(&ME);
        assert_eq!(
            places(&recent, 5, ALL),
            None,
            "what came before is not here"
        );
        assert_eq!(places(&recent, 6, ALL), Some(vec![]));
        arrive(&recent, &[8, 9, 12], 10);
        assert_eq!(places(&recent, 6, ALL), Some(vec![8, 9, 12]));
        assert_eq!(places(&recent, 8, ALL), Some(vec![9, 12]));
        assert_eq!(places(&recent, 6, ALL), None, "what was passed is gone");
        assert_eq!(recent.lock().bytes, 20);
    }

    #[test]
    fn a_reader_gets_what_there_is_room_for_and_one_at_least() {
        let recent = Recent::new(1 << 20, 0);
        recent.watch(&ME);
        arrive(&recent, &[1, 2, 3], 10);
        let room = |messages, bytes| Room { messages, bytes };
        assert_eq!(places(&recent, 0, room(2, 100)), Some(vec![1, 2]));
        assert_eq!(places(&recent, 0, room(9, 25)), Some(vec![1, 2]));
        assert_eq!(places(&recent, 0, room(9, 5)), Some(vec![1]));
    }

    #[test]
    fn what_does_not_wait_any_more_is_taken_out() {
        let recent = Recent::new(1 << 20, 0);
        recent.watch(&ME);
        arrive(&recent, &[1, 2, 3], 10);
        let none = |_| Ok::<_, Infallible>(None);
        let Ok(()) = recent.settle(3, &[], &[(ME, 2), (ME, 7), ([2; 32], 1)], none);
        assert_eq!(places(&recent, 0, ALL), Some(vec![1, 3]));
        recent.forget(&ME);
        assert_eq!(places(&recent, 0, ALL), None);
        assert_eq!(recent.lock().bytes, 0);
    }

    #[test]
    fn a_long_message_and_too_many_bytes_are_left_to_the_database() {
        let recent = Recent::new(1_000, 0);
        recent.watch(&ME);
        arrive(&recent, &[1], 10);
        arrive(&recent, &[2], LONGEST + 1);
        assert_eq!(places(&recent, 1, ALL), None, "the long one is not here");
        arrive(&recent, &[3], 10);
        assert_eq!(places(&recent, 2, ALL), Some(vec![3]));
        arrive(&recent, &[4, 5], 900);
        assert_eq!(places(&recent, 5, ALL), None);
        assert_eq!(recent.lock().bytes, 0);
    }

    #[test]
    fn a_store_that_keeps_nothing_watches_nothing() {
        let recent = Recent::new(0, 0);
        recent.watch(&ME);
        assert_eq!(places(&recent, 0, ALL), None);
    }

    #[test]
    fn the_inbox_that_was_not_read_for_longest_goes_first() {
        let recent = Recent::new(1 << 20, 0);
        recent.watch(&ME);
        for number in 0..INBOXES {
            let mut agent = [7; 32];
            agent[..8].copy_from_slice(&number.to_be_bytes());
            recent.watch(&agent);
        }
        assert_eq!(places(&recent, 0, ALL), None);
        assert_eq!(recent.lock().inboxes.len(), INBOXES);
    }
}
