//! Everything that is still to be sent: what is held until its time has come, and what is of no use any more. A machine without a
//! clock or a store.
//!
//! Times that users name are the wall clock's: a clock that is set moves them, and nothing else. How long something is held, of use
//! or tried is measured by the steady clock.

use crate::clock::Clocks;
use crate::store::{HeldFor, Pending};
use mrp_proto::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// For so long at least a message is tried after a start before it is given up for being old: what has passed before that was said
/// by a wall clock, which may have been set.
const PATIENCE: Duration = Duration::from_secs(300);

/// Whether a message may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its time has not come.
    Held,
    /// It may.
    Due,
}

/// All but `pending` by the steady clock.
#[derive(Debug)]
struct Entry {
    pending: Pending,
    standing: Standing,
    /// When it is due, unless the wall clock is set until then.
    due_at: Timestamp,
    /// From when on it is of no use any more.
    useless_at: Option<Timestamp>,
    /// Since when it is to be sent.
    since: Timestamp,
    /// Since when this process knows it as due.
    known_since: Timestamp,
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
    /// When to look at which, by the wall clock: what is held until a time that somebody named.
    named: BTreeSet<(Timestamp, u64)>,
    /// When to look at which, by the steady clock: all the rest.
    agenda: BTreeSet<(Timestamp, u64)>,
}

impl Ledger {
    /// Takes a message in; [`Self::due`] has it when its time has come.
    pub(super) fn add(&mut self, pending: Pending, now: Clocks) {
        let position = pending.position;
        let due_at = pending
            .due_at
            .map_or(Timestamp::EPOCH, |at| now.to_steady(at));
        match named(&pending) {
            Some(at) => self.named.insert((at, position)),
            None => self.agenda.insert((due_at, position)),
        };
        let entry = Entry {
            standing: Standing::Held,
            due_at,
            useless_at: pending.useless_at.map(|at| now.to_steady(at)),
            since: now.to_steady(pending.since),
            known_since: now.steady,
            pending,
        };
        self.entries.insert(position, entry);
    }

    /// What is to be done by now, in the order of its time: what was held until then, and what was put in behind, also where a new
    /// start finds both due.
    pub(super) fn due(&mut self, now: Clocks) -> Vec<Due> {
        let mut due = Vec::new();
        for (agenda, time) in [(&mut self.named, now.wall), (&mut self.agenda, now.steady)] {
            while let Some(&(at, position)) = agenda.first()
                && at <= time
            {
                agenda.pop_first();
                due.push(position);
            }
        }
        let due = due
            .into_iter()
            .filter_map(|position| self.look(position, now))
            .collect();
        in_order(due)
    }

    fn look(&mut self, position: u64, now: Clocks) -> Option<Due> {
        let entry = self.entries.get_mut(&position)?;
        let was = entry.standing;
        if was == Standing::Held {
            entry.come_due(now);
        }
        if entry.is_useless(now) {
            return Some(Due::Useless(entry.pending.clone()));
        }
        if let Some(useless_at) = entry.useless_at {
            self.agenda.insert((useless_at, position));
        }
        (was == Standing::Held).then(|| Due::Send(entry.pending.clone()))
    }

    /// How long [`Self::due`] has nothing, if nobody sets the wall clock.
    pub(super) fn rest(&self, now: Clocks) -> Option<Duration> {
        let named = self.named.first().map(|(at, _)| at.since(now.wall));
        let agenda = self.agenda.first().map(|(at, _)| at.since(now.steady));
        named.into_iter().chain(agenda).min()
    }

    /// A message, and whether it may be sent.
    pub(super) fn find(&self, position: u64) -> Option<(&Pending, Standing)> {
        let entry = self.entries.get(&position)?;
        Some((&entry.pending, entry.standing))
    }

    /// Whether a message is of no use any more.
    pub(super) fn is_useless(&self, position: u64, now: Clocks) -> bool {
        let entry = self.entries.get(&position);
        entry.is_some_and(|entry| entry.is_useless(now))
    }

    /// Lets a message go that is held.
    pub(super) fn release(&mut self, position: u64) {
        let Some(entry) = self.entries.get_mut(&position) else {
            return;
        };
        if entry.standing == Standing::Held {
            entry.strike(&mut self.named, &mut self.agenda);
            entry.pending.due_at = None;
            entry.due_at = Timestamp::EPOCH;
            self.agenda.insert((entry.due_at, position));
        }
    }

    /// A relay may have the message, from now on until it says so or the message is given up.
    pub(super) fn note_perhaps_sent(&mut self, position: u64) {
        if let Some(entry) = self.entries.get_mut(&position) {
            entry.pending.perhaps_sent = true;
        }
    }

    /// Since when a message is to be sent, by the steady clock, where it was tried for long enough to be given up for its age.
    pub(super) fn tried_since(
        &self,
        position: u64,
        limit: Duration,
        now: Clocks,
    ) -> Option<Timestamp> {
        let entry = self.entries.get(&position)?;
        let patience = limit.min(PATIENCE);
        (now.steady.since(entry.known_since) >= patience).then_some(entry.since)
    }

    /// Strikes a message out.
    pub(super) fn remove(&mut self, position: u64) {
        if let Some(entry) = self.entries.remove(&position) {
            entry.strike(&mut self.named, &mut self.agenda);
        }
    }
}

impl Entry {
    fn is_useless(&self, now: Clocks) -> bool {
        self.useless_at.is_some_and(|at| at <= now.steady)
    }

    /// What was held until a time that somebody named is of use, and tried, from then on: from now on, unless both clocks say that this
    /// time passed while the machine slept or no daemon ran.
    fn come_due(&mut self, now: Clocks) {
        self.standing = Standing::Due;
        self.known_since = now.steady;
        let Some(named) = named(&self.pending) else {
            return;
        };
        let late = now.wall.since(named).min(now.steady.since(self.due_at));
        self.since = now.steady.before(late);
        let useless_at = self.pending.useless_at;
        self.useless_at = useless_at.map(|at| self.since.after(at.since(named)));
    }

    fn strike(
        &self,
        in_named: &mut BTreeSet<(Timestamp, u64)>,
        in_agenda: &mut BTreeSet<(Timestamp, u64)>,
    ) {
        let position = self.pending.position;
        if let Some(at) = named(&self.pending) {
            in_named.remove(&(at, position));
        }
        for at in [Some(self.due_at), self.useless_at].into_iter().flatten() {
            in_agenda.remove(&(at, position));
        }
    }
}

/// The time that somebody named for a message.
fn named(pending: &Pending) -> Option<Timestamp> {
    let due_at = pending.due_at;
    due_at.filter(|_| pending.held_for == HeldFor::Time)
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

#[cfg(test)]
mod tests;
