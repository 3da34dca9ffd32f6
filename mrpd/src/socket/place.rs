//! Where the socket is, and that nobody else is there.

use mrpd_api::paths::{PathError, SOCKET_PATH_LIMIT, check_socket_path, create_private_dir};
use nix::fcntl::{Flock, FlockArg, OFlag};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{
    FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Why the socket was not bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The path does not fit into a socket's address.
    #[error(
        "{0}; choose a shorter one with [api] socket in mrpd.toml, --socket or $MRPD_SOCKET (at most {SOCKET_PATH_LIMIT} bytes)"
    )]
    TooLong(#[from] PathError),
    /// The directory cannot be used.
    #[error("the socket's directory {} cannot be used: {cause}", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The directory is not safe.
    #[error("the socket's directory {} is not safe: {what}; use a directory of your own (chmod 700)", dir.display())]
    Unsafe {
        /// The directory.
        dir: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Somebody listens there.
    #[error("another process listens on {}; end it, or name another socket with --socket", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("{} exists and is no socket; move it away", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The service manager has passed a socket that is not safe.
    #[error(
        "the socket {} that the service manager has passed is not safe: {what}; write SocketMode=0600 and DirectoryMode=0700 into its unit", path.display()
    )]
    Passed {
        /// The socket.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Binding failed.
    #[error("cannot listen on {}: {cause}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// A socket that listens. Its file goes when this is dropped, unless another has taken its place.
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<UnixListener>,
    path: PathBuf,
    /// Of the file that is ours to remove.
    inode: Option<u64>,
}

impl Bound {
    /// Binds the path. A socket that is left over from a daemon that died is replaced; one that somebody listens on is not.
    ///
    /// # Errors
    /// A [`BindError`], which says what to do.
    pub fn bind(path: &Path, mode: u32) -> Result<Self, BindError> {
        check_socket_path(path)?;
        let failed = |cause| BindError::Io {
            path: path.to_path_buf(),
            cause,
        };
        let dir = path.parent().unwrap_or_else(|| Path::new("/"));
        // Held while the old socket goes and the new one comes: of two daemons that start at once, one finds the other.
        let _turn = prepare_dir(dir)?;
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let inode = path.symlink_metadata().map_err(failed)?.ino();
        Ok(Self {
            listeners: vec![listener],
            path: path.to_path_buf(),
            inode: Some(inode),
        })
    }

    /// Takes over sockets that the service manager has made, at least one, if they are as safe as our own would be. They stay
    /// when this is dropped: whoever connects then starts the daemon again.
    ///
    /// # Errors
    /// A [`BindError`], which says what to do.
    pub fn adopt(listeners: Vec<UnixListener>, mode: u32) -> Result<Self, BindError> {
        let mut paths = Vec::with_capacity(listeners.len());
        for listener in &listeners {
            paths.push(check_passed(listener, mode)?);
        }
        Ok(Self {
            listeners,
            path: paths.into_iter().next().unwrap_or_default(),
            inode: None,
        })
    }

    /// Where it listens; of several places the first.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The listeners, once.
    pub fn take_listeners(&mut self) -> Vec<UnixListener> {
        std::mem::take(&mut self.listeners)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let ours = self
            .path
            .symlink_metadata()
            .is_ok_and(|file| Some(file.ino()) == self.inode);
        if ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The directory is the guard, as it is for our own: the user's or the system's, and nobody else may write there.
fn check_passed(listener: &UnixListener, mode: u32) -> Result<PathBuf, BindError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |cause| BindError::Io { path, cause }
    };
    let address = listener.local_addr().map_err(failed(Path::new("")))?;
    let path = address.as_pathname().unwrap_or(Path::new(""));
    let is_unsafe = |what: String| BindError::Passed {
        path: path.to_path_buf(),
        what,
    };
    let dir = path
        .parent()
        .filter(|_| path.is_absolute())
        .ok_or_else(|| is_unsafe("it has no place among the files".to_owned()))?;
    let user = nix::unistd::geteuid().as_raw();
    for place in [dir, path] {
        let metadata = place.symlink_metadata().map_err(failed(path))?;
        if metadata.uid() != user && metadata.uid() != 0 {
            let shown = place.display();
            let what = format!("{shown} belongs to user {}", metadata.uid());
            return Err(is_unsafe(what));
        }
        // To connect is to write.
        let allowed = if place == dir { 0 } else { mode };
        if metadata.mode() & 0o022 & !allowed != 0 {
            let (shown, mode) = (place.display(), metadata.mode() & 0o777);
            let what = format!("{shown} is open to others (mode {mode:03o})");
            return Err(is_unsafe(what));
        }
    }
    listener.set_nonblocking(true).map_err(failed(path))?;
    Ok(path.to_path_buf())
}

