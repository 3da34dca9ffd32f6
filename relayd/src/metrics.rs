//! Figures about the relay, for Prometheus.
//!
//! What happens often is counted in atomic numbers that are there from the start, each label set its own, so that no request waits
//! for another's. What can be looked at is looked at when somebody asks. No label comes from a peer: no key, path or address.

mod histogram;
mod labels;
mod levels;
mod requests;

pub(crate) mod listener;

pub(crate) use histogram::Histogram;
pub(crate) use labels::{Attempt, Channel, Limit, Outcome};

use crate::app::App;
use crate::store::{Swept, Timings};
use labels::{Counters, Freed};
use levels::Levels;
use mrp_proto::code::Code;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use requests::Requests;
use std::sync::Arc;

pub(crate) use requests::Request;

/// The figures of one relay.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Arc<Requests>,
    refusals: Counters<Code>,
    verifications: Counters<Outcome>,
    accepted: Counter,
    delivered: Counters<Channel>,
    webhooks: Counters<Attempt>,
    limits: Counters<Limit>,
    freed: Counters<Freed>,
    /// Bytes of blobs, on their way.
    pub(crate) blobs: BlobBytes,
    levels: Levels,
}

/// Bytes of blobs that came and went.
#[derive(Debug, Default)]
pub(crate) struct BlobBytes {
    pub(crate) uploaded: Counter,
    pub(crate) downloaded: Counter,
}

impl Metrics {
    /// Nothing has happened yet. What the store measures itself is taken up.
    pub(crate) fn new(store: &Timings) -> Self {
        let mut registry = Registry::with_prefix("relayd");
        let requests = Arc::new(Requests::default());
        registry.register_collector(Box::new(Arc::clone(&requests)));
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", build);
        let metrics = Self {
            refusals: Counters::new(
                &mut registry,
                "refusals",
                "Requests and frames that were refused, by error code",
            ),
            verifications: Counters::new(
                &mut registry,
                "verifications",
                "Signatures that were judged, by outcome",
            ),
            delivered: Counters::new(
                &mut registry,
                "messages_delivered",
                "Messages that their recipients took over, by the way they came",
            ),
            webhooks: Counters::new(
                &mut registry,
                "webhook_attempts",
                "Webhook deliveries that were tried, by outcome",
            ),
            limits: Counters::new(
                &mut registry,
                "limits_hit",
                "What was refused because a limit was reached, by limit",
            ),
            freed: Counters::new(
                &mut registry,
                "freed",
                "Records that time has freed, by kind",
            ),
            accepted: Counter::default(),
            blobs: BlobBytes::default(),
            levels: Levels::default(),
            requests,
            registry: Registry::default(),
        };
        registry.register(
            "messages_accepted",
            "Messages that were stored",
            metrics.accepted.clone(),
        );
        metrics.blobs.register(&mut registry);
        metrics.levels.register(&mut registry);
        register_timings(&mut registry, store);
        Self {
            registry,
            ..metrics
        }
    }

    /// A request was answered.
    pub(crate) fn answered(&self, request: &Request<'_>) {
        self.requests.count(request);
    }

    /// A request, or a frame, was refused.
    pub(crate) fn refused(&self, code: Code, limit: Option<Limit>) {
        self.refusals.count(code, 1);
        if let Some(limit) = limit {
            self.limits.count(limit, 1);
        }
    }

    /// A signature was judged.
    pub(crate) fn verified(&self, outcome: Outcome) {
        self.verifications.count(outcome, 1);
    }

    /// A message was stored.
    pub(crate) fn accepted(&self) {
        self.accepted.inc();
    }

    /// Recipients took messages over.
    pub(crate) fn delivered(&self, channel: Channel, messages: usize) {
        self.delivered.count(channel, messages);
    }

    /// A webhook delivery was tried.
    pub(crate) fn attempted(&self, outcome: Attempt) {
        self.webhooks.count(outcome, 1);
    }

    /// A sweep freed something.
    pub(crate) fn swept(&self, swept: &Swept) {
        self.freed.count(Freed::Expired, swept.expired);
        self.freed.count(Freed::Removed, swept.removed);
        self.freed.count(Freed::Claims, swept.claims);
        self.freed.count(Freed::Answers, swept.answers);
    }
}

impl BlobBytes {
    fn register(&self, registry: &mut Registry) {
        let bytes = || Unit::Bytes;
        let help = "Bytes of blobs that were uploaded and kept";
        registry.register_with_unit("blobs_uploaded", help, bytes(), self.uploaded.clone());
        let help = "Bytes of blobs that were sent out";
        registry.register_with_unit("blobs_downloaded", help, bytes(), self.downloaded.clone());
    }
}

fn register_timings(registry: &mut Registry, store: &Timings) {
    registry.register(
        "store_commit_operations",
        "Operations that were written to the disk together",
        store.batch.clone(),
    );
    registry.register_with_unit(
        "store_commit",
        "How long a group of operations took until it was on disk",
        Unit::Seconds,
        store.commit.clone(),
    );
    registry.register_with_unit(
        "store_catch_up",
        "How long the database took to follow the journal",
        Unit::Seconds,
        store.catch_up.clone(),
    );
    registry.register_with_unit(
        "store_fsync",
        "How long the disk took to make writes last",
        Unit::Seconds,
        store.sync.clone(),
    );
}

/// Everything as OpenMetrics text. Looks at the store and the disk, but never so long that it holds anybody up.
pub(crate) async fn render(app: &Arc<App>) -> String {
    app.metrics.levels.look(app).await;
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = encode(&mut text, &app.metrics.registry);
    text
}
