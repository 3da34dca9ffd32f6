//! What a session waits for: verdicts, sends, acknowledgements and reads of the store.

use super::fetch::Fetch;
use crate::app::App;
use crate::client_address::ClientAddress;
use crate::http::error::ApiError;
use crate::hub::Attachment;
use crate::metrics::{Channel, Limit, Outcome};
use crate::send;
use crate::store::{MarkError, Marked, StoreError, Stored};
use futures_util::task::noop_waker_ref;
use mrp_proto::code::Code;
use mrp_proto::frame::{self, CloseCode, SendOutcome, SuccessWord};
use mrp_proto::id::MessageId;
use mrp_proto::key::PublicKey;
use mrp_proto::session::relay::Rejection;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// How long to leave the store alone after it failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// A probed session ends itself when its time is over; the newcomer waits a little longer, or it would come too early.
const PROBE_SLACK: Duration = Duration::from_millis(500);

/// Something that the session waits for. It is boxed, since most sessions wait for nothing most of the time.
pub(super) type Job = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What came of a job.
pub(super) enum Done {
    Verdict(Result<Attachment, Rejection>),
    Sent {
        request_id: String,
        outcome: SendOutcome,
    },
    Marked(Result<Marked, MarkError>),
    Found {
        fetch: Fetch,
        found: Result<Vec<Stored>, StoreError>,
    },
    /// The pause after a failed read is over.
    Rested {
        bytes: usize,
    },
}

/// Verifies the first frame, and finds a place for the session.
pub(super) fn authenticate(app: Arc<App>, auth: Box<frame::Auth>, client: ClientAddress) -> Job {
    Box::pin(async move { Done::Verdict(admit(&app, &auth, &client).await) })
}

async fn admit(
    app: &App,
    auth: &frame::Auth,
    client: &ClientAddress,
) -> Result<Attachment, Rejection> {
    let key = match app.verify_websocket(auth, client).await {
        Ok(key) => {
            app.metrics.verified(Outcome::Good);
            key
        }
        Err(error) => {
            if let Some(outcome) = Outcome::of(error.code) {
                app.metrics.verified(outcome);
            }
            return Err(refuse(app, error));
        }
    };
    // Not before: whoever cannot sign takes nobody's turn.
    let turn = app.arrivals.turn().await;
    turn.map_err(|error| refuse(app, error))?;
    let limit = app.config.limits.sockets_per_agent;
    let patience = app.config.timeouts.websocket_probe + PROBE_SLACK;
    let place = app.hub.admit(key, limit, patience).await;
    let place = place.map_err(|error| {
        let code = Code::RateLimitExceeded;
        app.metrics.refused(code, Some(Limit::Sockets));
        Rejection {
            close: CloseCode::TooManyConnections,
            error: error.to_string(),
            code,
        }
    })?;
    let confirmed = app.confirm(&key).await;
    confirmed.map_err(|error| refuse(app, error))?;
    Ok(place)
}

fn refuse(app: &App, error: ApiError) -> Rejection {
    app.metrics.refused(error.code, error.limit);
    let close = match error.code {
        Code::AgentSuspended => CloseCode::AgentGone,
        Code::RateLimitExceeded => CloseCode::RateLimited,
        Code::Unavailable | Code::Internal => CloseCode::GoingAway,
        _ => CloseCode::AuthFailed,
    };
    Rejection {
        close,
        error: error.message,
        code: error.code,
    }
}

/// Takes a message in. The order in which these are made is the order in which they are accepted: the store queues a send when
/// its future is first polled, which is done here.
pub(super) fn accept(app: Arc<App>, sender: PublicKey, send: frame::Send) -> Job {
    let mut job: Job = Box::pin(async move {
        let frame::Send {
            request_id,
            idempotency_key,
            request,
        } = send;
        let outcome = match send::submit(&app, sender, request, idempotency_key, None).await {
            Ok(acceptance) => SendOutcome::Accepted {
                word: SuccessWord::default(),
                message_id: acceptance.accepted.message_id,
                created_at: Some(acceptance.accepted.created_at),
                expires_at: Some(acceptance.accepted.expires_at),
            },
            Err(error) => {
                app.metrics.refused(error.code, error.limit);
                SendOutcome::refused(error.code, error.message, error.retry_after)
            }
        };
        Done::Sent {
            request_id,
            outcome,
        }
    });
    // Nobody is woken by this poll, so the job must be polled again by who gets it.
    match job
        .as_mut()
        .poll(&mut Context::from_waker(noop_waker_ref()))
    {
        Poll::Ready(done) => Box::pin(std::future::ready(done)),
        Poll::Pending => job,
    }
}

/// Marks a message as delivered.
pub(super) fn mark(app: Arc<App>, recipient: PublicKey, message_id: MessageId) -> Job {
    Box::pin(async move {
        let now = app.now();
        let marked = app
            .store
            .mark_delivered(recipient, &message_id, None, now)
            .await;
        if let Ok(Marked::Now(sequence)) = marked {
            app.metrics.delivered(Channel::WebSocket, 1);
            app.hub.settle(&recipient, sequence);
        }
        Done::Marked(marked)
    })
}

/// Reads on in the inbox.
pub(super) fn fetch(app: Arc<App>, recipient: PublicKey, fetch: Fetch) -> Job {
    Box::pin(async move {
        let (after, room, now) = (fetch.scan.after, fetch.room(), app.now());
        let found = app.store.next_after(recipient, after, room, now).await;
        Done::Found { fetch, found }
    })
}

/// Waits before the store is read again.
pub(super) fn rest(bytes: usize) -> Job {
    Box::pin(async move {
        tokio::time::sleep(STORE_PAUSE).await;
        Done::Rested { bytes }
    })
}
