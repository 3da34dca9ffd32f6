//! `/v1/expects`, `/v1/schedules`.

use super::{Api, ApiError};
use crate::clock;
use crate::expects;
use axum::Json;
use axum::extract::State;
use mrpd_api::body::timed::{Expect, Schedule};

#[utoipa::path(
    get,
    path = "/v1/expects",
    operation_id = "list_expects",
    tag = "Hooks",
    summary = "Dead-man switches, and how they stand",
    responses((status = 200, description = "All that are configured", body = Vec<Expect>)),
)]
pub(super) async fn expects(State(api): State<Api>) -> Result<Json<Vec<Expect>>, ApiError> {
    let records = api.context.store.expects().await?;
    let config = api.context.config();
    let shown = |expect: &expects::Expect| {
        let record = records.get(&expect.name)?;
        let period = u32::try_from(record.missed.saturating_add(1)).unwrap_or(u32::MAX);
        let due = expect.every.saturating_mul(period) + expect.grace;
        Some(Expect {
            name: expect.name.clone(),
            since: record.since,
            last_seq: record.last,
            due_at: record.since.after(due),
            missed: record.missed,
            outcome: record.outcome.clone(),
        })
    };
    Ok(Json(
        config.expects.items.iter().filter_map(shown).collect(),
    ))
}

#[utoipa::path(
    get,
    path = "/v1/schedules",
    operation_id = "list_schedules",
    tag = "Hooks",
    summary = "Messages that are sent at certain times",
    responses((status = 200, description = "All that are configured", body = Vec<Schedule>)),
)]
pub(super) async fn schedules(State(api): State<Api>) -> Result<Json<Vec<Schedule>>, ApiError> {
    let mut records = api.context.store.schedules().await?;
    let config = api.context.config();
    let shown = |schedule: &crate::schedules::Schedule| {
        let record = records.remove(&schedule.name);
        Schedule {
            name: schedule.name.clone(),
            cron: schedule.times.source().to_owned(),
            to: schedule.to.clone(),
            next_at: schedule.times.next(clock::now()),
            sent_for: record.as_ref().and_then(|record| record.sent),
            error: record.as_ref().and_then(|record| record.error.clone()),
            sent: record.map(|record| record.ids).unwrap_or_default(),
        }
    };
    Ok(Json(config.schedules.items.iter().map(shown).collect()))
}
