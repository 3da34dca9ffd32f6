//! What every part of a running relay shares, and the relay as a value.

use crate::auth::Auth;
use crate::client_address::Peer;
use crate::clock::Clock;
use crate::config::Config;
use crate::http;
use crate::http::exchange::answer;
use crate::hub::Hub;
use crate::limits::Limits;
use crate::serve::BindError;
use crate::shutdown::Shutdown;
use crate::store::{Options, Store};
use crate::webhook::Webhooks;
use axum::Router;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use mrp_proto::time::Timestamp;
use std::net::IpAddr;
use std::sync::Arc;

/// The state of a relay; one per process, behind an [`Arc`].
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) hub: Hub,
    pub(crate) auth: Auth,
    pub(crate) limits: Limits,
    pub(crate) webhooks: Webhooks,
    pub(crate) shutdown: Shutdown,
}

impl App {
    pub(crate) fn new(config: Arc<Config>, store: Store) -> Self {
        Self {
            clock: Clock::new(),
            hub: Hub::new(),
            auth: Auth::new(&config),
            limits: Limits::new(&config),
            webhooks: Webhooks::new(&config.webhooks),
            shutdown: Shutdown::new(),
            config,
            store,
        }
    }

    /// The time by which everything is judged; it never goes back.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A relay as a value: everything but listeners and files. It answers requests that are handed to it, and forgets everything when
/// it is dropped; for tests, and for programs that bring a server of their own.
#[derive(Debug)]
pub struct Relay {
    app: Arc<App>,
    router: Router,
}

impl Relay {
    /// A relay that keeps its messages in memory.
    ///
    /// # Errors
    /// [`BindError::Store`] if the store cannot be made.
    pub fn in_memory(config: Config) -> Result<Self, BindError> {
        let store = Store::in_memory(Options::default())?;
        let app = Arc::new(App::new(Arc::new(config), store));
        let router = http::router(Arc::clone(&app));
        Ok(Self { app, router })
    }

    /// Answers one request that came from an address.
    pub async fn answer<B>(
        &self,
        from: IpAddr,
        request: ::http::Request<B>,
    ) -> ::http::Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let request = request.map(Body::new);
        answer(&self.app, &self.router, Peer::Remote(from), None, request).await
    }
}
