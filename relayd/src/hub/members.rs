//! The sessions of one agent, and which of them pushes which message (protocol A4.5, A8.1, A8.2).
//!
//! Each session reads the stored inbox by itself, from a position of its own, and pushes what it claims. The rules:
//!
//! 1. Between two changes of membership (a session joins or leaves) every sender has one *owner* among the sessions, by a
//!    fixed function: the session that had messages of this sender in flight when the membership last changed, else one
//!    chosen by a keyed hash of the sender's key. Only the owner claims, and it claims what is not in flight anywhere.
//! 2. A session that joins reads from the beginning. When one leaves, what was in flight at it is in flight no more, and
//!    those that stay read from the beginning again. The same when a third or later one joins, because senders may then change
//!    owners behind a position. When a second joins, the first keeps its position: all that lies behind it is in flight at
//!    the first, which therefore owns its senders.
//! 3. What was read before a position was set back is not claimed but read again.
//!
//! So no message is skipped for ever: after the last change of membership each session reads everything that is queued, and
//! each message has exactly one owner, which pushes it when it comes to it. The order of a sender's messages holds: in flight
//! they are at one session only (whoever owned the sender claimed them, and whoever has them in flight becomes the owner), that
//! session reads in the order of acceptance, and rule 3 keeps a later message from overtaking one that was taken over from
//! a session that left. And nothing is pushed by two sessions while both live, since what is in flight is not claimed.

use super::signal::{Call, Signal};
use crate::store::Sequence;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Messages remembered as in flight, per agent, at most; the oldest is forgotten first. An inbox holds fewer by default, so only
/// messages that left it otherwise (by a poll, by expiry) can fill this. What is forgotten may be pushed once more, under the
/// same id, after the next change of membership; nothing is lost by it.
const MOST_IN_FLIGHT: usize = 16_384;

/// A session, or another listener, in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name(pub(super) u64);

/// A sender, as a keyed hash of its key: two that share one are merely pushed by the same session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tag(pub(super) u64);

/// Where a session reads on in the stored inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Scan {
    /// The last message that this session has looked at.
    pub(crate) after: Sequence,
    round: u32,
}

/// Which of the messages found are a session's to push.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Claim {
    /// One answer for each message found.
    Decided(Vec<bool>),
    /// The position was set back meanwhile: read again.
    #[default]
    Stale,
}

/// The sessions of one agent, oldest first.
#[derive(Debug, Default)]
pub(super) struct Members {
    list: Vec<Member>,
    in_flight: BTreeMap<Sequence, Flight>,
    /// Senders that had messages in flight when the membership last changed.
    pins: HashMap<Tag, Name>,
}

#[derive(Debug)]
struct Member {
    name: Name,
    signal: Arc<Signal>,
    since: Instant,
    position: Sequence,
    /// Counts how often the position was set back.
    round: u32,
    /// What was marked delivered between a scan's beginning and its claim, and may be among what the scan found.
    settled: Vec<Sequence>,
    scanning: bool,
    /// Probes asked for, and the last of them that was answered.
    probes: u32,
    answered: u32,
}

#[derive(Debug, Clone, Copy)]
struct Flight {
    session: Name,
    sender: Tag,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// How long the oldest session has been here.
    pub(super) fn present_for(&self) -> Option<Duration> {
        self.list.first().map(|oldest| oldest.since.elapsed())
    }

    pub(super) fn join(&mut self, name: Name, signal: Arc<Signal>) {
        if self.list.len() > 1 {
            self.restart();
        }
        // Most have one connection: a vector would begin with room for four.
        self.list.reserve_exact(1);
        self.list.push(Member {
            name,
            signal,
            since: Instant::now(),
            position: Sequence::START,
            round: 0,
            settled: Vec::new(),
            scanning: false,
            probes: 0,
            answered: 0,
        });
        self.pin();
    }

    pub(super) fn leave(&mut self, name: Name) {
        let before = self.list.len();
        self.list.retain(|member| member.name != name);
        if self.list.len() == before {
            return;
        }
        self.in_flight.retain(|_, flight| flight.session != name);
        self.pin();
        self.restart();
    }

