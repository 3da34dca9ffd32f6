//! What is not counted but looked at, when somebody asks.

use super::{Label, state_name};
use crate::context::Context;
use mrpd_api::body::SessionState;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::time::Instant;

/// The last look.
pub(super) struct Levels {
    begun: Instant,
    messages: Family<Label, Gauge>,
    outbox: Family<Label, Gauge>,
    sessions: Family<Label, Gauge>,
    newest: Gauge,
    refused: Gauge,
    warnings: Gauge,
    store_failing: Gauge,
    store_size: Gauge,
    uptime: Gauge,
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            messages: Family::default(),
            outbox: Family::default(),
            sessions: Family::default(),
            newest: Gauge::default(),
            refused: Gauge::default(),
            warnings: Gauge::default(),
            store_failing: Gauge::default(),
            store_size: Gauge::default(),
            uptime: Gauge::default(),
        }
    }
}

impl Levels {
    pub(super) fn register(&self, registry: &mut Registry) {
        for (name, help, family) in [
            (
                "messages",
                "Messages that are kept, by direction",
                &self.messages,
            ),
            ("outbox", "Entries of the outbox, by stage", &self.outbox),
            ("sessions", "Sessions with relays, by state", &self.sessions),
        ] {
            registry.register(name, help, family.clone());
        }
        for (name, help, gauge) in [
            (
                "newest_seq",
                "The newest place in the local order of messages",
                &self.newest,
            ),
            (
                "messages_refused",
                "Messages that were refused as forged, moved or too old, ever",
                &self.refused,
            ),
            (
                "warnings",
                "What needs a person's attention, as the status lists it",
                &self.warnings,
            ),
            (
                "store_failing",
                "1 while the store cannot be written: the disk is full or failing, and relays keep what comes",
                &self.store_failing,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        for (name, help, unit, gauge) in [
            (
                "store_size",
                "Size of the store's file",
                Unit::Bytes,
                &self.store_size,
            ),
            (
                "uptime",
                "Since the daemon began",
                Unit::Seconds,
                &self.uptime,
            ),
        ] {
            registry.register_with_unit(name, help, unit, gauge.clone());
        }
    }

    /// Looks. What cannot be seen now stays as it was.
    pub(super) async fn look(&self, context: &Context) {
        if let Ok(counts) = context.store.counts().await {
            for (family, name, value, count) in [
                (&self.messages, "dir", "in", counts.received),
                (&self.messages, "dir", "out", counts.sent),
                (&self.outbox, "stage", "queued", counts.queued),
                (&self.outbox, "stage", "failed", counts.failed),
            ] {
                let label = Label(name, value.to_owned());
                family.get_or_create(&label).set(level(count));
            }
            self.newest.set(level(counts.newest));
            self.refused.set(level(counts.refused));
        }
        self.look_at_sessions(context);
        let warnings = context.board.warnings().len();
        self.warnings.set(level(warnings as u64));
        let is_failing = context.store.trouble().borrow().is_some();
        self.store_failing.set(i64::from(is_failing));
        if let Ok(size) = context.store.size() {
            self.store_size.set(level(size));
        }
        self.uptime.set(level(self.begun.elapsed().as_secs()));
    }

    fn look_at_sessions(&self, context: &Context) {
        let sessions = context.board.sessions();
        for state in [
            SessionState::Connecting,
            SessionState::Up,
            SessionState::Down,
        ] {
            let count = sessions.iter().filter(|session| session.state == state);
            let label = Label("state", state_name(state).to_owned());
            self.sessions
                .get_or_create(&label)
                .set(level(count.count() as u64));
        }
    }
}

fn level(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
