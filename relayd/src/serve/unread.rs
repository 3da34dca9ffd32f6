//! Notices bodies that nobody read to their end.

use super::admission::Admission;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A request's body that tells its connection when it is dropped before its end: the rest is still coming then.
#[derive(Debug)]
pub(super) struct Watched {
    body: Incoming,
    ended: bool,
    connection: Arc<Admission>,
}

impl Watched {
    pub(super) fn new(body: Incoming, connection: Arc<Admission>) -> Self {
        let ended = body.is_end_stream();
        Self {
            body,
            ended,
            connection,
        }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.ended = frame.is_none() || self.body.is_end_stream();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.mark_unread();
        }
    }
}
