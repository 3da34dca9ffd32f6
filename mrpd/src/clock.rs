//! The two things that plain functions are given instead of taking them: the time, and random numbers.
//!
//! There are two times. What people name and are shown is the wall clock's. What lasts so long, such as a lease, is measured by the
//! steady clock, since the other one may be set at any moment.

use mrp_proto::time::Timestamp;
use nix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far the clocks part without that anybody has set one: they are slewed all the time.
const SLEW: Duration = Duration::from_secs(1);

/// Where the steady clock began: what it showed at an uptime.
static ORIGIN: OnceLock<(Timestamp, Duration)> = OnceLock::new();

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// A uniform number. It only spreads retries, so a failing source is no reason to fail.
pub(crate) fn random_number() -> u64 {
    getrandom::u64().unwrap_or(u64::MAX / 2)
}

/// Random bytes for names.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// The clock that nobody sets, and that goes on while the machine sleeps: time since the machine was started.
pub(crate) fn uptime() -> Duration {
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;
    clock_gettime(CLOCK).map_or(Duration::ZERO, Duration::from)
}

/// The steady clock: it begins with what the wall clock shows, and nobody sets it while the daemon runs.
pub(crate) fn steady() -> Timestamp {
    begin_steady(Timestamp::EPOCH)
}

/// Begins the steady clock if nobody has read it yet, not before what it showed when something was last measured by it: a wall
/// clock that was put back while no daemon ran makes nothing last longer.
pub(crate) fn begin_steady(no_earlier_than: Timestamp) -> Timestamp {
    let uptime = uptime();
    let (began, began_at) = ORIGIN.get_or_init(|| (now().max(no_earlier_than), uptime));
    began.after(uptime.saturating_sub(*began_at))
}

/// The earlier of the two clocks: by it nothing is old before its time, whichever of them is wrong.
pub(crate) fn cautious() -> Timestamp {
    now().min(steady())
}

/// Both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub(crate) wall: Timestamp,
    pub(crate) steady: Timestamp,
}

impl Clocks {
    pub(crate) fn read() -> Self {
        Self {
            wall: now(),
            steady: steady(),
        }
    }

    /// What the steady clock shows when the wall clock shows `wall`, if nobody sets it until then.
    pub(crate) fn to_steady(self, wall: Timestamp) -> Timestamp {
        shift(wall, self.wall, self.steady)
    }

    /// What the wall clock shows when the steady clock shows `steady`, for people. As long as nobody has set it that is the same, and
    /// does not waver.
    pub(crate) fn to_wall(self, steady: Timestamp) -> Timestamp {
        if self.wall.distance(self.steady) < SLEW {
            return steady;
        }
        shift(steady, self.steady, self.wall)
    }
}

/// As far from `to` as `time` is from `from`.
fn shift(time: Timestamp, from: Timestamp, to: Timestamp) -> Timestamp {
    if time >= from {
        to.after(time.since(from))
    } else {
        to.before(from.since(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_carried_from_one_clock_to_the_other() {
        let at = |seconds: i64| Timestamp::from_unix_millis(seconds * 1000);
        let set_forward = Clocks {
            wall: at(5000),
            steady: at(1400),
        };
        for (wall, steady) in [(5060, 1460), (5000, 1400), (4990, 1390)] {
            assert_eq!(set_forward.to_steady(at(wall)), at(steady));
            assert_eq!(set_forward.to_wall(at(steady)), at(wall));
        }
        let slewed = Clocks {
            wall: Timestamp::from_unix_millis(5_000_400),
            steady: at(5000),
        };
        assert_eq!(slewed.to_wall(at(5060)), at(5060));
    }

    #[test]
    fn the_steady_clock_goes_on_and_keeps_where_it_began() {
        let before = steady();
        let later = begin_steady(before.after(Duration::from_secs(3600)));
        assert!(later >= before);
        assert!(later < before.after(Duration::from_secs(1800)));
        assert!(cautious() <= steady());
    }
}