    pub(super) fn wake(&self, sequence: Sequence) {
        for member in &self.list {
            if member.position < sequence {
                member.signal.raise(Call::Mail);
            }
        }
    }

    pub(super) fn call_all(&self, call: Call) {
        for member in &self.list {
            member.signal.raise(call);
        }
    }

    pub(super) fn settle(&mut self, sequence: Sequence) {
        self.in_flight.remove(&sequence);
        for member in &mut self.list {
            if member.scanning {
                member.settled.push(sequence);
            }
        }
    }

    pub(super) fn scan(&mut self, name: Name) -> Scan {
        let Some(member) = self.member(name) else {
            return Scan::default();
        };
        member.scanning = true;
        member.settled.clear();
        Scan {
            after: member.position,
            round: member.round,
        }
    }

    pub(super) fn claim(
        &mut self,
        name: Name,
        scan: Scan,
        found: impl Iterator<Item = (Sequence, Tag)>,
    ) -> Claim {
        let Some(member) = self.member(name) else {
            return Claim::Stale;
        };
        member.scanning = false;
        let settled = std::mem::take(&mut member.settled);
        if member.round != scan.round {
            return Claim::Stale;
        }
        let mut position = member.position;
        let mut decided = Vec::new();
        for (sequence, sender) in found {
            position = sequence;
            let mine = !settled.contains(&sequence)
                && !self.in_flight.contains_key(&sequence)
                && self.owner(sender) == Some(name);
            if mine {
                self.fly(sequence, name, sender);
            }
            decided.push(mine);
        }
        if let Some(member) = self.member(name) {
            member.position = position;
        }
        Claim::Decided(decided)
    }

    /// Asks every session whether its peer is there. The result says what to hold their answers against.
    pub(super) fn probe(&mut self) -> Vec<(Name, u32)> {
        let ask = |member: &mut Member| {
            if member.answered == member.probes {
                member.probes = member.probes.wrapping_add(1);
                member.signal.raise(Call::Probe);
            }
            (member.name, member.probes)
        };
        self.list.iter_mut().map(ask).collect()
    }

    pub(super) fn answer(&mut self, name: Name) {
        if let Some(member) = self.member(name) {
            member.answered = member.probes;
        }
    }

    /// Whether all that were asked, and are still here, have answered.
    pub(super) fn answered(&self, asked: &[(Name, u32)]) -> bool {
        let is_silent = |member: &Member| {
            let same =
                |(name, probe): &(Name, u32)| *name == member.name && member.answered < *probe;
            asked.iter().any(same)
        };
        !self.list.iter().any(is_silent)
    }

    fn member(&mut self, name: Name) -> Option<&mut Member> {
        self.list.iter_mut().find(|member| member.name == name)
    }

    fn owner(&self, sender: Tag) -> Option<Name> {
        if let Some(pinned) = self.pins.get(&sender) {
            return Some(*pinned);
        }
        let count = u64::try_from(self.list.len()).ok()?;
        let chosen = usize::try_from(sender.0.checked_rem(count)?).ok()?;
        self.list.get(chosen).map(|member| member.name)
    }

    fn fly(&mut self, sequence: Sequence, session: Name, sender: Tag) {
        self.in_flight.insert(sequence, Flight { session, sender });
        if self.in_flight.len() > MOST_IN_FLIGHT {
            self.in_flight.pop_first();
        }
    }

    fn pin(&mut self) {
        self.pins.clear();
        if self.list.len() > 1 {
            let flights = self.in_flight.values();
            self.pins
                .extend(flights.map(|flight| (flight.sender, flight.session)));
        }
        self.pins.shrink_to_fit();
    }

    fn restart(&mut self) {
        for member in &mut self.list {
            member.position = Sequence::START;
            member.round = member.round.wrapping_add(1);
            member.signal.raise(Call::Mail);
        }
    }
}

#[cfg(test)]
mod tests;
