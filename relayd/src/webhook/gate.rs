//! How many deliveries go out at a time, and how often to whom.
//!
//! Whoever has keys can name any host as their receiver, so the relay must not be a reflector: however many agents name a victim, it
//! gets few deliveries at a time and few in a second, and none for a while once it has failed often. And a receiver that is slow
//! must not take the places of others, those behind the same address included: each begins with one delivery at a time, and those
//! who took the last one always find some of the places free.
//!
//! A receiver is a host and port, as its URL has them. An address may have many names; of IPv6, where anyone gets a whole network,
//! the network counts. All of this is in memory and bounded; what a restart forgets is learnt again.

use crate::config::WebhookLimits;
use lru::LruCache;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Receivers and addresses remembered, each, at most.
const REMEMBERED: usize = 4_096;
/// Nobody is told to wait for longer because of others.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// Between those who wait for places that others have, and for a receiver that is given up for now.
const STEP: Duration = Duration::from_millis(200);
/// Nobody is told to come again sooner.
const SHORTEST: Duration = Duration::from_millis(50);
/// What an attempt is taken to last before there was one.
const FIRST_GUESS: Duration = Duration::from_millis(100);

/// Not now: come again so much later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Later(pub(super) Duration);

/// How an attempt went, as far as it says something about the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It took the delivery.
    Taken,
    /// It answered, but would not.
    Refused,
    /// It is not there, or not well.
    Failed,
}

#[derive(Clone)]
pub(super) struct Gate(Arc<Shared>);

struct Shared {
    limits: WebhookLimits,
    state: Mutex<State>,
}

struct State {
    /// Places that are taken, and those of them that have to do with receivers which did not answer last time.
    places: usize,
    unproven: usize,
    unproven_line: WaitingLine,
    receivers: LruCache<String, Receiver>,
    addresses: LruCache<IpAddr, Traffic>,
}

/// What is known of a host and port.
#[derive(Debug)]
struct Receiver {
    /// Whether it took the last delivery.
    is_proven: bool,
    in_flight: usize,
    /// How many may be: one at first and after a failure, one more with each success.
    allowance: usize,
    /// How long attempts take, on average.
    pace: Duration,
    /// Failures in a row; with as many as are allowed, it is given up until a time, and then tried once.
    failures: u32,
    given_up_until: Option<Instant>,
    is_probed: bool,
    line: WaitingLine,
    /// Where it was last found.
    address: Option<IpAddr>,
}

/// What goes to one address.
#[derive(Debug)]
struct Traffic {
    in_flight: usize,
    /// Those of them that go to receivers which did not take the last one.
    unproven: usize,
    /// When the next may begin.
    next: Instant,
    line: WaitingLine,
}

/// When the last of those will have had their turn who were told to come again.
#[derive(Debug, Clone, Copy)]
struct WaitingLine {
    end: Instant,
}

impl WaitingLine {
    fn new(now: Instant) -> Self {
        Self { end: now }
    }

    /// Gives the place behind the last one.
    fn wait(&mut self, now: Instant, from: Instant, step: Duration) -> Later {
        self.end = self.end.max(from).max(now) + step;
        if self.end > now + LONGEST_WAIT {
            // A line this long has no order: spread over half of it.
            self.end = now + LONGEST_WAIT / 2;
        }
        Later(self.end.saturating_duration_since(now))
    }
}

impl Gate {
    pub(super) fn new(limits: WebhookLimits) -> Self {
        let state = State {
            places: 0,
            unproven: 0,
            unproven_line: WaitingLine::new(Instant::now()),
            receivers: LruCache::unbounded(),
            addresses: LruCache::unbounded(),
        };
        Self(Arc::new(Shared {
            limits,
            state: Mutex::new(state),
        }))
    }

    /// Places for deliveries that nobody has.
    pub(super) fn free_places(&self) -> usize {
        let places = self.0.lock().places;
        self.0.limits.workers.saturating_sub(places)
    }

