//! What a relay is told: defaults, then the file, then the environment and flags.

mod field;
mod file;
mod live;
mod s3;
mod sections;
mod template;
mod value;

use crate::store::{BlobQuotas, Options, Quotas};
use mrp_proto::message;
use mrp_proto::sign::TIMESTAMP_TOLERANCE;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use template::{Deployment, template};

pub use field::ConfigError;
pub(crate) use live::LiveConfig;
pub(crate) use s3::S3Access;
pub use sections::{
    AcmeConfig, BlobStoreConfig, CorsOrigins, MetricsConfig, Registration, TlsConfig,
    WebhookLimits, WebhooksConfig,
};
pub use value::{ListenAddress, Network};

/// The configuration of a relay. [`Config::default`] is what an empty file means.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where to listen; at least one.
    pub listen: Vec<ListenAddress>,
    /// Where everything is kept; made if it is not there.
    pub data_dir: PathBuf,
    /// The URL by which clients reach the relay, where that is not a listener's own. Its presence makes a relay public.
    pub public_url: Option<String>,
    /// Further authorities, `host` or `host:port`, that bound signatures may name (protocol A11).
    pub names: Vec<String>,
    /// Where the bytes of blobs are.
    pub blob_store: BlobStoreConfig,
    /// What to log: a level, or `tracing` directives.
    pub log: String,
    /// How to write the log.
    pub log_format: LogFormat,
    /// How requests are believed.
    pub auth: AuthConfig,
    /// How much and how often.
    pub limits: LimitsConfig,
    /// What is kept in memory to spare the disk.
    pub cache: CacheConfig,
    /// Who may come, and who is believed about that.
    pub access: AccessConfig,
    /// Certificates.
    pub tls: TlsConfig,
    /// The WebSocket.
    pub websocket: WebSocketConfig,
    /// Deliveries to agents' own servers.
    pub webhooks: WebhooksConfig,
    /// Figures about the relay.
    pub metrics: MetricsConfig,
    /// How long connections may take; not part of the file.
    pub timeouts: Timeouts,
}

/// How the log is written to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text at a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// `[auth]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthConfig {
    /// How far a signature's timestamp may be from the relay's clock (protocol A1.3).
    pub timestamp_tolerance: Duration,
}

/// `[limits]`; 0 switches one off. A rate that is not set has the protocol's default on a public relay, and is off on a private one
/// (protocol A9), where all clients share one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Messages that an agent may send in a minute; 30 on a public relay.
    pub send_per_minute: Option<u32>,
    /// Polls of an agent in a minute; 120 on a public relay.
    pub receive_per_minute: Option<u32>,
    /// Other requests of an agent in a minute; 300 on a public relay.
    pub request_per_minute: Option<u32>,
    /// Unauthenticated or failing requests of an address in a minute; 60 on a public relay.
    pub failures_per_minute_per_ip: Option<u32>,
    /// Agents that an address may bring in an hour; 60 on a public relay.
    pub new_agents_per_hour_per_ip: Option<u32>,
    /// WebSockets of one agent.
    pub sockets_per_agent: usize,
    /// Queued messages of an inbox.
    pub inbox_messages: u64,
    /// Queued bytes of an inbox.
    pub inbox_bytes: u64,
    /// Bytes of one sender's live messages.
    pub sender_bytes: u64,
    /// Bytes of an inline body.
    pub body: usize,
    /// Bytes of a whole send.
    pub message: usize,
    /// Bytes of one blob.
    pub blob: u64,
    /// Bytes of all blobs that an agent owns.
    pub blob_bytes_per_agent: u64,
    /// Blobs that an agent owns.
    pub blobs_per_agent: u64,
    /// How long an owner keeps a blob that is not attached (protocol A5.4); not part of the file.
    pub blob_lifetime: Duration,
    /// Access entries of one agent.
    pub acl_entries: u64,
    /// How long a message lives that names no time.
    pub ttl_default: Duration,
    /// How long a message may live.
    pub ttl_max: Duration,
    /// Connections at a time; 0 means as many as the process may have open files for, and 100,000 at most.
    pub connections: usize,
    /// Connections of one address at a time; not on a private relay.
    pub connections_per_ip: usize,
    /// Connections of one address at a time on which nobody has authenticated yet; not on a private relay.
    pub unauthenticated_connections_per_ip: usize,
}

