//! When listed agents were last active, in memory, by number and in order: some 25 bytes for each.
//!
//! It says nothing about who is listed: that is on disk, and a number that is here only is passed over.

use super::super::clock::{from_millis, to_millis};
use super::super::record::leading;
use super::posting::Set;
use mrp_proto::time::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::watch;

/// Steps of a walk down the order that take as long as to look at one member: some 10 and 35 ns where there are a million agents.
const STEPS: usize = 4;

/// A place in the order of all agents by activity: a time, and a number of the directory's to tell those of one millisecond apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place([u8; Self::LENGTH]);

impl Place {
    /// Bytes of a place.
    pub const LENGTH: usize = 10;

    pub(super) fn new(last_active: Timestamp, number: u32) -> Self {
        // Zero is kept for numbers that nobody has.
        let [_, _, time @ ..] = to_millis(last_active).max(1).to_be_bytes();
        let number = number.to_be_bytes();
        Self(std::array::from_fn(|index| {
            let of_number = index.checked_sub(time.len());
            let byte = match of_number {
                None => time.get(index),
                Some(index) => number.get(index),
            };
            byte.copied().unwrap_or(0)
        }))
    }

    /// As [`Place::to_bytes`] gave it.
    pub fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// For a cursor. Later places have greater bytes.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        self.0
    }

    pub(super) fn last_active(self) -> Timestamp {
        let mut time = [0; 8];
        time[2..].copy_from_slice(&leading::<6>(&self.0));
        from_millis(u64::from_be_bytes(time))
    }

    pub(super) fn number(self) -> u32 {
        u32::from_be_bytes(leading(self.0.get(6..).unwrap_or_default()))
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "Place({}, {})",
            self.last_active(),
            self.number()
        )
    }
}

/// Which part of the order is asked for, from its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// In front of this place, where there is one.
    pub(super) before: Option<Place>,
    /// Not before this time.
    pub(super) since: Timestamp,
    /// Places, at most.
    pub(super) most: usize,
}

impl Span {
    fn has(&self, place: Place) -> bool {
        self.before.is_none_or(|before| place < before) && place.last_active() >= self.since
    }
}

/// The order.
#[derive(Debug)]
pub(in crate::store) struct Recency {
    state: RwLock<State>,
    loaded: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    /// By number; zero is a number that nobody has.
    times: Vec<u64>,
    order: BTreeSet<Place>,
}

impl Default for Recency {
    fn default() -> Self {
        Self {
            state: RwLock::default(),
            loaded: watch::Sender::new(false),
        }
    }
}

impl Recency {
    /// Waits until everything is here that was on disk at the start.
    pub(super) async fn loaded(&self) {
        let mut loaded = self.loaded.subscribe();
        // The sender is ours, so it is not gone.
        let _ = loaded.wait_for(|loaded| *loaded).await;
    }

    /// Takes over what was on disk at the start. What was noted since is newer, and stays.
    pub(super) fn load(&self, mut places: Vec<Place>) {
        places.sort_unstable();
        let most = places.iter().map(|place| place.number()).max();
        let mut state = self.write();
        let noted = std::mem::take(&mut state.order);
        state.make_room(most.unwrap_or(0));
        places.retain(|place| state.time(place.number()) == 0);
        for place in &places {
            state.set_time(place.number(), to_millis(place.last_active()));
        }
        // Made from a sorted list, the nodes of the tree are full.
        state.order = places.into_iter().collect();
        state.order.extend(noted);
        drop(state);
        self.loaded.send_replace(true);
    }

    /// Notes when numbers were last active; `None` where one is given up.
    pub(in crate::store) fn note(&self, moves: impl IntoIterator<Item = (u32, Option<Timestamp>)>) {
        let mut moves = moves.into_iter().peekable();
        if moves.peek().is_none() {
            return;
        }
        let mut state = self.write();
        for (number, time) in moves {
            state.make_room(number);
            state.put(number, time);
        }
    }

    /// The latest of everyone.
    pub(super) fn latest(&self, span: Span) -> Vec<Place> {
        let state = self.read();
        state
            .backwards(span.before)
            .take_while(|place| place.last_active() >= span.since)
            .take(span.most)
            .collect()
    }

    /// The latest of a set.
    pub(super) fn latest_of(&self, set: &Set, span: Span) -> Vec<Place> {
        let state = self.read();
        let members = set.len();
        // Walking down the order finds members of a large set soon, looking at each member is cheaper for a small one. Members that
        // all were inactive for long are not found by walking, so that ends where looking at each would have cost as much.
        let most_steps = members * STEPS;
        let steps = span.most.saturating_mul(state.order.len() / members.max(1));
        if steps < most_steps
            && let Some(found) = state.walk(set, span, most_steps)
        {
            return found;
        }
        state.look_at_each(set, span)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn make_room(&mut self, number: u32) {
        let needed = number as usize + 1;
        if self.times.len() < needed {
            self.times.resize(needed, 0);
        }
    }

    fn time(&self, number: u32) -> u64 {
        self.times.get(number as usize).copied().unwrap_or(0)
    }

    fn set_time(&mut self, number: u32, millis: u64) {
        if let Some(time) = self.times.get_mut(number as usize) {
            *time = millis;
        }
    }

    fn place(&self, number: u32) -> Option<Place> {
        let millis = self.time(number);
        (millis != 0).then(|| Place::new(from_millis(millis), number))
    }

    fn put(&mut self, number: u32, time: Option<Timestamp>) {
        if let Some(place) = self.place(number) {
            self.order.remove(&place);
        }
        let millis = time.map_or(0, |time| to_millis(time).max(1));
        self.set_time(number, millis);
        self.order.extend(self.place(number));
    }

    fn backwards(&self, before: Option<Place>) -> impl Iterator<Item = Place> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        self.order.range((Bound::Unbounded, end)).rev().copied()
    }

