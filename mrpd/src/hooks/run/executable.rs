//! Which file a command means, and whether nobody else can have put something else there.

use nix::unistd::{AccessFlags, Uid, access};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// Links that are followed, at most.
const LINKS: usize = 40;
/// Bits of a mode: others than the owner may write; only owners may remove what is theirs.
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Why a program is not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecutableError {
    /// A name with a separator that is no absolute path.
    #[error("{name:?} is neither an absolute path nor a plain name; write the whole path")]
    Relative {
        /// What was written.
        name: String,
    },
    /// Nothing of that name can be run.
    #[error("{name:?} is not on the PATH ({path}); write the whole path, or set PATH in env")]
    NotOnPath {
        /// What was written.
        name: String,
        /// Where it was looked for.
        path: String,
    },
    /// The file cannot be looked at.
    #[error("{} cannot be used: {cause}", path.display())]
    Unusable {
        /// The file or a folder above it.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Somebody else owns it.
    #[error("{} belongs to user {owner}, who could change it; it must belong to you or to root", path.display())]
    ForeignOwner {
        /// The file or a folder above it.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Others may change it.
    #[error("{} can be changed by others (mode {mode:o}); run chmod go-w on it", path.display())]
    Writable {
        /// The file or a folder above it.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// The file that `name` means: a path from the root, or a plain name that is looked for on `search`. Every folder and link on the
/// way to it must belong to this user or to root, and nobody else may be able to change any of them.
pub(super) fn find(name: &OsStr, search: &OsStr) -> Result<PathBuf, ExecutableError> {
    let written = || name.to_string_lossy().into_owned();
    let path = Path::new(name);
    if path.is_absolute() {
        return check(path);
    }
    let mut components = path.components();
    let plain = matches!(components.next(), Some(Component::Normal(first)) if first == name);
    if !plain || components.next().is_some() {
        return Err(ExecutableError::Relative { name: written() });
    }
    let found = std::env::split_paths(search)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(path))
        .find(|file| file.is_file() && access(file, AccessFlags::X_OK).is_ok());
    match found {
        Some(file) => check(&file),
        None => Err(ExecutableError::NotOnPath {
            name: written(),
            path: search.to_string_lossy().into_owned(),
        }),
    }
}

/// Goes from the root to the file as the kernel does, link by link, and judges each step. Gives the path without links.
fn check(path: &Path) -> Result<PathBuf, ExecutableError> {
    let unusable = |path: &Path, error: &io::Error| ExecutableError::Unusable {
        path: path.to_path_buf(),
        cause: error.to_string(),
    };
    let mut left: VecDeque<OsString> = names_of(path);
    let mut reached = PathBuf::from("/");
    let mut links = 0;
    let root = reached
        .symlink_metadata()
        .map_err(|error| unusable(&reached, &error))?;
    judge(&reached, &root)?;
    while let Some(name) = left.pop_front() {
        if name == ".." {
            reached.pop();
            continue;
        }
        let next = reached.join(&name);
        let file = next
            .symlink_metadata()
            .map_err(|error| unusable(&next, &error))?;
        judge(&next, &file)?;
        if !file.file_type().is_symlink() {
            reached = next;
            continue;
        }
        links += 1;
        let target = next.read_link().map_err(|error| unusable(&next, &error))?;
        if links > LINKS {
            return Err(unusable(&next, &io::Error::other("too many links")));
        }
        if target.is_absolute() {
            reached = PathBuf::from("/");
        }
        let mut names = names_of(&target);
        names.append(&mut left);
        left = names;
    }
    let runnable = reached.is_file() && access(&reached, AccessFlags::X_OK).is_ok();
    if !runnable {
        let error = io::Error::other("it is no program; run chmod u+x on it if it should be one");
        return Err(unusable(&reached, &error));
    }
    Ok(reached)
}

fn names_of(path: &Path) -> VecDeque<OsString> {
    let name = |component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    };
    path.components().filter_map(name).collect()
}

/// The mode of a link means nothing, and in a folder like /tmp only owners can replace what is theirs.
fn judge(path: &Path, file: &Metadata) -> Result<(), ExecutableError> {
    let owner = file.uid();
    if owner != 0 && owner != Uid::effective().as_raw() {
        return Err(ExecutableError::ForeignOwner {
            path: path.to_path_buf(),
            owner,
        });
    }
    let mode = file.mode();
    let kept_apart = file.is_dir() && mode & STICKY != 0;
    if !file.file_type().is_symlink() && mode & OTHERS_WRITE != 0 && !kept_apart {
        return Err(ExecutableError::Writable {
            path: path.to_path_buf(),
            mode: mode & 0o7777,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn chmod(path: &Path, mode: u32) {
        set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A folder with a program `run` in it.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        chmod(folder.path(), 0o755);
        let file = folder.path().join("run");
        write(&file, "#!/bin/sh\n").unwrap();
        chmod(&file, 0o755);
        (folder, file)
    }

    #[test]
    fn a_name_is_looked_for_and_a_path_is_taken() {
        let (folder, file) = folder();
        let search = folder.path().as_os_str();
        assert_eq!(find(OsStr::new("run"), search).unwrap(), file);
        assert_eq!(find(file.as_os_str(), OsStr::new("")).unwrap(), file);
        for relative in ["./run", "a/run", "..", ".", "", "run/"] {
            let found = find(OsStr::new(relative), search);
            assert!(
                matches!(found, Err(ExecutableError::Relative { .. })),
                "{relative:?}: {found:?}"
            );
        }
        let found = find(OsStr::new("other"), search);
        assert!(matches!(found, Err(ExecutableError::NotOnPath { .. })));
        // A relative folder on the PATH would make the answer depend on where the daemon was started.
        let found = find(OsStr::new("run"), OsStr::new("."));
        assert!(matches!(found, Err(ExecutableError::NotOnPath { .. })));
    }

    #[test]
    fn what_others_may_change_is_not_run() {
        let (folder, file) = folder();
        chmod(&file, 0o775);
        let found = find(file.as_os_str(), OsStr::new(""));
        assert_eq!(
            found,
            Err(ExecutableError::Writable {
                path: file.clone(),
                mode: 0o775
            })
        );
        chmod(&file, 0o755);
        chmod(folder.path(), 0o777);
        let found = find(file.as_os_str(), OsStr::new(""));
        assert!(
            matches!(found, Err(ExecutableError::Writable { path, .. }) if path == folder.path())
        );
        // As in /tmp, nobody can replace another's file there.
        chmod(folder.path(), 0o1777);
        assert!(find(file.as_os_str(), OsStr::new("")).is_ok());
    }

    #[test]
    fn a_link_is_judged_with_everything_on_its_way() {
        let (folder, file) = folder();
        let loose = folder.path().join("loose");
        create_dir(&loose).unwrap();
        symlink(&file, loose.join("inner")).unwrap();
        let outer = folder.path().join("outer");
        symlink("loose/../loose/inner", &outer).unwrap();
        assert_eq!(find(outer.as_os_str(), OsStr::new("")).unwrap(), file);
        chmod(&loose, 0o770);
        let found = find(outer.as_os_str(), OsStr::new(""));
        assert!(matches!(found, Err(ExecutableError::Writable { path, .. }) if path == loose));
        let circle = folder.path().join("circle");
        symlink("circle", &circle).unwrap();
        let found = find(circle.as_os_str(), OsStr::new(""));
        assert!(matches!(found, Err(ExecutableError::Unusable { .. })));
    }

    #[test]
    fn a_file_without_the_right_to_run_is_no_program() {
        let (folder, file) = folder();
        chmod(&file, 0o644);
        let found = find(file.as_os_str(), OsStr::new(""));
        assert!(
            matches!(found, Err(ExecutableError::Unusable { .. })),
            "{found:?}"
        );
        let found = find(folder.path().as_os_str(), OsStr::new(""));
        assert!(matches!(found, Err(ExecutableError::Unusable { .. })));
    }
}
