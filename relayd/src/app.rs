//! What every part of a running relay shares, and the relay as a value.

use crate::access::{Access, AllowlistError, Reloaded};
use crate::admin;
use crate::auth::Auth;
use crate::blobs::Blobs;
use crate::client_address::Peer;
use crate::clock::Clock;
use crate::config::{Config, LiveConfig};
use crate::disk::DiskGuard;
use crate::http;
use crate::http::cors::Cors;
use crate::http::exchange::answer;
use crate::http::openapi::Description;
use crate::hub::Hub;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::overload::Overload;
use crate::serve::{BindError, Certificates};
use crate::shutdown::Shutdown;
use crate::store::{Options, Store};
use crate::webhook::Webhooks;
use crate::ws::Arrivals;
use axum::Router;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use mrp_proto::time::Timestamp;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use tower::ServiceExt as _;

/// The state of a relay; one per process, behind an [`Arc`].
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: LiveConfig,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) hub: Hub,
    pub(crate) access: Access,
    pub(crate) auth: Auth,
    pub(crate) limits: Limits,
    pub(crate) webhooks: Webhooks,
    pub(crate) cors: Cors,
    pub(crate) description: Description,
    pub(crate) metrics: Metrics,
    pub(crate) shutdown: Shutdown,
    pub(crate) started: Instant,
    pub(crate) certificates: Certificates,
    pub(crate) disk: DiskGuard,
    pub(crate) overload: Overload,
    pub(crate) arrivals: Arrivals,
}

impl App {
    pub(crate) fn new(config: Config, store: Store, blobs: Blobs, access: Access) -> Self {
        Self {
            clock: Clock::new(),
            hub: Hub::new(),
            auth: Auth::new(&config),
            limits: Limits::new(&config),
            webhooks: Webhooks::new(&config.webhooks),
            cors: Cors::new(&config.access.cors_origins),
            description: Description::default(),
            metrics: Metrics::new(store.timings()),
            shutdown: Shutdown::new(),
            started: Instant::now(),
            access,
            certificates: Certificates::default(),
            disk: DiskGuard::default(),
            overload: Overload::default(),
            arrivals: Arrivals::default(),
            config: LiveConfig::new(config),
            store,
            blobs,
        }
    }

    /// One that keeps everything in memory.
    pub(crate) fn in_memory(config: Config) -> Result<Self, BindError> {
        let store = Store::in_memory(Options::default())?;
        let blobs = Blobs::in_memory(&config);
        let access = Access::load(&config.access)?;
        Ok(Self::new(config, store, blobs, access))
    }

    /// The time by which everything is judged; it never goes back.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Reads the list of allowed keys again (`access.allowlist_file`), and ends the sessions of those that went. If it cannot be
    /// read, the old one stays in force.
    pub(crate) fn reload_access(&self) -> Result<Reloaded, AllowlistError> {
        let (allowed, removed) = self.access.reload()?;
        for key in &removed {
            self.hub.revoke(key);
        }
        let removed = removed.len();
        Ok(Reloaded { allowed, removed })
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
    /// [`BindError::Store`] if the store cannot be made, [`BindError::Allowlist`] if the list of allowed keys cannot be read.
    pub fn in_memory(config: Config) -> Result<Self, BindError> {
        let app = Arc::new(App::in_memory(config)?);
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

    /// Answers one request of the relay's operator, as the admin socket would.
    pub async fn administer(&self, request: ::http::Request<Body>) -> ::http::Response<Body> {
        match admin::router(Arc::clone(&self.app)).oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Reads the list of allowed keys again.
    ///
    /// # Errors
    /// [`AllowlistError`]; the old list stays in force then.
    pub fn reload_access(&self) -> Result<(), AllowlistError> {
        self.app.reload_access().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Registration;
    use crate::hub::Call;
    use crate::store::{NewAgents, Scheme};
    use mrp_proto::agent::AgentStatus;
    use mrp_proto::code::Code;
    use mrp_proto::key::{PublicKey, SecretKey};
    use std::task::{Context, Poll};
    use std::time::Duration;

    fn key(seed: u8) -> PublicKey {
        SecretKey::from_seed(&[seed; 32]).public()
    }

    #[tokio::test]
    async fn who_is_taken_off_the_list_loses_its_sessions() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{}\n{}\n", key(1), key(2))).unwrap();
        let mut config = Config::default();
        config.access.registration = Registration::Allowlist;
        config.access.allowlist_file = Some(file.path().to_owned());
        let app = App::in_memory(config).unwrap();
        let patience = Duration::ZERO;
        let stays = app.hub.admit(key(1), 0, patience).await.unwrap();
        let goes = app.hub.admit(key(2), 0, patience).await.unwrap();
        app.confirm(&key(2)).await.unwrap();
        std::fs::write(file.path(), format!("{}\n", key(1))).unwrap();
        let reloaded = app.reload_access().unwrap();
        assert_eq!((reloaded.allowed, reloaded.removed), (1, 1));
        let context = Context::from_waker(futures_util::task::noop_waker_ref());
        assert_eq!(goes.poll_call(&context), Poll::Ready(Call::Revoked));
        let refused = app.confirm(&key(2)).await.unwrap_err();
        assert_eq!(refused.code, Code::RegistrationClosed);
        app.confirm(&key(1)).await.unwrap();
        assert!(stays.poll_call(&context).is_pending());
    }

    #[tokio::test]
    async fn who_was_suspended_while_it_came_in_is_found_out() {
        let app = App::in_memory(Config::default()).unwrap();
        let recording = app.store.record_activity(
            key(1),
            app.now(),
            NewAgents::Allowed,
            Scheme::Published,
            None,
        );
        recording.await.unwrap();
        app.confirm(&key(1)).await.unwrap();
        let suspending = app
            .store
            .set_status(key(1), AgentStatus::Suspended, app.now());
        suspending.await.unwrap();
        let refused = app.confirm(&key(1)).await.unwrap_err();
        assert_eq!(refused.code, Code::AgentSuspended);
    }
}
