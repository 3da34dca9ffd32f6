//! How long nothing has come, whatever becomes of the clock on the wall.
//!
//! While the daemon runs, only the clock counts that nobody sets and that goes on while the machine sleeps. The clock on the wall
//! is only asked how much time has passed since the daemon last ran.

use crate::store::ExpectRecord;
use mrp_proto::time::Timestamp;
use std::time::Duration;

/// Both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) wall: Timestamp,
    pub(super) uptime: Duration,
}

/// A dead-man switch at work.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) record: ExpectRecord,
    age: Duration,
    age_at: Duration,
}

impl Standing {
    /// Goes on from what was kept. A clock that was put back meanwhile makes nothing younger than it can be.
    pub(super) fn resume(record: ExpectRecord, now: Now) -> Self {
        Self {
            age: now.wall.since(record.since),
            age_at: now.uptime,
            record,
        }
    }

    /// A message came: everything begins anew. One that is older than what began it says nothing, unless the clock was put back.
    pub(super) fn see(&mut self, seq: u64, came: Timestamp, now: Now) {
        let came = came.min(now.wall);
        if came < self.record.since && self.record.since <= now.wall {
            return;
        }
        self.record.since = came;
        self.record.last = Some(seq);
        self.record.missed = 0;
        self.age = now.wall.since(self.record.since);
        self.age_at = now.uptime;
    }

    /// How many periods have passed without a message.
    pub(super) fn periods(&self, every: Duration, grace: Duration, now: Now) -> u64 {
        let beyond = self.age(now).checked_sub(grace);
        let periods = beyond.map_or(0, |beyond| beyond.as_millis() / every.as_millis().max(1));
        u64::try_from(periods).unwrap_or(u64::MAX)
    }

    /// How long it is until one more period has passed than were told of.
    pub(super) fn left(&self, every: Duration, grace: Duration, now: Now) -> Duration {
        let periods = self.record.missed.saturating_add(1);
        let due = every.saturating_mul(u32::try_from(periods).unwrap_or(u32::MAX)) + grace;
        due.saturating_sub(self.age(now))
    }

    fn age(&self, now: Now) -> Duration {
        self.age + now.uptime.saturating_sub(self.age_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now(wall_hours: i64, uptime_hours: u32) -> Now {
        Now {
            wall: Timestamp::from_unix_millis((500_000 + wall_hours) * 3_600_000),
            uptime: HOUR * uptime_hours,
        }
    }

    fn standing(since: i64, at: Now) -> Standing {
        let record = ExpectRecord {
            rule: String::new(),
            since: now(since, 0).wall,
            last: None,
            position: 0,
            missed: 0,
            outcome: None,
        };
        Standing::resume(record, at)
    }

    #[test]
    fn each_period_without_a_message_counts_once() {
        let (every, grace) = (24 * HOUR, HOUR);
        let mut standing = standing(0, now(0, 10));
        assert_eq!(standing.left(every, grace, now(0, 10)), 25 * HOUR);
        assert_eq!(standing.periods(every, grace, now(24, 34)), 0);
        assert_eq!(standing.periods(every, grace, now(25, 35)), 1);
        standing.record.missed = 1;
        assert_eq!(standing.left(every, grace, now(25, 35)), 24 * HOUR);
        assert_eq!(standing.periods(every, grace, now(49, 59)), 2);
        standing.see(7, now(50, 60).wall, now(50, 60));
        assert_eq!(standing.record.missed, 0);
        assert_eq!(standing.left(every, grace, now(50, 60)), 25 * HOUR);
        standing.see(8, now(3, 13).wall, now(51, 61));
        assert_eq!(standing.record.last, Some(7), "it is older than the last");
        assert_eq!(standing.left(every, grace, now(51, 61)), 24 * HOUR);
    }

    #[test]
    fn a_clock_that_is_set_changes_nothing() {
        let (every, grace) = (2 * HOUR, Duration::ZERO);
        let standing = standing(0, now(0, 10));
        for jump in [-1, 1, -30, 30] {
            let set = now(1 + jump, 11);
            assert_eq!(standing.periods(every, grace, set), 0, "{jump}");
            assert_eq!(standing.left(every, grace, set), HOUR, "{jump}");
        }
        // The machine slept: that is time in which something could have come.
        assert_eq!(standing.periods(every, grace, now(12, 22)), 6);
    }

    #[test]
    fn time_in_which_the_daemon_did_not_run_counts() {
        let standing = standing(0, now(30, 1));
        assert_eq!(standing.periods(24 * HOUR, HOUR, now(30, 1)), 1);
        // Put back behind the last message: as if that had come now.
        let standing = super::tests::standing(0, now(-5, 1));
        assert_eq!(standing.left(24 * HOUR, HOUR, now(-5, 1)), 25 * HOUR);
    }
}
