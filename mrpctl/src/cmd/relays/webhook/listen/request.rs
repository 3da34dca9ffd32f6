//! What is asked over HTTP: what a delivery must be to be believed, and what is answered to it.

use super::door::Event;
use crate::cli::value;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use mrp_proto::message::{Limits, Message};
use mrp_proto::relay_api::{Covered, DeliveryHeaders, WebhookDelivery, WebhookSecret};
use mrpd_api::client::Bytes;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// How long a body may take to come.
const BODY: Duration = Duration::from_secs(10);
/// How long what is not wanted may take to come.
const DRAIN: Duration = Duration::from_secs(2);
/// How long a delivery waits for its command. Relays wait 10 s, with all that it takes to connect.
const ANSWER: Duration = Duration::from_secs(8);
/// What a relay writes around a message that was sent: its id, its times, the delivery's name.
const AROUND: usize = 16 << 10;
/// When it is worth asking again, in seconds.
const SOON: HeaderValue = HeaderValue::from_static("2");
const LATER: HeaderValue = HeaderValue::from_static("10");

/// What deliveries are held against.
pub(super) struct Wanted {
    /// Path and query that are posted to.
    pub(super) path: String,
    pub(super) secret: WebhookSecret,
    pub(super) max_age: Duration,
}

/// A delivery that is believed to be the relay's.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) delivery_id: String,
    pub(super) message: Message,
    pub(super) covered: Covered,
}

/// What is answered to a delivery that is believed. With 2xx the relay is rid of it, with anything else it brings it again. It is never
/// 410, by which the whole webhook would be disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Handled,
    GivenUp,
    /// It was handled or given up before.
    Repeated,
    /// It is not what its sender wrote, and will not be.
    Dropped,
    /// It is another agent's than the one whose key is here.
    Foreign,
    Later,
    Failed,
    /// Its command is still running, or has no place yet.
    Busy,
    /// This program ends.
    Ending,
}

impl Answer {
    /// Whether the relay is rid of the message.
    pub(super) fn is_taken(self) -> bool {
        self.told().0.is_success()
    }

    fn told(self) -> (StatusCode, Option<HeaderValue>, &'static str) {
        match self {
            Self::Handled => (StatusCode::OK, None, "handled"),
            Self::GivenUp => (StatusCode::OK, None, "given up"),
            Self::Repeated => (StatusCode::OK, None, "it was there before"),
            Self::Dropped => (StatusCode::OK, None, "dropped"),
            Self::Foreign => (
                StatusCode::UNPROCESSABLE_ENTITY,
                None,
                "the message is for another agent",
            ),
            Self::Later => (StatusCode::SERVICE_UNAVAILABLE, Some(LATER), "not now"),
            Self::Failed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                None,
                "the command failed",
            ),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                Some(SOON),
                "it is not done yet",
            ),
            Self::Ending => (
                StatusCode::SERVICE_UNAVAILABLE,
                Some(SOON),
                "the receiver ends",
            ),
        }
    }

    pub(super) fn response(self) -> Response<Full<Bytes>> {
        let (status, retry_after, text) = self.told();
        let mut response = respond(status, text);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// Why a request is no delivery.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, text }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn response(self) -> Response<Full<Bytes>> {
        let mut response = respond(self.status, &self.text);
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            let allow = HeaderValue::from_static("POST");
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }
}

fn respond(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{text}\n")));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// Bytes of the largest delivery.
fn largest() -> usize {
    Limits::default().message + AROUND
}

/// Takes a request, and waits until it is known what came of it.
pub(super) async fn receive(
    wanted: &Wanted,
    events: &mpsc::Sender<Event>,
    request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    let (head, body) = request.into_parts();
    if let Err(refusal) = check_target(wanted, &head) {
        drain(body).await;
        return Err(refusal);
    }
    let body = read(body).await?;
    let posted = believe(wanted, &head.headers, &body)?;
    let (reply, answer) = oneshot::channel();
    let asked = async {
        let event = Event::Delivered(Box::new(posted), reply);
        // Whoever would answer is gone when this program ends.
        events.send(event).await.map_err(|_| Answer::Ending)?;
        answer.await.map_err(|_| Answer::Ending)
    };
    let answered = timeout(ANSWER, asked).await.unwrap_or(Err(Answer::Busy));
    Ok(answered.unwrap_or_else(|instead| instead))
}

fn check_target(wanted: &Wanted, head: &Parts) -> Result<(), Refusal> {
    let target = head.uri.path_and_query().map(|target| target.as_str());
    if target != Some(wanted.path.as_str()) {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "there is nothing here; deliveries go to the path of --path",
        ));
    }
    if head.method != Method::POST {
        return Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "deliveries are posted",
        ));
    }
    Ok(())
}

async fn read(mut body: Incoming) -> Result<Bytes, Refusal> {
    let most = largest();
    // What says that it is too large is not kept at all.
    let is_within = usize::try_from(body.size_hint().lower()).is_ok_and(|least| least <= most);
    let kept = async {
        if !is_within {
            return Err(None);
        }
        let kept = Limited::new(&mut body, most).collect().await;
        kept.map_err(|error| (!error.is::<LengthLimitError>()).then_some("the request broke off"))
    };
    match timeout(BODY, kept).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(None)) => {
            drain(body).await;
            let text = format!("a delivery has at most {most} bytes");
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text))
        }
        Ok(Err(Some(why))) => Err(Refusal::new(StatusCode::BAD_REQUEST, why)),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "the request took too long",
        )),
    }
}

/// Lets a request be written to its end, for a while: whoever is still writing would find the connection broken, and no answer.
async fn drain(mut body: Incoming) {
    let reading = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = timeout(DRAIN, reading).await;
}

/// Holds a delivery against its signature and the clock; what is in it is looked at only then.
fn believe(wanted: &Wanted, headers: &http::HeaderMap, body: &[u8]) -> Result<Posted, Refusal> {
    let now = value::now();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let given = DeliveryHeaders::find(header);
    let covered = given
        .verify(&wanted.secret, body, now, wanted.max_age)
        .map_err(|error| Refusal::new(StatusCode::UNAUTHORIZED, error.to_string()))?;
    let bad = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
    let delivery: WebhookDelivery = serde_json::from_slice(body)
        .map_err(|error| bad(format!("this is no delivery of a message: {error}")))?;
    let delivery_id = delivery.delivery_id.to_string();
    if covered == Covered::Everything && given.id != Some(delivery_id.as_str()) {
        return Err(bad("webhook-id is not the delivery's id".to_owned()));
    }
    // The published signature says nothing of the time; this is all there is to tell a very old delivery by.
    if delivery.message.expires_at <= now {
        let text = format!("the message expired at {}", delivery.message.expires_at);
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, text));
    }
    Ok(Posted {
        delivery_id,
        message: delivery.message,
        covered,
    })
}
