//! `/v1/dead`: what was given up, until a person retries or drops it.

use super::error::parse;
use super::outbox::names;
use super::{Api, ApiError};
use crate::contacts::Names;
use crate::store::OutboxRecord;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use mrpd_api::body::outbox::{DeadLetter, DeadSource, Ids, Outcomes, Refused};
use mrpd_api::error::{Code, ErrorDetail};

#[utoipa::path(
    get,
    path = "/v1/dead",
    operation_id = "list_dead",
    tag = "Sending",
    summary = "What was given up",
    responses((status = 200, description = "All of it, with the reasons", body = Vec<DeadLetter>)),
)]
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<DeadLetter>>, ApiError> {
    let names = names(&api);
    let records = api.context.outbox.dead().await?;
    let letters = records
        .into_iter()
        .filter_map(|record| unsent(record, &names));
    Ok(Json(letters.collect()))
}

#[utoipa::path(
    post,
    path = "/v1/dead/retry",
    operation_id = "retry_dead",
    tag = "Sending",
    summary = "Tries anew what was given up",
    request_body = Ids,
    responses((status = 200, description = "What became of each", body = Outcomes)),
)]
pub(super) async fn retry(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Outcomes>, ApiError> {
    let ids: Ids = parse(&body?)?;
    let mut outcomes = Outcomes::default();
    for id in ids.ids {
        let done = api.context.outbox.revive(&id).await;
        note(&mut outcomes, id, done.map_err(ApiError::from));
    }
    Ok(Json(outcomes))
}

#[utoipa::path(
    post,
    path = "/v1/dead/drop",
    operation_id = "drop_dead",
    tag = "Sending",
    summary = "Forgets what was given up",
    request_body = Ids,
    responses((status = 200, description = "What became of each", body = Outcomes)),
)]
pub(super) async fn discard(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Outcomes>, ApiError> {
    let ids: Ids = parse(&body?)?;
    let mut outcomes = Outcomes::default();
    for id in ids.ids {
        let done = api.context.outbox.drop_failed(&id).await;
        note(&mut outcomes, id, done.map_err(ApiError::from));
    }
    Ok(Json(outcomes))
}

fn note(outcomes: &mut Outcomes, id: String, done: Result<(), ApiError>) {
    match done {
        Ok(()) => outcomes.done.push(id),
        Err(error) => outcomes.refused.push(Refused {
            id,
            error: error.into_detail(),
        }),
    }
}

fn unsent(record: OutboxRecord, names: &Names) -> Option<DeadLetter> {
    let unknown = || ErrorDetail::new(Code::Internal, "nobody knows why", None);
    Some(DeadLetter {
        source: DeadSource::Outbox,
        peer: names.key(&record.message.to)?,
        agent: record.message.agent,
        relay: Some(record.message.relay),
        hook: None,
        seq: None,
        attempts: record.attempts,
        created_at: record.created_at,
        failed_at: record.failed_at.unwrap_or(record.created_at),
        error: record.error.unwrap_or_else(unknown),
        id: record.id,
    })
}
