//! Requests by route, method and class of status, and how long they took.
//!
//! Routes are those of the router, so their number is known to be small, but not which they are: each takes a place when it is
//! first seen, and keeps it. A place is found without a lock.

use super::histogram::Histogram;
use http::{Method, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Unit;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Routes and methods together, at most. What comes after that is counted as one.
const MOST: usize = 128;
/// A method that is none of HTTP's own, or that the route does not have.
const OTHER: &str = "OTHER";
/// 1xx to 5xx.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// A request that was answered.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The router's path; empty where there is none.
    pub(crate) route: &'a str,
    pub(crate) method: &'a Method,
    pub(crate) status: StatusCode,
    /// `None` where it waited because it was told to: that says nothing about the relay.
    pub(crate) elapsed: Option<Duration>,
}

/// The counts.
#[derive(Debug)]
pub(super) struct Requests {
    places: [OnceLock<Place>; MOST],
    rest: Place,
}

#[derive(Debug)]
struct Place {
    route: String,
    method: &'static str,
    by_class: [AtomicU64; CLASSES.len()],
    seconds: Histogram,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            places: [const { OnceLock::new() }; MOST],
            rest: Place::new("other", OTHER),
        }
    }
}

impl Place {
    fn new(route: &str, method: &'static str) -> Self {
        Self {
            route: route.to_owned(),
            method,
            by_class: [const { AtomicU64::new(0) }; CLASSES.len()],
            seconds: Histogram::of_seconds(),
        }
    }
}

impl Requests {
    pub(super) fn count(&self, request: &Request<'_>) {
        // A method that a route does not have would take a place from one that it has.
        let method = match request.status {
            StatusCode::METHOD_NOT_ALLOWED => OTHER,
            _ => name_of(request.method),
        };
        let place = self.place(request.route, method);
        let class = usize::from(request.status.as_u16() / 100).saturating_sub(1);
        place.by_class[class.min(CLASSES.len() - 1)].fetch_add(1, Ordering::Relaxed);
        if let Some(elapsed) = request.elapsed {
            place.seconds.observe(elapsed);
        }
    }

    fn place(&self, route: &str, method: &'static str) -> &Place {
        let route = if route.is_empty() { "none" } else { route };
        self.places
            .iter()
            .map(|place| place.get_or_init(|| Place::new(route, method)))
            .find(|place| place.method == method && place.route == route)
            .unwrap_or(&self.rest)
    }

    fn taken(&self) -> impl Iterator<Item = &Place> {
        let places = self.places.iter().map_while(OnceLock::get);
        places.chain([&self.rest])
    }
}

/// A method that is none of HTTP's own is a peer's word.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}

impl Collector for Requests {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Requests by the router's path, method and class of status";
        let mut counts = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
        for place in self.taken() {
            for (class, count) in CLASSES.iter().zip(&place.by_class) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let labels = [
                        ("route", place.route.as_str()),
                        ("method", place.method),
                        ("status", class),
                    ];
                    ConstCounter::new(count).encode(counts.encode_family(&labels)?)?;
                }
            }
        }
        let help = "How long answers took, without polls that were told to wait";
        let unit = Unit::Seconds;
        let mut times =
            encoder.encode_descriptor("request", help, Some(&unit), MetricType::Histogram)?;
        for place in self.taken().filter(|place| place.seconds.count() > 0) {
            let labels = [("route", place.route.as_str()), ("method", place.method)];
            place.seconds.encode(times.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;
    use std::sync::Arc;

    fn shown(requests: &Arc<Requests>) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Arc::clone(requests)));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    fn count(requests: &Requests, route: &str, method: &Method, status: u16) {
        requests.count(&Request {
            route,
            method,
            status: StatusCode::from_u16(status).unwrap(),
            elapsed: (status != 204).then_some(Duration::from_millis(2)),
        });
    }

    #[test]
    fn a_route_is_counted_by_method_and_class() {
        let requests = Arc::new(Requests::default());
        for status in [200, 200, 404, 503] {
            count(&requests, "/v1/x/{id}", &Method::GET, status);
        }
        count(&requests, "/v1/x/{id}", &Method::DELETE, 204);
        count(&requests, "", &Method::from_bytes(b"BREW").unwrap(), 404);
        let text = shown(&requests);
        for line in [
            r#"requests_total{route="/v1/x/{id}",method="GET",status="2xx"} 2"#,
            r#"requests_total{route="/v1/x/{id}",method="GET",status="4xx"} 1"#,
            r#"requests_total{route="/v1/x/{id}",method="GET",status="5xx"} 1"#,
            r#"requests_total{route="/v1/x/{id}",method="DELETE",status="2xx"} 1"#,
            r#"requests_total{route="none",method="OTHER",status="4xx"} 1"#,
            r#"request_seconds_count{route="/v1/x/{id}",method="GET"} 4"#,
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        assert!(
            !text.contains(r#"_count{route="/v1/x/{id}",method="DELETE"}"#),
            "{text}"
        );
    }

    #[test]
    fn methods_that_a_route_does_not_have_take_one_place() {
        let requests = Arc::new(Requests::default());
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            count(&requests, "/v1/x", &method, 405);
        }
        count(&requests, "/v1/x", &Method::PUT, 200);
        let text = shown(&requests);
        let series: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("requests_total"))
            .collect();
        assert_eq!(
            series,
            [
                r#"requests_total{route="/v1/x",method="OTHER",status="4xx"} 3"#,
                r#"requests_total{route="/v1/x",method="PUT",status="2xx"} 1"#,
            ]
        );
    }

    #[test]
    fn there_are_never_more_series_than_places() {
        let requests = Arc::new(Requests::default());
        for number in 0..MOST * 2 {
            count(&requests, &format!("/{number}"), &Method::GET, 200);
        }
        let text = shown(&requests);
        let series = text
            .lines()
            .filter(|line| line.starts_with("requests_total"))
            .count();
        assert_eq!(series, MOST + 1);
        assert!(
            text.contains(&format!(
                r#"route="other",method="OTHER",status="2xx"}} {MOST}"#
            )),
            "{text}"
        );
    }
}
