//! `POST /v1/reload` and `POST /v1/shutdown`.

use super::openapi::codes;
use super::{Api, ApiError};
use crate::config::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use mrpd_api::error::Code;
use tokio::sync::oneshot;

/// What the daemon is asked to do with itself.
#[derive(Debug)]
pub enum Command {
    /// Read the configuration again, and say what was wrong with it.
    Reload(oneshot::Sender<Result<(), Vec<Problem>>>),
}

#[utoipa::path(
    post,
    path = "/v1/reload",
    operation_id = "reload",
    tag = "Daemon",
    summary = "Reads configuration and contacts again",
    responses((status = 204, description = "The new configuration is in force")),
    extensions(("x-error-codes" = json!(codes(&[Code::InvalidConfig])))),
)]
pub(super) async fn reload(State(api): State<Api>) -> Result<StatusCode, ApiError> {
    let gone = || ApiError::new(Code::ShuttingDown, "the daemon is going away");
    let (answer, reloaded) = oneshot::channel();
    let command = Command::Reload(answer);
    api.control.send(command).await.map_err(|_| gone())?;
    match reloaded.await.map_err(|_| gone())? {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Err(ApiError::new(Code::InvalidConfig, lines.join("\n"))
                .with_hint("the configuration before it stays in force"))
        }
    }
}

/// The answer is on its way before anything ends: connections are finished gracefully.
#[utoipa::path(
    post,
    path = "/v1/shutdown",
    operation_id = "shutdown",
    tag = "Daemon",
    summary = "Ends the daemon; the answer comes first",
    responses((status = 204, description = "It ends")),
)]
pub(super) async fn shutdown(State(api): State<Api>) -> StatusCode {
    api.context.stop.cancel();
    StatusCode::NO_CONTENT
}
