//! Who is served when there is too much to do: acknowledgements and polls last as long as anything does, since they give room back;
//! sends come before uploads, those before discovery, and that before whoever does not say who it is.
//!
//! The load is how full the fullest of what requests share is: the writer's queue, the number of requests under way, the bytes of
//! bodies under way. Each class of requests is turned away from a load of its own on, with 503 and a time to come again.

use crate::app::App;
use crate::http::error::ApiError;
use crate::metrics::Limit;
use http::{HeaderMap, Method};
use mrp_proto::relay_api::{SIGNATURE_HEADER, path};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests under way that can be turned away, at most: twice what may wait for the store's writer.
const MAX_REQUESTS: usize = 20_000;
/// Bytes of bodies under way, at most.
const MAX_BODIES: usize = 512 << 20;
/// Header of a request that is signed by RFC 9421.
const HTTP_SIGNATURE_HEADER: &str = "signature";

/// What a request is for, in the order of turning away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It does not say who it is.
    Anonymous,
    Discovery,
    Upload,
    Send,
    /// Acknowledgements, polls, deletions and sockets, and whether the relay is well.
    Vital,
}

impl Class {
    /// What a request is for, as far as its head says.
    pub(crate) fn of(method: &Method, path: &str, headers: &HeaderMap) -> Self {
        let is_signed =
            headers.contains_key(SIGNATURE_HEADER) || headers.contains_key(HTTP_SIGNATURE_HEADER);
        match (method, path) {
            (&Method::OPTIONS, _) | (_, path::WEBSOCKET) => Self::Vital,
            _ if path.starts_with(path::HEALTH) => Self::Vital,
            _ if !is_signed => Self::Anonymous,
            (&Method::GET | &Method::HEAD, "/v1/discover" | "/v1/capabilities") => Self::Discovery,
            (&Method::POST, "/v1/blobs") => Self::Upload,
            (&Method::POST, path::MESSAGES) => Self::Send,
            _ => Self::Vital,
        }
    }

    /// The load from which on it is turned away, in percent, and for how many seconds.
    fn threshold(self) -> Option<(usize, u64)> {
        match self {
            Self::Anonymous => Some((50, 10)),
            Self::Discovery => Some((60, 5)),
            Self::Upload => Some((75, 5)),
            Self::Send => Some((90, 1)),
            Self::Vital => None,
        }
    }

    /// Whether it is served under this load.
    fn admit(self, load: usize) -> Result<(), ApiError> {
        match self.threshold() {
            Some((threshold, retry_after)) if load >= threshold => {
                let message = "the relay has too much to do now; try again later";
                Err(ApiError::unavailable(message)
                    .with_retry_after(retry_after)
                    .with_limit(Limit::Load))
            }
            _ => Ok(()),
        }
    }
}

/// What requests share, beside the store's queue.
#[derive(Debug, Default)]
pub(crate) struct Overload(Arc<Gauges>);

#[derive(Debug, Default)]
struct Gauges {
    requests: AtomicUsize,
    bodies: AtomicUsize,
}

/// A request under way; dropping it gives its part back.
#[derive(Debug)]
pub(crate) struct UnderWay(Option<Arc<Gauges>>);

/// The bytes of a body under way; dropping it gives them back.
#[derive(Debug)]
pub(crate) struct HeldBytes {
    gauges: Arc<Gauges>,
    bytes: usize,
}

impl App {
    /// Lets a request begin, unless there is too much to do for one of its class.
    pub(crate) fn begin(&self, class: Class) -> Result<UnderWay, ApiError> {
        self.check_load(class)?;
        Ok(self.overload.enter(class))
    }

    /// Whether there is too much to do for what is not a request of its own, such as a frame.
    pub(crate) fn check_load(&self, class: Class) -> Result<(), ApiError> {
        class.admit(self.load())
    }

    /// How much there is to do, in percent of what can be done.
    pub(crate) fn load(&self) -> usize {
        self.overload.fill().max(self.store.queue_fill())
    }
}

impl Overload {
    fn enter(&self, class: Class) -> UnderWay {
        // What is never turned away, and may wait for long, says nothing about the load.
        if class == Class::Vital {
            return UnderWay(None);
        }
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        UnderWay(Some(Arc::clone(&self.0)))
    }

    /// Begins to hold a body.
    pub(crate) fn hold(&self) -> HeldBytes {
        HeldBytes {
            gauges: Arc::clone(&self.0),
            bytes: 0,
        }
    }

    /// Whether there is one request under way at most, apart from what may wait for long.
    pub(crate) fn is_quiet(&self) -> bool {
        self.0.requests.load(Ordering::Relaxed) <= 1
    }

    fn fill(&self) -> usize {
        let part = |gauge: &AtomicUsize, most: usize| {
            gauge.load(Ordering::Relaxed).saturating_mul(100) / most
        };
        let requests = part(&self.0.requests, MAX_REQUESTS);
        requests.max(part(&self.0.bodies, MAX_BODIES))
    }
}

