//! Noticing that the machine was asleep.
//!
//! The monotonic clock stands still while a machine is suspended, and the wall clock does not: when one has moved on and the
//! other has not, the peer has most likely given the connection up, and waiting for its silence would only lose time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How far the clocks may part between two looks; slewing and slow scheduling stay well below.
const TOLERANCE: Duration = Duration::from_secs(2);

/// The two clocks at one moment, each as the time since an origin of its own.
#[derive(Debug, Clone, Copy)]
struct Clocks {
    wall: Duration,
    monotonic: Duration,
}

/// Compares the clocks' progress from look to look.
#[derive(Debug)]
pub(super) struct JumpDetector {
    origin: Instant,
    last: Clocks,
}

impl JumpDetector {
    /// Begins with the clocks as they are.
    pub(super) fn new() -> Self {
        let origin = Instant::now();
        let last = Clocks::read(origin);
        Self { origin, last }
    }

    /// By how much the clocks have parted since the last look, if that is more than they should.
    pub(super) fn look(&mut self) -> Option<Duration> {
        let now = Clocks::read(self.origin);
        let parted = self.last.parted(now);
        self.last = now;
        parted
    }
}

impl Clocks {
    fn read(origin: Instant) -> Self {
        Self {
            wall: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            monotonic: origin.elapsed(),
        }
    }

    fn parted(self, later: Self) -> Option<Duration> {
        // Crosswise sums instead of differences: the wall clock may have gone back, and durations cannot.
        let by = (later.wall + self.monotonic).abs_diff(self.wall + later.monotonic);
        (by > TOLERANCE).then_some(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(wall: u64, monotonic: u64) -> Clocks {
        Clocks {
            wall: Duration::from_millis(wall),
            monotonic: Duration::from_millis(monotonic),
        }
    }

    #[test]
    fn clocks_that_go_together_have_not_jumped() {
        let start = clocks(1_000_000, 500);
        assert_eq!(start.parted(clocks(1_005_000, 5_500)), None);
        assert_eq!(start.parted(clocks(1_007_000, 5_500)), None);
        assert_eq!(start.parted(clocks(1_003_000, 5_500)), None);
        let long_pause_of_the_process = clocks(2_000_000, 1_000_500);
        assert_eq!(start.parted(long_pause_of_the_process), None);
    }

    #[test]
    fn sleep_and_a_set_clock_are_jumps() {
        let start = clocks(1_000_000, 500);
        assert_eq!(
            start.parted(clocks(4_605_000, 5_500)),
            Some(Duration::from_secs(3600))
        );
        assert_eq!(
            start.parted(clocks(0, 5_500)),
            Some(Duration::from_secs(1005))
        );
    }

    #[test]
    fn the_real_clocks_go_together() {
        assert_eq!(JumpDetector::new().look(), None);
    }
}
