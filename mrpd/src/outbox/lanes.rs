//! In which order messages are tried, and when: a machine without a clock, a socket or a store.
//!
//! A lane is one sender's way to one recipient by one relay: one message at a time, in order. A line is one sender's way to one
//! relay, with a bounded number of attempts side by side of its own, so that a relay that does not answer holds up no other. What
//! stops a line, such as a relay that cannot be reached, stops all its lanes; then one lane at a time tries it, each time another
//! one, until an attempt gets through. Where the line's budget is used up, one lane waits for it, and the others behind that one.

use super::budget::{Budget, Limit, Told};
use crate::store::Pending;
use mrp_proto::backoff::Backoff;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Attempts of one line that run side by side.
const PARALLEL: usize = 32;

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

/// What a relay said of how many sends it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing: it did not answer.
    Nothing,
    /// This.
    Told(Told),
    /// An answer without a word of it, from which this follows.
    Silence(Limit),
    /// That this one was too many, and how long to wait.
    TooMany(Duration),
}

/// What became of a message that was to be taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removed {
    /// It is out.
    Out,
    /// An attempt to send it is under way.
    UnderWay,
    /// It was not in.
    Absent,
}

/// How much a line may still send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Whose, by key.
    pub sender: String,
    /// At which relay.
    pub relay: String,
    /// What is known of the limit.
    pub limit: Limit,
    /// How many may be sent now; `None` where there is no limit.
    pub left: Option<u32>,
}

/// A sender's way to a relay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct LineKey {
    sender: String,
    relay: String,
}

/// A line's way to a recipient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct LaneKey {
    line: LineKey,
    recipient: String,
}

/// All lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: HashMap<LaneKey, Lane>,
    lines: HashMap<LineKey, Line>,
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
    /// Behind others, until the line has room.
    Parked,
    Busy,
}

#[derive(Debug, Default)]
struct Line {
    /// Until when it is left alone.
    until: Option<Instant>,
    backoff: Backoff,
    health: Health,
    busy: usize,
    budget: Budget,
    /// The lane that waits for the budget.
    gate: Option<LaneKey>,
    /// Lanes that wait for room. Where there are any, another lane is busy or waits for its time, and lets them in.
    parked: VecDeque<LaneKey>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Health {
    #[default]
    Well,
    /// The last attempt did not get through.
    Failing,
}

impl Line {
    fn room(&self) -> usize {
        let limit = match self.health {
            Health::Well => PARALLEL,
            Health::Failing => 1,
        };
        limit.saturating_sub(self.busy)
    }

