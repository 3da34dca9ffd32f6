//! The pace at which WebSockets are let in. After a restart every client comes back, those of the published library at fixed times:
//! they are let in one after another, as fast as the store can follow, instead of being refused and coming back all at once again.

use crate::http::error::ApiError;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Between two that are let in: 500 a second.
const SPACING: Duration = Duration::from_millis(2);
/// How many may come at once before they have to wait.
const BURST: u32 = 100;
/// How long one may wait; clients wait no longer than 10 s for their verdict.
const PATIENCE: Duration = Duration::from_secs(8);

/// When the next one has its turn.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(Mutex<Option<Instant>>);

impl Arrivals {
    /// Waits for a turn; there are so many ahead at most.
    pub(super) async fn turn(&self) -> Result<(), ApiError> {
        let turn = self.take().ok_or_else(|| {
            let message = "too many sessions begin at once; try again in a while";
            ApiError::unavailable(message)
        })?;
        if turn > Instant::now() {
            tokio::time::sleep_until(turn).await;
        }
        Ok(())
    }

    /// Takes the next turn, if it is not too far off.
    fn take(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Turns that nobody took are good for a burst.
        let earliest = now.checked_sub(SPACING * BURST).unwrap_or(now);
        let turn = next.map_or(earliest, |next| next.max(earliest));
        if turn > now + PATIENCE {
            return None;
        }
        *next = Some(turn + SPACING);
        Some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    async fn crowd(arrivals: &Arrivals, size: usize) -> (usize, Duration) {
        let started = Instant::now();
        let turns = join_all((0..size).map(|_| arrivals.turn())).await;
        let let_in = turns.iter().filter(|turn| turn.is_ok()).count();
        (let_in, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_is_let_in_at_five_hundred_a_second() {
        // Time enough behind us for a whole burst.
        tokio::time::advance(Duration::from_secs(1)).await;
        let arrivals = Arrivals::default();
        assert_eq!(crowd(&arrivals, 100).await, (100, Duration::ZERO));
        let (let_in, took) = crowd(&arrivals, 1_000).await;
        assert_eq!(let_in, 1_000);
        assert!((1.99..2.01).contains(&took.as_secs_f64()), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_it_makes_sense() {
        tokio::time::advance(Duration::from_secs(1)).await;
        let arrivals = Arrivals::default();
        let (let_in, took) = crowd(&arrivals, 10_000).await;
        // The burst, and what goes into the time.
        assert_eq!(let_in, 100 + 4_001);
        assert!(took <= PATIENCE + SPACING, "{took:?}");
    }
}