/// Makes the directory if it is missing, and looks at the one that is there through its descriptor.
fn prepare_dir(dir: &Path) -> Result<Flock<File>, BindError> {
    let failed = |cause| BindError::Directory {
        dir: dir.to_path_buf(),
        cause,
    };
    let is_unsafe = |what: String| BindError::Unsafe {
        dir: dir.to_path_buf(),
        what,
    };
    create_private_dir(dir).map_err(failed)?;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits())
        .open(dir);
    let handle = match opened {
        Ok(handle) => handle,
        Err(error) if is_link(dir) => return Err(is_unsafe(format!("it is a link ({error})"))),
        Err(error) => return Err(failed(error)),
    };
    let metadata = handle.metadata().map_err(failed)?;
    let user = nix::unistd::geteuid().as_raw();
    if metadata.uid() != user {
        return Err(is_unsafe(format!("it belongs to user {}", metadata.uid())));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(is_unsafe(format!(
            "others can write there (mode {mode:03o})"
        )));
    }
    Flock::lock(handle, FlockArg::LockExclusive).map_err(|(_, errno)| failed(errno.into()))
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|file| file.file_type().is_symlink())
}

fn remove_stale(path: &Path) -> Result<(), BindError> {
    let path_buf = path.to_path_buf();
    match path.symlink_metadata() {
        Ok(file) if !file.file_type().is_socket() => {
            return Err(BindError::NotASocket { path: path_buf });
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => {
            return Err(BindError::Io {
                path: path_buf,
                cause,
            });
        }
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            tracing::info!(socket = %path.display(), "removing the socket of a daemon that died");
            std::fs::remove_file(path).map_err(|cause| BindError::Io {
                path: path_buf,
                cause,
            })
        }
        Ok(_) => Err(BindError::InUse { path: path_buf }),
        Err(cause) => Err(BindError::Io {
            path: path_buf,
            cause,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        dir
    }

    #[test]
    fn the_socket_is_private_and_goes_with_its_owner() {
        let dir = dir();
        let path = dir.path().join("new/mrpd.sock");
        let bound = Bound::bind(&path, 0o600).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn a_left_over_socket_is_replaced_and_a_living_one_is_not() {
        let dir = dir();
        let path = dir.path().join("mrpd.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let bound = Bound::bind(&path, 0o600).unwrap();
        let second = Bound::bind(&path, 0o600).unwrap_err();
        assert!(matches!(second, BindError::InUse { .. }), "{second}");
        drop(bound);
        std::fs::write(&path, "a file").unwrap();
        let error = Bound::bind(&path, 0o600).unwrap_err();
        assert!(matches!(error, BindError::NotASocket { .. }), "{error}");
    }

    #[test]
    fn an_unsafe_directory_is_refused() {
        let dir = dir();
        let open = dir.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
        let error = Bound::bind(&open.join("s"), 0o600).unwrap_err();
        assert!(
            error.to_string().contains("others can write there"),
            "{error}"
        );
        let link = dir.path().join("link");
        let real = dir.path().join("real");
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let error = Bound::bind(&link.join("s"), 0o600).unwrap_err();
        assert!(error.to_string().contains("it is a link"), "{error}");
    }

    #[test]
    fn a_socket_that_was_passed_is_checked_and_stays() {
        let dir = dir();
        let path = dir.path().join("mrpd.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let chmod = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let adopt = |mode| Bound::adopt(vec![listener.try_clone().unwrap()], mode);
        chmod(&path, 0o660);
        let error = adopt(0o600).unwrap_err().to_string();
        assert!(error.contains("mode 660"), "{error}");
        assert!(error.contains("SocketMode=0600"), "{error}");
        assert!(adopt(0o660).is_ok());
        chmod(&path, 0o600);
        chmod(dir.path(), 0o770);
        assert!(matches!(adopt(0o600), Err(BindError::Passed { .. })));
        chmod(dir.path(), 0o700);
        let mut bound = adopt(0o600).unwrap();
        assert_eq!(bound.path(), path);
        assert_eq!(bound.take_listeners().len(), 1);
        drop(bound);
        assert!(path.exists());
    }

    #[test]
    fn a_path_that_is_too_long_says_what_to_do() {
        let path = PathBuf::from(format!("/tmp/{}/mrpd.sock", "x".repeat(120)));
        let error = Bound::bind(&path, 0o600).unwrap_err();
        assert!(
            error.to_string().contains("choose a shorter one"),
            "{error}"
        );
    }
}
