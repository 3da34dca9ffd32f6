//! An agent's webhook (protocol A7.1).

use super::admission::admit;
use super::agents::require_self;
use super::error::ApiError;
use super::openapi::{AgentPath, codes};
use crate::app::App;
use crate::auth::Class;
use crate::store::Removal;
use crate::webhook::TargetError;
use axum::Json;
use axum::extract::{Request, State};
use http::StatusCode;
use mrp_proto::code::Code;
use mrp_proto::relay_api::{WebhookInfo, WebhookRequest};
use std::sync::Arc;
use zeroize::Zeroize as _;

/// `PUT /v1/agents/{key}/webhook`
#[utoipa::path(
    put,
    path = "/v1/agents/{key}/webhook",
    operation_id = "register_webhook",
    tag = "Webhooks",
    summary = "Has one's mail brought to a server of one's own",
    description = "It takes the place of a webhook that was there, is enabled and has no failures. Mail that waits is brought, too. \
        The host's addresses must all be public, and its port 443, 80, or one from 1024 on.",
    params(AgentPath),
    request_body = WebhookRequest,
    responses((status = 200, description = "The webhook, without its secret", body = WebhookInfo)),
    extensions(("x-error-codes" = json!(codes(&[Code::Forbidden, Code::AgentNotFound])))),
)]
pub(super) async fn register(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<WebhookInfo>, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let key = require_self(&app, &signed)?;
    let request = signed.json::<WebhookRequest>();
    let caller = signed.caller;
    // The body has the secret in it.
    if let Ok(mut body) = signed.body.try_into_mut() {
        body.zeroize();
    }
    let request = request?;
    request.check()?;
    let config = &app.config.webhooks;
    app.webhooks.check(&request.url, config).await?;
    let WebhookRequest { url, secret } = request;
    let (store, now) = (&app.store, app.now());
    let info = store.set_webhook(key, url, secret, caller.claim, now);
    Ok(Json(info.await?))
}

/// `GET /v1/agents/{key}/webhook`
#[utoipa::path(
    get,
    path = "/v1/agents/{key}/webhook",
    operation_id = "get_webhook",
    tag = "Webhooks",
    summary = "One's own webhook",
    params(AgentPath),
    responses((status = 200, description = "The webhook, without its secret", body = WebhookInfo)),
    extensions(("x-error-codes" = json!(codes(&[Code::Forbidden, Code::AgentNotFound, Code::WebhookNotFound])))),
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<WebhookInfo>, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let key = require_self(&app, &signed)?;
    let webhook = app.store.webhook(key).await?;
    webhook.map(Json).ok_or_else(unknown)
}

/// `DELETE /v1/agents/{key}/webhook`
#[utoipa::path(
    delete,
    path = "/v1/agents/{key}/webhook",
    operation_id = "delete_webhook",
    tag = "Webhooks",
    summary = "Removes one's own webhook; mail waits for polls again",
    params(AgentPath),
    responses((status = 204, description = "It is gone")),
    extensions(("x-error-codes" = json!(codes(&[Code::Forbidden, Code::AgentNotFound, Code::WebhookNotFound])))),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let key = require_self(&app, &signed)?;
    let (store, now) = (&app.store, app.now());
    match store.delete_webhook(key, signed.caller.claim, now).await? {
        Removal::Removed => Ok(StatusCode::NO_CONTENT),
        Removal::NotFound => Err(unknown()),
    }
}

impl From<TargetError> for ApiError {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Refused(violation) => violation.into(),
            TargetError::Busy => Self::unavailable(error.to_string()),
        }
    }
}

fn unknown() -> ApiError {
    ApiError::new(
        Code::WebhookNotFound,
        "this agent has no webhook; register one with PUT",
    )
}
