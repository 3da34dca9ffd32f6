//! Where Prometheus fetches the figures: a small server of its own, if `metrics.listen` names an address. They are never on a
//! listener for clients.

use super::render;
use crate::app::App;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections at a time; more wait in the system's queue.
const CONNECTIONS: usize = 8;
/// How long a head, or the pause before the next one, may take.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection may last: whoever comes often comes again.
const LIFE: Duration = Duration::from_secs(300);
/// Bytes of a head.
const MAX_HEAD: usize = 8 << 10;
/// How long the loop rests after a failed accept.
const PAUSE: Duration = Duration::from_millis(100);

const OPENMETRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// A bound listener for figures.
#[derive(Debug)]
pub(crate) struct MetricsListener(TcpListener);

impl MetricsListener {
    pub(crate) async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    /// Where it listens, with the port that it was given.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()
    }

    /// Serves until the relay ends, or its task is ended with it.
    pub(crate) async fn run(self, app: Arc<App>) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = Arc::clone(&room).acquire_owned().await;
            let accepted = tokio::select! {
                accepted = self.0.accept() => accepted,
                () = app.shutdown.begun() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let app = Arc::clone(&app);
                    tokio::spawn(async move {
                        serve(stream, &app).await;
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

async fn serve(stream: TcpStream, app: &Arc<App>) {
    let service = service_fn(|request: Request<Incoming>| {
        let app = Arc::clone(app);
        async move { Ok::<_, Infallible>(answer(&app, &request).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        served = tokio::time::timeout(LIFE, serving) => {
            if let Ok(Err(error)) = served {
                tracing::debug!(%error, "a connection for metrics ended badly");
            }
        }
        () = app.shutdown.begun() => {}
    }
}

async fn answer(app: &Arc<App>, request: &Request<Incoming>) -> Response {
    let mut refusal = Response::new(Body::from("the figures are at GET /metrics\n"));
    if request.uri().path() != "/metrics" {
        *refusal.status_mut() = StatusCode::NOT_FOUND;
        return refusal;
    }
    if request.method() != Method::GET {
        *refusal.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        let allow = HeaderValue::from_static("GET");
        refusal.headers_mut().insert(header::ALLOW, allow);
        return refusal;
    }
    respond(app).await
}

/// The figures as they are now.
pub(crate) async fn respond(app: &Arc<App>) -> Response {
    let mut response = Response::new(Body::from(render(app).await));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, OPENMETRICS);
    response
}
