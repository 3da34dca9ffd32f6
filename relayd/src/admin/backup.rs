//! `GET /v1/snapshot`: everything that is in the store, as a stream that a program beside the relay makes a backup of.
//!
//! The relay writes no files for it: those of a backup belong to whoever asks, and so does the place they are put in, which a
//! relay that is locked up as it should be could not even reach.

use crate::app::App;
use crate::http::error::ApiError;
use crate::store::{Snapshot, StoreError};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use std::sync::Arc;

/// The path of the stream.
pub(crate) const PATH: &str = "/v1/snapshot";

/// Begins a snapshot. A second one at the same time is refused.
pub(super) async fn snapshot(State(app): State<Arc<App>>) -> Response {
    match app.store.snapshot().await {
        Ok(snapshot) => {
            tracing::info!("a backup is taken");
            stream_of(snapshot)
        }
        Err(StoreError::Overloaded) => refuse("another backup is being taken; wait for its end"),
        Err(_) => refuse("the relay cannot reach its store now"),
    }
}

fn stream_of(snapshot: Snapshot) -> Response {
    let parts = stream::unfold(snapshot, |mut snapshot| async move {
        let part = snapshot.next().await?;
        Some((part, snapshot))
    });
    let mut response = Body::from_stream(parts).into_response();
    let bytes = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, bytes);
    response
}

fn refuse(message: &'static str) -> Response {
    let error = ApiError::unavailable(message).body("-");
    (StatusCode::SERVICE_UNAVAILABLE, axum::Json(error)).into_response()
}
