//! Where things are: the socket, the configuration, keys, contacts, the store, the log.
//!
//! Two layouts meet here: the XDG base directories, and `~/.mrp` (moved by `MRP_HOME`), which is shared with the published
//! clients. This is the only place that reads the environment for them; [`Paths`] itself is computed from an
//! [`Environment`], so that it can be tested.

use etcetera::base_strategy::{BaseStrategy as _, Xdg};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Bytes that a Unix socket's path may have at most: the kernel's field less the ending zero byte.
pub const SOCKET_PATH_LIMIT: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// The system-wide configuration, below every user's own.
pub const SYSTEM_CONFIG: &str = "/etc/mrp/mrpd.toml";

/// Why no layout could be made.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// Neither `$HOME` nor the user database says where home is.
    #[error("no home directory: $HOME is unset and the user database names none")]
    NoHome,
    /// The path does not fit into a socket address.
    #[error(
        "the socket path has {length} bytes, at most {SOCKET_PATH_LIMIT} fit: {}",
        path.display()
    )]
    SocketTooLong {
        /// The path.
        path: PathBuf,
        /// Its bytes.
        length: usize,
    },
}

/// What the process's environment says about places. Relative XDG directories are ignored, as their specification demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The home directory.
    pub home: PathBuf,
    /// `$MRP_HOME`, else `~/.mrp`.
    pub mrp_home: PathBuf,
    /// `$XDG_CONFIG_HOME`, else `~/.config`.
    pub config_home: PathBuf,
    /// `$XDG_DATA_HOME`, else `~/.local/share`.
    pub data_home: PathBuf,
    /// `$XDG_STATE_HOME`, else `~/.local/state`.
    pub state_home: PathBuf,
    /// `$XDG_CACHE_HOME`, else `~/.cache`.
    pub cache_home: PathBuf,
    /// `$XDG_RUNTIME_DIR`, unless it is another user's.
    pub runtime_dir: Option<PathBuf>,
    /// `/run/user/<uid>`, where it exists and is the user's own.
    pub run_user: Option<PathBuf>,
    /// `$MRPD_SOCKET`.
    pub socket: Option<PathBuf>,
    /// `$USER`, else `$LOGNAME`.
    pub user: Option<String>,
    /// The user id.
    pub uid: u32,
}

impl Environment {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`PathError::NoHome`].
    pub fn from_process() -> Result<Self, PathError> {
        let xdg = Xdg::new().map_err(|_| PathError::NoHome)?;
        let uid = nix::unistd::geteuid().as_raw();
        let home = xdg.home_dir().to_path_buf();
        Ok(Self {
            mrp_home: path_variable("MRP_HOME").unwrap_or_else(|| home.join(".mrp")),
            config_home: xdg.config_dir(),
            data_home: xdg.data_dir(),
            state_home: xdg.state_dir().unwrap_or_else(|| home.join(".local/state")),
            cache_home: xdg.cache_dir(),
            runtime_dir: xdg.runtime_dir().filter(|path| !is_foreign(path, uid)),
            run_user: own_directory(PathBuf::from(format!("/run/user/{uid}")), uid),
            socket: path_variable("MRPD_SOCKET"),
            user: ["USER", "LOGNAME"]
                .into_iter()
                .filter_map(|name| std::env::var(name).ok())
                .find(|name| !name.is_empty() && !name.contains('/') && !name.starts_with('.')),
            uid,
            home,
        })
    }
}

/// An empty variable is an unset one; a relative path is meant from where the program was started.
fn path_variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    let path = PathBuf::from(value);
    Some(std::path::absolute(&path).unwrap_or(path))
}

/// After `su` or `sudo` the variable may still name the other user's directory.
fn is_foreign(path: &Path, uid: u32) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.uid() != uid)
}

fn own_directory(path: PathBuf, uid: u32) -> Option<PathBuf> {
    let metadata = path.symlink_metadata().ok()?;
    (metadata.is_dir() && metadata.uid() == uid).then_some(path)
}

/// Why a socket path is one to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SocketSource {
    /// The `--socket` option.
    Option,
    /// `$MRPD_SOCKET`.
    Environment,
    /// `[api] socket` of the configuration.
    Config,
    /// Below `$XDG_RUNTIME_DIR`.
    RuntimeDir,
    /// Below `/run/user/<uid>`.
    RunUser,
    /// A system unit's, of this user.
    SystemUser,
    /// A system unit's.
    System,
    /// Below the state directory, where there is no runtime directory.
    StateDir,
}

impl SocketSource {
    /// Whether the user named this very path: then it is the only one to try, and who owns it is the user's business.
    pub fn is_explicit(self) -> bool {
        matches!(self, Self::Option | Self::Environment | Self::Config)
    }
}

