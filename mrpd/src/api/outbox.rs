//! `/v1/outbox`, `/v1/receipts`.

use super::name::Name;
use super::openapi::codes;
use super::{Api, ApiError};
use crate::contacts::Names;
use crate::outbox::HandError;
use crate::store::{MessageRecord, OutboxRecord, OutboxStage, Progress, Track};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mrpd_api::body::outbox::{Allowance, Receipt};
use mrpd_api::body::{OutboxEntry, Stage};
use mrpd_api::error::Code;
use std::sync::Arc;

#[utoipa::path(
    get,
    path = "/v1/outbox",
    operation_id = "list_outbox",
    tag = "Sending",
    summary = "What is on its way, and what was given up",
    responses((status = 200, description = "All of it, in order", body = Vec<OutboxEntry>)),
)]
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<OutboxEntry>>, ApiError> {
    let records = api.context.store.outbox().await?;
    let names = names(&api);
    let entries = records
        .into_iter()
        .filter_map(|record| waiting(record, &names));
    Ok(Json(entries.collect()))
}

#[utoipa::path(
    get,
    path = "/v1/outbox/{id}",
    operation_id = "show_outbox_entry",
    tag = "Sending",
    summary = "How far a send has come; the relay is asked where it may know more",
    params(("id" = String, Path, description = "`out_…` or `msg_…`")),
    responses((status = 200, description = "The send", body = OutboxEntry)),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound])))),
)]
pub(super) async fn one(
    State(api): State<Api>,
    Name(id): Name,
) -> Result<Json<OutboxEntry>, ApiError> {
    let names = names(&api);
    let shown = match look(&api, &id).await? {
        Progress::Outbox(record) => waiting(*record, &names),
        Progress::Sent(_, message, track) => accepted(*message, track, &names),
    };
    shown.map(Json).ok_or_else(|| unknown(&id))
}

#[utoipa::path(
    post,
    path = "/v1/outbox/{id}/cancel",
    operation_id = "cancel_send",
    tag = "Sending",
    summary = "Takes a message out that no relay can have",
    params(("id" = String, Path, description = "`out_…`")),
    responses((status = 204, description = "It will not be sent")),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound, Code::TooLate, Code::InvalidRequest])))),
)]
pub(super) async fn cancel(State(api): State<Api>, Name(id): Name) -> Result<StatusCode, ApiError> {
    api.context.outbox.cancel(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    post,
    path = "/v1/outbox/{id}/retry",
    operation_id = "retry_send",
    tag = "Sending",
    summary = "Tries a message now: one that waits, is held, or was given up",
    params(("id" = String, Path, description = "`out_…`")),
    responses((status = 204, description = "It is tried as soon as its relay takes it")),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound, Code::TooLate])))),
)]
pub(super) async fn retry(State(api): State<Api>, Name(id): Name) -> Result<StatusCode, ApiError> {
    api.context.outbox.retry(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    post,
    path = "/v1/outbox/flush",
    operation_id = "flush_outbox",
    tag = "Sending",
    summary = "Tries everything now that waits for its next attempt; what is held stays held",
    responses((status = 204, description = "It is tried as soon as the relays take it")),
)]
pub(super) async fn flush(State(api): State<Api>) -> StatusCode {
    api.context.outbox.flush().await;
    StatusCode::NO_CONTENT
}

#[utoipa::path(
    get,
    path = "/v1/receipts/{id}",
    operation_id = "show_receipt",
    tag = "Sending",
    summary = "What became of a message that was sent; the relay is asked where it may know more",
    params(("id" = String, Path, description = "`out_…` or `msg_…`")),
    responses((status = 200, description = "Its stages with their times", body = Receipt)),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound])))),
)]
pub(super) async fn receipt(
    State(api): State<Api>,
    Name(id): Name,
) -> Result<Json<Receipt>, ApiError> {
    let progress = look(&api, &id).await?;
    let stage = progress.stage();
    Ok(Json(match progress {
        Progress::Outbox(record) => Receipt {
            id: record.id,
            message_id: None,
            stage,
            accepted_at: None,
            delivered_at: None,
            replied_at: None,
            reply: None,
            expires_at: record.message.expires_at,
            expired: false,
        },
        Progress::Sent(_, message, track) => Receipt {
            id: message.out_id.unwrap_or_default(),
            message_id: Some(message.id),
            stage,
            accepted_at: Some(message.created_at),
            delivered_at: track.delivered_at,
            replied_at: track.replied_at,
            reply: track.reply,
            expires_at: message.expires_at,
            expired: track.expired,
        },
    }))
}

