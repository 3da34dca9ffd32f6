//! `/v1/spool`.

use super::{Api, ApiError};
use axum::Json;
use axum::extract::State;
use mrpd_api::body::services::Spool;
use mrpd_api::error::Code;

pub(super) async fn show(State(api): State<Api>) -> Result<Json<Spool>, ApiError> {
    let config = api.context.config();
    let list = move || crate::spool::listing(config.spool.as_ref());
    let listed = tokio::task::spawn_blocking(list).await;
    let lost = |_| ApiError::new(Code::ShuttingDown, "the daemon is going away");
    Ok(Json(listed.map_err(lost)?))
}
