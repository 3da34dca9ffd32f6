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
pub(super) fn check_announced(headers: &HeaderMap, limit: usize) -> Result<(), ApiError> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match announced {
        Some(actual) if actual > limit as u64 => Err(too_large(limit, Some(actual))),
        _ => Ok(()),
    }
}

/// How long a body may come at any rate.
const GRACE: Duration = Duration::from_secs(10);
/// What must come in a second from then on, in bytes.
const LEAST_RATE: u64 = 4 << 10;

/// Until when the next part of a body must come: not too long after the last one, and not slower on the whole than [`LEAST_RATE`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    started: Instant,
    idle: Duration,
    total: Duration,
}

impl Pace {
    /// Begins now.
    pub(super) fn new(idle: Duration, total: Duration) -> Self {
        Self {
            started: Instant::now(),
            idle,
            total,
        }
    }

    /// Judges by the bytes that have come so far.
    pub(super) fn deadline(&self, bytes: u64) -> Instant {
        let earned = Duration::from_millis(bytes.saturating_mul(1000) / LEAST_RATE);
        let allowed = GRACE.saturating_add(earned).min(self.total);
        (Instant::now() + self.idle).min(self.started + allowed)
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
    let pace = Pace::new(timeouts.body_idle, timeouts.body);
    loop {
        let deadline = pace.deadline(parts.length as u64);
        let frame = match tokio::time::timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => return Ok(parts.into_bytes()),
            Ok(Some(Err(_))) => {
                return Err(ApiError::new(
                    Code::BadRequest,
                    "the body ended before its announced end, or is badly framed",
                ));
            }
            Err(_) => {
                return Err(ApiError::new(
                    Code::RequestTimeout,
                    format!(
                        "the body did not arrive in time: no part of it may take {} s, all of it {} s, and after {} s it must \
                         come with {LEAST_RATE} bytes a second",
                        timeouts.body_idle.as_secs_f64(),
                        timeouts.body.as_secs_f64(),
                        GRACE.as_secs()
                    ),
                ));
            }
        };
        if let Ok(data) = frame.into_data() {
            if parts.length + data.len() > limit {
                return Err(too_large(limit, None));
            }
            held.add(data.len())?;
            parts.push(data);
        }
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

fn too_large(limit: usize, actual: Option<u64>) -> ApiError {
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
        let pace = Pace::new(Duration::from_secs(30), Duration::from_secs(60));
        assert_eq!(pace.deadline(0), started + GRACE);
        assert_eq!(pace.deadline(4096), started + Duration::from_secs(11));
        assert_eq!(pace.deadline(1 << 20), started + Duration::from_secs(30));
        tokio::time::advance(Duration::from_secs(45)).await;
        assert_eq!(pace.deadline(u64::MAX), started + Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_lasts_too_long_is_refused_however_fast_it_comes() {
        let (outcome, took) = read_slowly(100, 20_000, Duration::from_secs(1)).await;
        assert_eq!((outcome, took.as_secs()), (TIMEOUT, 60));
    }
}
