//! What can be wrong with the configuration, and how much it weighs.

use super::Origin;
use std::fmt;

/// How much a mistake weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The configuration cannot be used.
    Fatal,
    /// What was written there is ignored.
    Ignored,
    /// A drop-in that cannot be read. A daemon that starts does without it; one that runs stays as it is, since what it has may come
    /// from that file.
    LeftOut,
    /// Worth knowing.
    Notice,
}

/// Something wrong with the configuration: file, line, field, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How much it weighs.
    pub severity: Severity,
    /// Where it was written.
    pub origin: Origin,
    /// Dotted path of the field; empty for a whole file.
    pub field: String,
    /// What is wrong and what is allowed.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.origin, self.field.as_str()) {
            (Origin::Default, field) => write!(formatter, "{field}: {}", self.what),
            (origin, "") => write!(formatter, "{origin}: {}", self.what),
            (origin, field) => write!(formatter, "{origin}: {field}: {}", self.what),
        }
    }
}

/// Whether something in a section is ignored.
pub(super) fn is_wrong(section: &str, problems: &[Problem]) -> bool {
    let is_in_it = |field: &str| {
        field
            .strip_prefix(section)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    problems
        .iter()
        .any(|problem| problem.severity == Severity::Ignored && is_in_it(&problem.field))
}
