//! Reading a request's body: bounded in size and in time.

use super::error::ApiError;
use crate::config::Timeouts;
use crate::overload::HeldBytes;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use mrp_proto::code::Code;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// Refuses a body that announces itself as too large, before any of it is read.
pub(super) fn check_announced(headers: &HeaderMap, limit: u64) -> Result<(), ApiError> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match announced {
        Some(actual) if actual > limit => Err(too_large(limit, Some(actual))),
        _ => Ok(()),
    }
}

/// Reads a body to its end. The bytes are counted as under way until the answer to them is ready.
pub(super) async fn read(
    mut body: Body,
    limit: usize,
    timeouts: &Timeouts,
    held: &mut HeldBytes,
) -> Result<Bytes, ApiError> {
    let mut parts = Parts::default();
    let mut pace = Pace::of_body(timeouts);
    while let Some(data) = next_part(&mut body, &mut pace).await? {
        if parts.length + data.len() > limit {
            return Err(too_large(limit as u64, None));
        }
        held.add(data.len())?;
        parts.push(data);
    }
    Ok(parts.into_bytes())
}

/// The next part of a body, if there is one; it must come as quickly as the pace wants it.
pub(super) async fn next_part(body: &mut Body, pace: &mut Pace) -> Result<Option<Bytes>, ApiError> {
    loop {
        match tokio::time::timeout_at(pace.deadline(), body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    pace.received += data.len() as u64;
                    return Ok(Some(data));
                }
            }
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => {
                return Err(ApiError::new(
                    Code::BadRequest,
                    "the body ended before its announced end, or is badly framed",
                ));
            }
            Err(_) => return Err(pace.broken()),
        }
    }
}

/// How quickly a body must come: its next part not too long after the last one, the whole not too slowly and in the end.
#[derive(Debug)]
pub(super) struct Pace {
    begun: Instant,
    whole: Duration,
    idle: Duration,
    /// How long it may come at any rate.
    grace: Duration,
    /// Bytes that must come in a second, on average, from then on.
    rate: u64,
    received: u64,
}

impl Pace {
    fn of_body(timeouts: &Timeouts) -> Self {
        Self {
            begun: Instant::now(),
            whole: timeouts.body,
            idle: timeouts.body_idle,
            grace: timeouts.body_grace,
            rate: timeouts.body_rate,
            received: 0,
        }
    }

    /// Of an upload, which may be long but not slow.
    pub(super) fn of_upload(timeouts: &Timeouts) -> Self {
        Self {
            whole: timeouts.upload,
            ..Self::of_body(timeouts)
        }
    }

    /// Bytes that came.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// When the next part must be there.
    fn deadline(&self) -> Instant {
        let earned = Duration::from_millis(self.received.saturating_mul(1000) / self.rate.max(1));
        let allowed = self.grace.saturating_add(earned).min(self.whole);
        (Instant::now() + self.idle).min(self.begun + allowed)
    }

    fn broken(&self) -> ApiError {
        let message = format!(
            "the body did not arrive in time: no part of it may take {} s, all of it {} s, and after {} s it must come with {} \
             bytes a second",
            self.idle.as_secs_f64(),
            self.whole.as_secs_f64(),
            self.grace.as_secs_f64(),
            self.rate
        );
        ApiError::new(Code::RequestTimeout, message)
    }
}

/// A body of one part is not copied.
#[derive(Debug, Default)]
struct Parts {
    first: Bytes,
    all: BytesMut,
    length: usize,
}

impl Parts {
    fn push(&mut self, data: Bytes) {
        self.length += data.len();
        if self.first.is_empty() && self.all.is_empty() {
            self.first = data;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&data);
    }

    fn into_bytes(self) -> Bytes {
        if self.all.is_empty() {
            self.first
        } else {
            self.all.freeze()
        }
    }
}

pub(super) fn too_large(limit: u64, actual: Option<u64>) -> ApiError {
    let given = actual.map_or_else(|| "more than that".to_owned(), |actual| format!("{actual}"));
    ApiError::new(
        Code::PayloadTooLarge,
        format!("a request may have {limit} bytes, this one has {given}"),
    )
    .with_details(json!({ "limit": limit, "actual": actual }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overload::Overload;
    use futures_util::stream;
    use std::convert::Infallible;

    /// Reads a body of which a part of `size` bytes comes each `pause`; says how long that took.
    async fn read_slowly(
        count: usize,
        size: usize,
        pause: Duration,
    ) -> (Result<usize, Code>, Duration) {
        let parts = stream::unfold(0, move |sent| async move {
            tokio::time::sleep(pause).await;
            let part = Ok::<_, Infallible>(Bytes::from(vec![b'x'; size]));
            (sent < count).then_some((part, sent + 1))
        });
        let (started, timeouts) = (Instant::now(), Timeouts::default());
        let body = Body::from_stream(parts);
        let mut held = Overload::default().hold();
        let outcome = read(body, 2 << 20, &timeouts, &mut held).await;
        let outcome = outcome.map(|body| body.len()).map_err(|error| error.code);
        (outcome, started.elapsed())
    }

    const TIMEOUT: Result<usize, Code> = Err(Code::RequestTimeout);

    #[tokio::test(start_paused = true)]
    async fn a_body_may_be_as_slow_as_the_least_rate_and_no_slower() {
        let second = Duration::from_secs(1);
        // Just fast enough: after the grace, each second brings what it needs.
        let (outcome, _) = read_slowly(49, 4096, second).await;
        assert_eq!(outcome, Ok(49 * 4096));
        // A byte a second lasts no longer than the grace, and what one earns.
        let (outcome, took) = read_slowly(100, 1, second).await;
        assert_eq!(outcome, TIMEOUT);
        assert!(took < Duration::from_millis(10_010), "{took:?}");
        // At three quarters of the rate, the grace is used up by and by.
        let (outcome, took) = read_slowly(100, 3072, second).await;
        assert_eq!(outcome, TIMEOUT);
        assert!((37.0..41.0).contains(&took.as_secs_f64()), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_not_pause_nor_last() {
        let (outcome, took) = read_slowly(3, 500_000, Duration::from_secs(30)).await;
        assert_eq!((outcome, took.as_secs()), (TIMEOUT, 10));
        let started = Instant::now();
        let mut pace = Pace::of_body(&Timeouts::default());
        for (received, seconds) in [(0, 10), (4096, 11), (1 << 20, 30)] {
            pace.received = received;
            assert_eq!(pace.deadline(), started + Duration::from_secs(seconds));
        }
        tokio::time::advance(Duration::from_secs(45)).await;
        pace.received = u64::MAX;
        assert_eq!(pace.deadline(), started + Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_lasts_too_long_is_refused_however_fast_it_comes() {
        let (outcome, took) = read_slowly(100, 20_000, Duration::from_secs(1)).await;
        assert_eq!((outcome, took.as_secs()), (TIMEOUT, 60));
    }
}
