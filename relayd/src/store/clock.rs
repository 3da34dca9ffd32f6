//! The store's time, which never goes back.
//!
//! Every operation brings the wall clock's time along; what the store goes by is the latest of all that it was ever shown. The
//! writer keeps it with each commit, so a restart does not forget it. A clock that is set back therefore never revives expired
//! mail, and neither ids nor the times in messages run backwards.

use mrp_proto::time::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

#[derive(Debug)]
pub(super) struct Clock(AtomicI64);

impl Clock {
    pub(super) fn starting_at(time: Timestamp) -> Self {
        Self(AtomicI64::new(time.unix_millis()))
    }

    /// Shows the store the wall clock's time; the answer is the store's.
    pub(super) fn observe(&self, now: Timestamp) -> Timestamp {
        let given = now.unix_millis();
        let before = self.0.fetch_max(given, Ordering::Relaxed);
        Timestamp::from_unix_millis(before.max(given))
    }

    pub(super) fn latest(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Times as keys and values of tables; a [`Timestamp`] is never before 1970.
pub(super) fn to_millis(time: Timestamp) -> u64 {
    u64::try_from(time.unix_millis()).unwrap_or(0)
}

pub(super) fn from_millis(millis: u64) -> Timestamp {
    Timestamp::from_unix_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_go_back() {
        let clock = Clock::starting_at(from_millis(500));
        assert_eq!(clock.observe(from_millis(400)), from_millis(500));
        assert_eq!(clock.observe(from_millis(600)), from_millis(600));
        assert_eq!(clock.observe(from_millis(599)), from_millis(600));
        assert_eq!(clock.latest(), from_millis(600));
    }
}
