//! How long the disk takes.

use crate::metrics::Metrics;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use std::time::Duration;

/// Seconds of having operations on the disk, from a fast disk to a failing one.
const SECONDS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// Operations that are written down together.
const OPERATIONS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// What the writer measures. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(super) struct Timings {
    commit: Histogram,
    operations: Histogram,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            commit: Histogram::new(SECONDS.iter().copied()),
            operations: Histogram::new(OPERATIONS.iter().copied()),
        }
    }
}

impl Timings {
    /// Notes that operations were written down which changed something.
    pub(super) fn committed(&self, took: Duration, operations: usize) {
        self.commit.observe(took.as_secs_f64());
        self.operations.observe(operations as f64);
    }

    pub(super) fn register(&self, metrics: &Metrics) {
        metrics.register_with_unit(
            "store_commit",
            "How long it took to have operations on the disk",
            Unit::Seconds,
            self.commit.clone(),
        );
        metrics.register(
            "store_commit_operations",
            "Operations that were written to the disk together",
            self.operations.clone(),
        );
    }
}
