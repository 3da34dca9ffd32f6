//! How often lines of one kind are written, where somebody outside decides how often it happens.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines of one kind in one stretch of time.
const MOST: u32 = 20;
const STRETCH: Duration = Duration::from_secs(10);

/// Lets only so many lines of each kind through. A kind is a place in the program. What was asked for in detail is left alone.
#[derive(Debug)]
pub(super) struct Throttle {
    begun: Instant,
    kinds: Mutex<HashMap<Identifier, Kind>>,
}

/// The lines of one place.
#[derive(Debug, Default)]
struct Kind {
    stretch: u64,
    written: u32,
    left_out: u64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            kinds: Mutex::default(),
        }
    }
}

impl<S: Subscriber> Layer<S> for Throttle {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO || metadata.target() == module_path!() {
            return true;
        }
        let admitted = {
            let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
            let kind = kinds.entry(metadata.callsite()).or_default();
            kind.admit(self.begun.elapsed())
        };
        match admitted {
            Some(0) => true,
            Some(left_out) => {
                tracing::warn!(left_out, "lines like the next one were left out");
                true
            }
            None => false,
        }
    }
}

impl Kind {
    /// Whether a line may be written now; with how many were left out since the last one that was.
    fn admit(&mut self, now: Duration) -> Option<u64> {
        let stretch = now.as_secs() / STRETCH.as_secs();
        if self.stretch != stretch {
            self.stretch = stretch;
            self.written = 0;
        }
        if self.written >= MOST {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn a_flood_leaves_some_lines_and_its_size() {
        let mut kind = Kind::default();
        let mut at = |seconds| kind.admit(Duration::from_secs(seconds));
        let flood: Vec<_> = (0..100).map(|_| at(1)).collect();
        assert_eq!(flood.iter().flatten().count(), 20);
        assert_eq!(at(9), None);
        assert_eq!(at(10), Some(81));
        assert_eq!(at(11), Some(0));
    }

    #[derive(Default)]
    struct Count(Arc<AtomicU32>);

    impl<S: Subscriber> Layer<S> for Count {
        fn on_event(&self, _event: &Event<'_>, _context: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn each_place_in_the_program_is_a_kind_of_its_own() {
        let count = Arc::new(AtomicU32::new(0));
        let subscriber = tracing_subscriber::registry()
            .with(Count(Arc::clone(&count)))
            .with(Throttle::default());
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..MOST + 30 {
                tracing::info!("one");
            }
            tracing::info!("another");
            for _ in 0..MOST + 30 {
                tracing::debug!("asked for");
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), MOST + 1 + MOST + 30);
    }
}
