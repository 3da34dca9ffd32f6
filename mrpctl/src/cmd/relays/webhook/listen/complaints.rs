//! What is told of deliveries that were turned away: some of them, so that nobody outside can fill a log.

use crate::output::Output;
use std::time::Duration;
use tokio::time::Instant;

/// Lines that are written in one period.
const MOST: u32 = 10;
const PERIOD: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Complaints {
    begun: Option<Instant>,
    in_period: u32,
}

impl Complaints {
    pub(super) fn add(&mut self, output: &Output, why: &str) {
        if let Some(unsaid) = self.count(Instant::now()) {
            if unsaid > 0 {
                output.warning(&format!("{unsaid} more were turned away"));
            }
            output.warning(why);
        }
    }

    /// Counts one. If it is to be told: how many were not, before it.
    fn count(&mut self, now: Instant) -> Option<u32> {
        let is_over = self
            .begun
            .is_none_or(|begun| now.duration_since(begun) >= PERIOD);
        let mut unsaid = 0;
        if is_over {
            unsaid = self.in_period.saturating_sub(MOST);
            self.begun = Some(now);
            self.in_period = 0;
        }
        self.in_period = self.in_period.saturating_add(1);
        (self.in_period <= MOST).then_some(unsaid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_told_and_the_rest_is_counted() {
        let mut complaints = Complaints::default();
        let now = Instant::now();
        let told = (0..25).filter(|_| complaints.count(now).is_some()).count();
        assert_eq!(told, 10);
        assert_eq!(complaints.count(now + PERIOD), Some(15));
        assert_eq!(complaints.count(now + PERIOD), Some(0));
    }
}
