//! Listening, serving, and ending in order.
//!
//! The accept loop is our own: the ready-made ones keep no time on request heads and end, or wait for ever, on a failed accept.

mod admission;
mod again;
mod answered;
mod connection;
mod head;
mod listener;
mod tls;
mod unread;

pub(crate) use admission::Admission;
pub use tls::TlsError;
pub(crate) use tls::{Certificates, Standing};

use crate::access::{Access, AllowlistError};
use crate::admin::AdminSocket;
use crate::app::App;
use crate::blobs::{self, Blobs, BlobsError, ObjectsError};
use crate::clock::{Clock, ClockError};
use crate::config::{Config, ConfigError, ListenAddress};
use crate::data_dir::{DataDir, DataDirError};
use crate::metrics::listener::MetricsListener;
use crate::service::Service;
use crate::store::{Options, Store, StoreError};
use crate::{disk, http, process, sweep, webhook};
use admission::Admissions;
use listener::Listener;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tls::Keeper;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// How long the database may take to close, after everything else has ended.
const CLOSING: Duration = Duration::from_millis(1500);

/// Why a relay could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Fields of the configuration contradict each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The list of allowed keys cannot be used.
    #[error(transparent)]
    Allowlist(#[from] AllowlistError),
    /// The system's clock is wrong.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] crate::store::OpenError),
    /// There can be no TLS as configured.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The bytes of blobs cannot be kept.
    #[error(transparent)]
    Blobs(#[from] BlobsError),
    /// An address cannot be listened on.
    #[error(
        "{address}: cannot listen: {source}; set listen to another address, or end what uses this one"
    )]
    Listen {
        /// The address, as a URL.
        address: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Why a relay ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store failed and could not be opened again.
    #[error(transparent)]
    Store(#[from] crate::store::Fatal),
}

/// A relay that listens but does not serve yet.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    listeners: Vec<Listener>,
    certificate: Option<Keeper>,
    admin: Option<AdminSocket>,
    metrics: Option<MetricsListener>,
    /// Its lock is held until everything is over.
    data_dir: DataDir,
}

