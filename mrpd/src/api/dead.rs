//! `/v1/dead`: what was given up, whoever gave it up.

use super::error::parse;
use super::openapi::codes;
use super::{Api, ApiError};
use crate::outbox::HandError;
use crate::store::{DeadJob, OutboxRecord};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use mrpd_api::body::dead::{DeadIds, DeadLetter, DeadSource};
use mrpd_api::error::Code;

/// What begins the names of what hooks have given up.
const HOOK: &str = "hook:";

#[utoipa::path(
    get,
    path = "/v1/dead",
    operation_id = "list_dead",
    tag = "Messages",
    summary = "What was given up, with the reason",
    responses((status = 200, description = "The entries", body = Vec<DeadLetter>)),
)]
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<DeadLetter>>, ApiError> {
    let unsent = api.context.outbox.dead().await?;
    let of_hooks = api.context.store.dead_jobs().await?;
    let unsent = unsent.into_iter().map(of_outbox);
    Ok(Json(
        unsent.chain(of_hooks.into_iter().map(of_hook)).collect(),
    ))
}

#[utoipa::path(
    post,
    path = "/v1/dead/retry",
    operation_id = "retry_dead",
    tag = "Messages",
    summary = "Has what was given up tried again",
    request_body = DeadIds,
    responses((status = 204, description = "It is tried again")),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound])))),
)]
pub(super) async fn retry(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    settle(&api, &body?, Wish::Retry).await
}

#[utoipa::path(
    post,
    path = "/v1/dead/drop",
    operation_id = "drop_dead",
    tag = "Messages",
    summary = "Forgets what was given up; a message stays in the inbox",
    request_body = DeadIds,
    responses((status = 204, description = "It is forgotten")),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound])))),
)]
pub(super) async fn discard(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    settle(&api, &body?, Wish::Drop).await
}

/// What is to be done with what was given up.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Retry,
    Drop,
}

async fn settle(api: &Api, body: &[u8], wish: Wish) -> Result<StatusCode, ApiError> {
    let asked: DeadIds = parse(body)?;
    let context = &api.context;
    let mut missing = Vec::new();
    for id in asked.ids {
        let found = match (hook_and_seq(&id), wish) {
            (Some((hook, seq)), Wish::Retry) => context.hooks.revive(hook, seq).await?,
            (Some((hook, seq)), Wish::Drop) => {
                context.store.drop_dead_job(hook.to_owned(), seq).await?
            }
            (None, Wish::Retry) => found(context.outbox.revive(&id).await)?,
            (None, Wish::Drop) => found(context.outbox.drop_failed(&id).await)?,
        };
        if !found {
            missing.push(id);
        }
    }
    answer(&missing)
}

/// Whether the outbox had given it up; a failing store is another matter.
fn found(done: Result<(), HandError>) -> Result<bool, ApiError> {
    match done {
        Ok(()) => Ok(true),
        Err(HandError::Store(error)) => Err(error.into()),
        Err(_) => Ok(false),
    }
}

fn answer(missing: &[String]) -> Result<StatusCode, ApiError> {
    if missing.is_empty() {
        return Ok(StatusCode::NO_CONTENT);
    }
    let message = format!("nothing of that name was given up: {}", missing.join(", "));
    Err(ApiError::new(Code::MessageNotFound, message)
        .with_hint("the others were done; see mrpctl dead"))
}

fn hook_and_seq(id: &str) -> Option<(&str, u64)> {
    let (hook, seq) = id.strip_prefix(HOOK)?.rsplit_once(':')?;
    Some((hook, seq.parse().ok()?))
}

fn of_outbox(record: OutboxRecord) -> DeadLetter {
    let why = record.error.map(|error| error.message);
    DeadLetter {
        id: record.id,
        source: DeadSource::Outbox,
        hook: None,
        seq: None,
        message_id: None,
        peer: record.message.to,
        attempts: record.attempts,
        at: record.failed_at.unwrap_or(record.created_at),
        why: why.unwrap_or_default(),
    }
}

fn of_hook(dead: DeadJob) -> DeadLetter {
    DeadLetter {
        id: format!("{HOOK}{}:{}", dead.hook, dead.seq),
        source: DeadSource::Hook,
        hook: Some(dead.hook),
        seq: Some(dead.seq),
        message_id: Some(dead.job.message_id),
        peer: dead.job.from,
        attempts: dead.job.attempts,
        at: dead.at,
        why: dead.why,
    }
}
