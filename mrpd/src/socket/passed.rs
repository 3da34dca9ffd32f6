//! Sockets that the service manager has opened and passed on (sd_listen_fds(3)), by their names.

use crate::config::passed_names;
use listenfd::ListenFd;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, OnceLock};

/// The name of the local interface's sockets.
pub const API_SOCKET: &str = "api";

/// A socket that listens.
#[derive(Debug)]
pub enum Listener {
    /// A Unix socket.
    Unix(UnixListener),
    /// A TCP socket.
    Tcp(TcpListener),
}

/// All that were passed. Cheap to clone; they stay open for as long as the daemon runs.
#[derive(Debug, Clone, Default)]
pub struct Passed {
    sockets: Arc<Vec<(String, Listener)>>,
    /// The name of those that the local interface has.
    api: Arc<OnceLock<String>>,
}

/// Why a part of the daemon does not get its sockets.
#[derive(Debug, thiserror::Error)]
pub enum PassedError {
    /// There are none of that name.
    #[error(
        "systemd passed no socket of that name; write FileDescriptorName={name} and Service=mrpd.service into its .socket unit, start that, and restart mrpd"
    )]
    Missing {
        /// The name.
        name: String,
    },
    /// The local interface has them.
    #[error(
        "the local interface listens there; write FileDescriptorName={API_SOCKET} into the unit of its own socket, and restart mrpd"
    )]
    Api,
    /// The system failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Passed {
    /// Takes over what was passed to this process, and hides it from the programs that it starts. To be called once, before there
    /// are threads: the environment is changed.
    pub fn take() -> Self {
        let Some(names) = passed_names() else {
            return Self::default();
        };
        let mut descriptors = ListenFd::from_env();
        let mut passed = Vec::new();
        for index in 0..descriptors.len() {
            let name = names.get(index).cloned().unwrap_or_default();
            if let Ok(Some(listener)) = descriptors.take_unix_listener(index) {
                passed.push((name, Listener::Unix(listener)));
            } else if let Ok(Some(listener)) = descriptors.take_tcp_listener(index) {
                passed.push((name, Listener::Tcp(listener)));
            }
        }
        Self::of(passed)
    }

    fn of(sockets: Vec<(String, Listener)>) -> Self {
        Self {
            sockets: Arc::new(sockets),
            api: Arc::default(),
        }
    }

    /// Those for the local interface: the ones called `api`; where none is, the first Unix socket whose name is not among `taken`.
    ///
    /// # Errors
    /// What the system says when it is to duplicate a descriptor.
    pub fn api(&self, taken: &[&str]) -> io::Result<Vec<UnixListener>> {
        let unix = self
            .sockets
            .iter()
            .filter_map(|(name, listener)| match listener {
                Listener::Unix(listener) => Some((name, listener)),
                Listener::Tcp(_) => None,
            });
        let named: Vec<_> = unix
            .clone()
            .filter(|(name, _)| *name == API_SOCKET)
            .collect();
        let chosen = if named.is_empty() {
            let is_free = |(name, _): &(&String, _)| !taken.contains(&name.as_str());
            unix.filter(is_free).take(1).collect()
        } else {
            named
        };
        if let Some((name, _)) = chosen.first() {
            self.api.get_or_init(|| (*name).clone());
        }
        chosen
            .into_iter()
            .map(|(_, listener)| listener.try_clone())
            .collect()
    }

    /// Those of another name (`FileDescriptorName=`), at least one, for the part of the daemon that is configured to listen on it. Each
    /// call gives descriptors of their own, so that a part can be ended and started again.
    ///
    /// # Errors
    /// A [`PassedError`]; other names may be there.
    pub fn named(&self, name: &str) -> Result<Vec<Listener>, PassedError> {
        if self.api.get().is_some_and(|api| api == name) {
            return Err(PassedError::Api);
        }
        let of_name = self.sockets.iter().filter(|(known, _)| known == name);
        let listeners = of_name
            .map(|(_, listener)| match listener {
                Listener::Unix(listener) => listener.try_clone().map(Listener::Unix),
                Listener::Tcp(listener) => listener.try_clone().map(Listener::Tcp),
            })
            .collect::<io::Result<Vec<_>>>()?;
        if listeners.is_empty() {
            let name = name.to_owned();
            return Err(PassedError::Missing { name });
        }
        Ok(listeners)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(dir: &tempfile::TempDir, name: &str) -> Listener {
        Listener::Unix(UnixListener::bind(dir.path().join(name)).unwrap())
    }

    fn paths(listeners: &[UnixListener]) -> Vec<String> {
        let name = |listener: &UnixListener| {
            let address = listener.local_addr().unwrap();
            let name = address.as_pathname().unwrap().file_name().unwrap();
            name.to_string_lossy().into_owned()
        };
        listeners.iter().map(name).collect()
    }

    #[test]
    fn sockets_are_told_apart_by_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let tcp = Listener::Tcp(TcpListener::bind("127.0.0.1:0").unwrap());
        let passed = Passed::of(vec![
            ("grafana".to_owned(), unix(&dir, "a")),
            ("api".to_owned(), unix(&dir, "b")),
            ("web".to_owned(), tcp),
            ("api".to_owned(), unix(&dir, "c")),
        ]);
        assert_eq!(paths(&passed.api(&[]).unwrap()), ["b", "c"]);
        assert!(matches!(passed.named("api"), Err(PassedError::Api)));
        assert!(matches!(
            passed.named("web").unwrap().as_slice(),
            [Listener::Tcp(_)]
        ));
        assert_eq!(passed.named("grafana").unwrap().len(), 1);
        let missing = passed.named("other").unwrap_err();
        assert!(missing.to_string().contains("FileDescriptorName=other"));
    }

    #[test]
    fn a_single_socket_needs_no_name() {
        let dir = tempfile::tempdir().unwrap();
        let passed = Passed::of(vec![
            ("mrpd.socket".to_owned(), unix(&dir, "a")),
            ("other".to_owned(), unix(&dir, "b")),
        ]);
        assert_eq!(paths(&passed.api(&[]).unwrap()), ["a"]);
        assert!(Passed::default().api(&[]).unwrap().is_empty());
    }

    #[test]
    fn no_two_parts_listen_on_one_socket() {
        let dir = tempfile::tempdir().unwrap();
        let taken = Passed::of(vec![
            ("grafana".to_owned(), unix(&dir, "a")),
            ("mrpd.socket".to_owned(), unix(&dir, "b")),
        ]);
        assert_eq!(paths(&taken.api(&["grafana"]).unwrap()), ["b"]);
        assert_eq!(taken.named("grafana").unwrap().len(), 1);
        let late = Passed::of(vec![("grafana".to_owned(), unix(&dir, "c"))]);
        assert_eq!(paths(&late.api(&[]).unwrap()), ["c"]);
        assert!(matches!(late.named("grafana"), Err(PassedError::Api)));
    }
}
