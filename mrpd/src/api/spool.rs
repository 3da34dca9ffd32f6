//! `/v1/spool`.

use super::{Api, ApiError};
use axum::Json;
use axum::extract::State;
use mrpd_api::body::services::Spool;
use mrpd_api::error::Code;

#[utoipa::path(
    get,
    path = "/v1/spool",
    operation_id = "show_spool",
    tag = "Sending",
    summary = "What lies in the spool folder",
    responses((status = 200, description = "Files that wait, and files that could not be sent", body = Spool)),
)]
pub(super) async fn show(State(api): State<Api>) -> Result<Json<Spool>, ApiError> {
    let config = api.context.config();
    let list = move || crate::spool::listing(config.spool.as_ref());
    let listed = tokio::task::spawn_blocking(list).await;
    let lost = |_| ApiError::new(Code::ShuttingDown, "the daemon is going away");
    Ok(Json(listed.map_err(lost)?))
}