/// How much the relays still take, with the local names.
pub(super) async fn allowances(api: &Api) -> Vec<Allowance> {
    use crate::outbox::Limit;
    let roster = api.context.roster();
    let allowances = api.context.outbox.allowances().await;
    let shown = allowances.into_iter().filter_map(|allowance| {
        let agent = roster.agent_by_key(&allowance.sender)?;
        let (per_minute, told) = match allowance.limit {
            Limit::Unknown | Limit::Unlimited => (None, false),
            Limit::Guessed(limit) => (Some(limit), false),
            Limit::Told(limit) => (Some(limit), true),
        };
        Some(Allowance {
            agent: agent.config.name.clone(),
            relay: allowance.relay,
            per_minute,
            told,
            left: allowance.left,
        })
    });
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by(|left, right| (&left.agent, &left.relay).cmp(&(&right.agent, &right.relay)));
    shown
}

impl From<HandError> for ApiError {
    fn from(error: HandError) -> Self {
        let message = error.to_string();
        match error {
            HandError::Unknown { .. } => Self::new(Code::MessageNotFound, message),
            HandError::Accepted { .. } | HandError::PerhapsSent { .. } => {
                Self::new(Code::TooLate, message)
            }
            HandError::Failed { .. } => Self::new(Code::InvalidRequest, message).with_hint(
                "drop it with POST /v1/dead/drop, or try it anew with POST /v1/dead/retry",
            ),
            HandError::TooOld { .. } => {
                Self::new(Code::InvalidRequest, message).with_hint("send it anew")
            }
            HandError::NotFailed { .. } => Self::new(Code::InvalidRequest, message)
                .with_hint("take it out with POST /v1/outbox/{id}/cancel"),
            HandError::Store(error) => error.into(),
        }
    }
}

pub(super) fn names(api: &Api) -> Names {
    let roster = Arc::clone(&api.context.roster.borrow());
    api.context.contacts.names(&roster)
}

/// A message that came in has the same form of name as one that went out, and no stages.
async fn look(api: &Api, id: &str) -> Result<Progress, ApiError> {
    match api.context.outbox.look(id).await? {
        Progress::Sent(_, message, _) if message.out_id.is_none() => Err(unknown(id)),
        progress => Ok(progress),
    }
}

fn unknown(id: &str) -> ApiError {
    let message = format!("nothing was sent here under the name {id:?}");
    ApiError::new(Code::MessageNotFound, message)
}

fn waiting(record: OutboxRecord, names: &Names) -> Option<OutboxEntry> {
    Some(OutboxEntry {
        id: record.id,
        to: names.key(&record.message.to)?,
        agent: record.message.agent,
        relay: record.message.relay,
        stage: match record.stage {
            OutboxStage::Queued => Stage::Queued,
            OutboxStage::Failed => Stage::Failed,
        },
        message_id: None,
        attempts: record.attempts,
        created_at: record.created_at,
        next_attempt_at: record.next_attempt_at,
        due_at: record.due_at,
        useless_at: record.useless_at,
        perhaps_sent: record.perhaps_sent,
        delivered_at: None,
        replied_at: None,
        error: record.error,
    })
}

fn accepted(message: MessageRecord, track: Track, names: &Names) -> Option<OutboxEntry> {
    Some(OutboxEntry {
        id: message.out_id?,
        to: names.key(&message.to)?,
        agent: message.agent,
        relay: message.relay,
        stage: track.stage(),
        message_id: Some(message.id),
        attempts: 0,
        created_at: message.created_at,
        next_attempt_at: None,
        due_at: None,
        useless_at: None,
        perhaps_sent: true,
        delivered_at: track.delivered_at,
        replied_at: track.replied_at,
        error: None,
    })
}
