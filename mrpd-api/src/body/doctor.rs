//! What is well and what is not: `GET /v1/doctor` and `mrpctl doctor`.

use serde::{Deserialize, Serialize};

/// What there is to say about something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Verdict {
    /// It is as it should be.
    Ok,
    /// It works, and one should know it.
    Note,
    /// It keeps something from working, or endangers it.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// What was looked at, such as `relay` or `disk`.
    pub check: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub what: String,
    /// Why it matters.
    pub why: Option<String>,
    /// What mends it: a command, or what to do.
    pub fix: Option<String>,
    /// Whether it was mended just now.
    #[serde(default)]
    pub mended: bool,
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(check: &str, what: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            verdict: Verdict::Ok,
            what: what.into(),
            why: None,
            fix: None,
            mended: false,
        }
    }

    /// Something that one should know.
    pub fn note(check: &str, what: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Note,
            ..Self::ok(check, what)
        }
    }

    /// Something that is wrong.
    pub fn wrong(check: &str, what: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Wrong,
            ..Self::ok(check, what)
        }
    }

    /// Says why it matters.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Says what mends it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// `GET /v1/doctor`: what only the daemon can find out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Doctor {
    /// All that was looked at.
    pub findings: Vec<Finding>,
}
