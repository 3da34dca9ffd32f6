//! `GET /v1/messages`, as lines of JSON or as events, and `GET /v1/messages/{id}`.
//!
//! A stream is a place in the store, not a queue: each page is read when the reader has taken the one before. So a slow reader
//! holds up nobody, and between what was there and what comes nothing can be lost or doubled.

use super::name::Name;
use super::openapi::codes;
use super::query::{Follow, Plan, plan};
use super::{Api, ApiError, view};
use crate::contacts::Names;
use crate::store::{MessageRecord, StoreError};
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::{BoxError, Json};
use futures_util::stream::{self, Stream};
use mrpd_api::body::MessageQuery;
use mrpd_api::body::inbox::Removed;
use mrpd_api::error::Code;
use mrpd_api::message::{Direction, Message};
use mrpd_api::route;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often a reader of events hears that the daemon is still there.
pub(super) const EVENT_COMMENT: Duration = Duration::from_secs(15);

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Lines,
    Events,
}

#[utoipa::path(
    get,
    path = "/v1/messages",
    operation_id = "list_messages",
    tag = "Messages",
    summary = "Messages as lines of JSON, or as events",
    description = "A stream that follows ends with the daemon, or after `limit` messages. With `Accept: text/event-stream` each message is an event whose `id` is its `seq`.",
    params(
        MessageQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "The `seq` that a reader of events has; it goes on behind it"),
    ),
    responses((status = 200, description = "A message a line", content((Message = "application/x-ndjson"), (String = "text/event-stream")))),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownRecipient, Code::AmbiguousRecipient, Code::UnknownAgent, Code::NoAgent])))),
)]
pub(super) async fn list(
    State(api): State<Api>,
    RawQuery(raw): RawQuery,
    query: Result<Query<MessageQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let plan = plan(&api, raw.as_deref(), query, &headers)?;
    stream_plan(api, plan, &headers).await
}

/// Gives messages as they are asked for, a page of the store at a time.
pub(super) async fn stream_plan(
    api: Api,
    mut plan: Plan,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let form = form(headers);
    if let Some(count) = plan.last {
        let matches = plan.filter.clone().over(names(&api));
        let selection = plan.selection.clone();
        let place = api
            .context
            .store
            .place_before_last(count, selection, matches);
        plan.selection.after = place.await?;
    }
    let reader = Reader {
        newest: api.context.store.newest(),
        left: plan.limit.unwrap_or(u64::MAX),
        api,
        plan,
        form,
    };
    Ok(stream_response(form, stream::unfold(reader, Reader::step)))
}

/// An answer that goes on.
pub(super) fn stream_response<E: Into<BoxError> + 'static>(
    form: Form,
    pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
) -> Response {
    let body = Body::from_stream(pieces);
    let media_type = match form {
        Form::Lines => route::NDJSON,
        Form::Events => route::EVENT_STREAM,
    };
    streamed(body, media_type)
}

/// An answer that comes piece by piece.
pub(super) fn streamed(body: Body, media_type: &'static str) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[utoipa::path(
    get,
    path = "/v1/messages/{id}",
    operation_id = "show_message",
    tag = "Messages",
    summary = "One message",
    params(("id" = String, Path, description = "The relay's name for it, `msg_…`, or the outbox's, `out_…`")),
    responses((status = 200, description = "The message", body = Message)),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound])))),
)]
pub(super) async fn one(State(api): State<Api>, Name(id): Name) -> Result<Json<Message>, ApiError> {
    let mut found = api.context.store.by_id(id.clone()).await?;
    // A message to oneself, or from one local agent to another, is there twice; what came in is what one looks for.
    found.sort_by_key(|(seq, message)| (message.dir == Direction::Out, *seq));
    let names = names(&api);
    let shown = found
        .into_iter()
        .next()
        .and_then(|(seq, record)| view::message(seq, record, &names));
    if let Some(message) = shown {
        return Ok(Json(message));
    }
    let missing = ApiError::new(
        Code::MessageNotFound,
        format!("there is no message {id:?} here"),
    );
    Err(match api.context.store.progress(id).await? {
        Some(_) => missing.with_hint("it is still in the outbox: mrpctl outbox"),
        None => missing,
    })
}

