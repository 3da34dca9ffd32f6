//! Notices when an answer is through: what comes from then on is the head of the next request.

use super::admission::Admission;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// An answer's body that tells its connection when the HTTP library is done with it.
#[derive(Debug)]
pub(super) struct Answered {
    body: Body,
    connection: Arc<Admission>,
}

impl Answered {
    pub(super) fn new(body: Body, connection: Arc<Admission>) -> Self {
        Self { body, connection }
    }
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.connection.mark_answered();
    }
}
