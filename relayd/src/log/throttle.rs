//! How often the same line may be written where somebody outside decides how often it would be.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Lines of one kind in one stretch of time.
const MOST: u64 = 20;
const STRETCH: Duration = Duration::from_secs(10);

/// Counts the lines of one kind; a static one stands beside the line.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// The number of the stretch, from when the process began.
    stretch: AtomicU64,
    written: AtomicU64,
    left_out: AtomicU64,
}

impl Throttle {
    pub(crate) const fn new() -> Self {
        Self {
            stretch: AtomicU64::new(0),
            written: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }

    /// Whether the line may be written now; with how many were left out since the last one that was.
    pub(crate) fn admit(&self) -> Option<u64> {
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        self.admit_at(BEGUN.elapsed())
    }

    /// Two threads at the turn of a stretch may let a line more or less through, which does no harm.
    fn admit_at(&self, now: Duration) -> Option<u64> {
        let stretch = now.as_secs() / STRETCH.as_secs();
        if self.stretch.swap(stretch, Ordering::Relaxed) != stretch {
            self.written.store(0, Ordering::Relaxed);
        }
        if self.written.fetch_add(1, Ordering::Relaxed) < MOST {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_some_lines_and_its_size() {
        let throttle = Throttle::new();
        let at = |seconds| throttle.admit_at(Duration::from_secs(seconds));
        let flood: Vec<_> = (0..100).map(|_| at(1)).collect();
        assert_eq!(flood.iter().flatten().count(), 20);
        assert!(flood[..20].iter().all(|admitted| *admitted == Some(0)));
        assert_eq!(at(9), None);
        assert_eq!(at(10), Some(81));
        assert_eq!(at(11), Some(0));
    }
}
