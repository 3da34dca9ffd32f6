//! Reading a request's body: bounded in size and in time.

use super::error::ApiError;
use crate::config::Timeouts;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use mrp_proto::code::Code;
use serde_json::json;
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

/// Reads a body to its end.
pub(super) async fn read(
    mut body: Body,
    limit: usize,
    timeouts: &Timeouts,
) -> Result<Bytes, ApiError> {
    let mut parts = Parts::default();
    let last = Instant::now() + timeouts.body;
    loop {
        let deadline = last.min(Instant::now() + timeouts.body_idle);
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
                    "the body did not arrive in time",
                ));
            }
        };
        if let Ok(data) = frame.into_data() {
            if parts.length + data.len() > limit {
                return Err(too_large(limit, None));
            }
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
