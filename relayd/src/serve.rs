//! Listening, serving, and ending in order.
//!
//! The accept loop is our own: the ready-made ones keep no time on request heads and end, or wait for ever, on a failed accept.

mod admission;
mod connection;
mod head;
mod listener;
mod unread;

pub(crate) use admission::Admission;

use crate::access::{Access, AllowlistError};
use crate::admin::AdminSocket;
use crate::app::App;
use crate::clock::{Clock, ClockError};
use crate::config::{Config, ConfigError, ListenAddress};
use crate::data_dir::{DataDir, DataDirError};
use crate::store::{Options, Store};
use crate::{http, process, sweep, webhook};
use admission::Admissions;
use listener::Listener;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

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
    /// An address cannot be listened on.
    #[error(
        "{address}: cannot listen: {source}; set listen to another address, or end what uses this one"
    )]
    Listen {
        /// The address.
        address: ListenAddress,
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
    admin: Option<AdminSocket>,
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
        let database = data_dir.database();
        let store = tokio::task::spawn_blocking(move || Store::open(&database, Options::default()))
            .await
            .expect("opening the store does not panic")?;
        let mut listeners = Vec::new();
        for address in &config.listen {
            let bound = Listener::bind(address).await;
            listeners.push(bound.map_err(|source| BindError::Listen {
                address: address.clone(),
                source,
            })?);
        }
        let admin = bind_admin(&config);
        let app = Arc::new(App::new(Arc::new(config), store, access));
        Ok(Self {
            app,
            listeners,
            admin,
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

    /// The URL of the first listener, for clients on this machine.
    pub fn url(&self) -> String {
        self.listeners
            .first()
            .map(|listener| listener.address().to_string())
            .unwrap_or_default()
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
            admin,
            data_dir,
        } = self;
        let mut tasks = JoinSet::new();
        let admissions = Arc::new(Admissions::new(&app.config, process::connection_capacity()));
        let router = http::router(Arc::clone(&app));
        for listener in listeners {
            tasks.spawn(listener.run(Arc::clone(&app), router.clone(), Arc::clone(&admissions)));
        }
        let admin = admin.map(|admin| tokio::spawn(admin.run(Arc::clone(&app))));
        let sweeping = Arc::clone(&app);
        tasks.spawn(async move { sweep::run(&sweeping).await });
        let delivering = Arc::clone(&app);
        tasks.spawn(async move { webhook::run(&delivering).await });
        let outcome = tokio::select! {
            () = shutdown => Ok(()),
            () = app.shutdown.begun() => Ok(()),
            fatal = app.store.failed() => Err(RunError::Store(fatal)),
        };
        app.shutdown.begin();
        drain(&app).await;
        if let Some(admin) = admin {
            // Who told the relay to end hears that it does.
            let _ = tokio::time::timeout(LAST_WORD, admin).await;
        }
        tasks.shutdown().await;
        app.store.clone().close().await;
        drop(data_dir);
        outcome
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
