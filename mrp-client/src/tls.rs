//! TLS as both the HTTP client and the WebSocket use it: ring, the platform's trust, HTTP/1.1.

use crate::url::RelayUrl;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::sync::Arc;

/// Why TLS cannot be set up on this machine.
#[derive(Debug, thiserror::Error)]
#[error(
    "TLS cannot be set up: {0}; https relays need the system's CA certificates (package ca-certificates)"
)]
pub(crate) struct TlsError(#[from] rustls::Error);

/// The configuration for connections to `url`. The provider is given explicitly, never installed for the whole process, so that an
/// application can have its own.
///
/// For an `http` relay nothing is trusted and nothing is loaded: the configuration is only there because the HTTP client wants one.
pub(crate) fn client_config(url: &RelayUrl) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = if url.is_encrypted() {
        builder.with_platform_verifier()?.with_no_client_auth()
    } else {
        builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
