//! What export, import and backup take and give, beside messages.

use serde::{Deserialize, Serialize};

/// `POST /v1/backup`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Backup {
    /// Absolute path of the file to make.
    pub path: String,
    /// Whether a file that is there already is replaced.
    #[serde(default)]
    pub overwrite: bool,
}

/// The answer to a [`Backup`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BackedUp {
    /// The file.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// The answer to `POST /v1/import`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportSummary {
    /// Messages that were taken in.
    pub imported: u64,
    /// Messages that were there already.
    pub present: u64,
    /// Lines that are no messages.
    pub refused: u64,
    /// The first thousand of them.
    pub refused_lines: Vec<RefusedLine>,
}

/// A line that was not taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedLine {
    /// Its number, from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
}
