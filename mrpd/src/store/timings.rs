//! How long the disk takes.

use crate::metrics::Metrics;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use std::time::Duration;

/// Seconds of a commit, from a fast disk to a failing one.
const SECONDS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// Operations that share a commit.
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
    /// Notes a commit that changed something.
    pub(super) fn committed(&self, took: Duration, operations: usize) {
        self.commit.observe(took.as_secs_f64());
        self.operations.observe(operations as f64);
    }

    pub(super) fn register(&self, metrics: &Metrics) {
        metrics.register_with_unit(
            "store_commit",
            "How long a commit took, with the writes to the disk",
            Unit::Seconds,
            self.commit.clone(),
        );
        metrics.register(
            "store_commit_operations",
            "Operations that were committed together",
            self.operations.clone(),
        );
    }
}
