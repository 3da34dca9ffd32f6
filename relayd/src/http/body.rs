//! Reading a request's body: bounded in size and in time.

use super::error::ApiError;
use crate::config::Timeouts;
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

/// Reads a body to its end.
pub(super) async fn read(
    mut body: Body,
    limit: usize,
    timeouts: &Timeouts,
) -> Result<Bytes, ApiError> {
    let mut parts = Parts::default();
    let mut pace = Pace::of_body(timeouts);
    while let Some(data) = next_part(&mut body, &mut pace).await? {
        if parts.length + data.len() > limit {
            return Err(too_large(limit as u64, None));
        }
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
            Err(_) => {
                return Err(ApiError::new(
                    Code::RequestTimeout,
                    "the body did not arrive in time",
                ));
            }
        }
    }
}

/// How quickly a body must come.
#[derive(Debug)]
pub(super) struct Pace {
    begun: Instant,
    whole: Duration,
    idle: Duration,
    /// Bytes a second on average, and from when on.
    rate: Option<(u64, Duration)>,
    received: u64,
}

impl Pace {
    fn of_body(timeouts: &Timeouts) -> Self {
        Self {
            begun: Instant::now(),
            whole: timeouts.body,
            idle: timeouts.body_idle,
            rate: None,
            received: 0,
        }
    }

    /// Of an upload, which may be long but not slow.
    pub(super) fn of_upload(timeouts: &Timeouts) -> Self {
        Self {
            whole: timeouts.upload,
            rate: Some((timeouts.upload_rate, timeouts.upload_grace)),
            ..Self::of_body(timeouts)
        }
    }

    /// Bytes that came.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// When the next part must be there: before the body was idle for too long, took too long, or is too slow with what came.
    fn deadline(&self) -> Instant {
        let deadline = (self.begun + self.whole).min(Instant::now() + self.idle);
        match self.rate {
            None => deadline,
            Some((rate, grace)) => {
                let covered =
                    Duration::from_millis(self.received.saturating_mul(1000) / rate.max(1));
                deadline.min(self.begun + covered.max(grace).min(self.whole))
            }
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

pub(super) fn too_large(limit: u64, actual: Option<u64>) -> ApiError {
    let given = actual.map_or_else(|| "more than that".to_owned(), |actual| format!("{actual}"));
    ApiError::new(
        Code::PayloadTooLarge,
        format!("a request may have {limit} bytes, this one has {given}"),
    )
    .with_details(json!({ "limit": limit, "actual": actual }))
}
