//! `GET /v1/pending`, `POST /v1/pending/accept`, `POST /v1/pending/reject`: messages that are held because their senders are
//! unknown.
//!
//! The decision is about the sender, as in other messengers: whoever is accepted is let in from now on, a contact or not.
//! A rejection only drops what is held; to hear nothing more of somebody is a matter of the relay's list.

use super::error::parse;
use super::messages::{line, names, streamed};
use super::openapi::codes;
use super::{Api, ApiError, view};
use crate::store::{HeldBy, Store, StoreError};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use futures_util::stream;
use mrp_proto::key::PublicKey;
use mrpd_api::body::ContactChange;
use mrpd_api::body::inbox::{AcceptPending, Decided, RejectPending};
use mrpd_api::error::Code;
use mrpd_api::message::{Message, State as MessageState};
use mrpd_api::route;
use std::collections::BTreeSet;

#[utoipa::path(
    get,
    path = "/v1/pending",
    operation_id = "list_pending",
    tag = "Messages",
    summary = "Messages from unknown senders that are held",
    responses((status = 200, description = "A message a line, oldest first", content((Message = "application/x-ndjson")))),
)]
pub(super) async fn list(State(api): State<Api>) -> Response {
    let pages = stream::unfold((api, 0), |(api, after)| async move {
        let page = match api.context.store.held(after).await {
            Ok(page) => page,
            Err(error) => return Some((Err(error), (api, after))),
        };
        if page.messages.is_empty() {
            return None;
        }
        let names = names(&api);
        let mut text = Vec::new();
        for mut record in page.messages {
            record.standing.state = MessageState::Held;
            if let Some(message) = view::message(0, record, &names) {
                text.extend(line(&message));
                text.push(b'\n');
            }
        }
        Some((Ok::<_, StoreError>(Bytes::from(text)), (api, page.reached)))
    });
    streamed(Body::from_stream(pages), route::NDJSON)
}

#[utoipa::path(
    post,
    path = "/v1/pending/accept",
    operation_id = "accept_pending",
    tag = "Messages",
    summary = "Lets senders in",
    description = "What was held of them becomes visible, and later messages are not held.",
    request_body = AcceptPending,
    responses((status = 200, description = "How many became visible", body = Decided)),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound, Code::ContactExists])))),
)]
pub(super) async fn accept(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Decided>, ApiError> {
    let accept: AcceptPending = parse(&body?)?;
    let mut senders = keys(&accept.from)?;
    senders.extend(senders_of(&api, accept.ids).await?);
    let Some(first) = senders.first() else {
        return Err(nobody());
    };
    if let Some(name) = &accept.name {
        if senders.len() > 1 {
            let message = format!("name: one contact has one key (given: {})", senders.len());
            return Err(
                ApiError::new(Code::InvalidRequest, message).with_hint("accept them one by one")
            );
        }
        let change = ContactChange {
            key: Some(first.clone()),
            ..ContactChange::default()
        };
        api.context.contacts.put(name, change).await?;
    }
    let senders: Vec<String> = senders.into_iter().collect();
    // In a task of its own: whoever asked may go away at any moment, and whoever is let in must not stay half outside.
    let let_in = let_in(api.context.store.clone(), senders);
    let messages = api.context.tasks.spawn(let_in).await;
    let messages = messages.unwrap_or(Err(StoreError::Closed))?;
    Ok(Json(Decided { messages }))
}

/// First the door, then what waits before it: what comes in between is not held any more.
async fn let_in(store: Store, senders: Vec<String>) -> Result<u64, StoreError> {
    store.let_in(senders.clone()).await?;
    let mut messages = 0;
    loop {
        let released = store.release(HeldBy::Senders(senders.clone())).await?;
        messages += released as u64;
        if released == 0 {
            return Ok(messages);
        }
    }
}

#[utoipa::path(
    post,
    path = "/v1/pending/reject",
    operation_id = "reject_pending",
    tag = "Messages",
    summary = "Drops what is held",
    request_body = RejectPending,
    responses((status = 200, description = "How many were dropped", body = Decided)),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound])))),
)]
pub(super) async fn reject(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Decided>, ApiError> {
    let reject: RejectPending = parse(&body?)?;
    let senders = keys(&reject.from)?.into_iter().collect();
    if reject.from.is_empty() && reject.ids.is_empty() {
        return Err(nobody());
    }
    senders_of(&api, reject.ids.clone()).await?;
    let mut messages = 0;
    for which in [HeldBy::Ids(reject.ids), HeldBy::Senders(senders)] {
        loop {
            let dropped = api.context.store.drop_held(which.clone()).await?;
            messages += dropped as u64;
            if dropped == 0 {
                break;
            }
        }
    }
    Ok(Json(Decided { messages }))
}

fn keys(texts: &[String]) -> Result<BTreeSet<String>, ApiError> {
    let key = |text: &String| {
        let bare = text.strip_prefix("ed25519:").unwrap_or(text);
        let key: PublicKey = bare.parse().map_err(|error| {
            let message = format!("from: {text:?} is no key: {error}");
            ApiError::new(Code::InvalidRequest, message)
        })?;
        Ok(key.to_string())
    };
    texts.iter().map(key).collect()
}

/// Who sent the held messages of these ids.
async fn senders_of(api: &Api, ids: Vec<String>) -> Result<BTreeSet<String>, ApiError> {
    let mut missing: BTreeSet<String> = ids.into_iter().collect();
    let mut senders = BTreeSet::new();
    let mut after = 0;
    while !missing.is_empty() {
        let page = api.context.store.held(after).await?;
        if page.messages.is_empty() {
            let missing: Vec<String> = missing.into_iter().collect();
            let message = format!("nothing is held under {}", missing.join(", "));
            return Err(ApiError::new(Code::MessageNotFound, message));
        }
        after = page.reached;
        for message in page.messages {
            if missing.remove(&message.id) {
                senders.insert(message.from);
            }
        }
    }
    Ok(senders)
}

fn nobody() -> ApiError {
    ApiError::new(
        Code::InvalidRequest,
        "from, ids: say whose messages, or which ones",
    )
}