#[utoipa::path(
    delete,
    path = "/v1/messages/{id}",
    operation_id = "remove_message",
    tag = "Messages",
    summary = "Takes a message away for good",
    params(("id" = String, Path, description = "The relay's name for it, `msg_…`, or the outbox's, `out_…`")),
    responses((status = 200, description = "How many bore the id", body = Removed)),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound])))),
)]
pub(super) async fn remove(
    State(api): State<Api>,
    Name(id): Name,
) -> Result<Json<Removed>, ApiError> {
    let removed = api.context.store.remove(id.clone()).await?;
    if removed == 0 {
        let message = format!("there is no message {id:?} here");
        return Err(ApiError::new(Code::MessageNotFound, message));
    }
    Ok(Json(Removed {
        removed: removed as u64,
    }))
}

/// One reader and where it stands.
#[derive(Debug)]
struct Reader {
    api: Api,
    plan: Plan,
    form: Form,
    newest: watch::Receiver<u64>,
    left: u64,
}

/// What to do next at the end of what there is.
enum AtEnd {
    Read,
    Say(Bytes),
    Stop,
}

impl Reader {
    /// The next piece of the answer. An error in the middle of it cuts the connection: the reader goes on behind what it has.
    async fn step(mut self) -> Option<(Result<Bytes, StoreError>, Self)> {
        loop {
            if self.left == 0 {
                return None;
            }
            self.newest.borrow_and_update();
            let matches = self.plan.filter.clone().over(names(&self.api));
            let mut selection = self.plan.selection.clone();
            selection.limit = usize::try_from(self.left).unwrap_or(usize::MAX);
            let page = match self.api.context.store.select(selection, matches).await {
                Ok(page) => page,
                Err(error) => return Some((Err(error), self)),
            };
            self.plan.selection.go_on(page.reached);
            if !page.messages.is_empty() {
                let bytes = self.write(page.messages);
                return Some((Ok(bytes), self));
            }
            if !page.end {
                continue;
            }
            match self.wait().await {
                AtEnd::Read => {}
                AtEnd::Say(bytes) => return Some((Ok(bytes), self)),
                AtEnd::Stop => return None,
            }
        }
    }

    async fn wait(&mut self) -> AtEnd {
        if self.plan.follow == Follow::Off {
            return AtEnd::Stop;
        }
        let comment = async {
            match self.form {
                Form::Events => tokio::time::sleep(EVENT_COMMENT).await,
                Form::Lines => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = self.newest.changed() => match changed {
                Ok(()) => AtEnd::Read,
                Err(_) => AtEnd::Stop,
            },
            () = comment => AtEnd::Say(Bytes::from_static(b":\n\n")),
            () = self.api.context.stop.cancelled() => AtEnd::Stop,
        }
    }

    fn write(&mut self, messages: Vec<(u64, MessageRecord)>) -> Bytes {
        let names = names(&self.api);
        let mut text = Vec::new();
        for (seq, record) in messages {
            if self.left == 0 {
                break;
            }
            let Some(message) = view::message(seq, record, &names) else {
                tracing::error!(seq, "a record cannot be shown");
                continue;
            };
            let line = line(&message);
            match self.form {
                Form::Lines => text.extend_from_slice(&line),
                Form::Events => {
                    text.extend_from_slice(format!("id: {seq}\ndata: ").as_bytes());
                    text.extend(line);
                    text.push(b'\n');
                }
            }
            text.push(b'\n');
            self.left -= 1;
        }
        text.into()
    }
}

/// A message as one line, without its end.
pub(super) fn line(message: &Message) -> Vec<u8> {
    let mut line =
        serde_json::to_vec(message).expect("a message has text keys and no fallible parts");
    join_lines(&mut line);
    line
}

/// A body stands in the line as its sender wrote it, and JSON may have line ends between its tokens (never within them).
fn join_lines(json: &mut [u8]) {
    for byte in json {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

pub(super) fn names(api: &Api) -> Names {
    let roster = Arc::clone(&api.context.roster.borrow());
    api.context.contacts.names(&roster)
}

pub(super) fn form(headers: &HeaderMap) -> Form {
    let accepted = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if accepted.contains(route::EVENT_STREAM) {
        Form::Events
    } else {
        Form::Lines
    }
}