/// A socket path to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketCandidate {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is tried.
    pub source: SocketSource,
}

/// Every place the daemon and the command line use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    environment: Environment,
}

impl Paths {
    /// Of the process's environment.
    ///
    /// # Errors
    /// [`PathError::NoHome`].
    pub fn from_process() -> Result<Self, PathError> {
        Ok(Self::new(Environment::from_process()?))
    }

    /// Of an environment.
    pub fn new(environment: Environment) -> Self {
        Self { environment }
    }

    /// What they were computed from.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// `~/.config/mrp`: the daemon's and the command line's configuration.
    pub fn config_dir(&self) -> PathBuf {
        self.environment.config_home.join("mrp")
    }

    /// `~/.config/mrp/mrpd.toml`.
    pub fn config_file(&self) -> PathBuf {
        self.config_dir().join("mrpd.toml")
    }

    /// `~/.config/mrp/mrpctl.toml`: defaults of the command line.
    pub fn cli_config_file(&self) -> PathBuf {
        self.config_dir().join("mrpctl.toml")
    }

    /// `~/.config/mrp/mrpd.d`: its `*.toml` files, in the order of their names, stand below the user's file.
    pub fn drop_in_dir(&self) -> PathBuf {
        self.config_dir().join("mrpd.d")
    }

    /// [`SYSTEM_CONFIG`].
    pub fn system_config_file(&self) -> PathBuf {
        PathBuf::from(SYSTEM_CONFIG)
    }

    /// `~/.mrp`, shared with the published clients.
    pub fn mrp_home(&self) -> &Path {
        &self.environment.mrp_home
    }

    /// `~/.mrp/keys`.
    pub fn keys_dir(&self) -> PathBuf {
        self.mrp_home().join("keys")
    }

    /// `~/.mrp/keys/<slug>.key`: the same file that the published clients use for the same name.
    pub fn key_file(&self, name: &str) -> PathBuf {
        self.keys_dir().join(format!("{}.key", key_slug(name)))
    }

    /// `~/.mrp/contacts.json`, shared with the published clients.
    pub fn contacts_file(&self) -> PathBuf {
        self.mrp_home().join("contacts.json")
    }

    /// `~/.local/state/mrp`: what only the daemon writes.
    pub fn state_dir(&self) -> PathBuf {
        self.environment.state_home.join("mrp")
    }

    /// `~/.local/state/mrp/mrpd.redb`: inbox, outbox and cursors. What it lacks yet is in the directory `mrpd.redb.journal`.
    pub fn store_file(&self) -> PathBuf {
        self.state_dir().join("mrpd.redb")
    }

    /// `~/.local/state/mrp/mrpd.lock`: held by the one daemon of this user.
    pub fn lock_file(&self) -> PathBuf {
        self.state_dir().join("mrpd.lock")
    }

    /// `~/.local/state/mrp/mrpd.log`: where a daemon that was started in the background writes.
    pub fn log_file(&self) -> PathBuf {
        self.state_dir().join("mrpd.log")
    }

    /// `~/.local/state/mrp/outgoing`: files that wait for their messages. They are as durable as the messages, so they are no cache.
    pub fn outgoing_dir(&self) -> PathBuf {
        self.state_dir().join("outgoing")
    }

    /// `~/.local/share/mrp/attachments`.
    pub fn attachments_dir(&self) -> PathBuf {
        self.environment.data_home.join("mrp/attachments")
    }

    /// `~/.cache/mrp`: what can be deleted at any time.
    pub fn cache_dir(&self) -> PathBuf {
        self.environment.cache_home.join("mrp")
    }

    /// Where systemd looks for this user's own units, and for those of packages.
    pub fn user_unit_dirs(&self) -> Vec<PathBuf> {
        vec![
            self.environment.config_home.join("systemd/user"),
            PathBuf::from("/etc/systemd/user"),
            self.environment.data_home.join("systemd/user"),
            PathBuf::from("/usr/local/lib/systemd/user"),
            PathBuf::from("/usr/lib/systemd/user"),
        ]
    }

    /// Where the daemon listens: `configured` (a non-empty `[api] socket`) unless `$MRPD_SOCKET` names another, else below
    /// the runtime directory, else below the state directory.
    ///
    /// # Errors
    /// [`PathError::SocketTooLong`].
    pub fn daemon_socket(&self, configured: Option<&Path>) -> Result<PathBuf, PathError> {
        let environment = &self.environment;
        let path = match (&environment.socket, configured) {
            (Some(path), _) => path.clone(),
            (None, Some(path)) => self.expand(path),
            (None, None) => match environment
                .runtime_dir
                .as_ref()
                .or(environment.run_user.as_ref())
            {
                Some(dir) => dir.join("mrp/mrpd.sock"),
                None => self.state_dir().join("mrpd.sock"),
            },
        };
        check_socket_path(&path)?;
        Ok(path)
    }

