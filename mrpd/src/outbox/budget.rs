//! How many sends a relay takes in a minute, so that none is refused for being one too many: a machine without a clock.
//!
//! Relays count in different ways. Two counts are kept, and a send must fit both: those of the last minute, and those of the
//! relay's window by the clock with what the window before still weighs.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What relays count in.
const WINDOW: Duration = Duration::from_secs(60);
/// How much later than it says a relay's window may end: its times are whole seconds.
const MARGIN: Duration = Duration::from_secs(2);
/// Sends in a minute that are counted one by one, at most: a relay may say any number, and must not fill the memory with it.
const MOST: u32 = 10_000;
/// How long to wait where nothing else is known.
const STEP: Duration = Duration::from_secs(1);

/// What a relay has said of its counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    /// Sends that it takes in a minute.
    pub(super) limit: u32,
    /// How many of them are left.
    pub(super) remaining: u32,
    /// How long until its window ends.
    pub(super) reset_in: Duration,
}

/// What is known of a relay's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Nothing yet: one send asks.
    Unknown,
    /// There is none.
    Unlimited,
    /// So many a minute, as the configuration guesses.
    Guessed(u32),
    /// So many a minute, as the relay says.
    Told(u32),
}

/// One sender's budget at one relay.
#[derive(Debug)]
pub(super) struct Budget {
    limit: Limit,
    /// When sends of the last minute were begun.
    recent: VecDeque<Instant>,
    /// When the relay's window ends, if it said.
    window_end: Option<Instant>,
    current: u32,
    previous: u32,
    under_way: u32,
    blocked_until: Option<Instant>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            limit: Limit::Unknown,
            recent: VecDeque::new(),
            window_end: None,
            current: 0,
            previous: 0,
            under_way: 0,
            blocked_until: None,
        }
    }
}

impl Budget {
    /// What is known of the limit.
    pub(super) fn limit(&self) -> Limit {
        self.limit
    }

