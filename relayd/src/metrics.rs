//! Figures about the relay, for Prometheus.
//!
//! What happens often is counted in atomic numbers that are there from the start, each label set its own, so that no request waits
//! for another's. What can be looked at is looked at when somebody asks. No label comes from a peer: no key, path or address.

mod histogram;
mod labels;
mod requests;

pub(crate) mod listener;

pub(crate) use histogram::Histogram;
pub(crate) use labels::{Attempt, Channel, Limit, Outcome};

use crate::app::App;
use crate::disk::Volume;
use crate::store::{Swept, Timings};
use labels::{Counters, Freed};
use mrp_proto::code::Code;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use requests::Requests;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

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
    levels: Levels,
    begun: Instant,
}

/// What is looked at when somebody asks.
#[derive(Debug, Default)]
struct Levels {
    queued_operations: Gauge,
    queued_bytes: Gauge,
    connections: Gauge,
    sockets: Gauge,
    remembered: Gauge,
    commits: Counter<u64, AtomicU64>,
    operations: Counter<u64, AtomicU64>,
    reopened: Counter<u64, AtomicU64>,
    disk_free: Gauge,
    disk_total: Gauge,
    uptime: Gauge,
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
            levels: Levels::default(),
            begun: Instant::now(),
            requests,
            registry: Registry::default(),
        };
        registry.register(
            "messages_accepted",
            "Messages that were stored",
            metrics.accepted.clone(),
        );
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

impl Levels {
    fn register(&self, registry: &mut Registry) {
        let queue = &self.queued_operations;
        registry.register(
            "store_queued_operations",
            "Operations that wait for the store",
            queue.clone(),
        );
        registry.register(
            "store_queued",
            "Bytes of the messages among them",
            self.queued_bytes.clone(),
        );
        registry.register(
            "store_commits",
            "Transactions that were written to the disk",
            self.commits.clone(),
        );
        registry.register(
            "store_operations",
            "Operations in them",
            self.operations.clone(),
        );
        registry.register(
            "store_reopened",
            "Times that the database had to be opened again",
            self.reopened.clone(),
        );
        registry.register(
            "connections",
            "Connections that are open, WebSockets among them",
            self.connections.clone(),
        );
        registry.register(
            "sockets",
            "WebSockets whose agent is authenticated",
            self.sockets.clone(),
        );
        registry.register(
            "replay_guard_entries",
            "Signatures of reads that must not be seen again",
            self.remembered.clone(),
        );
        let bytes = || Unit::Bytes;
        registry.register_with_unit(
            "disk_free",
            "Room where the data is",
            bytes(),
            self.disk_free.clone(),
        );
        registry.register_with_unit("disk_size", "All of it", bytes(), self.disk_total.clone());
        registry.register_with_unit(
            "uptime",
            "Since the relay began",
            Unit::Seconds,
            self.uptime.clone(),
        );
    }

    fn look(&self, app: &App, begun: Instant) {
        let counters = app.store.counters();
        let level = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.queued_operations.set(level(counters.waiting as u64));
        self.queued_bytes.set(level(counters.waiting_bytes as u64));
        for (shown, counted) in [
            (&self.commits, counters.commits),
            (&self.operations, counters.operations),
            (&self.reopened, counters.reopened),
        ] {
            shown
                .inner()
                .fetch_max(counted, std::sync::atomic::Ordering::Relaxed);
        }
        self.connections.set(level(app.shutdown.tracked() as u64));
        self.sockets.set(level(app.hub.sockets() as u64));
        self.remembered.set(level(app.auth.remembered() as u64));
        if let Ok(volume) = Volume::of(&app.config.data_dir) {
            self.disk_free.set(level(volume.free));
            self.disk_total.set(level(volume.size));
        }
        self.uptime.set(level(begun.elapsed().as_secs()));
    }
}

fn register_timings(registry: &mut Registry, store: &Timings) {
    registry.register(
        "store_commit_operations",
        "Operations that were committed together",
        store.batch.clone(),
    );
    registry.register_with_unit(
        "store_commit",
        "How long a commit took, with the writes to the disk",
        Unit::Seconds,
        store.commit.clone(),
    );
    registry.register_with_unit(
        "store_fsync",
        "How long the disk took to make writes last",
        Unit::Seconds,
        store.sync.clone(),
    );
}

/// Everything as OpenMetrics text.
pub(crate) fn render(app: &App) -> String {
    app.metrics.levels.look(app, app.metrics.begun);
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = encode(&mut text, &app.metrics.registry);
    text
}
