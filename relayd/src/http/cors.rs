//! Which web pages may use the relay (the Fetch standard's CORS protocol): all, unless `access.cors_origins` lists some.
//!
//! Requests are signed and carry no cookies, so that a page can do here only what its own key may; a list is for operators who want
//! their relay used by their own pages alone. CORS does not cover WebSockets, so where there is a list, upgrades are held
//! against it too. A program that sends no `Origin` is nobody's page, and is not asked.

use super::error::ApiError;
use crate::config::CorsOrigins;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use mrp_proto::code::Code;
use mrp_proto::relay_api::{
    IDEMPOTENCY_KEY_HEADER, IDEMPOTENCY_REPLAYED_HEADER, PUBLIC_KEY_HEADER, RATE_LIMIT_HEADER,
    RATE_REMAINING_HEADER, RATE_RESET_HEADER, REQUEST_ID_HEADER, SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
};
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it was told; browsers have bounds of their own.
const MAX_AGE: Duration = Duration::from_secs(86_400);

const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// What a page may say.
const REQUEST_HEADERS: [HeaderName; 13] = [
    HeaderName::from_static(PUBLIC_KEY_HEADER),
    HeaderName::from_static(TIMESTAMP_HEADER),
    HeaderName::from_static(SIGNATURE_HEADER),
    HeaderName::from_static("signature"),
    HeaderName::from_static("signature-input"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static(IDEMPOTENCY_KEY_HEADER),
    header::ACCEPT,
    header::CONTENT_TYPE,
    header::RANGE,
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
];

/// What a page may read, beside what it always may.
const ANSWER_HEADERS: [HeaderName; 14] = [
    HeaderName::from_static(REQUEST_ID_HEADER),
    HeaderName::from_static(RATE_LIMIT_HEADER),
    HeaderName::from_static(RATE_REMAINING_HEADER),
    HeaderName::from_static(RATE_RESET_HEADER),
    HeaderName::from_static(IDEMPOTENCY_REPLAYED_HEADER),
    HeaderName::from_static("x-m2m-blob-hash"),
    HeaderName::from_static("x-m2m-storage-used"),
    HeaderName::from_static("x-m2m-storage-limit"),
    header::RETRY_AFTER,
    header::ALLOW,
    header::ETAG,
    header::ACCEPT_RANGES,
    header::CONTENT_RANGE,
    header::CONTENT_DISPOSITION,
];

/// What browsers are told.
#[derive(Debug)]
pub(crate) struct Cors {
    layer: Option<CorsLayer>,
    /// `None` lets every page in.
    listed: Option<Vec<HeaderValue>>,
}

impl Cors {
    pub(crate) fn new(origins: &CorsOrigins) -> Self {
        let layer = CorsLayer::new()
            .allow_methods(METHODS)
            .allow_headers(REQUEST_HEADERS)
            .expose_headers(ANSWER_HEADERS)
            .max_age(MAX_AGE);
        match origins {
            CorsOrigins::Any => Self {
                layer: Some(layer.allow_origin(AllowOrigin::any())),
                listed: None,
            },
            CorsOrigins::Listed(origins) => {
                let listed = origins.iter().filter_map(|origin| origin.parse().ok());
                let listed: Vec<HeaderValue> = listed.collect();
                let layer = layer.allow_origin(AllowOrigin::list(listed.iter().cloned()));
                Self {
                    layer: (!listed.is_empty()).then_some(layer),
                    listed: Some(listed),
                }
            }
        }
    }

    /// Answers a request by `inner`, with what browsers want to read beside it; preflights it answers itself.
    pub(super) async fn around<F>(
        &self,
        request: Request,
        inner: impl FnOnce(Request) -> F,
    ) -> Response
    where
        F: Future<Output = Response>,
    {
        let Some(layer) = self.layer.as_ref().filter(|_| self.concerns(&request)) else {
            return inner(request).await;
        };
        let mut inner = Some(inner);
        let service = service_fn(|request| {
            let inner = inner.take().expect("one request is answered once");
            let answer = inner(request);
            async { Ok::<_, Infallible>(answer.await) }
        });
        match layer.layer(service).oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// What a page asks, and, where pages are told apart, all that a cache could give to one. The library takes every OPTIONS for a
    /// preflight; one that is none is for the router.
    fn concerns(&self, request: &Request) -> bool {
        let headers = request.headers();
        let is_of_a_page = headers.contains_key(header::ORIGIN);
        if request.method() == Method::OPTIONS {
            is_of_a_page && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        } else {
            is_of_a_page || self.listed.is_some()
        }
    }

    /// The headers of a refusal that is given before the request is read, each with its line's end. Who asks is not known then, so
    /// only what all pages may read is told to them.
    pub(crate) fn lines_of_early_refusals(&self) -> &'static str {
        match self.listed {
            None => {
                "access-control-allow-origin: *\r\naccess-control-expose-headers: x-request-id,retry-after\r\n"
            }
            Some(_) => "",
        }
    }

    /// Whether a page may open a WebSocket.
    pub(super) fn admit_upgrade(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(listed) = &self.listed else {
            return Ok(());
        };
        let mut origins = headers.get_all(header::ORIGIN).iter();
        if origins.all(|origin| listed.contains(origin)) {
            return Ok(());
        }
        Err(ApiError::new(
            Code::Forbidden,
            "this relay takes WebSockets of the pages that its operator listed; this page is not one of them",
        ))
    }
}
