//! A histogram that is counted without a lock.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Seconds, from a read out of memory to a poll that waits.
const SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];
/// Numbers of things, up to the largest batch of the store.
const COUNTS: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1000.0,
];

/// How often a value fell below each of some bounds. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) struct Histogram(Arc<Inner>);

struct Inner {
    bounds: &'static [f64],
    /// One for each bound, and one for what is above all.
    counts: Box<[AtomicU64]>,
    /// In units of `scale`, which divides what comes in.
    sum: AtomicU64,
    scale: f64,
}

impl Histogram {
    /// Of durations.
    pub(crate) fn of_seconds() -> Self {
        Self::new(SECONDS, 1e6)
    }

    /// Of numbers of things.
    pub(crate) fn of_counts() -> Self {
        Self::new(COUNTS, 1.0)
    }

    fn new(bounds: &'static [f64], scale: f64) -> Self {
        Self(Arc::new(Inner {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
            scale,
        }))
    }

    /// Counts a duration.
    pub(crate) fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.add(duration.as_secs_f64(), micros);
    }

    /// Counts a number of things.
    pub(crate) fn observe_count(&self, count: usize) {
        self.add(count as f64, count as u64);
    }

    fn add(&self, value: f64, units: u64) {
        let inner = &self.0;
        let place = inner.bounds.partition_point(|bound| *bound < value);
        inner.counts[place].fetch_add(1, Ordering::Relaxed);
        inner.sum.fetch_add(units, Ordering::Relaxed);
    }

    /// How often something was observed.
    pub(crate) fn count(&self) -> u64 {
        let counts = self.0.counts.iter();
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Histogram").finish_non_exhaustive()
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let inner = &self.0;
        let bounds = inner.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = inner
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = inner.sum.load(Ordering::Relaxed) as f64 / inner.scale;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    fn shown(histogram: &Histogram) -> String {
        let mut registry = Registry::default();
        registry.register("h", "h", histogram.clone());
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn a_value_counts_in_its_bucket_and_in_all_above() {
        let histogram = Histogram::of_seconds();
        assert_eq!(histogram.count(), 0);
        for millis in [1, 3, 40_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        assert_eq!(histogram.count(), 3);
        let text = shown(&histogram);
        for line in [
            "h_bucket{le=\"0.0005\"} 0",
            "h_bucket{le=\"0.001\"} 1",
            "h_bucket{le=\"0.005\"} 2",
            "h_bucket{le=\"30.0\"} 2",
            "h_bucket{le=\"+Inf\"} 3",
            "h_count 3",
            "h_sum 40.004",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }

    #[test]
    fn numbers_are_counted_as_they_are() {
        let histogram = Histogram::of_counts();
        for count in [1, 2, 3, 5_000] {
            histogram.observe_count(count);
        }
        let text = shown(&histogram);
        assert!(
            text.contains("le=\"2.0\"} 2") && text.contains("h_sum 5006"),
            "{text}"
        );
    }
}