/// `[cache]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheConfig {
    /// Bytes of the database; the engine takes about twice as much in all.
    pub database: usize,
    /// Bytes of messages that came lately for agents that are connected; what does not fit is read from the database.
    pub recent: usize,
}

/// `[access]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessConfig {
    /// Who may become an agent.
    pub registration: Registration,
    /// The keys that may use the relay, for [`Registration::Allowlist`].
    pub allowlist_file: Option<PathBuf>,
    /// Which pages a browser lets use the relay.
    pub cors_origins: CorsOrigins,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
}

/// `[websocket]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketConfig {
    /// How success is written in `send_result`.
    pub send_result_status: SendResultStatus,
    /// How often a client is asked whether it is there.
    pub ping: Duration,
    /// How long it may take to answer.
    pub pong_timeout: Duration,
}

/// How success is written in `send_result` (protocol A8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SendResultStatus {
    /// As the client's library expects it.
    #[default]
    Auto,
    /// `ok`.
    Ok,
    /// `sent`.
    Sent,
}

/// How long a connection may take for what. These are the protocol's; only tests have others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the first request's head is there.
    pub head: Duration,
    /// Between requests, and for the heads of those that follow.
    pub keep_alive: Duration,
    /// Between two parts of a body.
    pub body_idle: Duration,
    /// For a whole body.
    pub body: Duration,
    /// For the whole body of an upload.
    pub upload: Duration,
    /// How long a body may come at any rate.
    pub body_grace: Duration,
    /// Bytes of a body that must come in a second from then on, on average.
    pub body_rate: u64,
    /// Between two looks for bytes of blobs that nobody needs.
    pub collect: Duration,
    /// For everything that is under way when the relay is told to end.
    pub drain: Duration,
    /// Until a connection that takes nothing is given up.
    pub write: Duration,
    /// Until a WebSocket is authenticated.
    pub websocket_auth: Duration,
    /// For a WebSocket to answer when another one wants its place.
    pub websocket_probe: Duration,
    /// For a WebSocket to take some of what waits for it.
    pub websocket_stall: Duration,
    /// For a WebSocket that is closed to take what still waits for it.
    pub websocket_close: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddress::Tcp(([127, 0, 0, 1], 8080).into())],
            data_dir: default_data_dir(),
            public_url: None,
            names: Vec::new(),
            blob_store: BlobStoreConfig::default(),
            log: "info".to_owned(),
            log_format: LogFormat::default(),
            auth: AuthConfig::default(),
            limits: LimitsConfig::default(),
            access: AccessConfig::default(),
            tls: TlsConfig::default(),
            cache: CacheConfig::default(),
            websocket: WebSocketConfig::default(),
            webhooks: WebhooksConfig::default(),
            metrics: MetricsConfig::default(),
            timeouts: Timeouts::default(),
        }
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            timestamp_tolerance: TIMESTAMP_TOLERANCE,
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let message = message::Limits::default();
        let quotas = Quotas::default();
        Self {
            send_per_minute: None,
            receive_per_minute: None,
            request_per_minute: None,
            failures_per_minute_per_ip: None,
            new_agents_per_hour_per_ip: None,
            sockets_per_agent: 2,
            inbox_messages: quotas.inbox_messages,
            inbox_bytes: quotas.inbox_bytes,
            sender_bytes: quotas.sender_bytes,
            body: message.body,
            message: message.message,
            blob: 100 << 20,
            blob_bytes_per_agent: quotas.blobs.bytes,
            blobs_per_agent: quotas.blobs.blobs,
            blob_lifetime: quotas.blobs.lifetime,
            acl_entries: 10_000,
            ttl_default: message.ttl_default,
            ttl_max: message.ttl_max,
            connections: 0,
            connections_per_ip: 1000,
            unauthenticated_connections_per_ip: 64,
        }
    }
}

