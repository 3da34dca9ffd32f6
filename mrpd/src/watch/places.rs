//! The directories in which something must happen for a file to become another: its own, and that of every link on the way to it.

use super::Files;
use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Links that lead on to links, at most; the system itself follows 40.
const MOST_LINKS: usize = 40;

/// Directories in which every program that starts opens files: to watch them would wake the daemon all the time. What would begin
/// there, such as `/etc/mrp`, is noticed by the next reload.
const BUSY: [&str; 6] = ["/", "/etc", "/usr", "/var", "/run", "/tmp"];

/// What is watched, and which of the entries matter.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// Directories that exist.
    pub(super) dirs: BTreeSet<PathBuf>,
    /// Entries in them that matter.
    entries: BTreeSet<PathBuf>,
    /// Directories of which every entry matters.
    whole: BTreeSet<PathBuf>,
}

impl Places {
    /// Of all files.
    pub(super) fn of(files: &Files) -> Self {
        let mut places = Self::default();
        let single = files.layers.iter().chain(&files.named);
        for path in single.chain([&files.contacts]) {
            places.add(path);
        }
        if let Some(dir) = &files.drop_in_dir
            && let Some(end) = places.add(dir)
            && end.is_dir()
        {
            for file in crate::config::drop_ins(dir) {
                places.add(&file);
            }
            places.dirs.insert(end.clone());
            places.whole.insert(end);
        }
        places
    }

    /// Whether something that happened to this path matters.
    pub(super) fn concern(&self, path: &Path) -> bool {
        self.entries.contains(path)
            || self.dirs.contains(path)
            || path.parent().is_some_and(|dir| self.whole.contains(dir))
    }

    /// Walks to the file as the system does; gives where it ends, if all of the way exists.
    fn add(&mut self, path: &Path) -> Option<PathBuf> {
        let mut at = PathBuf::from("/");
        let mut ahead = steps(path);
        let mut links = 0;
        while let Some(step) = ahead.pop_front() {
            if step == ".." {
                at.pop();
                continue;
            }
            let next = at.join(step);
            let found = next.symlink_metadata();
            if let Ok(found) = &found
                && found.is_dir()
                && !ahead.is_empty()
            {
                at = next;
                continue;
            }
            if !BUSY.iter().any(|busy| at == Path::new(busy)) {
                self.dirs.insert(at.clone());
                self.entries.insert(next.clone());
            }
            if !found.ok()?.is_symlink() {
                return ahead.is_empty().then_some(next);
            }
            links += 1;
            if links > MOST_LINKS {
                return None;
            }
            let target = std::fs::read_link(&next).ok()?;
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            let mut on = steps(&target);
            on.append(&mut ahead);
            ahead = on;
        }
        Some(at)
    }
}

fn steps(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn every_link_on_the_way_is_watched() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let dir = root.join("config");
        std::fs::create_dir_all(dir.join("..one")).unwrap();
        std::fs::write(dir.join("..one/mrpd.toml"), "").unwrap();
        symlink("..one", dir.join("..data")).unwrap();
        symlink("..data/mrpd.toml", dir.join("mrpd.toml")).unwrap();
        symlink(&dir, root.join("elsewhere")).unwrap();
        let mut places = Places::default();
        let end = places.add(&root.join("elsewhere/mrpd.toml"));
        assert_eq!(end, Some(dir.join("..one/mrpd.toml")));
        for entry in [
            root.join("elsewhere"),
            dir.join("mrpd.toml"),
            dir.join("..data"),
            dir.join("..one/mrpd.toml"),
        ] {
            assert!(places.entries.contains(&entry), "{}", entry.display());
            assert!(places.dirs.contains(entry.parent().unwrap()));
        }
        assert_eq!(places.dirs.len(), 3);
    }

    #[test]
    fn what_is_missing_is_awaited_where_it_would_begin() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let mut places = Places::default();
        assert_eq!(places.add(&root.join("a/b/c.toml")), None);
        assert_eq!(places.dirs, BTreeSet::from([root.clone()]));
        assert!(places.concern(&root.join("a")));
        assert!(!places.concern(&root.join("b")));
    }

    #[test]
    fn directories_where_everybody_is_at_work_are_left_alone() {
        let mut places = Places::default();
        assert_eq!(places.add(Path::new("/etc/no-such-folder/mrpd.toml")), None);
        assert_eq!(places, Places::default());
    }

    #[test]
    fn links_in_a_circle_end() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        assert_eq!(Places::default().add(&root.join("a")), None);
    }
}
