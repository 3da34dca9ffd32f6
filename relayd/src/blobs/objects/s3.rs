//! The client for a bucket of an S3-compatible store.

use crate::config::S3Access;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::sync::Arc;
use std::time::Duration;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the store may say nothing.
const READ: Duration = Duration::from_secs(30);
/// How long a request is tried again that the store could not answer.
const RETRY: Duration = Duration::from_secs(10);
const RETRIES: usize = 3;

/// A client; it connects when it is used. An error says what cannot be.
pub(super) fn bucket(name: &str, access: &S3Access) -> Result<AmazonS3, String> {
    let transport = match &access.endpoint {
        // Whoever writes so means it.
        Some(endpoint) if endpoint.starts_with("http://") => Transport::Plain,
        _ => Transport::Encrypted,
    };
    let connector = Connector::new(transport).map_err(|error| error.to_string())?;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_region(&access.region)
        .with_access_key_id(&access.key_id)
        .with_secret_access_key(access.secret.as_str())
        .with_allow_http(transport == Transport::Plain)
        .with_http_connector(connector)
        .with_retry(RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: RETRIES,
            retry_timeout: RETRY,
        });
    if let Some(token) = &access.session_token {
        builder = builder.with_token(token.as_str());
    }
    if let Some(endpoint) = &access.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    builder.build().map_err(|error| error.to_string())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Plain,
    Encrypted,
}

/// Brings the TLS that the rest of the relay has, and no proxy that the environment names.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl Connector {
    /// Over plain HTTP nothing is trusted and nothing is loaded.
    fn new(transport: Transport) -> Result<Self, Box<dyn std::error::Error>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = match transport {
            Transport::Plain => builder.with_root_certificates(RootCertStore::empty()),
            Transport::Encrypted => builder.with_platform_verifier()?,
        };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.with_no_client_auth())
            .https_only(transport == Transport::Encrypted)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .read_timeout(READ)
            .build()?;
        Ok(Self(client))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}