    /// Gives a place to a delivery, if its receiver may have one now. There must be a free place.
    pub(super) fn admit(&self, receiver: String) -> Result<Slot, Later> {
        let limits = &self.0.limits;
        let now = Instant::now();
        let mut guard = self.0.lock();
        let state = &mut *guard;
        if !state.receivers.contains(&receiver) {
            state.receivers.put(receiver.clone(), Receiver::new(now));
            if state.receivers.len() > REMEMBERED {
                state.receivers.pop_lru();
            }
        }
        let Some(known) = state.receivers.get_mut(&receiver) else {
            return Err(Later(STEP));
        };
        let is_unproven = !known.is_proven;
        known.check(now)?;
        if let Some(address) = known.address
            && let Some(traffic) = state.addresses.get_mut(&address)
        {
            traffic.check(now, is_unproven, limits)?;
        }
        if is_unproven && state.unproven >= most_unproven(limits.workers) {
            return Err(state.unproven_line.wait(now, now, STEP));
        }
        let probes = known.given_up_until.is_some();
        known.is_probed = probes;
        known.in_flight += 1;
        state.places += 1;
        state.unproven += usize::from(is_unproven);
        drop(guard);
        Ok(Slot {
            place: Arc::new(Place {
                gate: self.clone(),
                is_unproven,
            }),
            receiver,
            probes,
            begun: now,
            passage: None,
        })
    }
}

impl Shared {
    /// Every change is complete before the lock is given back, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A quarter of the places is for those who took the last delivery.
fn most_unproven(places: usize) -> usize {
    (places - places / 4).max(1)
}

impl Receiver {
    fn new(now: Instant) -> Self {
        Self {
            is_proven: false,
            in_flight: 0,
            allowance: 1,
            pace: FIRST_GUESS,
            failures: 0,
            given_up_until: None,
            is_probed: false,
            line: WaitingLine::new(now),
            address: None,
        }
    }

    /// Whether it may have one more.
    fn check(&mut self, now: Instant) -> Result<(), Later> {
        if let Some(until) = self.given_up_until
            && (until > now || self.is_probed)
        {
            return Err(self.line.wait(now, until, STEP));
        }
        if self.in_flight >= self.allowance {
            let allowance = u32::try_from(self.allowance.max(1)).unwrap_or(u32::MAX);
            return Err(self
                .line
                .wait(now, now, (self.pace / allowance).max(SHORTEST)));
        }
        Ok(())
    }

    fn learn(&mut self, outcome: Outcome, now: Instant, limits: &WebhookLimits) {
        self.is_probed = false;
        if outcome == Outcome::Failed {
            self.is_proven = false;
            self.allowance = 1;
            self.failures = self.failures.saturating_add(1);
            if self.failures >= limits.give_up_after {
                self.given_up_until = Some(now + limits.give_up_for);
            }
            return;
        }
        if outcome == Outcome::Taken {
            self.is_proven = true;
            self.allowance = (self.allowance + 1).min(limits.in_flight);
        }
        self.failures = 0;
        if self.given_up_until.take().is_some() {
            self.line = WaitingLine::new(now);
        }
    }
}

impl Traffic {
    fn new(now: Instant) -> Self {
        Self {
            in_flight: 0,
            unproven: 0,
            next: now,
            line: WaitingLine::new(now),
        }
    }

    /// Whether one more may begin.
    fn check(
        &mut self,
        now: Instant,
        is_unproven: bool,
        limits: &WebhookLimits,
    ) -> Result<(), Later> {
        let is_full = self.in_flight >= limits.in_flight
            || (is_unproven && self.unproven >= most_unproven(limits.in_flight));
        if is_full || self.next > now {
            let step = if is_full { STEP } else { limits.spacing };
            return Err(self.line.wait(now, now, step.max(SHORTEST)));
        }
        Ok(())
    }
}

/// A place among all deliveries, given back when this and all its [`Place`]s are dropped.
#[derive(Debug)]
pub(super) struct Slot {
    place: Arc<Place>,
    receiver: String,
    /// Whether this finds out if a receiver that was given up is back.
    probes: bool,
    begun: Instant,
    /// The address that it is on its way to.
    passage: Option<IpAddr>,
}

/// Keeps the place of a delivery taken, for as long as something is done for it.
#[derive(Debug)]
pub(super) struct Place {
    gate: Gate,
    is_unproven: bool,
}

impl Slot {
    /// To be held by what may outlast the delivery.
    pub(super) fn place(&self) -> Arc<Place> {
        Arc::clone(&self.place)
    }

