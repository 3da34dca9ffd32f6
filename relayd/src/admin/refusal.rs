//! Refusals on the admin socket: the same body as everywhere (protocol A2), which here no outer layer writes.

use crate::http::error::ApiError;
use crate::http::exchange::next_request_id;
use axum::Json;
use axum::response::{IntoResponse, Response};

/// A refusal of the admin socket.
#[derive(Debug)]
pub(super) struct Refusal(ApiError);

impl<E: Into<ApiError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = self.0.body(&next_request_id());
        (self.0.status(), Json(body)).into_response()
    }
}
