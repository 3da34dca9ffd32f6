//! Whether there is something to tell, by how it went now and the times before.

use crate::cli::running::When;
use serde::{Deserialize, Serialize};

/// How a command stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// Failures in a row.
    failures: u32,
    /// Whether it counts as failing, and that was told if it was to be.
    is_failing: bool,
}

impl Standing {
    /// The same, but that nothing was told.
    pub(super) fn untold(self, before: Self) -> Self {
        Self {
            is_failing: before.is_failing,
            ..self
        }
    }
}

/// Whether it is told that the command failed or went well, and how it stands then.
pub(super) fn judge(
    when: When,
    after_failures: u32,
    before: Standing,
    failed: bool,
) -> (bool, Standing) {
    let failures = if failed {
        before.failures.saturating_add(1)
    } else {
        0
    };
    let counts = failed && failures >= after_failures;
    let after = Standing {
        failures,
        is_failing: counts || (failed && before.is_failing),
    };
    let is_told = match when {
        When::Failure => counts,
        When::Success => !failed,
        When::Always => !failed || counts,
        When::Change => after.is_failing != before.is_failing,
    };
    (is_told, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of runs in a row; `x` failed, `.` went well.
    fn told(when: When, after_failures: u32, runs: &str) -> String {
        let mut standing = Standing::default();
        let mut told = String::new();
        for run in runs.chars() {
            let (is_told, after) = judge(when, after_failures, standing, run == 'x');
            standing = after;
            told.push(if is_told { run } else { ' ' });
        }
        told
    }

    #[test]
    fn what_was_asked_for_is_told() {
        let runs = "..xxx..x.";
        assert_eq!(told(When::Always, 1, runs), runs);
        assert_eq!(told(When::Failure, 1, runs), "  xxx  x ");
        assert_eq!(told(When::Success, 1, runs), "..   .. .");
        assert_eq!(told(When::Change, 1, runs), "  x  . x.");
    }

    #[test]
    fn single_failures_can_be_left_out() {
        assert_eq!(told(When::Failure, 2, "x.xxx."), "   xx ");
        assert_eq!(told(When::Change, 2, "x.xxx.x"), "   x . ");
        assert_eq!(told(When::Always, 2, "x.xx"), " . x");
    }

    #[test]
    fn what_could_not_be_told_is_told_the_next_time() {
        let before = Standing::default();
        let (_, after) = judge(When::Change, 1, before, true);
        let (is_told, _) = judge(When::Change, 1, after.untold(before), true);
        assert!(is_told);
    }
}