    /// Lets the delivery go to an address, if that may have one more now. It goes to one at a time.
    pub(super) fn enter(&mut self, address: IpAddr) -> Result<(), Later> {
        let now = Instant::now();
        let address = network_of(address);
        self.leave();
        let gate = &self.place.gate.0;
        let mut guard = gate.lock();
        let state = &mut *guard;
        if let Some(known) = state.receivers.get_mut(&self.receiver) {
            known.address = Some(address);
        }
        if !state.addresses.contains(&address) {
            state.addresses.put(address, Traffic::new(now));
            if state.addresses.len() > REMEMBERED {
                state.addresses.pop_lru();
            }
        }
        let Some(traffic) = state.addresses.get_mut(&address) else {
            return Err(Later(STEP));
        };
        let is_unproven = self.place.is_unproven;
        traffic.check(now, is_unproven, &gate.limits)?;
        traffic.in_flight += 1;
        traffic.unproven += usize::from(is_unproven);
        traffic.next = now + gate.limits.spacing;
        drop(guard);
        self.passage = Some(address);
        Ok(())
    }

    /// Learns from how it went. The answer is how long the same agent should wait with its next delivery.
    pub(super) fn conclude(mut self, outcome: Outcome) -> Duration {
        let now = Instant::now();
        let gate = &self.place.gate.0;
        let mut guard = gate.lock();
        let state = &mut *guard;
        if let Some(known) = state.receivers.get_mut(&self.receiver) {
            let took = now.saturating_duration_since(self.begun);
            known.pace = (known.pace * 3 + took) / 4;
            known.learn(outcome, now, &gate.limits);
        }
        let traffic = self
            .passage
            .and_then(|address| state.addresses.get_mut(&address));
        let pause = traffic.map_or(Duration::ZERO, |traffic| {
            traffic.next.saturating_duration_since(now)
        });
        drop(guard);
        // What was found out is not undone by the end of the slot.
        self.probes = false;
        pause
    }

