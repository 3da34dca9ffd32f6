//! The rows of the table that says what these programs must reach and what they aim at, and what came of each.

use crate::report::Spread;
use std::fmt;

/// One figure of a row.
#[derive(Debug)]
pub(crate) struct Goal {
    /// Number of its row.
    pub(crate) row: u8,
    pub(crate) what: &'static str,
    must: f64,
    aim: f64,
    unit: &'static str,
    better: Better,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Better {
    More,
    Less,
}

macro_rules! goals {
    ($($name:ident: $row:literal, $what:literal, $better:ident, $must:literal, $aim:literal, $unit:literal;)*) => {
        $(pub(crate) static $name: Goal = Goal {
            row: $row,
            what: $what,
            must: $must,
            aim: $aim,
            unit: $unit,
            better: Better::$better,
        };)*
        /// All of them, in the order of their rows.
        pub(crate) static GOALS: &[&Goal] = &[$(&$name),*];
    };
}

goals! {
    PUBLISH_REDIS: 1, "publish, 64 connections, rate against Redis always", More, 0.5, 1.0, "x";
    PUBLISH_POSTGRES: 2, "the same against PostgreSQL", More, 1.0, 1.5, "x";
    PUBLISH_NATS: 3, "the same against JetStream", More, 0.25, 0.5, "x";
    PUBLISH_ONE: 4, "publish, 1 connection, rate against Redis always", More, 0.7, 0.9, "x";
    PUBLISH_CPU: 5, "server CPU of a message, 64 connections, against PostgreSQL", Less, 1.0, 0.6, "x";
    LATENCY_P50: 6, "sender to WebSocket at 200/s, p50, against Redis always", Less, 1.5, 1.0, "x";
    LATENCY_P99: 6, "the same, p99", Less, 1.5, 1.0, "x";
    IDLE_REDIS: 7, "memory of an idle WebSocket against Redis", Less, 1.3, 0.7, "x";
    IDLE_NATS: 7, "the same against NATS", Less, 0.6, 0.35, "x";
    MEMORY_START: 8, "resident memory at start against mosquitto", Less, 2.0, 1.0, "x";
    MEMORY_STORED: 8, "resident memory after a million messages stored", Less, 128.0, 64.0, " MiB";
    START: 9, "start to ready, empty, against mosquitto", Less, 1.0, 0.5, "x";
    RECOVERY: 10, "start to ready after kill -9, 1 GiB, against Redis", Less, 1.0, 0.3, "x";
    ONE_SHOT: 11, "mrpctl send --async against mosquitto_pub -q 1", Less, 1.0, 0.6, "x";
    DISCOVERY_TAG: 12, "discovery by tag, 1,000,000 agents, p99 of the slowest kind", Less, 20.0, 5.0, " ms";
    DISCOVERY_PREFIX: 12, "the same by prefix", Less, 20.0, 5.0, " ms";
    DISCOVERY_WORDS: 12, "the same by words", Less, 20.0, 5.0, " ms";
    BACKLOG_POLL: 13, "first page by poll, cost per message, 10,000 against 100 in the inbox", Less, 2.0, 1.1, "x";
    BACKLOG_SOCKET: 13, "the same by WebSocket", Less, 2.0, 1.1, "x";
    EXPIRY: 14, "p99 of sends while 1,000,000 messages expire, against without", Less, 3.0, 1.5, "x";
    BLOB_UP_MEMORY: 15, "100 MiB up, growth of resident memory", Less, 8.0, 2.0, " MiB";
    BLOB_DOWN_MEMORY: 15, "100 MiB down, growth of resident memory", Less, 8.0, 2.0, " MiB";
    BLOB_UP_RATE: 15, "100 MiB up, throughput against nginx dav", More, 0.3, 0.7, "x";
    BLOB_DOWN_RATE: 15, "100 MiB down, throughput against nginx sendfile", More, 0.3, 0.7, "x";
}

/// What came of one goal.
#[derive(Debug)]
pub(crate) struct Mark {
    pub(crate) goal: &'static Goal,
    /// Ours and the peer's, with units, and whether each had on disk what it acknowledged.
    pub(crate) figures: String,
    pub(crate) measured: Measured,
}

/// The number that is held against the goal.
#[derive(Debug)]
pub(crate) enum Measured {
    Spread(Spread),
    /// There is none, since this is not installed or failed.
    Missing(String),
}

impl Mark {
    pub(crate) fn new(goal: &'static Goal, spread: Spread, figures: impl Into<String>) -> Self {
        Self {
            goal,
            figures: figures.into(),
            measured: Measured::Spread(spread),
        }
    }

    pub(crate) fn missing(goal: &'static Goal, what: impl Into<String>) -> Self {
        Self {
            goal,
            figures: String::new(),
            measured: Measured::Missing(what.into()),
        }
    }

    /// Whether the median is as the goal must be, and as it is aimed at; `None` where nothing was measured.
    pub(crate) fn verdict(&self) -> Option<(bool, bool)> {
        let Measured::Spread(spread) = &self.measured else {
            return None;
        };
        let reaches = |bound: f64| match self.goal.better {
            Better::More => spread.median >= bound,
            Better::Less => spread.median <= bound,
        };
        Some((reaches(self.goal.must), reaches(self.goal.aim)))
    }

    /// In words: what was measured, and whether that will do.
    pub(crate) fn summary(&self) -> String {
        let goal = self.goal;
        let (must, aim) = (goal.must(), goal.aim());
        let verdict = match self.verdict() {
            None => return format!("{}; must {must}, aim {aim}", self.measured_text()),
            Some((_, true)) => "aim met",
            Some((true, false)) => "must met",
            Some((false, _)) => "must NOT met",
        };
        format!(
            "{}; must {must}, aim {aim}: {verdict}",
            self.measured_text()
        )
    }

    /// The number with its unit: median, least and greatest round.
    pub(crate) fn measured_text(&self) -> String {
        let spread = match &self.measured {
            Measured::Spread(spread) => spread,
            Measured::Missing(what) => return format!("missing: {what}"),
        };
        let unit = self.goal.unit;
        let (median, least, most) = (spread.median, spread.least, spread.most);
        format!("{median:.2}{unit} ({least:.2} to {most:.2})")
    }
}

impl Goal {
    pub(crate) fn must(&self) -> impl fmt::Display + use<> {
        self.bound(self.must)
    }

    pub(crate) fn aim(&self) -> impl fmt::Display + use<> {
        self.bound(self.aim)
    }

    fn bound(&self, value: f64) -> String {
        let sign = match self.better {
            Better::More => "≥",
            Better::Less => "≤",
        };
        format!("{sign} {value}{}", self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_looks_the_right_way() {
        let verdict = |goal, value: f64| Mark::new(goal, Spread::of(&[value]), "").verdict();
        assert_eq!(verdict(&PUBLISH_REDIS, 1.0), Some((true, true)));
        assert_eq!(verdict(&PUBLISH_REDIS, 0.99), Some((true, false)));
        assert_eq!(verdict(&PUBLISH_REDIS, 0.49), Some((false, false)));
        assert_eq!(verdict(&START, 0.5), Some((true, true)));
        assert_eq!(verdict(&START, 0.51), Some((true, false)));
        assert_eq!(verdict(&START, 1.01), Some((false, false)));
        assert_eq!(Mark::missing(&START, "mosquitto").verdict(), None);
    }

    #[test]
    fn every_row_has_a_goal() {
        let mut rows: Vec<u8> = GOALS.iter().map(|goal| goal.row).collect();
        rows.dedup();
        assert_eq!(rows, (1..=15).collect::<Vec<_>>());
    }
}
