//! `GET /v1/doctor`.

use super::Api;
use axum::Json;
use axum::extract::State;
use mrpd_api::body::doctor::Doctor;

#[utoipa::path(
    get,
    path = "/v1/doctor",
    operation_id = "doctor",
    tag = "Daemon",
    summary = "What is well and what is not, as far as the daemon can find out: relays, clocks, sessions, disk, configuration",
    responses((status = 200, description = "All that was looked at; relays are given 5 s to answer", body = Doctor)),
)]
pub(super) async fn examine(State(api): State<Api>) -> Json<Doctor> {
    let findings = crate::doctor::examine(&api.context, &api.about.state_dir).await;
    Json(Doctor { findings })
}