    /// Whether one of its lanes may go on.
    fn admit(&mut self, now: Instant) -> Admission {
        if let Some(until) = self.until.filter(|until| *until > now) {
            return Admission::Wait(until);
        }
        if self.room() == 0 || self.gate.is_some() {
            return Admission::Park;
        }
        match self.budget.take(now) {
            Ok(()) => Admission::Go,
            Err(Some(until)) => Admission::Gate(until),
            Err(None) => Admission::Park,
        }
    }
}

/// Whether a lane may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    /// It may.
    Go,
    /// At this time.
    Wait(Instant),
    /// At this time, and before it no other one.
    Gate(Instant),
    /// When another one lets it in.
    Park,
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
            self.make_ready(key);
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
            // One that was emptied, and filled again, may still be listed for what it had then.
            if lane.place != Place::Ready {
                continue;
            }
            let Some(pending) = lane.queue.front() else {
                continue;
            };
            let line = self.lines.entry(key.line.clone()).or_default();
            if line.gate.as_ref() == Some(&key) {
                line.gate = None;
            }
            match line.admit(now) {
                Admission::Go => {
                    lane.place = Place::Busy;
                    line.busy += 1;
                    return Some(pending.clone());
                }
                Admission::Wait(until) => {
                    lane.place = Place::Waiting(until);
                    self.waiting.insert((until, key));
                }
                Admission::Gate(until) => {
                    line.gate = Some(key.clone());
                    lane.place = Place::Waiting(until);
                    self.waiting.insert((until, key));
                }
                Admission::Park => {
                    lane.place = Place::Parked;
                    line.parked.push_back(key);
                }
            }
        }
        None
    }

    /// When to ask again, if nothing else happens.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.waiting.first().map(|(due, _)| *due)
    }

    /// An attempt has ended. Returns how long until the next one of the same message, at the earliest.
    pub(super) fn finish(
        &mut self,
        pending: &Pending,
        outcome: Outcome,
        now: Instant,
        random: u64,
    ) -> Option<Duration> {
        let key = lane_key(pending);
        let line = self.lines.entry(key.line.clone()).or_default();
        line.busy = line.busy.saturating_sub(1);
        line.budget.end();
        let delay = match outcome {
            Outcome::Done => {
                line.until = None;
                line.backoff = Backoff::default();
                line.health = Health::Well;
                self.advance(key.clone());
                None
            }
            Outcome::RetryMessage { after } => {
                line.health = Health::Well;
                let lane = self.lanes.get_mut(&key)?;
                let delay = lane.backoff.next_delay(random);
                let delay = delay.max(after.unwrap_or_default());
                self.make_wait(key.clone(), now + delay);
                Some(delay)
            }
            Outcome::RetryRelay { after } => {
                // Attempts that ran side by side fail side by side: one pause is enough for all of them.
                let until = match line.until {
                    Some(until) if until > now => until,
                    _ => now + line.backoff.next_delay(random),
                };
                let until = until.max(now + after.unwrap_or_default());
                line.until = Some(until);
                line.health = Health::Failing;
                self.take_turns(key.clone(), until);
                Some(until - now)
            }
        };
        self.let_in(&key.line);
        delay
    }

    /// What the relay of an attempt said of how many sends it takes. Before [`Self::finish`], which lets others go on.
    pub(super) fn hear(&mut self, pending: &Pending, heard: Heard, now: Instant) {
        let line = self.lines.entry(lane_key(pending).line).or_default();
        match heard {
            Heard::Nothing => {}
            Heard::Told(told) => line.budget.learn(told, now),
            Heard::Silence(limit) => line.budget.assume(limit),
            Heard::TooMany(after) => line.budget.refuse(after, now),
        }
    }

    /// Takes a message out, unless it is being sent.
    pub(super) fn remove(&mut self, pending: &Pending) -> Removed {
        let key = lane_key(pending);
        let Some(lane) = self.lanes.get_mut(&key) else {
            return Removed::Absent;
        };
        let is_it = |other: &Pending| other.position == pending.position;
        let Some(index) = lane.queue.iter().position(is_it) else {
            return Removed::Absent;
        };
        if index == 0 && lane.place == Place::Busy {
            return Removed::UnderWay;
        }
        lane.queue.remove(index);
        if index == 0 {
            self.head_is_gone(&key);
        }
        Removed::Out
    }

    /// How much each line may still send.
    pub(super) fn allowances(&mut self, now: Instant) -> Vec<Allowance> {
        let allowance = |(key, line): (&LineKey, &mut Line)| Allowance {
            sender: key.sender.clone(),
            relay: key.relay.clone(),
            limit: line.budget.limit(),
            left: line.budget.left_now(now),
        };
        self.lines.iter_mut().map(allowance).collect()
    }

    /// Whatever waits for a relay goes on.
    pub(super) fn all_up(&mut self) {
        for line in self.lines.keys().cloned().collect::<Vec<_>>() {
            self.line_up(&line.sender, &line.relay);
        }
    }

    /// A relay can be reached again: whatever waits for it goes on.
    pub(super) fn line_up(&mut self, sender: &str, relay: &str) {
        let line_key = LineKey {
            sender: sender.to_owned(),
            relay: relay.to_owned(),
        };
        if let Some(line) = self.lines.get_mut(&line_key) {
            line.until = None;
            line.backoff = Backoff::default();
        }
        let woken: Vec<_> = self
            .waiting
            .iter()
            .filter(|(_, key)| key.line == line_key)
            .cloned()
            .collect();
        for entry in woken {
            self.waiting.remove(&entry);
            self.make_ready(entry.1);
        }
    }

    /// The head of a lane that was not busy is taken out: the next one has nothing to do with its failures, and where the lane was
    /// the one that waited for others, another one does.
    fn head_is_gone(&mut self, key: &LaneKey) {
        let Some(lane) = self.lanes.get_mut(key) else {
            return;
        };
        lane.backoff = Backoff::default();
        let (place, is_empty) = (lane.place, lane.queue.is_empty());
        if let Place::Waiting(until) = place {
            self.waiting.remove(&(until, key.clone()));
        }
        if !is_empty {
            if let Place::Waiting(_) = place {
                self.make_ready(key.clone());
            }
            return;
        }
        self.lanes.remove(key);
        let Some(line) = self.lines.get_mut(&key.line) else {
            return;
        };
        line.parked.retain(|parked| parked != key);
        if line.gate.as_ref() == Some(key) {
            line.gate = None;
        }
        if let Some(next) = line.parked.pop_front() {
            self.make_ready(next);
        }
    }

    /// The head of the lane is done with: the next one's turn.
    fn advance(&mut self, key: LaneKey) {
        let Some(lane) = self.lanes.get_mut(&key) else {
            return;
        };
        lane.backoff = Backoff::default();
        lane.queue.pop_front();
        if lane.queue.is_empty() {
            self.lanes.remove(&key);
        } else {
            self.make_ready(key);
        }
    }

    /// Another lane tries the relay next, if there is one: it may be the message that does not get through, not the relay.
    fn take_turns(&mut self, key: LaneKey, until: Instant) {
        let line = self.lines.entry(key.line.clone()).or_default();
        let Some(next) = line.parked.pop_front() else {
            return self.make_wait(key, until);
        };
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.place = Place::Parked;
            line.parked.push_back(key);
        }
        self.make_wait(next, until);
    }

    /// Lets as many parked lanes of a line go on as it has room for, unless it is failing: then those that wait go first.
    fn let_in(&mut self, line: &LineKey) {
        let Some(line) = self.lines.get_mut(line) else {
            return;
        };
        if line.health == Health::Failing {
            return;
        }
        let room = line.room().min(line.parked.len());
        for key in line.parked.drain(..room).collect::<Vec<_>>() {
            self.make_ready(key);
        }
    }

    fn make_ready(&mut self, key: LaneKey) {
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.place = Place::Ready;
            self.ready.push_back(key);
        }
    }

    fn make_wait(&mut self, key: LaneKey, until: Instant) {
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.place = Place::Waiting(until);
            self.waiting.insert((until, key));
        }
    }
}

fn lane_key(pending: &Pending) -> LaneKey {
    LaneKey {
        line: LineKey {
            sender: pending.from.clone(),
            relay: pending.relay.clone(),
        },
        recipient: pending.to.clone(),
    }
}

#[cfg(test)]
mod tests;