    /// Members in order, unless they are too far apart.
    fn walk(&self, set: &Set, span: Span, most_steps: usize) -> Option<Vec<Place>> {
        let mut found = Vec::new();
        for (step, place) in self.backwards(span.before).enumerate() {
            if found.len() == span.most || place.last_active() < span.since {
                return Some(found);
            }
            if step == most_steps {
                return None;
            }
            if set.has(place.number()) {
                found.push(place);
            }
        }
        Some(found)
    }

    fn look_at_each(&self, set: &Set, span: Span) -> Vec<Place> {
        let mut latest = BinaryHeap::with_capacity(span.most.saturating_add(1));
        // What is earlier needs no second look: most do not.
        let mut too_early = 0;
        set.for_each(|number| {
            if self.time(number) < too_early {
                return;
            }
            let Some(place) = self.place(number).filter(|place| span.has(*place)) else {
                return;
            };
            latest.push(Reverse(place));
            if latest.len() > span.most {
                latest.pop();
                let earliest = latest.peek();
                too_early = earliest.map_or(0, |Reverse(place)| to_millis(place.last_active()));
            }
        });
        let sorted = latest.into_sorted_vec();
        sorted.into_iter().map(|Reverse(place)| place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::at;
    use super::super::posting::{Bits, locate};
    use super::*;

    fn span(most: usize) -> Span {
        Span {
            before: None,
            since: Timestamp::EPOCH,
            most,
        }
    }

    fn numbers(places: &[Place]) -> Vec<u32> {
        places.iter().map(|place| place.number()).collect()
    }

    fn set(numbers: impl IntoIterator<Item = u32>) -> Set {
        let mut set = Set::default();
        for number in numbers {
            let (chunk, offset) = locate(number);
            let mut bits = Bits::new();
            bits.put(offset, true);
            set.unite(chunk, &bits.to_row().unwrap()).unwrap();
        }
        set
    }

    #[test]
    fn a_place_is_its_bytes_and_in_order() {
        let place = Place::new(at(7), 0x0102_0304);
        assert_eq!((place.last_active(), place.number()), (at(7), 0x0102_0304));
        assert_eq!(Place::from_bytes(place.to_bytes()), place);
        assert!(Place::new(at(7), 9) < Place::new(at(7), 10));
        assert!(Place::new(at(7), u32::MAX) < Place::new(at(8), 0));
    }

    #[test]
    fn the_latest_come_first_and_move() {
        let recency = Recency::default();
        recency.note((0..5).map(|number| (number, Some(at(u64::from(number))))));
        assert_eq!(numbers(&recency.latest(span(3))), [4, 3, 2]);
        recency.note([(1, Some(at(9))), (3, None)]);
        assert_eq!(numbers(&recency.latest(span(9))), [1, 4, 2, 0]);
        let rest = Span {
            before: Some(Place::new(at(4), 4)),
            since: at(1),
            most: 9,
        };
        assert_eq!(numbers(&recency.latest(rest)), [2]);
        assert_eq!(numbers(&recency.latest_of(&set([0, 2, 4]), rest)), [2]);
    }

    #[test]
    fn both_ways_to_the_latest_of_a_set_find_the_same() {
        let recency = Recency::default();
        recency.note(
            (0..2_000).map(|number| (number, Some(at(u64::from(number * 7_919 % 2_000 / 2))))),
        );
        let state = recency.read();
        let members = set((0..2_000).step_by(2));
        let mut before = None;
        loop {
            let span = Span {
                before,
                since: at(50),
                most: 21,
            };
            let walked = state.walk(&members, span, 2_000).unwrap();
            assert_eq!(walked, state.look_at_each(&members, span));
            before = walked.last().copied();
            if before.is_none() {
                break;
            }
        }
        // Those that were inactive for long are too far down to be walked to.
        let inactive = set((0..2_000).filter(|number| number * 7_919 % 2_000 < 400));
        assert_eq!(state.walk(&inactive, span(20), 400 * STEPS), None);
        drop(state);
        assert_eq!(recency.latest_of(&inactive, span(20)).len(), 20);
    }

    #[tokio::test]
    async fn what_was_noted_while_loading_stays() {
        let recency = Recency::default();
        recency.note([(1, Some(at(50)))]);
        recency.load((0..4).map(|number| Place::new(at(1), number)).collect());
        recency.loaded().await;
        assert_eq!(numbers(&recency.latest(span(9))), [1, 3, 2, 0]);
        assert_eq!(recency.read().order.len(), 4);
    }
}
