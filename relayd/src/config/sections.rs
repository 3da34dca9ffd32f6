//! The sections of the file that are about one part of the relay each.

use super::{ListenAddress, Network};
use crate::store::WebhookSchedule;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `[tls]`: certificates from files or from an ACME directory; without either, plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    /// The chain, in PEM, the relay's own certificate first.
    pub cert: Option<PathBuf>,
    /// Its private key, in PEM.
    pub key: Option<PathBuf>,
    /// Where certificates come from instead.
    pub acme: AcmeConfig,
}

impl TlsConfig {
    /// Whether listeners on TCP speak TLS.
    pub fn is_on(&self) -> bool {
        self.cert.is_some() || self.key.is_some() || !self.acme.domains.is_empty()
    }

    /// A listener's address as clients write it: TLS is spoken on TCP, never on Unix sockets.
    pub fn url(&self, address: &ListenAddress) -> String {
        match address {
            ListenAddress::Tcp(address) if self.is_on() => format!("https://{address}"),
            address => address.to_string(),
        }
    }
}

/// `tls.acme` (RFC 8555), by the TLS-ALPN-01 challenge (RFC 8737) on the relay's own listeners.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AcmeConfig {
    /// Names that the certificate is for; none switches ACME off.
    pub domains: Vec<String>,
    /// Whom the authority may write to.
    pub email: Option<String>,
    /// The directory's URL; Let's Encrypt if it is not given.
    pub directory: Option<String>,
}

/// `blob_store`: where the bytes of blobs are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BlobStoreConfig {
    /// In the data directory.
    #[default]
    Local,
    /// In a bucket; endpoint, region and credentials come from the environment or from files.
    S3 {
        /// The bucket.
        bucket: String,
        /// What the names in it begin with; may be empty.
        prefix: String,
    },
}

/// `access.registration`: who may become an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Whoever has a key.
    #[default]
    Open,
    /// Only the keys in `access.allowlist_file` may use the relay.
    Allowlist,
}

/// `access.cors_origins`: which pages a browser lets use the relay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CorsOrigins {
    /// All: `["*"]`. Requests are signed and carry no cookies, so nothing is given away.
    #[default]
    Any,
    /// These, such as `https://example.net`; none switches it off.
    Listed(Vec<String>),
}

/// `[webhooks]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhooksConfig {
    /// Whether URLs may be `http:`.
    pub allow_http: bool,
    /// Networks that the address guard lets through (protocol A7.4).
    pub allow_networks: Vec<Network>,
    /// How long one delivery may take.
    pub timeout: Duration,
    /// When it is tried again; not part of the file.
    pub schedule: WebhookSchedule,
    /// How many at a time, and how often; not part of the file.
    pub limits: WebhookLimits,
}

/// Bounds on deliveries. These are the protocol's and the relay's own; only tests have others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookLimits {
    /// Deliveries at a time.
    pub workers: usize,
    /// Deliveries to one address at a time.
    pub in_flight: usize,
    /// Between the beginnings of two deliveries to one address.
    pub spacing: Duration,
    /// Failures in a row after which a receiver is left alone...
    pub give_up_after: u32,
    /// ...and for how long.
    pub give_up_for: Duration,
    /// For a name to be resolved, and for a connection to be made.
    pub connect: Duration,
    /// How long mail of an agent with a WebSocket is left to that (protocol A7.5).
    pub socket_first: Duration,
}

impl Default for WebhookLimits {
    fn default() -> Self {
        Self {
            workers: 64,
            in_flight: 4,
            spacing: Duration::from_millis(50),
            give_up_after: 10,
            give_up_for: Duration::from_secs(60),
            connect: Duration::from_secs(5),
            socket_first: Duration::from_secs(30),
        }
    }
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self {
            allow_http: false,
            allow_networks: Vec::new(),
            timeout: Duration::from_secs(10),
            schedule: WebhookSchedule::default(),
            limits: WebhookLimits::default(),
        }
    }
}

/// `[metrics]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetricsConfig {
    /// Where Prometheus may fetch them; otherwise only the admin socket has them.
    pub listen: Option<SocketAddr>,
}
