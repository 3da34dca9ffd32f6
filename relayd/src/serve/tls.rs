//! TLS on the listeners: certificates from files, which are read again when they change, or from an ACME directory.
//!
//! TLS 1.2 and 1.3 by ring. HTTP/1.1 is the only protocol that is agreed on, and no request is taken before the handshake is over
//! (no 0-RTT: it could be replayed).

mod acme;
mod certificates;
mod files;
mod pair;

pub(crate) use certificates::{Certificates, Standing};
pub use pair::TlsError;

use crate::app::App;
use crate::config::TlsConfig;
use acme::Acme;
use files::Files;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{Acceptor, ResolvesServerCert};
use rustls::version::{TLS12, TLS13};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// What a listener needs to speak TLS.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    config: Arc<ServerConfig>,
    /// Answers the authority's challenges, which come to the same listeners.
    challenge: Option<Arc<ServerConfig>>,
}

/// Keeps the certificate good for as long as the relay runs.
#[derive(Debug)]
pub(super) enum Keeper {
    Files(Files),
    Acme(Box<Acme>),
}

/// A connection that came to nothing, or that was not one of a client.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    /// The client speaks HTTP without TLS; the stream is given back to tell it.
    #[error("the client does not speak TLS")]
    Plain(TcpStream),
    /// The authority asked, and has its answer.
    #[error("a challenge was answered")]
    Challenge,
    #[error(transparent)]
    Failed(#[from] io::Error),
}

/// Sets TLS up as configured; `None` where listeners speak plain HTTP.
///
/// # Errors
/// [`TlsError`], with the file and what is wrong with it.
pub(super) fn open(config: &TlsConfig, data_dir: &Path) -> Result<Option<(Tls, Keeper)>, TlsError> {
    if let (Some(cert), Some(key)) = (&config.cert, &config.key) {
        let files = Files::open(cert, key)?;
        let config = server_config(files.resolver())?;
        let tls = Tls {
            config: Arc::new(config),
            challenge: None,
        };
        return Ok(Some((tls, Keeper::Files(files))));
    }
    if config.acme.domains.is_empty() {
        return Ok(None);
    }
    let acme = Acme::open(&config.acme, data_dir)?;
    let config = server_config(acme.resolver())?;
    let tls = Tls {
        config: Arc::new(config),
        challenge: Some(acme.challenge()),
    };
    Ok(Some((tls, Keeper::Acme(Box::new(acme)))))
}

fn server_config(resolver: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Library)?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Who comes back after a restart of its own resumes without a signature; nothing is kept for it here.
    config.ticketer = ring::Ticketer::new().map_err(TlsError::Library)?;
    config.send_tls13_tickets = 1;
    Ok(config)
}

impl Tls {
    /// Shakes hands; the caller keeps time.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let mut first = [0];
        // The first byte of a handshake is 22; of a request in the clear, a letter.
        if stream.peek(&mut first).await? == 1 && first[0].is_ascii_alphabetic() {
            return Err(HandshakeError::Plain(stream));
        }
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        match &self.challenge {
            Some(challenge) if rustls_acme::is_tls_alpn_challenge(&start.client_hello()) => {
                start.into_stream(Arc::clone(challenge)).await?;
                Err(HandshakeError::Challenge)
            }
            _ => Ok(start.into_stream(Arc::clone(&self.config)).await?),
        }
    }
}

impl Keeper {
    /// Tells the relay's health of the certificate that was found at the start.
    pub(super) fn announce(&self, app: &App) {
        match self {
            Self::Files(files) => files.announce(&app.certificates),
            Self::Acme(_) => app.certificates.expect_one(),
        }
    }

    /// Runs until the relay ends.
    pub(super) async fn run(self, app: Arc<App>) {
        match self {
            Self::Files(files) => files.run(&app).await,
            Self::Acme(acme) => acme.run(&app).await,
        }
    }
}
