//! Everything that is still to be sent: what is held until its time has come, and what is of no use any more. A machine without a
//! clock or a store.
//!
//! Times are those of the wall clock, since users name them: a clock that is set moves them, and nothing else.

use crate::store::Pending;
use mrp_proto::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// For so long at least a message is tried before it is given up for being old: a clock that was set must not do that.
const PATIENCE: Duration = Duration::from_secs(300);

/// Whether a message may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its time has not come.
    Held,
    /// It may.
    Due,
}

#[derive(Debug)]
struct Entry {
    pending: Pending,
    standing: Standing,
    /// Since when this process knows it as due.
    since: Instant,
}

/// What is to be done with a message now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// Send it.
    Send(Pending),
    /// Give it up: it is of no use any more.
    Useless(Pending),
}

/// The ledger.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: HashMap<u64, Entry>,
    /// When to look at which.
    agenda: BTreeSet<(Timestamp, u64)>,
}

impl Ledger {
    /// Takes a message in; [`Self::due`] has it when its time has come.
    pub(super) fn add(&mut self, pending: Pending, now: Instant) {
        let position = pending.position;
        let due_at = pending.due_at.unwrap_or(Timestamp::EPOCH);
        self.agenda.insert((due_at, position));
        let entry = Entry {
            pending,
            standing: Standing::Held,
            since: now,
        };
        self.entries.insert(position, entry);
    }

    /// What is to be done by now, in the order of its time: what was held until then, and what was put in behind, also where a new
    /// start finds both due.
    pub(super) fn due(&mut self, now: Timestamp, instant: Instant) -> Vec<Due> {
        let mut due = Vec::new();
        while let Some(&(time, position)) = self.agenda.first()
            && time <= now
        {
            self.agenda.pop_first();
            let Some(entry) = self.entries.get_mut(&position) else {
                continue;
            };
            let pending = entry.pending.clone();
            if is_useless(&pending, now) {
                due.push(Due::Useless(pending));
                continue;
            }
            if entry.standing == Standing::Held {
                entry.standing = Standing::Due;
                entry.since = instant;
                due.push(Due::Send(pending));
            }
            if let Some(useless_at) = entry.pending.useless_at {
                self.agenda.insert((useless_at, position));
            }
        }
        in_order(due)
    }

    /// When [`Self::due`] has something next.
    pub(super) fn wake_at(&self) -> Option<Timestamp> {
        self.agenda.first().map(|(time, _)| *time)
    }

    /// A message, and whether it may be sent.
    pub(super) fn find(&self, position: u64) -> Option<(&Pending, Standing)> {
        let entry = self.entries.get(&position)?;
        Some((&entry.pending, entry.standing))
    }

    /// Lets a message go that is held.
    pub(super) fn release(&mut self, position: u64) {
        let Some(entry) = self.entries.get_mut(&position) else {
            return;
        };
        if entry.standing == Standing::Held {
            let due_at = entry.pending.due_at.take();
            self.agenda
                .remove(&(due_at.unwrap_or(Timestamp::EPOCH), position));
            self.agenda.insert((Timestamp::EPOCH, position));
        }
    }

    /// A relay may have the message, from now on until it says so or the message is given up.
    pub(super) fn note_perhaps_sent(&mut self, position: u64) {
        if let Some(entry) = self.entries.get_mut(&position) {
            entry.pending.perhaps_sent = true;
        }
    }

    /// Whether a message was tried for long enough, by a clock that nobody sets, to be given up for its age.
    pub(super) fn has_patience_ended(&self, position: u64, limit: Duration, now: Instant) -> bool {
        let since = self.entries.get(&position).map(|entry| entry.since);
        since.is_none_or(|since| now.duration_since(since) >= limit.min(PATIENCE))
    }

    /// Strikes a message out.
    pub(super) fn remove(&mut self, position: u64) {
        let Some(Entry { pending, .. }) = self.entries.remove(&position) else {
            return;
        };
        let due_at = pending.due_at.unwrap_or(Timestamp::EPOCH);
        for time in [Some(due_at), pending.useless_at].into_iter().flatten() {
            self.agenda.remove(&(time, position));
        }
    }
}

/// In the order of the times since when they are to be sent. What was never held keeps its places, however the clock was set.
fn in_order(mut due: Vec<Due>) -> Vec<Due> {
    let pending = |due: &Due| match due {
        Due::Send(pending) | Due::Useless(pending) => {
            (pending.position, pending.since, pending.due_at)
        }
    };
    due.sort_by_key(|due| pending(due).0);
    let mut latest = Timestamp::EPOCH;
    let mut timed: Vec<(Timestamp, Due)> = Vec::with_capacity(due.len());
    for due in due {
        let (_, since, due_at) = pending(&due);
        if due_at.is_none() {
            latest = latest.max(since);
        }
        timed.push((due_at.map_or(latest, |_| since), due));
    }
    timed.sort_by_key(|(time, _)| *time);
    timed.into_iter().map(|(_, due)| due).collect()
}

