//! Certificates from an ACME directory (RFC 8555), by the challenge TLS-ALPN-01 (RFC 8737), which comes to the relay's own
//! listeners: the authority connects to port 443 of each name.

use super::pair::{self, TlsError};
use crate::app::App;
use crate::config::AcmeConfig;
use futures_util::StreamExt as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::ResolvesServerCert;
use rustls::{ClientConfig, ServerConfig};
use rustls_acme::acme::LETS_ENCRYPT_PRODUCTION_DIRECTORY;
use rustls_acme::caches::DirCache;
use rustls_acme::{AcmeState, CertCache as _, EventOk};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at how old the certificate is.
const PAUSE: Duration = Duration::from_secs(3600);

/// An account with an authority, and its certificate.
#[derive(Debug)]
pub(in crate::serve) struct Acme {
    state: AcmeState<io::Error>,
    kept: Kept,
}

/// What a certificate is kept under.
#[derive(Debug)]
struct Kept {
    domains: Vec<String>,
    directory: String,
    cache: PathBuf,
}

impl Acme {
    /// Prepares everything; nobody is asked before [`Acme::run`].
    pub(super) fn open(config: &AcmeConfig, data_dir: &Path) -> Result<Self, TlsError> {
        let cache = data_dir.join("acme");
        make_private(&cache).map_err(|source| TlsError::Cache {
            path: cache.clone(),
            source,
        })?;
        let directory = config
            .directory
            .clone()
            .unwrap_or_else(|| LETS_ENCRYPT_PRODUCTION_DIRECTORY.to_owned());
        let contact = config.email.iter().map(|email| format!("mailto:{email}"));
        let mut order = rustls_acme::AcmeConfig::new(&config.domains);
        if let Some(client) = client_config() {
            order = order.client_tls_config(client);
        }
        let state = order
            .contact(contact)
            .directory(&directory)
            .cache(DirCache::new(cache.clone()))
            .state();
        let kept = Kept {
            domains: config.domains.clone(),
            directory,
            cache,
        };
        Ok(Self { state, kept })
    }

    pub(super) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        self.state.resolver()
    }

    /// What answers the authority's connections.
    pub(super) fn challenge(&self) -> Arc<ServerConfig> {
        self.state.challenge_rustls_config()
    }

    /// Orders and renews, for ever; a failure is tried again with growing pauses.
    pub(super) async fn run(self, app: &App) {
        let Self { mut state, kept } = self;
        let directory = &kept.directory;
        loop {
            app.certificates.remind(app.now());
            let event = tokio::select! {
                event = state.next() => event,
                () = tokio::time::sleep(PAUSE) => continue,
                () = app.shutdown.begun() => return,
            };
            match event {
                Some(Ok(EventOk::AccountCacheStore)) => {
                    tracing::info!(directory, "there is an ACME account");
                }
                Some(Ok(EventOk::DeployedNewCert)) => {
                    tracing::info!(
                        domains = kept.domains.join(" "),
                        "there is a new certificate"
                    );
                }
                Some(Ok(EventOk::DeployedCachedCert | EventOk::CertCacheStore)) => {
                    kept.note_expiry(app).await;
                }
                Some(Err(error)) => tracing::warn!(
                    %error,
                    directory,
                    "no certificate came of that; it is tried again"
                ),
                // The stream has no end; if it had, the certificate that there is would serve on.
                None => return app.shutdown.begun().await,
            }
        }
    }
}

impl Kept {
    /// The library does not say until when a certificate is good, but keeps it in a file.
    async fn note_expiry(&self, app: &App) {
        let cache = DirCache::new(self.cache.clone());
        let kept = match cache.load_cert(&self.domains, &self.directory).await {
            Ok(Some(kept)) => zeroize::Zeroizing::new(kept),
            Ok(None) => return,
            Err(error) => {
                return tracing::warn!(%error, "the certificate cannot be read again");
            }
        };
        let own = CertificateDer::pem_slice_iter(&kept)
            .next()
            .and_then(Result::ok);
        if let Some(expires) = own.and_then(|own| pair::expiry(&own).ok()) {
            app.certificates.note(expires);
            tracing::info!(%expires, "the certificate is in use");
        }
    }
}

/// Whom to believe about the directory: the system's own authorities, to which an operator can add. Where the system has none, the
/// library believes those that browsers do.
fn client_config() -> Option<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_platform_verifier());
    match config {
        Ok(builder) => Some(Arc::new(builder.with_no_client_auth())),
        Err(error) => {
            tracing::warn!(%error, "this system knows no certificate authorities (package ca-certificates); relayd uses its own list");
            None
        }
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}