    fn leave(&mut self) {
        let Some(address) = self.passage.take() else {
            return;
        };
        let mut state = self.place.gate.0.lock();
        if let Some(traffic) = state.addresses.get_mut(&address) {
            let unproven = usize::from(self.place.is_unproven);
            traffic.in_flight = traffic.in_flight.saturating_sub(1);
            traffic.unproven = traffic.unproven.saturating_sub(unproven);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.leave();
        let mut state = self.place.gate.0.lock();
        if let Some(known) = state.receivers.get_mut(&self.receiver) {
            known.in_flight = known.in_flight.saturating_sub(1);
            if self.probes {
                known.is_probed = false;
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.gate.0.lock();
        state.places = state.places.saturating_sub(1);
        state.unproven = state.unproven.saturating_sub(usize::from(self.is_unproven));
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Gate")
            .field("free_places", &self.free_places())
            .finish()
    }
}

/// An IPv4 address itself, the /64 of an IPv6 address.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn gate() -> Gate {
        Gate::new(WebhookLimits::default())
    }

    fn admit(gate: &Gate, receiver: &str) -> Result<Slot, Later> {
        gate.admit(receiver.to_owned())
    }

    /// As many as are let in at one moment, spaced as they must be.
    async fn enter_all(gate: &Gate, name: impl Fn(u8) -> String) -> Vec<Slot> {
        let mut slots = Vec::new();
        for number in 0..10 {
            if let Ok(mut slot) = gate.admit(name(number))
                && slot.enter(ADDRESS).is_ok()
            {
                slots.push(slot);
            }
            tokio::time::advance(Duration::from_millis(50)).await;
        }
        slots
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_gets_one_at_first_and_four_at_most() {
        let gate = gate();
        let name = |_| "a:443".to_owned();
        for expected in [1, 2, 4, 4] {
            let slots = enter_all(&gate, name).await;
            assert_eq!(slots.len(), expected);
            for slot in slots {
                slot.conclude(Outcome::Taken);
            }
        }
        let mut slots = enter_all(&gate, name).await;
        slots.pop().unwrap().conclude(Outcome::Failed);
        drop(slots);
        assert_eq!(enter_all(&gate, name).await.len(), 1, "slowly again");
        assert_eq!(gate.free_places(), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_gets_four_at_most_whatever_its_names() {
        let gate = gate();
        let name = |number| format!("host{number}:443");
        let unknown = enter_all(&gate, name).await;
        assert_eq!(unknown.len(), 3);
        // Who took the last one finds a place beside them.
        let known = admit(&gate, "known:443").unwrap();
        known.conclude(Outcome::Taken);
        tokio::time::advance(Duration::from_secs(1)).await;
        let mut known = admit(&gate, "known:443").unwrap();
        assert!(known.enter(ADDRESS).is_ok());
        drop((unknown, known));
        for number in 0..10 {
            tokio::time::advance(Duration::from_secs(1)).await;
            let slot = gate.admit(name(number)).unwrap();
            slot.conclude(Outcome::Taken);
        }
        assert_eq!(enter_all(&gate, name).await.len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_ipv6_network_is_one_address() {
        let gate = gate();
        let mut slots = Vec::new();
        for number in 0..3 {
            let mut slot = admit(&gate, &format!("host{number}:443")).unwrap();
            let address = format!("2606:4700::{number}:1").parse().unwrap();
            slot.enter(address).unwrap();
            slots.push(slot);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let mut slot = admit(&gate, "other:443").unwrap();
        assert!(slot.enter("2606:4700::ffff:1".parse().unwrap()).is_err());
        assert!(slot.enter("2606:4700:0:1::1".parse().unwrap()).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_gets_twenty_in_a_second() {
        let gate = gate();
        let begun = Instant::now();
        let mut entered = 0;
        while begun.elapsed() < Duration::from_secs(10) {
            match admit(&gate, "a:443") {
                Err(Later(wait)) => tokio::time::advance(wait).await,
                Ok(mut slot) => {
                    if slot.enter(ADDRESS).is_ok() {
                        entered += 1;
                        slot.conclude(Outcome::Taken);
                    }
                }
            }
        }
        assert!((190..=200).contains(&entered), "{entered}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_refused_is_told_to_come_one_after_the_other() {
        let gate = gate();
        let mut slot = admit(&gate, "a:443").unwrap();
        slot.enter(ADDRESS).unwrap();
        let waits: Vec<Duration> = (0..1_000_000)
            .map(|_| admit(&gate, "a:443").unwrap_err().0)
            .collect();
        assert!(waits[..1000].windows(2).all(|pair| pair[0] < pair[1]));
        assert!(waits.iter().all(|wait| *wait <= LONGEST_WAIT));
        assert!(waits.iter().all(|wait| !wait.is_zero()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_failed_ten_times_is_left_alone_and_then_tried_once() {
        let gate = gate();
        let fail = || admit(&gate, "a:443").unwrap().conclude(Outcome::Failed);
        for _ in 0..10 {
            fail();
        }
        let Err(Later(wait)) = admit(&gate, "a:443") else {
            panic!("a receiver that failed ten times")
        };
        assert!(wait >= Duration::from_secs(60), "{wait:?}");
        assert!(admit(&gate, "a:8443").is_ok(), "another receiver");
        tokio::time::advance(Duration::from_secs(60)).await;
        let probe = admit(&gate, "a:443").unwrap();
        assert!(admit(&gate, "a:443").is_err(), "one is enough");
        drop(probe);
        fail();
        assert!(admit(&gate, "a:443").is_err(), "it still fails");
        tokio::time::advance(Duration::from_secs(60)).await;
        admit(&gate, "a:443").unwrap().conclude(Outcome::Taken);
        let slots = [admit(&gate, "a:443"), admit(&gate, "a:443")];
        assert!(slots.iter().all(Result::is_ok), "it is back");
    }

    #[tokio::test(start_paused = true)]
    async fn receivers_that_do_not_answer_leave_places_to_those_that_do() {
        let gate = gate();
        let good = admit(&gate, "good:443").unwrap();
        good.conclude(Outcome::Taken);
        let slow: Vec<Slot> = (0..100)
            .filter_map(|number| admit(&gate, &format!("slow{number}:443")).ok())
            .collect();
        assert_eq!(slow.len(), 48);
        assert_eq!(gate.free_places(), 16);
        assert!(admit(&gate, "good:443").is_ok());
        // A lookup that goes on keeps its place after the delivery was given up.
        let lookup = slow[0].place();
        drop(slow);
        assert_eq!(gate.free_places(), 63);
        drop(lookup);
        assert_eq!(gate.free_places(), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded() {
        let gate = gate();
        for number in 0..2 * REMEMBERED {
            let mut slot = admit(&gate, &format!("host{number}:443")).unwrap();
            let [_, b, c, d] = u32::try_from(number).unwrap().to_be_bytes();
            slot.enter([9, b, c, d].into()).unwrap();
            slot.conclude(Outcome::Failed);
        }
        let state = gate.0.lock();
        assert_eq!(state.receivers.len(), REMEMBERED);
        assert_eq!(state.addresses.len(), REMEMBERED);
    }
}
