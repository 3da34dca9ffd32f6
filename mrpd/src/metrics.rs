//! Figures of the daemon, as OpenMetrics text: what was counted since it began, and how things stand when somebody asks.
//!
//! A part has its own figures in one line, `context.events.metrics().register("name", "What it is", metric.clone())`, once, when it
//! begins. What is told as an event is counted here already.

mod levels;
mod textfile;

pub(crate) use textfile::write_textfile;

use crate::context::Context;
use levels::Levels;
use mrpd_api::body::{SessionState, Stage};
use mrpd_api::event::Event;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The registry. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Mutex<Registry>,
    hooks: Family<Label, Counter>,
    stages: Family<Label, Counter>,
    sessions: Family<Label, Counter>,
    levels: Levels,
}

/// One label: its name, and a value out of a few.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label(pub &'static str, pub String);

impl EncodeLabelSet for Label {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        [(self.0, self.1.as_str())].encode(encoder)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("mrpd");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", build);
        let metrics = Inner {
            hooks: Family::default(),
            stages: Family::default(),
            sessions: Family::default(),
            levels: Levels::default(),
            registry: Mutex::default(),
        };
        for (name, help, family) in [
            ("hook_runs", "Runs of hooks, by outcome", &metrics.hooks),
            (
                "stages",
                "Stages that messages on their way out came to",
                &metrics.stages,
            ),
            (
                "session_changes",
                "How often sessions with relays came to a state",
                &metrics.sessions,
            ),
        ] {
            registry.register(name, help, family.clone());
        }
        metrics.levels.register(&mut registry);
        Self(Arc::new(Inner {
            registry: Mutex::new(registry),
            ..metrics
        }))
    }
}

impl Metrics {
    /// Adds a figure. It is shown from now on; the name gets the prefix `mrpd_`, and a counter the ending `_total`.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        self.registry().register(name, help, metric);
    }

    /// Adds a figure with a unit, which its name ends with.
    pub fn register_with_unit(&self, name: &str, help: &str, unit: Unit, metric: impl Metric) {
        self.registry().register_with_unit(name, help, unit, metric);
    }

    /// Counts what was told.
    pub(crate) fn count_event(&self, event: &Event) {
        let count = |family: &Family<Label, Counter>, name, value: &str| {
            family.get_or_create(&Label(name, value.to_owned())).inc();
        };
        match event {
            Event::Hook { outcome, .. } => count(&self.0.hooks, "outcome", outcome),
            Event::Stage { stage, .. } => count(&self.0.stages, "stage", stage_name(*stage)),
            Event::Session(session) => {
                count(&self.0.sessions, "state", state_name(session.state));
            }
            _ => {}
        }
    }

    /// Everything as OpenMetrics text. Looks at the store, but never so long that it holds anybody up.
    pub(crate) async fn render(&self, context: &Context) -> String {
        self.0.levels.look(context).await;
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = encode(&mut text, &self.registry());
        text
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        let registry = &self.0.registry;
        registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Queued => "queued",
        Stage::Accepted => "accepted",
        Stage::Delivered => "delivered",
        Stage::Replied => "replied",
        Stage::Failed => "failed",
    }
}

fn state_name(state: SessionState) -> &'static str {
    match state {
        SessionState::Connecting => "connecting",
        SessionState::Up => "up",
        SessionState::Down => "down",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_counted_and_what_is_registered_is_shown() {
        let metrics = Metrics::default();
        let counter: Counter = Counter::default();
        metrics.register("spooled", "Files that were taken", counter.clone());
        counter.inc();
        let hook = |outcome: &str| Event::Hook {
            hook: "h".to_owned(),
            seq: 1,
            message_id: "msg_1".to_owned(),
            attempt: 1,
            outcome: outcome.to_owned(),
        };
        for outcome in ["handled", "retry", "handled"] {
            metrics.count_event(&hook(outcome));
        }
        let mut text = String::new();
        encode(&mut text, &metrics.registry()).unwrap();
        for line in [
            "mrpd_spooled_total 1",
            "mrpd_hook_runs_total{outcome=\"handled\"} 2",
            "mrpd_hook_runs_total{outcome=\"retry\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
