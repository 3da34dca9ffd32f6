//! In which order messages are tried, and when: a machine without a clock, a socket or a store.
//!
//! A lane is one sender's way to one recipient: one message at a time, in order. A line is one sender's way to one relay: what
//! stops it, such as a relay that cannot be reached, stops all its lanes, and it is tried again once for all of them.

use crate::store::Pending;
use mrp_proto::backoff::Backoff;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Sender and recipient.
type LaneKey = (String, String);
/// Sender and relay.
type LineKey = (String, String);

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The message is done with, sent or given up; the relay answered.
    Done,
    /// The message is to be tried again; others may go on.
    RetryMessage {
        /// How long the relay asked for.
        after: Option<Duration>,
    },
    /// The relay is to be tried again; nothing else goes there meanwhile.
    RetryRelay {
        /// How long the relay asked for.
        after: Option<Duration>,
    },
}

/// All lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: HashMap<LaneKey, Lane>,
    lines: HashMap<LineKey, Pause>,
    ready: VecDeque<LaneKey>,
    waiting: BTreeSet<(Instant, LaneKey)>,
}

#[derive(Debug)]
struct Lane {
    queue: VecDeque<Pending>,
    place: Place,
    backoff: Backoff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Idle,
    Ready,
    Waiting(Instant),
    Busy,
}

#[derive(Debug)]
struct Pause {
    until: Option<Instant>,
    backoff: Backoff,
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self {
            lanes: HashMap::new(),
            lines: HashMap::new(),
            ready: VecDeque::new(),
            waiting: BTreeSet::new(),
        }
    }

    /// Adds a message behind those of its lane.
    pub(super) fn add(&mut self, pending: Pending) {
        let key = lane_key(&pending);
        let lane = self.lanes.entry(key.clone()).or_insert_with(|| Lane {
            queue: VecDeque::new(),
            place: Place::Idle,
            backoff: Backoff::default(),
        });
        lane.queue.push_back(pending);
        if lane.place == Place::Idle {
            lane.place = Place::Ready;
            self.ready.push_back(key);
        }
    }

    /// The next message to try, if one may be tried now. Its lane is busy until [`Self::finish`].
    pub(super) fn next(&mut self, now: Instant) -> Option<Pending> {
        while let Some((due, _)) = self.waiting.first()
            && *due <= now
            && let Some((_, key)) = self.waiting.pop_first()
        {
            self.make_ready(key);
        }
        while let Some(key) = self.ready.pop_front() {
            let Some(lane) = self.lanes.get_mut(&key) else {
                continue;
            };
            let Some(pending) = lane.queue.front() else {
                continue;
            };
            let pause = self.lines.get(&line_key(pending));
            match pause.and_then(|pause| pause.until) {
                Some(until) if until > now => {
                    lane.place = Place::Waiting(until);
                    self.waiting.insert((until, key));
                }
                _ => {
                    lane.place = Place::Busy;
                    return Some(pending.clone());
                }
            }
        }
        None
    }

    /// When to ask again, if nothing else happens.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.waiting.first().map(|(due, _)| *due)
    }

    /// An attempt has ended. Returns how long until the next one of the same message.
    pub(super) fn finish(
        &mut self,
        pending: &Pending,
        outcome: Outcome,
        now: Instant,
        random: u64,
    ) -> Option<Duration> {
        let key = lane_key(pending);
        let line = self
            .lines
            .entry(line_key(pending))
            .or_insert_with(|| Pause {
                until: None,
                backoff: Backoff::default(),
            });
        let lane = self.lanes.get_mut(&key)?;
        let delay = match outcome {
            Outcome::Done => {
                *line = Pause {
                    until: None,
                    backoff: Backoff::default(),
                };
                lane.backoff = Backoff::default();
                lane.queue.pop_front();
                if lane.queue.is_empty() {
                    self.lanes.remove(&key);
                } else {
                    self.make_ready(key);
                }
                return None;
            }
            Outcome::RetryMessage { after } => lane
                .backoff
                .next_delay(random)
                .max(after.unwrap_or_default()),
            Outcome::RetryRelay { after } => {
                // Attempts that ran side by side fail side by side: one pause is enough for all of them.
                let until = match line.until {
                    Some(until) if until > now => until,
                    _ => now + line.backoff.next_delay(random),
                };
                let until = until.max(now + after.unwrap_or_default());
                line.until = Some(until);
                until - now
            }
        };
        lane.place = Place::Waiting(now + delay);
        self.waiting.insert((now + delay, key));
        Some(delay)
    }

    /// A relay can be reached again: whatever waits for it goes on.
    pub(super) fn line_up(&mut self, sender: &str, relay: &str) {
        let line = (sender.to_owned(), relay.to_owned());
        self.lines.remove(&line);
        let woken: Vec<_> = self
            .waiting
            .iter()
            .filter(|(_, key)| {
                let head = self.lanes.get(key).and_then(|lane| lane.queue.front());
                head.is_some_and(|head| line_key(head) == line)
            })
            .cloned()
            .collect();
        for entry in woken {
            self.waiting.remove(&entry);
            self.make_ready(entry.1);
        }
    }

    fn make_ready(&mut self, key: LaneKey) {
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.place = Place::Ready;
            self.ready.push_back(key);
        }
    }
}

fn lane_key(pending: &Pending) -> LaneKey {
    (pending.from.clone(), pending.to.clone())
}

fn line_key(pending: &Pending) -> LineKey {
    (pending.from.clone(), pending.relay.clone())
}

#[cfg(test)]
mod tests;
