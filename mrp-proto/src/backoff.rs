//! When to try again: exponential back-off with full jitter, capped, forgiven only by a session that has lived.
//!
//! Without jitter the clients of a relay that restarts come back in step; without the condition on the reset a relay that
//! accepts and closes at once is hammered. The machine is pure: the random number comes in, the delay goes out.

use std::time::Duration;

/// How long a session must have lived for the failures before it to be forgotten.
pub const STABLE_AFTER: Duration = Duration::from_secs(60);

/// The least of the delays: doubling nothing would never make a pause.
const LEAST: Duration = Duration::from_millis(1);

/// The delays between one agent's attempts to reach one relay.
#[derive(Debug, Clone)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
    hint: Option<Duration>,
}

impl Backoff {
    /// Delays between `min` and `max`. A `min` below a millisecond counts as one, a `max` below `min` as `min`.
    pub fn new(min: Duration, max: Duration) -> Self {
        let min = min.max(LEAST);
        Self {
            min,
            max: max.max(min),
            failures: 0,
            hint: None,
        }
    }

    /// The same with delays that are `factor` times as long, and nothing that has failed yet.
    #[must_use]
    pub fn slowed(&self, factor: u32) -> Self {
        Self::new(
            self.min.saturating_mul(factor),
            self.max.saturating_mul(factor),
        )
    }

    /// Attempts in a row that led to no session worth the name.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// A session has ended that had lived for `lived` (zero if it never began).
    pub fn handle_session_end(&mut self, lived: Duration) {
        if lived >= STABLE_AFTER {
            self.failures = 0;
        }
    }

    /// The relay has said when to come back (`reconnect_after`, protocol A8.7). Holds for the next delay alone.
    ///
    /// It is obeyed as it is, since the relay spreads its clients itself, but stays within the bounds: no relay can make an agent
    /// hammer it or stay away for ever.
    pub fn handle_hint(&mut self, reconnect_after: Duration) {
        self.hint = Some(reconnect_after.clamp(self.min, self.max));
    }

    /// The delay before the next attempt: uniform between `min` and a ceiling that doubles from twice `min` up to `max`.
    ///
    /// `random` is a fresh uniform number over the whole range of its type.
    pub fn next_delay(&mut self, random: u64) -> Duration {
        if let Some(hint) = self.hint.take() {
            return hint;
        }
        self.failures = self.failures.saturating_add(1);
        let factor = 2_u32.saturating_pow(self.failures);
        let ceiling = self.min.saturating_mul(factor).min(self.max);
        let spread = u64::try_from((ceiling - self.min).as_nanos()).unwrap_or(u64::MAX);
        // The high half of a 128-bit product scales without the bias of a remainder.
        let scaled = (u128::from(random) * (u128::from(spread) + 1)) >> 64;
        self.min + Duration::from_nanos(u64::try_from(scaled).unwrap_or(spread))
    }
}

impl Default for Backoff {
    /// From 1 s to 60 s.
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_ceiling_doubles_to_the_cap_and_the_floor_stays() {
        let mut longest = Backoff::default();
        let ceilings: Vec<_> = (0..7).map(|_| longest.next_delay(u64::MAX)).collect();
        assert_eq!(ceilings, [2, 4, 8, 16, 32, 60, 60].map(Duration::from_secs));
        let mut shortest = Backoff::default();
        assert!((0..100).all(|_| shortest.next_delay(0) == SECOND));
        let mut middle = Backoff::default();
        for _ in 0..1000 {
            middle.next_delay(1 << 63);
        }
        assert_eq!(middle.next_delay(1 << 63).as_millis(), 30_500);
    }

    #[test]
    fn only_a_session_that_lived_is_a_reason_to_forget() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.next_delay(u64::MAX);
            backoff.handle_session_end(Duration::from_millis(59_999));
        }
        assert_eq!(backoff.failures(), 5);
        assert_eq!(backoff.next_delay(u64::MAX), Duration::from_secs(60));
        backoff.handle_session_end(STABLE_AFTER);
        assert_eq!(backoff.next_delay(u64::MAX), Duration::from_secs(2));
    }

    #[test]
    fn a_hint_is_obeyed_once_and_within_bounds() {
        let mut backoff = Backoff::default();
        backoff.handle_hint(Duration::from_secs(17));
        assert_eq!(backoff.next_delay(u64::MAX), Duration::from_secs(17));
        assert_eq!(backoff.next_delay(u64::MAX), Duration::from_secs(2));
        backoff.handle_hint(Duration::ZERO);
        assert_eq!(backoff.next_delay(u64::MAX), SECOND);
        backoff.handle_hint(Duration::MAX);
        assert_eq!(backoff.next_delay(u64::MAX), Duration::from_secs(60));
    }

    #[test]
    fn bounds_the_wrong_way_round_do_no_harm() {
        let mut backoff = Backoff::new(Duration::from_secs(5), SECOND);
        assert_eq!(backoff.next_delay(u64::MAX), Duration::from_secs(5));
        let mut endless = Backoff::new(SECOND, Duration::MAX);
        assert!((0..200).all(|_| endless.next_delay(u64::MAX) >= SECOND));
        let mut hasty = Backoff::new(Duration::ZERO, SECOND);
        let most = (0..20).map(|_| hasty.next_delay(u64::MAX)).max();
        assert_eq!(most, Some(SECOND));
    }
}
