//! `POST /v1/prune`.

use super::error::parse;
use super::{Api, ApiError};
use crate::clock;
use crate::store::{Expendable, Unread};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use mrpd_api::body::inbox::{Prune, Removed};
use std::time::Duration;

#[utoipa::path(
    post,
    path = "/v1/prune",
    operation_id = "prune_messages",
    tag = "Messages",
    summary = "Removes old messages",
    description = "What is claimed or held stays, and what a hook still has to do with or has given up (`/v1/dead`).",
    request_body = Prune,
    responses((status = 200, description = "How many are gone", body = Removed)),
)]
pub(super) async fn prune(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Removed>, ApiError> {
    let prune: Prune = parse(&body?)?;
    let mut expendable = Expendable {
        before: Some(clock::now().before(Duration::from_millis(prune.older_ms))),
        bytes: None,
        unread: if prune.keep_unread {
            Unread::Keep
        } else {
            Unread::Drop
        },
        after: 0,
    };
    let mut removed = 0;
    loop {
        let pruned = api.context.store.prune(expendable.clone()).await?;
        removed += pruned.removed as u64;
        if pruned.end {
            return Ok(Json(Removed { removed }));
        }
        expendable.after = pruned.reached;
    }
}
