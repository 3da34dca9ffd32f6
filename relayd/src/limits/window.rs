//! A sliding window over two fixed ones: what was counted in the last window counts for as much of it as the sliding one still
//! covers. Memory is what two windows of activity need, and bounded.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Keys counted in one window, at most; beyond them new ones are refused until the next.
const MAX_KEYS: usize = 1 << 20;

/// The outcome of counting once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// It was counted.
    Allowed {
        /// How many more are allowed now.
        remaining: u32,
        /// Until the fixed window ends.
        reset: Duration,
    },
    /// It was not counted.
    Refused {
        /// Until one more is allowed.
        retry: Duration,
    },
}

/// Counts per key.
#[derive(Debug)]
pub(super) struct Window<K> {
    limit: AtomicU32,
    length: Duration,
    counts: Mutex<Counts<K>>,
}

#[derive(Debug)]
struct Counts<K> {
    /// Number of the fixed window, from the origin of time.
    number: u128,
    current: HashMap<K, u32>,
    previous: HashMap<K, u32>,
}

impl<K: Eq + Hash> Window<K> {
    /// At most `limit` in any `length`, which is greater than zero.
    pub(super) fn new(limit: u32, length: Duration) -> Self {
        let counts = Counts {
            number: 0,
            current: HashMap::new(),
            previous: HashMap::new(),
        };
        Self {
            limit: AtomicU32::new(limit),
            length,
            counts: Mutex::new(counts),
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Holds another limit from now on; what was counted stays counted.
    pub(super) fn set_limit(&self, limit: u32) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Counts once more, if the limit allows it.
    pub(super) fn take(&self, key: K, now: Duration) -> Count {
        let mut counts = self.at(now);
        let passed = self.passed(now);
        if let Some(retry) = self.retry(&counts, &key, passed) {
            return Count::Refused { retry };
        }
        let weighted = self.weighted(counts.previous.get(&key).copied(), passed);
        if counts.current.len() >= MAX_KEYS && !counts.current.contains_key(&key) {
            return Count::Refused {
                retry: self.length - passed,
            };
        }
        let current = counts.current.entry(key).or_insert(0);
        *current += 1;
        Count::Allowed {
            remaining: self
                .limit()
                .saturating_sub(weighted.saturating_add(*current)),
            reset: self.length - passed,
        }
    }

    /// How long `key` must wait, if it must; counts nothing.
    pub(super) fn refusal(&self, key: &K, now: Duration) -> Option<Duration> {
        let counts = self.at(now);
        self.retry(&counts, key, self.passed(now))
    }

    /// The counts, moved on to the fixed window of `now`.
    fn at(&self, now: Duration) -> MutexGuard<'_, Counts<K>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.as_nanos() / self.length.as_nanos();
        if number > counts.number {
            let last = std::mem::take(&mut counts.current);
            counts.previous = if number == counts.number + 1 {
                last
            } else {
                HashMap::new()
            };
            counts.number = number;
        }
        counts
    }

    /// How much of the fixed window is over.
    fn passed(&self, now: Duration) -> Duration {
        let nanos = now.as_nanos() % self.length.as_nanos();
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn weighted(&self, previous: Option<u32>, passed: Duration) -> u32 {
        let covered = (self.length - passed).as_nanos();
        let weighted = u128::from(previous.unwrap_or(0)) * covered / self.length.as_nanos();
        u32::try_from(weighted).unwrap_or(u32::MAX)
    }

    fn retry(&self, counts: &Counts<K>, key: &K, passed: Duration) -> Option<Duration> {
        let current = counts.current.get(key).copied().unwrap_or(0);
        let previous = counts.previous.get(key).copied();
        // Read once, since it may be changed meanwhile; and never 0, which no window can hold to.
        let limit = self.limit().max(1);
        if current.saturating_add(self.weighted(previous, passed)) < limit {
            return None;
        }
        if current < limit {
            // In this window, once enough of the last one is out of sight.
            let at = self.point_where(previous.unwrap_or(0), limit - current);
            return Some(at.saturating_sub(passed));
        }
        // In the next window, where this one is the last.
        Some(self.length - passed + self.point_where(current, limit))
    }

    /// The first point of a window at which `count` of the window before weighs less than `room`.
    fn point_where(&self, count: u32, room: u32) -> Duration {
        if count < room {
            return Duration::ZERO;
        }
        // count * (length - t) < room * length
        let length = self.length.as_nanos();
        let hidden = length - u128::from(room) * length / u128::from(count);
        Duration::from_nanos(u64::try_from(hidden).unwrap_or(u64::MAX)) + Duration::from_nanos(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn refused(window: &Window<u8>, now: Duration) -> Option<Duration> {
        match window.take(1, now) {
            Count::Allowed { .. } => None,
            Count::Refused { retry } => Some(retry),
        }
    }

    #[test]
    fn exactly_the_limit_is_allowed_and_others_are_not_affected() {
        let window = Window::new(3, MINUTE);
        let second = Duration::from_secs(1);
        for remaining in [2, 1, 0] {
            let expected = Count::Allowed {
                remaining,
                reset: 59 * second,
            };
            assert_eq!(window.take(1, second), expected);
        }
        let retry = refused(&window, second).unwrap();
        assert!(retry > 59 * second && retry < 60 * second, "{retry:?}");
        assert_eq!(
            window.take(2, second),
            Count::Allowed {
                remaining: 2,
                reset: 59 * second
            }
        );
    }

    #[test]
    fn the_window_slides() {
        let window = Window::new(10, MINUTE);
        for _ in 0..10 {
            assert_eq!(refused(&window, Duration::from_secs(59)), None);
        }
        // Half of the next window on, half of the ten still count.
        let later = Duration::from_secs(90);
        for _ in 0..5 {
            assert_eq!(refused(&window, later), None);
        }
        assert!(refused(&window, later).is_some());
        // A pause of two windows forgets everything.
        let much_later = Duration::from_secs(300);
        assert_eq!(
            window.take(1, much_later),
            Count::Allowed {
                remaining: 9,
                reset: MINUTE
            }
        );
    }

    proptest! {
        #[test]
        fn waiting_as_told_is_enough_and_nothing_less_is(
            limit in 1_u32..40,
            gaps in proptest::collection::vec(0_u64..20_000, 1..200),
        ) {
            let window = Window::new(limit, MINUTE);
            let mut now = Duration::ZERO;
            for gap in gaps {
                now += Duration::from_millis(gap);
                if let Some(retry) = refused(&window, now) {
                    let short = retry.saturating_sub(Duration::from_nanos(2));
                    if !short.is_zero() {
                        prop_assert!(window.refusal(&1, now + short).is_some());
                    }
                    now += retry;
                    prop_assert_eq!(refused(&window, now), None);
                }
            }
        }
    }
}