impl HeldBytes {
    /// Counts further bytes, if there is room for them.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), ApiError> {
        let before = self.gauges.bodies.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before + bytes > MAX_BODIES {
            let message = "the relay is reading too many bodies at once; try again later";
            return Err(ApiError::unavailable(message).with_limit(Limit::Load));
        }
        Ok(())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(gauges) = &self.0 {
            gauges.requests.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.gauges.bodies.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_address::Peer;
    use crate::config::Config;
    use crate::http::exchange::answer;
    use crate::http::router;
    use axum::body::Body;
    use http::{HeaderValue, Request, StatusCode, header};
    use mrp_proto::code::Code;

    const ORDER: [Class; 5] = [
        Class::Anonymous,
        Class::Discovery,
        Class::Upload,
        Class::Send,
        Class::Vital,
    ];

    #[test]
    fn each_class_goes_at_its_threshold_and_in_this_order() {
        let turned_away = |load: usize| {
            let is_refused = |class: &&Class| class.admit(load).is_err();
            ORDER.iter().filter(is_refused).count()
        };
        for (load, expected) in [
            (0, 0),
            (49, 0),
            (50, 1),
            (59, 1),
            (60, 2),
            (74, 2),
            (75, 3),
            (89, 3),
            (90, 4),
            (100, 4),
            (usize::MAX, 4),
        ] {
            assert_eq!(turned_away(load), expected, "{load}");
        }
        let refusal = Class::Anonymous.admit(50).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.retry_after),
            (Code::Unavailable, Some(10))
        );
    }

    #[test]
    fn a_class_is_known_by_method_path_and_signature() {
        let of = |method: &Method, path: &str, header: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert(header, HeaderValue::from_static("x"));
            }
            Class::of(method, path, &headers)
        };
        let (get, post) = (&Method::GET, &Method::POST);
        let signed = Some("x-m2m-signature");
        for (method, path, header, class) in [
            (get, "/", None, Class::Anonymous),
            (get, "/v1/messages", None, Class::Anonymous),
            (get, "/v1/discover", None, Class::Anonymous),
            (get, "/v1/health/ready", None, Class::Vital),
            (get, "/v1/ws", None, Class::Vital),
            (&Method::OPTIONS, "/v1/messages", None, Class::Vital),
            (get, "/v1/discover", signed, Class::Discovery),
            (get, "/v1/capabilities", signed, Class::Discovery),
            (&Method::HEAD, "/v1/discover", signed, Class::Discovery),
            (post, "/v1/blobs", signed, Class::Upload),
            (get, "/v1/blobs/blob_1", signed, Class::Vital),
            (post, "/v1/messages", signed, Class::Send),
            (post, "/v1/messages", Some("signature"), Class::Send),
            (get, "/v1/messages", signed, Class::Vital),
            (post, "/v1/messages/msg_1/ack", signed, Class::Vital),
            (&Method::DELETE, "/v1/agents/x", signed, Class::Vital),
        ] {
            assert_eq!(
                of(method, path, header),
                class,
                "{method} {path} {header:?}"
            );
        }
    }

    #[test]
    fn requests_and_bodies_are_counted_while_they_last() {
        let overload = Overload::default();
        let vital: Vec<_> = (0..1000).map(|_| overload.enter(Class::Vital)).collect();
        assert_eq!(overload.fill(), 0);
        drop(vital);
        let sends: Vec<_> = (0..MAX_REQUESTS)
            .map(|_| overload.enter(Class::Send))
            .collect();
        assert_eq!(overload.fill(), 100);
        drop(sends);
        let mut first = overload.hold();
        first.add(MAX_BODIES / 2).unwrap();
        assert_eq!(overload.fill(), 50);
        let mut second = overload.hold();
        second.add(MAX_BODIES / 2).unwrap();
        assert_eq!(overload.fill(), 100);
        assert!(second.add(1).is_err());
        drop((first, second));
        assert_eq!(overload.fill(), 0);
    }

    #[tokio::test]
    async fn a_request_that_is_turned_away_is_told_when_to_come_again_and_counts_against_nobody() {
        let mut config = Config::default();
        config.set("limits.failures_per_minute_per_ip=1").unwrap();
        let app = Arc::new(App::in_memory(config).unwrap());
        let router = router(Arc::clone(&app));
        let ask = async |method: &str, path: &str| {
            let peer = Peer::Remote([192, 0, 2, 1].into());
            let request = Request::builder().method(method).uri(path);
            let request = request.header(SIGNATURE_HEADER, "x").body(Body::empty());
            answer(&app, &router, peer, None, request.unwrap()).await
        };
        let crowd: Vec<_> = (0..MAX_REQUESTS * 9 / 10)
            .map(|_| app.overload.enter(Class::Send))
            .collect();
        assert_eq!(app.load(), 90);
        for _ in 0..3 {
            let answer = ask("POST", "/v1/messages").await;
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.headers()[header::RETRY_AFTER], "1");
            assert!(answer.headers().contains_key("x-request-id"));
        }
        // A poll is looked at, though its signature is none.
        let polled = ask("GET", "/v1/messages").await;
        assert_eq!(polled.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(ask("GET", "/v1/health").await.status(), StatusCode::OK);
        drop(crowd);
        assert_eq!(app.load(), 0);
        // That was the second one without a good signature.
        let refused = ask("POST", "/v1/messages").await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    }
}
