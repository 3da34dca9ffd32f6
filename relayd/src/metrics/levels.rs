//! What is not counted but looked at, when somebody asks.

use crate::app::App;
use crate::disk::Volume;
use crate::store::Holdings;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::Ordering;

/// The last look.
#[derive(Debug, Default)]
pub(super) struct Levels {
    queued_operations: Gauge,
    queued_bytes: Gauge,
    commits: Counter,
    operations: Counter,
    reopened: Counter,
    agents: Gauge,
    messages: Gauge,
    messages_queued: Gauge,
    replay_claims: Gauge,
    blobs: Gauge,
    connections: Gauge,
    sockets: Gauge,
    remembered: Gauge,
    disk_free: Gauge,
    disk_size: Gauge,
    uptime: Gauge,
}

impl Levels {
    pub(super) fn register(&self, registry: &mut Registry) {
        for (name, help, gauge) in [
            (
                "store_queued_operations",
                "Operations that wait for the store",
                &self.queued_operations,
            ),
            ("agents", "Agents with a record", &self.agents),
            (
                "messages",
                "Messages that are kept, whatever became of them",
                &self.messages,
            ),
            (
                "messages_queued",
                "Those of them that wait for their recipients",
                &self.messages_queued,
            ),
            (
                "replay_claims",
                "Signatures that took effect and are remembered on disk",
                &self.replay_claims,
            ),
            (
                "replay_guard_entries",
                "Signatures of reads that are remembered in memory",
                &self.remembered,
            ),
            (
                "blobs",
                "Blobs that someone owns or a live message attaches",
                &self.blobs,
            ),
            (
                "connections",
                "Connections that are open, WebSockets among them",
                &self.connections,
            ),
            (
                "sockets",
                "WebSockets whose agent is authenticated",
                &self.sockets,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        for (name, help, gauge) in [
            (
                "store_queued",
                "Messages among the operations that wait for the store",
                &self.queued_bytes,
            ),
            ("disk_free", "Room where the data is", &self.disk_free),
            ("disk_size", "All of it, used or not", &self.disk_size),
        ] {
            registry.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        }
        for (name, help, counter) in [
            (
                "store_commits",
                "Groups of operations that were written to the disk",
                &self.commits,
            ),
            ("store_operations", "Operations in them", &self.operations),
            (
                "store_reopened",
                "Times that the database had to be opened again",
                &self.reopened,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        let help = "Since the relay began";
        registry.register_with_unit("uptime", help, Unit::Seconds, self.uptime.clone());
    }

    /// Looks. What cannot be seen now stays as it was.
    pub(super) async fn look(&self, app: &App) {
        let counters = app.store.counters();
        self.queued_operations.set(level(counters.waiting as u64));
        self.queued_bytes.set(level(counters.waiting_bytes as u64));
        for (shown, counted) in [
            (&self.commits, counters.commits),
            (&self.operations, counters.operations),
            (&self.reopened, counters.reopened),
        ] {
            shown.inner().fetch_max(counted, Ordering::Relaxed);
        }
        if let Ok(holdings) = app.store.holdings().await {
            self.note(&holdings);
        }
        self.connections.set(level(app.shutdown.tracked() as u64));
        self.sockets.set(level(app.hub.sockets() as u64));
        self.remembered.set(level(app.auth.remembered() as u64));
        let data_dir = app.config.data_dir.clone();
        let volume = tokio::task::spawn_blocking(move || Volume::of(&data_dir)).await;
        if let Ok(Ok(volume)) = volume {
            self.disk_free.set(level(volume.free));
            self.disk_size.set(level(volume.size));
        }
        self.uptime.set(level(app.started.elapsed().as_secs()));
    }

    fn note(&self, holdings: &Holdings) {
        self.agents.set(level(holdings.agents));
        self.messages.set(level(holdings.messages));
        self.messages_queued.set(level(holdings.queued_messages));
        self.replay_claims.set(level(holdings.replay_claims));
        self.blobs.set(level(holdings.blobs));
    }
}

fn level(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
