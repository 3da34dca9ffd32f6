//! Sending, polling, and single messages (protocol A4).

use super::admission::{Signed, admit};
use super::cursor::{self, Listing};
use super::error::ApiError;
use super::exchange::Exchange;
use super::openapi::{MessagePath, PageQuery, PollQuery, codes};
use super::query::Query;
use super::segment::segment;
use crate::app::App;
use crate::auth::Class;
use crate::metrics::Channel;
use crate::send;
use crate::store::{self, Marked, Marking, Poll, Replayed};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use mrp_proto::code::Code;
use mrp_proto::id::MessageId;
use mrp_proto::key::PublicKey;
use mrp_proto::message::{MAX_REFERENCE, Message, SendRequest, Status, Violation};
use mrp_proto::relay_api::{
    Accepted, DEFAULT_MESSAGE_PAGE, IDEMPOTENCY_KEY_HEADER, IDEMPOTENCY_REPLAYED_HEADER,
    MAX_IDEMPOTENCY_KEY, MAX_PAGE, MAX_WAIT_SECONDS, MessagePage, MessageStatus,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// `POST /v1/messages`
#[utoipa::path(
    post,
    path = "/v1/messages",
    operation_id = "send_message",
    tag = "Messages",
    summary = "Sends a message",
    params((
        "Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 64, pattern = "^[!-~]+$",
        description = "The same key with the same message is accepted once, and answered again",
        extensions(("x-mrp-extension" = json!(true)))
    )),
    request_body = SendRequest,
    responses((
        status = 202, description = "Accepted: the message is on disk", body = Accepted,
        headers(("Idempotency-Replayed" = bool, description = "This was accepted before, under the same key"))
    )),
    extensions(("x-error-codes" = json!(codes(&[Code::AgentNotFound, Code::BlobNotFound, Code::AclDenied, Code::IdempotencyMismatch])))),
)]
pub(super) async fn send(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let signed = admit(&app, request, Class::Send).await?;
    let idempotency_key = idempotency_key(&signed.parts.headers)?;
    let request: SendRequest = signed.json()?;
    let caller = signed.caller;
    let acceptance = send::accept(
        &app,
        caller.key,
        request,
        idempotency_key,
        Some(caller.claim),
    )
    .await?;
    let mut response = (StatusCode::ACCEPTED, Json(acceptance.accepted)).into_response();
    if acceptance.replayed == Replayed::Repeated {
        let name = HeaderName::from_static(IDEMPOTENCY_REPLAYED_HEADER);
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// `GET /v1/messages`
#[utoipa::path(
    get,
    path = "/v1/messages",
    operation_id = "poll_messages",
    tag = "Messages",
    summary = "The messages that wait, oldest first",
    params(
        PollQuery,
        PageQuery,
        ("thread_id" = Option<String>, Query, min_length = 1, max_length = 128, description = "Only messages of this thread",
            extensions(("x-mrp-extension" = json!(true)))),
        ("ack" = Option<String>, Query, pattern = "^(auto|manual)$", description = "`manual` marks nothing as delivered",
            extensions(("x-mrp-extension" = json!(true)))),
        ("wait" = Option<u32>, Query, minimum = 0, maximum = 30, description = "Seconds to wait for something to come",
            extensions(("x-mrp-extension" = json!(true)))),
    ),
    responses((status = 200, description = "A page; what it holds is delivered by it, unless `ack` says otherwise", body = MessagePage)),
)]
pub(super) async fn poll(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<MessagePage>, ApiError> {
    let signed = admit(&app, request, Class::Receive).await?;
    let query = Query::of(&signed.parts.uri)?;
    let wait = Duration::from_secs(query.number("wait", 0, MAX_WAIT_SECONDS)?.unwrap_or(0));
    if !wait.is_zero() {
        Exchange::of(&signed.parts.extensions).note_wait();
    }
    let poll = read_poll(&app, &query, signed)?;
    let takes = matches!(poll.mark, Marking::Deliver { .. });
    let page = if wait.is_zero() {
        app.store.poll(poll).await?
    } else {
        wait_for_mail(&app, poll, wait).await?
    };
    if takes {
        app.metrics.delivered(Channel::Poll, page.messages.len());
    }
    Ok(Json(to_page(Listing::Inbox, page)))
}

/// `GET /v1/messages/{id}`
#[utoipa::path(
    get,
    path = "/v1/messages/{id}",
    operation_id = "get_message",
    tag = "Messages",
    summary = "A message that one sent or received",
    params(MessagePath),
    responses((status = 200, description = "The message; it is not marked", body = Message)),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound])))),
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Message>, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let id = path_id(&signed)?;
    let message = app.store.message(&id, signed.caller.key, app.now()).await?;
    message.map(Json).ok_or_else(unknown)
}

/// `GET /v1/messages/{id}/status`
#[utoipa::path(
    get,
    path = "/v1/messages/{id}/status",
    operation_id = "get_message_status",
    tag = "Messages",
    summary = "Where a message stands",
    params(MessagePath),
    responses((status = 200, description = "Its status", body = MessageStatus)),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound])))),
)]
pub(super) async fn status(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<MessageStatus>, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let id = path_id(&signed)?;
    let status = app.store.status(&id, signed.caller.key, app.now()).await?;
    status.map(Json).ok_or_else(unknown)
}

