//! The timestamps of signatures: strictly increasing.
//!
//! Ed25519 is deterministic, so the same request in the same millisecond would have the same signature, and a relay refuses a
//! repeated signature (protocol A1.4). Each timestamp is therefore later than the one before it, if need be by running ahead.

use mrp_proto::time::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// How far the timestamps may run ahead of the clock, in milliseconds: well within what relays allow. Being further ahead means
/// that the clock was set back, and then the clock is believed.
const MAX_LEAD: i64 = 60_000;

/// A source of timestamps for one signer.
#[derive(Debug, Default)]
pub(crate) struct SigningClock {
    last: AtomicI64,
}

impl SigningClock {
    /// A timestamp to sign now.
    pub(crate) fn stamp(&self) -> Timestamp {
        self.stamp_at(wall_clock_millis())
    }

    fn stamp_at(&self, now: i64) -> Timestamp {
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let next = if last - now > MAX_LEAD {
                now
            } else {
                now.max(last + 1)
            };
            match self
                .last
                .compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Timestamp::from_unix_millis(next),
                Err(current) => last = current,
            }
        }
    }
}

/// Milliseconds since the Unix epoch; 0 for a clock before it.
fn wall_clock_millis() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(Timestamp::MAX.unix_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_in_one_millisecond_differ() {
        let clock = SigningClock::default();
        let stamps: Vec<_> = [1000, 1000, 1000, 1001, 5000, 4999]
            .map(|now| clock.stamp_at(now).unix_millis())
            .into();
        assert_eq!(stamps, [1000, 1001, 1002, 1003, 5000, 5001]);
    }

    #[test]
    fn a_clock_that_was_set_back_is_believed() {
        let clock = SigningClock::default();
        clock.stamp_at(10_000_000);
        assert_eq!(
            clock.stamp_at(10_000_000 - MAX_LEAD).unix_millis(),
            10_000_001
        );
        assert_eq!(clock.stamp_at(9_000_000).unix_millis(), 9_000_000);
    }

    #[test]
    fn threads_never_share_a_stamp() {
        let clock = SigningClock::default();
        let mut all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        (0..500)
                            .map(|_| clock.stamp_at(7).unix_millis())
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 2000);
    }
}
