//! `GET /metrics`.

use super::Api;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

/// What Prometheus asks for.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "show_metrics",
    tag = "Daemon",
    summary = "Figures for Prometheus, as OpenMetrics text",
    responses((status = 200, description = "All figures", body = String, content_type = "application/openmetrics-text")),
)]
pub(super) async fn show(State(api): State<Api>) -> impl IntoResponse {
    let text = api.context.events.metrics().render(&api.context).await;
    ([(header::CONTENT_TYPE, OPENMETRICS)], text)
}