    /// Where a client looks for the daemon, best first. A path that was named (`option`, `$MRPD_SOCKET`, the configuration's
    /// `configured`) is the only one.
    pub fn client_sockets(
        &self,
        option: Option<&Path>,
        configured: Option<&Path>,
    ) -> Vec<SocketCandidate> {
        let environment = &self.environment;
        let named = [
            (option.map(absolute), SocketSource::Option),
            (environment.socket.clone(), SocketSource::Environment),
            (
                configured.map(|path| self.expand(path)),
                SocketSource::Config,
            ),
        ];
        for (path, source) in named {
            if let Some(path) = path {
                return vec![SocketCandidate { path, source }];
            }
        }
        self.default_sockets()
    }

    fn default_sockets(&self) -> Vec<SocketCandidate> {
        let environment = &self.environment;
        let below = |dir: &PathBuf| dir.join("mrp/mrpd.sock");
        let system = Path::new("/run/mrp");
        let places = [
            (
                environment.runtime_dir.as_ref().map(below),
                SocketSource::RuntimeDir,
            ),
            (
                environment.run_user.as_ref().map(below),
                SocketSource::RunUser,
            ),
            (
                environment
                    .user
                    .as_ref()
                    .map(|user| system.join(user).join("mrpd.sock")),
                SocketSource::SystemUser,
            ),
            (Some(system.join("mrpd.sock")), SocketSource::System),
            (
                Some(self.state_dir().join("mrpd.sock")),
                SocketSource::StateDir,
            ),
        ];
        let mut candidates: Vec<SocketCandidate> = Vec::new();
        for (path, source) in places {
            if let Some(path) = path
                && !candidates.iter().any(|known| known.path == path)
            {
                candidates.push(SocketCandidate { path, source });
            }
        }
        candidates
    }

    /// Reads a leading `~` as the home directory.
    pub fn expand(&self, path: &Path) -> PathBuf {
        match path.strip_prefix("~") {
            Ok(rest) if rest.as_os_str().is_empty() => self.environment.home.clone(),
            Ok(rest) => self.environment.home.join(rest),
            Err(_) => path.to_path_buf(),
        }
    }

    /// Writes the home directory as `~`, for configuration files and people.
    pub fn contract(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.environment.home) {
            Ok(rest) if !rest.as_os_str().is_empty() => Path::new("~").join(rest),
            _ => path.to_path_buf(),
        }
    }
}

/// The published clients' file name for an agent's name: whatever is not a letter, a digit, `_` or `-` of ASCII becomes `_`,
/// `_` at the ends goes, nothing becomes `default`.
pub fn key_slug(name: &str) -> String {
    let replaced: String = name
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || letter == '-' {
                letter
            } else {
                '_'
            }
        })
        .collect();
    match replaced.trim_matches('_') {
        "" => "default".to_owned(),
        slug => slug.to_owned(),
    }
}

/// Refuses a path that does not fit into a socket address.
///
/// # Errors
/// [`PathError::SocketTooLong`].
pub fn check_socket_path(path: &Path) -> Result<(), PathError> {
    let length = path.as_os_str().len();
    if length > SOCKET_PATH_LIMIT {
        return Err(PathError::SocketTooLong {
            path: path.to_path_buf(),
            length,
        });
    }
    Ok(())
}

