//! `GET /v1/events`, as lines of JSON or as server-sent events.

use super::messages::{EVENT_COMMENT, Form, form, stream_response};
use super::openapi::codes;
use super::{Api, ApiError};
use crate::events::Watcher;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::stream;
use mrpd_api::body::EventQuery;
use mrpd_api::error::Code;
use mrpd_api::event::Event;
use std::convert::Infallible;
use tokio_util::sync::CancellationToken;

#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "follow_events",
    tag = "Daemon",
    summary = "What happens, as it happens",
    description = "Messages, stages of what goes out, sessions with relays, runs of hooks. Events are hints: who must not miss a message \
        reads `/v1/messages`. A reader that is too slow gets an event `missed` with the number of those that it did not get. Every 15 \
        seconds without an event there is an empty line (a comment, of server-sent events). The stream ends with the daemon.",
    params(EventQuery),
    responses((status = 200, description = "An event a line", content((Event = "application/x-ndjson"), (String = "text/event-stream")))),
    extensions(("x-error-codes" = json!(codes(&[Code::InvalidRequest])))),
)]
pub(super) async fn follow(
    State(api): State<Api>,
    query: Result<Query<EventQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let form = form(&headers);
    let reader = Reader {
        kinds: kinds(query.kinds.as_deref())?,
        watcher: api
            .context
            .events
            .watch(*api.context.store.newest().borrow()),
        stop: api.context.stop.clone(),
        form,
    };
    std::future::ready(Ok(stream_response(
        form,
        stream::unfold(reader, Reader::step),
    )))
    .await
}

/// One reader.
#[derive(Debug)]
struct Reader {
    kinds: Option<Vec<String>>,
    watcher: Watcher,
    stop: CancellationToken,
    form: Form,
}

impl Reader {
    /// The next piece of the answer.
    async fn step(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            let event = tokio::select! {
                event = self.watcher.next() => event?,
                () = tokio::time::sleep(EVENT_COMMENT) => {
                    let alive = match self.form {
                        Form::Events => Bytes::from_static(b":\n\n"),
                        Form::Lines => Bytes::from_static(b"\n"),
                    };
                    return Some((Ok(alive), self));
                }
                () = self.stop.cancelled() => return None,
            };
            if self.wants(&event) {
                return Some((Ok(self.write(&event)), self));
            }
        }
    }

    /// What was missed may have been of any kind.
    fn wants(&self, event: &Event) -> bool {
        let kind = event.kind();
        kind == Event::MISSED
            || self
                .kinds
                .as_ref()
                .is_none_or(|kinds| kinds.iter().any(|wanted| wanted == kind))
    }

    fn write(&self, event: &Event) -> Bytes {
        let json = serde_json::to_string(event).expect("an event has text keys");
        match self.form {
            Form::Lines => format!("{json}\n").into(),
            Form::Events => format!("event: {}\ndata: {json}\n\n", event.kind()).into(),
        }
    }
}

fn kinds(text: Option<&str>) -> Result<Option<Vec<String>>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let kinds: Vec<String> = text.split(',').map(|kind| kind.trim().to_owned()).collect();
    let unknown = kinds
        .iter()
        .find(|kind| !Event::KINDS.contains(&kind.as_str()));
    match unknown {
        None => Ok(Some(kinds)),
        Some(unknown) => {
            let known = Event::KINDS.join(", ");
            let message = format!(
                "kinds: there is no kind {unknown:?} of event; known: {known}, with commas between"
            );
            Err(ApiError::new(Code::InvalidRequest, message))
        }
    }
}