/// Whether a message is of no use any more.
pub(super) fn is_useless(pending: &Pending, now: Timestamp) -> bool {
    pending
        .useless_at
        .is_some_and(|useless_at| useless_at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    fn pending(position: u64, due_at: Option<i64>, useless_at: Option<i64>) -> Pending {
        Pending {
            position,
            from: "me".to_owned(),
            to: "a".to_owned(),
            relay: "r".to_owned(),
            due_at: due_at.map(at),
            since: due_at.map_or(Timestamp::EPOCH, at),
            useless_at: useless_at.map(at),
            perhaps_sent: false,
        }
    }

    fn sent(due: &[Due]) -> Vec<u64> {
        let position = |due: &Due| match due {
            Due::Send(pending) => Some(pending.position),
            Due::Useless(_) => None,
        };
        due.iter().filter_map(position).collect()
    }

    fn held(ledger: &Ledger) -> usize {
        let held = |entry: &&Entry| entry.standing == Standing::Held;
        ledger.entries.values().filter(held).count()
    }

    #[test]
    fn what_is_held_waits_for_its_time_and_keeps_nobody_back() {
        let now = Instant::now();
        let mut ledger = Ledger::default();
        ledger.add(pending(1, Some(200), None), now);
        ledger.add(pending(2, None, None), now);
        ledger.add(pending(3, Some(150), None), now);
        assert_eq!(sent(&ledger.due(at(100), now)), [2]);
        assert_eq!((ledger.wake_at(), held(&ledger)), (Some(at(150)), 2));
        assert_eq!(sent(&ledger.due(at(149), now)), [0; 0]);
        // A clock that jumps: both are due, in the order of their times.
        assert_eq!(sent(&ledger.due(at(5000), now)), [3, 1]);
        assert_eq!(sent(&ledger.due(at(10), now)), [0; 0]);
        assert_eq!(ledger.wake_at(), None);
    }

    #[test]
    fn a_new_start_finds_what_is_due_in_the_order_it_had() {
        let now = Instant::now();
        let mut ledger = Ledger::default();
        let since = |position, seconds| Pending {
            since: at(seconds),
            ..pending(position, None, None)
        };
        ledger.add(pending(1, Some(50), None), now);
        ledger.add(since(2, 20), now);
        ledger.add(since(3, 60), now);
        // The clock was set back.
        ledger.add(since(4, 40), now);
        assert_eq!(sent(&ledger.due(at(100), now)), [2, 1, 3, 4]);
    }

    #[test]
    fn what_is_of_no_use_any_more_is_given_up_held_or_not() {
        let now = Instant::now();
        let mut ledger = Ledger::default();
        ledger.add(pending(1, None, Some(120)), now);
        ledger.add(pending(2, Some(300), Some(310)), now);
        assert_eq!(sent(&ledger.due(at(100), now)), [1]);
        assert_eq!(ledger.wake_at(), Some(at(120)));
        let useless = ledger.due(at(120), now);
        assert_eq!(useless, [Due::Useless(pending(1, None, Some(120)))]);
        assert!(matches!(ledger.due(at(400), now)[..], [Due::Useless(_)]));
    }

    #[test]
    fn what_is_struck_out_is_never_due_and_what_is_released_is_at_once() {
        let now = Instant::now();
        let mut ledger = Ledger::default();
        ledger.add(pending(1, Some(200), Some(400)), now);
        ledger.add(pending(2, Some(200), None), now);
        ledger.remove(1);
        ledger.release(2);
        assert_eq!(sent(&ledger.due(at(100), now)), [2]);
        ledger.remove(2);
        assert_eq!((ledger.wake_at(), held(&ledger)), (None, 0));
        assert!(ledger.agenda.is_empty());
    }

    #[test]
    fn a_clock_that_was_set_gives_nothing_up() {
        let now = Instant::now();
        let mut ledger = Ledger::default();
        ledger.add(pending(1, None, None), now);
        ledger.due(at(100), now);
        let week = Duration::from_secs(7 * 24 * 3600);
        assert!(!ledger.has_patience_ended(1, week, now + Duration::from_secs(60)));
        assert!(ledger.has_patience_ended(1, week, now + PATIENCE));
        let second = Duration::from_secs(1);
        assert!(ledger.has_patience_ended(1, second, now + second));
    }
}