/// Makes a directory, and those above it that are missing, for the user alone (mode 0700 from birth). One that exists is left
/// as it is.
///
/// # Errors
/// What the file system says.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn environment() -> Environment {
        Environment {
            home: "/home/me".into(),
            mrp_home: "/home/me/.mrp".into(),
            config_home: "/home/me/.config".into(),
            data_home: "/home/me/.local/share".into(),
            state_home: "/home/me/.local/state".into(),
            cache_home: "/home/me/.cache".into(),
            runtime_dir: Some("/run/user/1000".into()),
            run_user: Some("/run/user/1000".into()),
            socket: None,
            user: Some("me".into()),
            uid: 1000,
        }
    }

    fn shown(candidates: &[SocketCandidate]) -> Vec<&str> {
        candidates
            .iter()
            .map(|candidate| candidate.path.to_str().unwrap())
            .collect()
    }

    #[test]
    fn slugs_are_those_of_the_published_clients() {
        for (name, slug) in [
            ("laptop", "laptop"),
            ("My Bot!", "My_Bot"),
            ("../../etc", "etc"),
            ("Ünï", "n"),
            ("a.b", "a_b"),
            ("_-x-_", "-x-"),
            ("", "default"),
            ("___", "default"),
        ] {
            assert_eq!(key_slug(name), slug, "{name}");
        }
    }

    #[test]
    fn files_are_where_the_documentation_says() {
        let paths = Paths::new(environment());
        for (path, want) in [
            (paths.config_file(), "/home/me/.config/mrp/mrpd.toml"),
            (paths.drop_in_dir(), "/home/me/.config/mrp/mrpd.d"),
            (paths.key_file("a.b"), "/home/me/.mrp/keys/a_b.key"),
            (paths.contacts_file(), "/home/me/.mrp/contacts.json"),
            (paths.store_file(), "/home/me/.local/state/mrp/mrpd.redb"),
            (paths.lock_file(), "/home/me/.local/state/mrp/mrpd.lock"),
            (paths.log_file(), "/home/me/.local/state/mrp/mrpd.log"),
            (
                paths.attachments_dir(),
                "/home/me/.local/share/mrp/attachments",
            ),
            (paths.cache_dir(), "/home/me/.cache/mrp"),
        ] {
            assert_eq!(path, Path::new(want));
        }
    }

    #[test]
    fn a_client_looks_in_order_and_never_twice() {
        let paths = Paths::new(environment());
        assert_eq!(
            shown(&paths.client_sockets(None, None)),
            [
                "/run/user/1000/mrp/mrpd.sock",
                "/run/mrp/me/mrpd.sock",
                "/run/mrp/mrpd.sock",
                "/home/me/.local/state/mrp/mrpd.sock",
            ]
        );
    }

    #[test]
    fn a_named_socket_is_the_only_one() {
        let mut named = environment();
        let paths = Paths::new(named.clone());
        let configured = Path::new("~/x.sock");
        assert_eq!(
            shown(&paths.client_sockets(None, Some(configured))),
            ["/home/me/x.sock"]
        );
        named.socket = Some("/env.sock".into());
        let paths = Paths::new(named);
        assert_eq!(
            shown(&paths.client_sockets(None, Some(configured))),
            ["/env.sock"]
        );
        assert_eq!(
            shown(&paths.client_sockets(Some(Path::new("/option.sock")), Some(configured))),
            ["/option.sock"]
        );
    }

    #[test]
    fn the_daemon_listens_where_a_client_looks_first() {
        let mut bare = environment();
        let paths = Paths::new(bare.clone());
        assert_eq!(
            paths.daemon_socket(None).unwrap(),
            paths.client_sockets(None, None)[0].path
        );
        bare.runtime_dir = None;
        assert_eq!(
            Paths::new(bare.clone()).daemon_socket(None).unwrap(),
            Path::new("/run/user/1000/mrp/mrpd.sock")
        );
        bare.run_user = None;
        assert_eq!(
            Paths::new(bare).daemon_socket(None).unwrap(),
            Path::new("/home/me/.local/state/mrp/mrpd.sock")
        );
    }

    #[test]
    fn a_socket_path_fits_up_to_the_limit_and_not_beyond() {
        let fits = format!("/{}", "x".repeat(SOCKET_PATH_LIMIT - 1));
        assert!(check_socket_path(Path::new(&fits)).is_ok());
        let beyond = format!("{fits}x");
        assert!(matches!(
            check_socket_path(Path::new(&beyond)),
            Err(PathError::SocketTooLong { length, .. }) if length == SOCKET_PATH_LIMIT + 1
        ));
        let mut long = environment();
        long.runtime_dir = Some(beyond.into());
        assert!(Paths::new(long).daemon_socket(None).is_err());
    }

    #[test]
    fn home_is_written_and_read_as_a_tilde() {
        let paths = Paths::new(environment());
        assert_eq!(
            paths.contract(Path::new("/home/me/.mrp/k")),
            Path::new("~/.mrp/k")
        );
        assert_eq!(
            paths.expand(Path::new("~/.mrp/k")),
            Path::new("/home/me/.mrp/k")
        );
        assert_eq!(paths.expand(Path::new("~")), Path::new("/home/me"));
        assert_eq!(paths.expand(Path::new("~other/k")), Path::new("~other/k"));
        assert_eq!(
            paths.contract(Path::new("/home/meme/k")),
            Path::new("/home/meme/k")
        );
    }

    #[test]
    fn a_private_directory_is_private_from_birth() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        create_private_dir(&path).unwrap();
        create_private_dir(&path).unwrap();
        for made in [path.as_path(), path.parent().unwrap()] {
            assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
    }
}