/// `POST /v1/messages/{id}/ack`
#[utoipa::path(
    post,
    path = "/v1/messages/{id}/ack",
    operation_id = "acknowledge_message",
    tag = "Messages",
    summary = "Takes a message over",
    params(MessagePath),
    responses((status = 204, description = "The message is delivered, by this or before")),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound]))), ("x-mrp-extension" = json!(true))),
)]
pub(super) async fn acknowledge(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let id = path_id(&signed)?;
    let caller = signed.caller;
    match app
        .store
        .mark_delivered(caller.key, &id, Some(caller.claim), app.now())
        .await?
    {
        Marked::Now(sequence) => {
            app.metrics.delivered(Channel::Ack, 1);
            app.hub.settle(&caller.key, sequence);
            Ok(StatusCode::NO_CONTENT)
        }
        Marked::Already => Ok(StatusCode::NO_CONTENT),
        Marked::NotFound => Err(unknown()),
    }
}

/// A page for the wire.
pub(super) fn to_page(listing: Listing, page: store::Page) -> MessagePage {
    MessagePage {
        messages: page.messages,
        has_more: page.next.is_some(),
        next_cursor: page.next.map(|next| cursor::encode(listing, next)),
    }
}

/// How many items a page may have.
pub(super) fn page_limit(query: &Query) -> Result<usize, Violation> {
    let limit = query.number("limit", 1, MAX_PAGE as u64)?;
    Ok(limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(DEFAULT_MESSAGE_PAGE))
}

fn read_poll(app: &App, query: &Query, signed: Signed) -> Result<Poll, ApiError> {
    let status = match query.text("status")? {
        None | Some("sent") => Status::Sent,
        Some("delivered") => Status::Delivered,
        Some("expired") => Status::Expired,
        Some(other) => return Err(unknown_word("status", "sent, delivered or expired", other)),
    };
    let manual = match query.text("ack")? {
        None | Some("auto") => signed.parts.method == Method::HEAD,
        Some("manual") => true,
        Some(other) => return Err(unknown_word("ack", "auto or manual", other)),
    };
    let sender: Option<Result<PublicKey, _>> =
        query.text("sender_key")?.map(|text| app.auth.key(text));
    let sender = sender.transpose().map_err(|error| {
        Violation::new(
            "sender_key",
            error.to_string(),
            "a public key, 43 characters of base64url",
            "another text",
        )
    })?;
    let after = cursor::decode(Listing::Inbox, query.text("cursor")?.unwrap_or(""))?;
    let (recipient, claim) = (signed.caller.key, signed.caller.claim);
    Ok(Poll {
        recipient,
        status,
        after,
        limit: page_limit(query)?,
        sender,
        in_reply_to: reference(query, "in_reply_to")?,
        thread_id: reference(query, "thread_id")?,
        mark: if manual || status != Status::Sent {
            Marking::Manual
        } else {
            Marking::Deliver { claim }
        },
        now: app.now(),
    })
}

fn reference(query: &Query, name: &str) -> Result<Option<String>, Violation> {
    let Some(text) = query.text(name)? else {
        return Ok(None);
    };
    let length = text.chars().count();
    if (1..=MAX_REFERENCE).contains(&length) {
        return Ok(Some(text.to_owned()));
    }
    let rule = format!("must have 1 to {MAX_REFERENCE} characters");
    Err(Violation::new(name, rule, MAX_REFERENCE, length))
}

fn unknown_word(field: &str, words: &str, given: &str) -> ApiError {
    let given: String = given.chars().take(64).collect();
    Violation::new(field, format!("must be {words}"), words, given).into()
}

/// Polls until there is something, the time is over, or the relay ends. A hint may be lost, but not one that comes after the
/// subscription, so each look into the store is a fresh one, and so is each look whether the relay still serves the agent.
async fn wait_for_mail(app: &App, poll: Poll, wait: Duration) -> Result<store::Page, ApiError> {
    let mut waiter = app.hub.subscribe(&poll.recipient);
    let deadline = Instant::now() + wait;
    loop {
        app.confirm(&poll.recipient).await?;
        let page = app
            .store
            .poll(Poll {
                now: app.now(),
                ..poll.clone()
            })
            .await?;
        if !page.messages.is_empty() || page.next.is_some() || app.shutdown.has_begun() {
            return Ok(page);
        }
        tokio::select! {
            () = waiter.wait() => {}
            () = tokio::time::sleep_until(deadline) => return Ok(page),
            () = app.shutdown.begun() => return Ok(page),
        }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Violation> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY_HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let rule =
        format!("must be given once, with 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters");
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text.to_owned())),
        (_, next) => {
            let actual = if next.is_some() {
                "several"
            } else {
                "characters that are not visible ASCII"
            };
            Err(Violation::new(
                "idempotency_key",
                rule,
                MAX_IDEMPOTENCY_KEY,
                actual,
            ))
        }
    }
}

/// What is no id names no message.
fn path_id(signed: &Signed) -> Result<MessageId, ApiError> {
    segment(&signed.parts, 2)
        .and_then(|text| text.parse().ok())
        .ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::new(
        Code::MessageNotFound,
        "there is no message with this id that this agent sent or received",
    )
}
