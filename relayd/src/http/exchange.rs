//! One request and its answer: the id, who it was, and what every answer carries (protocol A2).

use super::error::ApiError;
use crate::app::App;
use crate::auth::Entrance;
use crate::client_address::{ClientAddress, Peer};
use crate::limits::Standing;
use crate::log::Throttle;
use crate::metrics::{self, Outcome};
use crate::overload::Class;
use crate::serve::Admission;
use crate::unforeseen;
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use mrp_proto::code::Code;
use mrp_proto::key::PublicKey;
use mrp_proto::relay_api::{
    RATE_LIMIT_HEADER, RATE_REMAINING_HEADER, RATE_RESET_HEADER, REQUEST_ID_HEADER, path,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tower::ServiceExt as _;
use tracing::Instrument as _;

/// What a request's handlers share with the outermost layer.
#[derive(Debug)]
pub(crate) struct Exchange {
    request_id: String,
    client: ClientAddress,
    caller: OnceLock<PublicKey>,
    standing: OnceLock<Standing>,
    route: OnceLock<MatchedPath>,
    waits: AtomicBool,
}

impl Exchange {
    /// The exchange that a request belongs to.
    pub(crate) fn of(extensions: &Extensions) -> Arc<Self> {
        let exchange = extensions
            .get::<Arc<Self>>()
            .expect("every request comes through answer()");
        Arc::clone(exchange)
    }

    /// How answer and log name the request.
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Where the request comes from.
    pub(crate) fn client(&self) -> &ClientAddress {
        &self.client
    }

    /// Notes which of the router's paths the request is for.
    pub(crate) fn note_route(&self, extensions: &Extensions) {
        if let Some(route) = extensions.get::<MatchedPath>() {
            let _ = self.route.set(route.clone());
        }
    }

    /// Notes that the answer may wait because the caller wants it to.
    pub(crate) fn note_wait(&self) {
        self.waits.store(true, Ordering::Relaxed);
    }

    /// Notes whose signature the request carries.
    pub(crate) fn note_caller(&self, key: PublicKey) {
        // One request is verified once.
        let _ = self.caller.set(key);
    }

    /// Notes how the caller stands with the limit that the request counts against.
    pub(crate) fn note_standing(&self, standing: Option<Standing>) {
        if let Some(standing) = standing {
            let _ = self.standing.set(standing);
        }
    }
}

/// Answers a request: routes it, renders refusals, adds the headers of every answer, logs.
pub(crate) async fn answer(
    app: &App,
    router: &Router,
    peer: Peer,
    connection: Option<Arc<Admission>>,
    mut request: Request,
) -> Response {
    let started = Instant::now();
    let client = peer.client(
        &app.config.access.trusted_proxies,
        &forwarded_for(request.headers()),
        connection,
    );
    let entrance = request.extensions().get().copied();
    let client = client.through(entrance.unwrap_or(Entrance::Elsewhere));
    let exchange = Arc::new(Exchange {
        request_id: next_request_id(),
        client,
        caller: OnceLock::new(),
        standing: OnceLock::new(),
        route: OnceLock::new(),
        waits: AtomicBool::new(false),
    });
    request.extensions_mut().insert(Arc::clone(&exchange));
    let (method, counts) = (
        request.method().clone(),
        counts_when_unauthenticated(&request),
    );
    let class = Class::of(&method, request.uri().path(), request.headers());
    let span = tracing::error_span!("request", request_id = exchange.request_id);
    let response = async {
        let routed = app.cors.around(request, |request| async {
            match app.begin(class) {
                Ok(_under_way) => charge(app, &exchange, counts, route(router, request).await),
                // It is not the client's fault, so it counts against nobody.
                Err(overloaded) => into_response(overloaded),
            }
        });
        let response = routed.await;
        finish(app, &exchange, response, &method, started)
    };
    response.instrument(span).await
}

/// Longest target, in bytes, with method and version counted in as if they were the longest we know.
const MAX_TARGET: usize = (8 << 10) - "DELETE  HTTP/1.1".len();

async fn route(router: &Router, request: Request) -> Response {
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > MAX_TARGET {
        let refusal = ApiError::new(
            Code::UriTooLong,
            format!("the path and query may have {MAX_TARGET} bytes, these have {target}"),
        );
        return into_response(refusal);
    }
    match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// A request that nobody vouched for counts against its address; one too many is refused, whatever it was (protocol A9).
fn charge(app: &App, exchange: &Exchange, counts: Counts, response: Response) -> Response {
    if counts == Counts::No || exchange.caller.get().is_some() {
        return response;
    }
    match app.limits.failure(&exchange.client) {
        Ok(standing) => {
            exchange.note_standing(standing);
            response
        }
        Err(limited) => into_response(limited.into()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Yes,
    No,
}

/// Health, preflights and upgrades are for everyone.
fn counts_when_unauthenticated(request: &Request) -> Counts {
    let path = request.uri().path();
    let is_health = path
        .strip_prefix(path::HEALTH)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if is_health || path == path::WEBSOCKET || request.method() == Method::OPTIONS {
        Counts::No
    } else {
        Counts::Yes
    }
}

fn finish(
    app: &App,
    exchange: &Exchange,
    response: Response,
    method: &Method,
    started: Instant,
) -> Response {
    let mut response = render(app, exchange, response);
    let headers = response.headers_mut();
    if let Some(standing) = exchange.standing.get() {
        add_standing(headers, *standing);
    }
    if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
        headers.insert(HeaderName::from_static(REQUEST_ID_HEADER), id);
    }
    count(app, exchange, &response, method, started);
    log(exchange, &response, method, started);
    response
}

/// Turns what handlers and the router refused into the body of protocol A2.
fn render(app: &App, exchange: &Exchange, mut response: Response) -> Response {
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        None => match foreign(&response) {
            Some(error) => error,
            None => {
                judged(app, exchange, None);
                return response;
            }
        },
    };
    app.metrics.refused(error.code, error.limit);
    judged(app, exchange, Some(error.code));
    let body = serde_json::to_vec(&error.body(&exchange.request_id)).unwrap_or_default();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Some(standing) = error.standing {
        add_standing(headers, standing);
    }
    response.map(|_| Body::from(body))
}

/// What became of the request's signature, if it was looked at.
fn judged(app: &App, exchange: &Exchange, refused: Option<Code>) {
    let good = exchange.caller.get().map(|_| Outcome::Good);
    if let Some(outcome) = refused.and_then(Outcome::of).or(good) {
        app.metrics.verified(outcome);
    }
}

fn count(app: &App, exchange: &Exchange, response: &Response, method: &Method, started: Instant) {
    let waits = exchange.waits.load(Ordering::Relaxed);
    app.metrics.answered(&metrics::Request {
        route: exchange.route.get().map_or("", MatchedPath::as_str),
        method,
        status: response.status(),
        elapsed: (!waits).then(|| started.elapsed()),
    });
}

/// A refusal that the router itself gave.
fn foreign(response: &Response) -> Option<ApiError> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    Some(match status {
        StatusCode::NOT_FOUND => ApiError::new(Code::NotFound, "there is nothing at this path"),
        StatusCode::METHOD_NOT_ALLOWED => {
            let allow = response
                .headers()
                .get(header::ALLOW)
                .and_then(|allow| allow.to_str().ok());
            let message = format!(
                "this path has no such method; it has {}",
                allow.unwrap_or("others")
            );
            ApiError::new(Code::MethodNotAllowed, message)
        }
        _ if status.is_client_error() => {
            ApiError::new(Code::BadRequest, "the request cannot be understood")
        }
        _ => ApiError::internal(format_args!("the router answered {status}")),
    })
}

fn into_response(error: ApiError) -> Response {
    axum::response::IntoResponse::into_response(error)
}

fn add_standing(headers: &mut HeaderMap, standing: Standing) {
    for (name, value) in [
        (RATE_LIMIT_HEADER, HeaderValue::from(standing.limit)),
        (RATE_REMAINING_HEADER, HeaderValue::from(standing.remaining)),
        (RATE_RESET_HEADER, HeaderValue::from(standing.reset)),
    ] {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// One line a request: never a body, a signature or a whole key, and the route instead of the path, which may name a thread.
fn log(exchange: &Exchange, response: &Response, method: &Method, started: Instant) {
    let status = response.status();
    let caller = || {
        let caller = exchange.caller.get();
        caller.map_or_else(|| "-".to_owned(), PublicKey::short)
    };
    let route = exchange.route.get().map_or("-", MatchedPath::as_str);
    let micros = || u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    // A full inbox or quota is the sender's trouble, and it may ask again as often as it likes.
    let is_ours = status.is_server_error() && status != StatusCode::INSUFFICIENT_STORAGE;
    let status = status.as_u16();
    static FAILURES: Throttle = Throttle::new();
    if is_ours {
        if let Some(left_out) = FAILURES.admit() {
            tracing::warn!(%method, route, status, caller = caller(), micros = micros(), left_out, "answered");
        }
    } else {
        tracing::debug!(%method, route, status, caller = caller(), micros = micros(), "answered");
    }
}

fn forwarded_for(headers: &HeaderMap) -> Vec<&str> {
    // A value that is no text could be anything: it stands for a proxy's word that cannot be read, and ends the list.
    headers
        .get_all("x-forwarded-for")
        .iter()
        .map(|value| value.to_str().unwrap_or("?"))
        .collect()
}

/// `req_` and 16 hexadecimal digits, not to be foreseen.
pub(crate) fn next_request_id() -> String {
    format!("req_{:016x}", unforeseen::number())
}
