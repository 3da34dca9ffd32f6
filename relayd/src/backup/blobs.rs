//! The bytes of local blobs: files that are named by their SHA-256 and never change.

use super::BackupError;
use super::disk::{copy_file, make_directory};
use super::manifest::hex;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io;
use std::path::Path;

/// How deep the directories of blobs may be.
const DEPTH: usize = 3;

/// Blobs that were copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Copied {
    /// How many.
    pub(crate) count: u64,
    /// Bytes of all of them.
    pub(crate) bytes: u64,
}

/// Which blobs are copied.
#[derive(Debug)]
pub(super) enum Which {
    All,
    /// Those of these names: bytes that the copied database does not know would stay for ever.
    Named(HashSet<String>),
}

impl Which {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => is_blob(name),
            Self::Named(names) => names.contains(name),
        }
    }
}

/// Copies blobs, and counts them. Nobody may remove any meanwhile.
pub(super) fn copy(from: &Path, to: &Path, which: &Which) -> Result<Copied, BackupError> {
    let mut copied = Copied::default();
    copy_directory(from, to, which, DEPTH, &mut copied)?;
    Ok(copied)
}

fn copy_directory(
    from: &Path,
    to: &Path,
    which: &Which,
    depth: usize,
    copied: &mut Copied,
) -> Result<(), BackupError> {
    let entries = match std::fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(BackupError::at(from)(source)),
    };
    if !to.exists() {
        make_directory(to)?;
    }
    for entry in entries {
        let entry = entry.map_err(BackupError::at(from))?;
        let name = entry.file_name();
        let (source, target) = (entry.path(), to.join(&name));
        let kind = entry.file_type().map_err(BackupError::at(&source))?;
        if kind.is_dir() && depth > 0 {
            copy_directory(&source, &target, which, depth - 1, copied)?;
        } else if kind.is_file() && name.to_str().is_some_and(|name| which.has(name)) {
            copy_blob(&source, &target, copied)?;
        }
    }
    Ok(())
}

/// What is named otherwise is an upload that is not finished.
fn is_blob(name: &str) -> bool {
    name.len() == 64
        && name
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn copy_blob(from: &Path, to: &Path, copied: &mut Copied) -> Result<(), BackupError> {
    let sum = copy_file(from, to)?;
    let name = from.file_name().unwrap_or_default();
    if hex(&sum.sha256) != name.to_string_lossy() {
        return Err(BackupError::Damaged {
            path: from.to_owned(),
            problem: "its bytes are not those that its name says".to_owned(),
        });
    }
    copied.count += 1;
    copied.bytes += sum.bytes;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::disk::sum_of;
    use super::*;
    use std::path::PathBuf;

    fn put(home: &Path, bytes: &str) -> PathBuf {
        let draft = home.join("draft");
        std::fs::write(&draft, bytes).unwrap();
        let name = hex(&sum_of(&draft).unwrap().sha256);
        let folder = home.join("blobs").join(&name[..2]);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(&name);
        std::fs::rename(draft, &path).unwrap();
        path
    }

    #[test]
    fn whole_blobs_that_are_asked_for_are_copied_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let from = home.path().join("blobs");
        let copy = |name: &str, which| copy(&from, &home.path().join(name), &which).unwrap();
        assert_eq!(copy("none", Which::All), Copied::default());
        let first = put(home.path(), "one");
        std::fs::write(first.with_file_name("upload-7.tmp"), "half").unwrap();
        put(home.path(), "three");
        assert_eq!(copy("all", Which::All), Copied { count: 2, bytes: 8 });
        let name = first.file_name().unwrap().to_str().unwrap().to_owned();
        let named = Which::Named(HashSet::from([name]));
        assert_eq!(copy("one", named), Copied { count: 1, bytes: 3 });
        let copied = home.path().join("one");
        let copied = copied.join(first.strip_prefix(&from).unwrap());
        assert_eq!(std::fs::read_to_string(copied).unwrap(), "one");
    }

    #[test]
    fn a_blob_whose_bytes_are_others_is_damage() {
        let home = tempfile::tempdir().unwrap();
        let path = put(home.path(), "one");
        std::fs::write(&path, "two").unwrap();
        let error = copy(
            &home.path().join("blobs"),
            &home.path().join("copy"),
            &Which::All,
        )
        .unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
    }
}
