//! Which files are watched over, and how they were at one moment.

use super::Change;
use crate::config::{self, Config, KeySource, Sources};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The files that were read. All paths are absolute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Layers of the configuration; each may be missing.
    pub layers: Vec<PathBuf>,
    /// Whose `*.toml` files are layers too.
    pub drop_in_dir: Option<PathBuf>,
    /// What the configuration names, such as keys.
    pub named: Vec<PathBuf>,
    /// The contacts.
    pub contacts: PathBuf,
}

impl Files {
    /// What `sources` read into `config`.
    pub fn of(sources: &Sources, config: &Config) -> Self {
        let mut named: Vec<PathBuf> = config
            .agents
            .iter()
            .filter_map(|agent| match &agent.key {
                KeySource::File(path) => Some(absolute(path)),
                KeySource::Command(_) | KeySource::Credential(_) => None,
            })
            .collect();
        named.sort();
        named.dedup();
        Self {
            layers: sources.layers().iter().map(|path| absolute(path)).collect(),
            drop_in_dir: sources.drop_in_dir().map(|path| absolute(&path)),
            named,
            contacts: absolute(&config.contacts_file),
        }
    }

    /// With what another configuration names too: one that is wrong may become right when a file comes.
    pub fn and(mut self, other: Self) -> Self {
        for path in other.named {
            if !self.named.contains(&path) {
                self.named.push(path);
            }
        }
        self
    }

    /// How they are now.
    pub fn look(&self) -> Snapshot {
        let drop_ins = self.drop_in_dir.as_deref().map(config::drop_ins);
        let paths = self
            .layers
            .iter()
            .chain(&self.named)
            .chain([&self.contacts]);
        let stamps = paths
            .cloned()
            .chain(drop_ins.unwrap_or_default())
            .map(|path| (stamp(&path), path))
            .map(|(stamp, path)| (path, stamp));
        Snapshot(stamps.collect())
    }

    /// Layers that were there and are not now. A drop-in that is gone was taken away; a main file that is gone is more likely to
    /// come back.
    pub fn vanished(&self, before: &Snapshot, now: &Snapshot) -> Vec<PathBuf> {
        let is_gone = |path: &&PathBuf| before.has(path) && !now.has(path);
        self.layers.iter().filter(is_gone).cloned().collect()
    }

    /// What is otherwise than before.
    pub fn change(&self, before: &Snapshot, now: &Snapshot) -> Option<Change> {
        if before == now {
            return None;
        }
        let rest = |snapshot: &Snapshot| {
            let mut rest = snapshot.clone();
            rest.0.remove(&self.contacts);
            rest
        };
        if rest(before) == rest(now) {
            Some(Change::Contacts)
        } else {
            Some(Change::Config)
        }
    }
}

/// What tells one state of a file from another, whatever links lead to it; `None` where there is none.
type Stamp = Option<(u64, u64, u64, i64, i64, u32, u32)>;

/// How files were at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<PathBuf, Stamp>);

impl Snapshot {
    /// Whether something is missing that was there before.
    pub(super) fn lacks(&self, before: &Self) -> bool {
        before
            .0
            .keys()
            .any(|path| before.has(path) && !self.has(path))
    }

    /// Of `files` alone; what was not looked at is looked at now.
    pub(super) fn completed(self, files: &Files) -> Self {
        let mut now = files.look();
        for (path, stamp) in &mut now.0 {
            if let Some(before) = self.0.get(path) {
                *stamp = *before;
            }
        }
        now
    }

    fn has(&self, path: &Path) -> bool {
        self.0.get(path).is_some_and(Option::is_some)
    }
}

fn stamp(path: &Path) -> Stamp {
    let file = path.metadata().ok()?;
    Some((
        file.dev(),
        file.ino(),
        file.size(),
        file.mtime(),
        file.mtime_nsec(),
        file.mode(),
        file.uid(),
    ))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
