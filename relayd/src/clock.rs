//! The relay's clock: wall time that never goes back, watched for jumps.

use mrp_proto::time::Timestamp;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// No honest clock is before this: the program was written after it (2026-01-01T00:00:00Z).
const WRITTEN: i64 = 1_767_225_600;
/// Wall time and monotonic time may drift apart by this much between two looks before it is called a jump.
const JUMP: Duration = Duration::from_secs(2);

/// The system's clock is wrong beyond doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the system's clock says {now}, which is before this program was written; set the clock, then start again"
)]
pub struct ClockError {
    /// What it says.
    pub now: Timestamp,
}

/// Wall time, bounded from below by itself: a clock that is set back neither revives expired mail nor forgets a replay.
#[derive(Debug)]
pub(crate) struct Clock {
    latest: AtomicI64,
    watch: Mutex<(Instant, Timestamp)>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let now = wall();
        Self {
            latest: AtomicI64::new(now.unix_millis()),
            watch: Mutex::new((Instant::now(), now)),
        }
    }

    /// Refuses a clock that is certainly wrong.
    pub(crate) fn check() -> Result<(), ClockError> {
        let now = wall();
        if now.unix_seconds() < WRITTEN {
            return Err(ClockError { now });
        }
        Ok(())
    }

    pub(crate) fn now(&self) -> Timestamp {
        let now = wall().unix_millis();
        let before = self.latest.fetch_max(now, Ordering::Relaxed);
        Timestamp::from_unix_millis(before.max(now))
    }

    /// Compares wall time with monotonic time since the last look; says by how much the wall clock jumped, if it did.
    pub(crate) fn jump(&self) -> Option<Jump> {
        let (monotonic, now) = (Instant::now(), wall());
        let mut watch = self
            .watch
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (then_monotonic, then) = std::mem::replace(&mut *watch, (monotonic, now));
        Jump::between(then, now, monotonic.duration_since(then_monotonic))
    }
}

/// How a wall clock jumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Jump {
    /// Into the future: set, or the machine slept.
    Forward(Duration),
    /// Into the past.
    Back(Duration),
}

impl Jump {
    fn between(then: Timestamp, now: Timestamp, elapsed: Duration) -> Option<Self> {
        let expected = then.after(elapsed);
        let distance = now.distance(expected);
        match distance <= JUMP {
            true => None,
            false if now > expected => Some(Self::Forward(distance)),
            false => Some(Self::Back(distance)),
        }
    }
}

fn wall() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back() {
        let clock = Clock::new();
        let future = wall().after(Duration::from_secs(3600));
        clock.latest.store(future.unix_millis(), Ordering::Relaxed);
        assert_eq!(clock.now(), future);
    }

    #[test]
    fn a_jump_is_told_from_the_passing_of_time() {
        let then = Timestamp::from_unix_millis(1_800_000_000_000);
        let second = Duration::from_secs(1);
        assert_eq!(
            Jump::between(then, then.after(60 * second), 60 * second),
            None
        );
        assert_eq!(
            Jump::between(then, then.after(62 * second), 60 * second),
            None
        );
        assert_eq!(
            Jump::between(then, then.after(63 * second), 60 * second),
            Some(Jump::Forward(3 * second))
        );
        assert_eq!(
            Jump::between(then, then.before(5 * second), 60 * second),
            Some(Jump::Back(65 * second))
        );
    }
}