impl Default for CacheConfig {
    fn default() -> Self {
        let options = Options::default();
        Self {
            database: options.cache_bytes,
            recent: options.recent_bytes,
        }
    }
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        Self {
            send_result_status: SendResultStatus::default(),
            ping: Duration::from_secs(30),
            pong_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
            body_idle: Duration::from_secs(30),
            body: Duration::from_secs(60),
            upload: Duration::from_secs(30 * 60),
            body_grace: Duration::from_secs(10),
            body_rate: 4 << 10,
            collect: Duration::from_secs(15),
            drain: Duration::from_secs(7),
            write: Duration::from_secs(60),
            websocket_auth: Duration::from_secs(10),
            websocket_probe: Duration::from_secs(5),
            websocket_stall: Duration::from_secs(60),
            websocket_close: Duration::from_secs(5),
        }
    }
}

impl LimitsConfig {
    /// What the protocol's own checks of a message need.
    pub(crate) fn message_limits(&self) -> message::Limits {
        message::Limits {
            body: self.body,
            message: self.message,
            ttl_default: self.ttl_default,
            ttl_max: self.ttl_max,
        }
    }

    /// What the store checks.
    pub(crate) fn quotas(&self) -> Quotas {
        Quotas {
            inbox_messages: self.inbox_messages,
            inbox_bytes: self.inbox_bytes,
            sender_bytes: self.sender_bytes,
            blobs: BlobQuotas {
                bytes: self.blob_bytes_per_agent,
                blobs: self.blobs_per_agent,
                lifetime: self.blob_lifetime,
            },
        }
    }
}

impl Config {
    /// Reads a file over the defaults.
    ///
    /// # Errors
    /// [`ConfigError`], with file, line and field.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        file::read(path, &mut config)?;
        Ok(config)
    }

    /// Sets one field by its name in the file, such as `limits.send_per_minute`, to a value as it would stand there; texts need
    /// no quotes.
    ///
    /// # Errors
    /// [`ConfigError`] if there is no such field, or it cannot have this value.
    pub fn set(&mut self, assignment: &str) -> Result<(), ConfigError> {
        file::set(assignment, self)
    }

    /// Checks what fields say together.
    ///
    /// # Errors
    /// [`ConfigError`], naming the fields.
    pub fn check(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let (field, problem) = if self.listen.is_empty() {
            ("listen", "must name at least one address")
        } else if limits.body > limits.message {
            ("limits.body", "must not be greater than limits.message")
        } else if limits.ttl_default > limits.ttl_max {
            (
                "limits.ttl_default",
                "must not be longer than limits.ttl_max",
            )
        } else if self.tls.cert.is_some() != self.tls.key.is_some() {
            ("tls.cert", "needs tls.key, and the other way round")
        } else if self.tls.cert.is_some() && !self.tls.acme.domains.is_empty() {
            ("tls.cert", "must not be given together with tls.acme")
        } else if self.access.registration == Registration::Allowlist
            && self.access.allowlist_file.is_none()
        {
            (
                "access.registration",
                "needs access.allowlist_file, which names the keys",
            )
        } else if self.websocket.pong_timeout >= self.websocket.ping {
            (
                "websocket.pong_timeout",
                "must be shorter than websocket.ping",
            )
        } else {
            return Ok(());
        };
        Err(ConfigError::together(field, problem))
    }

    /// All fields, as in the file, and what each takes.
    pub(crate) fn fields() -> impl Iterator<Item = (&'static str, &'static str)> {
        field::FIELDS
            .iter()
            .map(|field| (field.name, field.allowed))
    }

    /// The names of all fields, as in the file.
    #[cfg(test)]
    pub(crate) fn field_names() -> impl Iterator<Item = &'static str> {
        field::FIELDS.iter().map(|field| field.name)
    }

    /// Whether only this machine reaches the relay: all listeners are loopback or Unix sockets, and no public URL says otherwise
    /// (protocol A9).
    pub fn is_private(&self) -> bool {
        self.public_url.is_none() && self.listen.iter().all(ListenAddress::is_local)
    }
}

