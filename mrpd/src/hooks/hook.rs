//! `[[hook]]`: which messages something is done for, what, and how often at once.

use super::program::Program;
use crate::audience::Audience;
use crate::config::HasName;
use crate::expression::Condition;
use mrpd_api::message::Kind;
use std::time::Duration;

/// A hook, as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// Which messages it is for.
    pub filter: Filter,
    /// What is done.
    pub program: Program,
    /// What becomes of what it writes.
    pub reply: ReplyForm,
    /// Runs at the same time, each for another sender.
    pub concurrency: usize,
    /// How often it may run.
    pub rate: Option<Rate>,
    /// How long a sender must be silent before it runs.
    pub debounce: Option<Duration>,
    /// Messages of a sender that one run is given, at most.
    pub batch: usize,
    /// What becomes of a run that fails.
    pub retry: Retry,
}

impl HasName for Hook {
    fn name(&self) -> &str {
        &self.name
    }
}

/// Which messages a hook is for: all that is written must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The local agent they came to.
    pub agent: Option<String>,
    /// Who sent them.
    pub from: Audience,
    /// What they are; anything that could be opened, where absent.
    pub kinds: Option<Vec<Kind>>,
    /// Their media types.
    pub types: Option<Vec<String>>,
    /// Their threads.
    pub threads: Option<Vec<String>>,
    /// What else must hold of them.
    pub condition: Option<Condition>,
}

/// What becomes of what a hook writes to its standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplyForm {
    /// It is logged.
    #[default]
    None,
    /// It is the reply's text.
    Text,
    /// It is the reply's body.
    Json,
    /// It is the result of the request, and a failure is an answer as well.
    Response,
}

/// So many runs in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Runs.
    pub runs: u32,
    /// The span.
    pub span: Duration,
}

impl Rate {
    /// What [`Rate::parse`] takes, for messages.
    pub const FORM: &str = "a rate such as \"10/min\" (s, min, h or day)";

    /// Reads `10/min`.
    pub fn parse(text: &str) -> Option<Self> {
        let (runs, unit) = text.split_once('/')?;
        let runs = runs.trim().parse().ok().filter(|runs| *runs > 0)?;
        let seconds = match unit.trim() {
            "s" | "sec" | "second" => 1,
            "m" | "min" | "minute" => 60,
            "h" | "hour" => 3600,
            "d" | "day" => 24 * 3600,
            _ => return None,
        };
        Some(Self {
            runs,
            span: Duration::from_secs(seconds),
        })
    }
}

/// What becomes of a run that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Failures after which the message is given up.
    pub max_attempts: u32,
    /// The pause after the first failure; each is twice as long as the one before.
    pub min: Duration,
    /// The longest pause.
    pub max: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 8,
            min: Duration::from_secs(5),
            max: Duration::from_secs(3600),
        }
    }
}

impl Retry {
    /// The pause after so many failures: between three and five quarters of it, by `random`.
    pub fn pause(&self, failures: u32, random: u64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let pause = self.min.saturating_mul(1 << doublings).min(self.max);
        let quarter = pause / 4;
        let spread = u64::try_from(quarter.as_millis()).unwrap_or(u64::MAX / 4) * 2 + 1;
        pause - quarter + Duration::from_millis(random % spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        let rate = |text| Rate::parse(text).map(|rate| (rate.runs, rate.span.as_secs()));
        assert_eq!(rate("10/min"), Some((10, 60)));
        assert_eq!(rate("1 / h"), Some((1, 3600)));
        for bad in ["10", "0/min", "x/min", "10/week", "-1/s", ""] {
            assert_eq!(rate(bad), None, "{bad}");
        }
    }

    #[test]
    fn pauses_double_and_are_spread_by_a_quarter() {
        let retry = Retry::default();
        let spread = |failures| {
            let pauses = [0, 1250, 1250 * 2].map(|random| retry.pause(failures, random));
            (pauses[0].as_millis(), pauses[2].as_millis())
        };
        assert_eq!(spread(1), (3750, 6250));
        assert_eq!(spread(2).0, 7500);
        assert_eq!(retry.pause(30, 0), Duration::from_secs(2700));
        assert!((0..50).all(|random| retry.pause(200, random * 977) <= retry.max * 5 / 4));
    }
}