impl Server {
    /// Opens the store and the listeners.
    ///
    /// # Errors
    /// [`BindError`]; each says what to do.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        config.check()?;
        Clock::check()?;
        let access = Access::load(&config.access)?;
        let data_dir = DataDir::open(&config.data_dir)?;
        let (tls, certificate) = tls::open(&config.tls, &config.data_dir)?.unzip();
        let database = data_dir.database();
        let options = Options {
            cache_bytes: config.cache.database,
            recent_bytes: config.cache.recent,
            ..Options::default()
        };
        let store = tokio::task::spawn_blocking(move || Store::open(&database, options))
            .await
            .expect("opening the store does not panic")?;
        let blobs = open_blobs(&config, &data_dir).await?;
        let mut listeners = Vec::new();
        for address in &config.listen {
            let bound = Listener::bind(address, &config.listen, tls.as_ref()).await;
            listeners.push(bound.map_err(|source| BindError::Listen {
                address: config.tls.url(address),
                source,
            })?);
        }
        let metrics = bind_metrics(&config).await?;
        let admin = bind_admin(&config);
        let app = Arc::new(App::new(config, store, blobs, access));
        if let Some(certificate) = &certificate {
            certificate.announce(&app);
        }
        Ok(Self {
            app,
            listeners,
            certificate,
            admin,
            metrics,
            data_dir,
        })
    }

    /// Where it listens, with the ports it was given.
    pub fn addresses(&self) -> Vec<ListenAddress> {
        self.listeners
            .iter()
            .map(|listener| listener.address().clone())
            .collect()
    }

    /// The relay as signals and the service manager deal with it.
    pub(crate) fn service(&self) -> Service {
        Service::new(Arc::clone(&self.app))
    }

    /// The URLs of the listeners.
    pub fn urls(&self) -> Vec<String> {
        self.listeners
            .iter()
            .map(|listener| self.app.config.tls.url(listener.address()))
            .collect()
    }

    /// Sees that the store can be written.
    pub(crate) async fn settle(&self) -> Result<(), StoreError> {
        self.app.store.settle().await
    }

    /// Sees that the store of blobs answers.
    pub(crate) async fn probe_blobs(&self) -> Result<(), ObjectsError> {
        self.app.blobs.probe().await
    }

    /// The URL of the first listener, for clients on this machine.
    pub fn url(&self) -> String {
        self.urls().into_iter().next().unwrap_or_default()
    }

    /// Serves until `shutdown` is over, then ends in order: no new connections, what is under way is finished, sockets are told to
    /// come again, the store is closed.
    ///
    /// # Errors
    /// [`RunError`] if the relay had to end by itself.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let Self {
            app,
            listeners,
            certificate,
            admin,
            metrics,
            data_dir,
        } = self;
        let mut tasks = JoinSet::new();
        let admissions = Arc::new(Admissions::new(&app.config, process::connection_capacity()));
        let router = http::router(Arc::clone(&app));
        for listener in listeners {
            tasks.spawn(listener.run(Arc::clone(&app), router.clone(), Arc::clone(&admissions)));
        }
        if let Some(metrics) = metrics {
            tasks.spawn(metrics.run(Arc::clone(&app)));
        }
        let admin = admin.map(|admin| tokio::spawn(admin.run(Arc::clone(&app))));
        if let Some(certificate) = certificate {
            tasks.spawn(certificate.run(Arc::clone(&app)));
        }
        let guarding = Arc::clone(&app);
        tasks.spawn(async move { disk::run(&guarding).await });
        let sweeping = Arc::clone(&app);
        tasks.spawn(async move { sweep::run(&sweeping).await });
        let delivering = Arc::clone(&app);
        let delivering =
            AbortOnDropHandle::new(tokio::spawn(async move { webhook::run(&delivering).await }));
        let collecting = Arc::clone(&app);
        tasks.spawn(async move { blobs::collect::run(&collecting).await });
        let outcome = tokio::select! {
            () = shutdown => Ok(()),
            // A part of the relay may end it, too.
            () = app.shutdown.begun() => Ok(()),
            fatal = app.store.failed() => Err(RunError::Store(fatal)),
        };
        app.shutdown.begin();
        let winding_down = tokio::time::timeout(webhook::LONGEST_END, delivering);
        let _ = tokio::join!(drain(&app), winding_down);
        if let Some(admin) = admin {
            // Who told the relay to end hears that it does.
            let _ = tokio::time::timeout(LAST_WORD, admin).await;
        }
        tasks.shutdown().await;
        // What was accepted is on disk. A disk that hangs does not keep the process.
        let closed = tokio::time::timeout(CLOSING, app.store.clone().close()).await;
        if closed.is_err() {
            tracing::warn!("ended without closing the database: the disk does not answer");
        }
        drop(data_dir);
        outcome
    }
}

async fn open_blobs(config: &Config, data_dir: &DataDir) -> Result<Blobs, BlobsError> {
    let (config, directory) = (config.clone(), data_dir.blobs());
    tokio::task::spawn_blocking(move || Blobs::open(&config, &directory))
        .await
        .expect("opening the blobs does not panic")
}

async fn bind_metrics(config: &Config) -> Result<Option<MetricsListener>, BindError> {
    let Some(address) = config.metrics.listen else {
        return Ok(None);
    };
    match MetricsListener::bind(address).await {
        Ok(listener) => {
            let address = listener.address().map(tracing::field::display);
            tracing::info!(address, "metrics are at /metrics");
            Ok(Some(listener))
        }
        Err(source) => {
            let address = address.to_string();
            Err(BindError::Listen { address, source })
        }
    }
}

/// How long the admin socket may take to write its last answer.
const LAST_WORD: Duration = Duration::from_secs(1);

/// A relay serves without its admin socket, too: the name of the directory may be too long for one.
fn bind_admin(config: &Config) -> Option<AdminSocket> {
    match AdminSocket::bind(&config.data_dir) {
        Ok(admin) => Some(admin),
        Err(error) => {
            tracing::warn!(%error, "there is no admin socket: `relayd admin` and `relayd backup` will not work");
            None
        }
    }
}

async fn drain(app: &App) {
    let drained = tokio::time::timeout(app.config.timeouts.drain, app.shutdown.drained());
    if drained.await.is_err() {
        tracing::warn!(
            connections = app.shutdown.tracked(),
            "ended without waiting for the last connections"
        );
    }
}
