//! Sockets that the service manager has opened and passed on (sd_listen_fds(3)), by their names.

use crate::config::passed_names;
use listenfd::ListenFd;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

/// The name of the local interface's sockets.
const API: &str = "api";

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
pub struct Passed(Arc<Vec<(String, Listener)>>);

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
        Self(Arc::new(passed))
    }

    /// Those for the local interface: the ones called `api`; where none is, the first Unix socket.
    ///
    /// # Errors
    /// What the system says when it is to duplicate a descriptor.
    pub fn api(&self) -> io::Result<Vec<UnixListener>> {
        let unix = self.0.iter().filter_map(|(name, listener)| match listener {
            Listener::Unix(listener) => Some((name, listener)),
            Listener::Tcp(_) => None,
        });
        let has_named = unix.clone().any(|(name, _)| name == API);
        let mut first = true;
        unix.filter(|(name, _)| {
            let is_first = std::mem::take(&mut first);
            if has_named { *name == API } else { is_first }
        })
        .map(|(_, listener)| listener.try_clone())
        .collect()
    }

    /// Those of another name (`FileDescriptorName=`), for the part of the daemon that is configured to listen on it. Each call gives
    /// descriptors of their own, so that a part can be ended and started again.
    ///
    /// # Errors
    /// What the system says when it is to duplicate a descriptor.
    pub fn named(&self, name: &str) -> io::Result<Vec<Listener>> {
        let of_name = self.0.iter().filter(|(known, _)| known == name);
        of_name
            .map(|(_, listener)| match listener {
                Listener::Unix(listener) => listener.try_clone().map(Listener::Unix),
                Listener::Tcp(listener) => listener.try_clone().map(Listener::Tcp),
            })
            .collect()
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
        let passed = Passed(Arc::new(vec![
            ("grafana".to_owned(), unix(&dir, "a")),
            ("api".to_owned(), unix(&dir, "b")),
            ("web".to_owned(), tcp),
            ("api".to_owned(), unix(&dir, "c")),
        ]));
        assert_eq!(paths(&passed.api().unwrap()), ["b", "c"]);
        assert!(matches!(
            passed.named("web").unwrap().as_slice(),
            [Listener::Tcp(_)]
        ));
        assert_eq!(passed.named("grafana").unwrap().len(), 1);
        assert!(passed.named("other").unwrap().is_empty());
    }

    #[test]
    fn a_single_socket_needs_no_name() {
        let dir = tempfile::tempdir().unwrap();
        let passed = Passed(Arc::new(vec![
            ("mrpd.socket".to_owned(), unix(&dir, "a")),
            ("other".to_owned(), unix(&dir, "b")),
        ]));
        assert_eq!(paths(&passed.api().unwrap()), ["a"]);
        assert!(Passed::default().api().unwrap().is_empty());
    }
}
