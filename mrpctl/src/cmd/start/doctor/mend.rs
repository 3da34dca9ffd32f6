//! A finding together with what `--fix` may do about it: only what cannot do harm.

use mrpd_api::body::doctor::{Finding, Verdict};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// What can be done about it here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remedy {
    /// To give a file or a directory of the user's own another mode.
    Mode(PathBuf, u32),
    /// To remove a socket on which nobody listens.
    Remove(PathBuf),
}

/// What was found, and what may be done about it.
#[derive(Debug)]
pub(super) struct Complaint {
    pub(super) finding: Finding,
    pub(super) remedy: Option<Remedy>,
}

impl From<Finding> for Complaint {
    fn from(finding: Finding) -> Self {
        Self {
            finding,
            remedy: None,
        }
    }
}

impl Complaint {
    pub(super) fn with(mut self, remedy: Remedy) -> Self {
        self.remedy = Some(remedy);
        self
    }

    /// Does what may be done. What cannot be mended stays as it was found, with the reason.
    pub(super) fn mend(&mut self) {
        let Some(remedy) = &self.remedy else { return };
        match remedy.apply() {
            Ok(()) => {
                self.finding.verdict = Verdict::Ok;
                self.finding.mended = true;
            }
            Err(error) => {
                self.finding
                    .what
                    .push_str(&format!(" (not mended: {error})"));
            }
        }
    }
}

impl Remedy {
    fn apply(&self) -> io::Result<()> {
        match self {
            Self::Mode(path, mode) => std::fs::set_permissions(path, Permissions::from_mode(*mode)),
            Self::Remove(path) => std::fs::remove_file(path),
        }
    }
}