/// Read when no other file is named, if it is there: the system's.
const SYSTEM_FILE: &str = "/etc/relayd/relayd.toml";

/// The file that is read when none is named: this user's own, or else the system's; `None` if there is neither.
pub(crate) fn installed_file() -> Option<PathBuf> {
    let candidates = [default_file(), PathBuf::from(SYSTEM_FILE)];
    candidates.into_iter().find(|path| path.exists())
}

/// Where this user's configuration belongs: the system's place for root, the user's own otherwise.
pub(crate) fn default_file() -> PathBuf {
    let system = || PathBuf::from(SYSTEM_FILE);
    if nix::unistd::Uid::effective().is_root() {
        return system();
    }
    let own = directory("XDG_CONFIG_HOME")
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".config")));
    own.map_or_else(system, |own| own.join("relayd/relayd.toml"))
}

/// Whether standard error goes to the journal: systemd names the device and inode of the stream that it made (systemd.exec(5)).
pub(crate) fn logs_to_journal() -> bool {
    let Some(named) = variable("JOURNAL_STREAM") else {
        return false;
    };
    let is_it = |stream: nix::sys::stat::FileStat| {
        named.to_str() == Some(&format!("{}:{}", stream.st_dev, stream.st_ino))
    };
    nix::sys::stat::fstat(std::io::stderr()).is_ok_and(is_it)
}

/// `$STATE_DIRECTORY`, as systemd sets it; the system's place for root; the user's own otherwise.
fn default_data_dir() -> PathBuf {
    if let Some(state) = variable("STATE_DIRECTORY") {
        let first = std::env::split_paths(&state).next();
        return first.unwrap_or_else(|| PathBuf::from(state));
    }
    if nix::unistd::Uid::effective().is_root() {
        return PathBuf::from("/var/lib/relayd");
    }
    if let Some(state) = directory("XDG_STATE_HOME") {
        return state.join("relayd");
    }
    match variable("HOME") {
        Some(home) => PathBuf::from(home).join(".local/state/relayd"),
        None => PathBuf::from("relayd-data"),
    }
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The XDG rules pass over what is relative.
fn directory(name: &str) -> Option<PathBuf> {
    variable(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_private_until_it_listens_or_is_known_elsewhere() {
        let with = |assignments: &[&str]| {
            let mut config = Config::default();
            for assignment in assignments {
                config.set(assignment).unwrap();
            }
            config.is_private()
        };
        assert!(with(&[]));
        assert!(with(&[
            r#"listen=["127.0.0.9:1", "[::1]:1", "unix:/run/relayd.sock"]"#
        ]));
        assert!(!with(&["listen=0.0.0.0:8080"]));
        assert!(!with(&[r#"listen=["127.0.0.1:1", "[2001:db8::1]:1"]"#]));
        assert!(!with(&["public_url=https://relay.example.net"]));
        assert!(!with(&["public_url=http://[2001:db8::1]:8080/"]));
    }

    #[test]
    fn fields_that_contradict_each_other_are_named() {
        let problem = |assignment: &str| {
            let mut config = Config::default();
            config.set(assignment).unwrap();
            config.check().unwrap_err().to_string()
        };
        assert_eq!(
            problem("limits.message=512KiB"),
            "limits.body: must not be greater than limits.message"
        );
        assert_eq!(
            problem("limits.ttl_max=1h"),
            "limits.ttl_default: must not be longer than limits.ttl_max"
        );
        assert_eq!(
            problem("websocket.ping=5s"),
            "websocket.pong_timeout: must be shorter than websocket.ping"
        );
        assert_eq!(
            problem("tls.cert=/c.pem"),
            "tls.cert: needs tls.key, and the other way round"
        );
        assert_eq!(
            problem("access.registration=allowlist"),
            "access.registration: needs access.allowlist_file, which names the keys"
        );
        assert_eq!(
            problem("listen=[]"),
            "listen: must name at least one address"
        );
        assert_eq!(Config::default().check(), Ok(()));
    }
}