    /// Takes one send, or says when to ask again; `None` there if only the end of one that is under way can tell.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Option<Instant>> {
        self.roll(now);
        if let Some(until) = self.blocked_until.filter(|until| *until > now) {
            return Err(Some(until));
        }
        let limit = match self.limit {
            Limit::Unlimited => None,
            Limit::Unknown if self.under_way > 0 => return Err(None),
            Limit::Unknown => None,
            Limit::Guessed(limit) | Limit::Told(limit) => Some(limit),
        };
        if let Some(limit) = limit
            && self.left(limit, now) == 0
        {
            return Err(Some(self.free_at(limit, now)));
        }
        self.under_way += 1;
        if self.limit != Limit::Unlimited {
            self.recent.push_back(now);
            self.current = self.current.saturating_add(1);
        }
        Ok(())
    }

    /// A send has ended.
    pub(super) fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// What the relay says from now on.
    pub(super) fn learn(&mut self, told: Told, now: Instant) {
        self.roll(now);
        let limit = told.limit.clamp(1, MOST);
        self.limit = Limit::Told(limit);
        let end = now + told.reset_in.min(WINDOW) + MARGIN;
        if self.window_end.is_none() {
            self.current = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        }
        // The same window as before, unless it is clearly a later one.
        if self.window_end.is_none_or(|known| end < known) {
            self.window_end = Some(end);
        }
        // Those under way may be counted already or not; what the relay counts beyond them was sent by others.
        let known = self.weight(now).saturating_add(self.current);
        let used = limit.saturating_sub(told.remaining);
        let others = used.saturating_sub(known);
        self.current = self.current.saturating_add(others);
        self.recent.extend((0..others).map(|_| now));
    }

    /// Nothing is told by the relay: either there is no limit, or one has to be guessed.
    pub(super) fn assume(&mut self, limit: Limit) {
        if !matches!(self.limit, Limit::Told(_)) {
            self.limit = limit;
        }
    }

    /// The relay has refused one for being too many.
    pub(super) fn refuse(&mut self, after: Duration, now: Instant) {
        let until = now + after.max(STEP);
        self.blocked_until = self.blocked_until.max(Some(until));
    }

    /// How many may be sent now; `None` where there is no limit.
    pub(super) fn left_now(&mut self, now: Instant) -> Option<u32> {
        self.roll(now);
        match self.limit {
            Limit::Unknown | Limit::Unlimited => None,
            Limit::Guessed(limit) | Limit::Told(limit) => Some(self.left(limit, now)),
        }
    }

    fn left(&self, limit: u32, now: Instant) -> u32 {
        let recent = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        let windowed = match self.window_end {
            Some(_) => self.weight(now).saturating_add(self.current),
            None => 0,
        };
        limit.saturating_sub(recent.max(windowed))
    }

    /// When the next one is allowed, at the earliest.
    fn free_at(&self, limit: u32, now: Instant) -> Instant {
        let recent = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        let oldest = self.recent.front().filter(|_| recent >= limit);
        let by_log = oldest.map_or(now, |oldest| *oldest + WINDOW);
        let by_window = match self.window_end {
            Some(end) if self.current >= limit => end,
            // A share of the window before falls out of sight with each step.
            Some(_) if self.previous > 0 => now + WINDOW / self.previous.max(1),
            _ => now,
        };
        by_log.max(by_window).max(now + STEP / 10)
    }

    /// What the window before still weighs.
    fn weight(&self, now: Instant) -> u32 {
        let Some(end) = self.window_end else { return 0 };
        let left = u64::try_from(end.saturating_duration_since(now).as_millis()).unwrap_or(0);
        let window = u64::try_from(WINDOW.as_millis()).unwrap_or(1);
        let weight = (u64::from(self.previous) * left.min(window)).div_ceil(window);
        u32::try_from(weight).unwrap_or(u32::MAX)
    }

    /// Moves on to the window and the minute of `now`.
    fn roll(&mut self, now: Instant) {
        while self
            .recent
            .front()
            .is_some_and(|begun| *begun + WINDOW <= now)
        {
            self.recent.pop_front();
        }
        if let Some(end) = self.window_end.filter(|end| *end <= now) {
            let passed = now.duration_since(end);
            self.previous = if passed < WINDOW { self.current } else { 0 };
            self.current = 0;
            let windows = u32::try_from(passed.as_secs() / WINDOW.as_secs()).unwrap_or(0) + 1;
            self.window_end = Some(end + WINDOW * windows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A relay that counts as relayd does, in two fixed windows, or by a log of the last minute.
    struct Relay {
        limit: u32,
        origin: Instant,
        log: Vec<Instant>,
    }

    impl Relay {
        fn windowed(&self, now: Instant) -> u32 {
            let passed = now.duration_since(self.origin);
            let number = passed.as_secs() / 60;
            let of = |wanted: u64| {
                let is = |at: &&Instant| at.duration_since(self.origin).as_secs() / 60 == wanted;
                u32::try_from(self.log.iter().filter(is).count()).unwrap()
            };
            let left = 60_000 - u64::try_from(passed.as_millis()).unwrap() % 60_000;
            let previous = number.checked_sub(1).map_or(0, of);
            let weight = (u64::from(previous) * left).div_ceil(60_000);
            of(number) + u32::try_from(weight).unwrap()
        }

        fn logged(&self, now: Instant) -> u32 {
            let is = |at: &&Instant| now.duration_since(**at) < WINDOW;
            u32::try_from(self.log.iter().filter(is).count()).unwrap()
        }

        fn send(&mut self, now: Instant) -> Told {
            let used = self.windowed(now).max(self.logged(now));
            assert!(
                used < self.limit,
                "one too many after {:?}",
                now - self.origin
            );
            self.log.push(now);
            let used = self.windowed(now);
            let into = now.duration_since(self.origin).as_secs() % 60;
            Told {
                limit: self.limit,
                remaining: self.limit - used.min(self.limit),
                reset_in: Duration::from_secs(60 - into),
            }
        }
    }

    #[test]
    fn no_send_is_one_too_many_and_the_rate_is_used() {
        for offset in [0, 7, 31, 58] {
            let origin = Instant::now();
            let mut relay = Relay {
                limit: 30,
                origin,
                log: Vec::new(),
            };
            let mut budget = Budget::default();
            let mut now = origin + Duration::from_secs(offset);
            let begun = now;
            for _ in 0..200 {
                while let Err(wait) = budget.take(now) {
                    now = wait.unwrap();
                }
                let told = relay.send(now);
                budget.end();
                budget.learn(told, now);
                now += Duration::from_millis(5);
            }
            let took = now - begun;
            assert!(took < Duration::from_secs(60 * 9), "{took:?}");
        }
    }

    #[test]
    fn one_send_asks_and_the_others_wait_for_its_answer() {
        let now = Instant::now();
        let mut budget = Budget::default();
        assert_eq!(budget.take(now), Ok(()));
        assert_eq!(budget.take(now), Err(None));
        budget.end();
        budget.assume(Limit::Unlimited);
        assert!((0..1000).all(|_| budget.take(now).is_ok()));
        assert_eq!(budget.left_now(now), None);
    }

    #[test]
    fn what_a_relay_says_fills_no_memory() {
        let now = Instant::now();
        let mut budget = Budget::default();
        let told = |remaining| Told {
            limit: u32::MAX,
            remaining,
            reset_in: Duration::from_secs(40),
        };
        budget.learn(told(u32::MAX - 1), now);
        assert_eq!(budget.left_now(now), Some(MOST));
        budget.learn(told(0), now);
        assert_eq!(budget.left_now(now), Some(0));
        assert!(budget.recent.len() <= MOST as usize);
    }

    #[test]
    fn what_others_send_by_the_same_key_counts() {
        let now = Instant::now();
        let mut budget = Budget::default();
        budget.take(now).unwrap();
        budget.end();
        let told = Told {
            limit: 30,
            remaining: 2,
            reset_in: Duration::from_secs(40),
        };
        budget.learn(told, now);
        assert_eq!(budget.left_now(now), Some(2));
        budget.take(now).unwrap();
        budget.take(now).unwrap();
        let wait = budget.take(now).unwrap_err().unwrap();
        assert!(wait >= now + Duration::from_secs(40));
    }

    #[test]
    fn a_guess_holds_until_the_relay_says_otherwise_and_its_wish_is_obeyed() {
        let now = Instant::now();
        let mut budget = Budget::default();
        budget.assume(Limit::Guessed(2));
        assert_eq!((budget.take(now), budget.take(now)), (Ok(()), Ok(())));
        assert_eq!(budget.take(now), Err(Some(now + WINDOW)));
        assert_eq!(budget.take(now + WINDOW), Ok(()));
        budget.assume(Limit::Unlimited);
        let later = now + WINDOW;
        budget.refuse(Duration::from_secs(9), later);
        assert_eq!(
            budget.take(later),
            Err(Some(later + Duration::from_secs(9)))
        );
        assert_eq!(budget.take(later + Duration::from_secs(9)), Ok(()));
    }
}
