//! `[spool]`.

use super::agent;
use crate::config::reader::Reader;
use mrpd_api::paths::Paths;
use std::path::{Path, PathBuf};

/// The folder from which files are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spool {
    /// Where it is: one folder below it for each recipient.
    pub dir: PathBuf,
    /// The agent that sends; the default one where absent.
    pub agent: Option<String>,
}

/// Reads the section; `None` where no folder is named.
pub(super) fn read(top: &mut Reader<'_>, agents: &[String], paths: &Paths) -> Option<Spool> {
    let mut reader = top.child("spool");
    let dir = reader.text("dir").filter(|dir| !dir.is_empty());
    let agent = agent::named(&mut reader, agents);
    let dir = dir.map(|dir| paths.expand(Path::new(&dir)));
    let usable = dir.as_deref().is_none_or(Path::is_absolute);
    if !usable {
        reader.wrong(
            "dir",
            "expected an absolute path, or one that begins with ~/",
        );
    }
    reader.finish();
    let dir = dir.filter(|_| usable)?;
    Some(Spool { dir, agent })
}
