//! Profiles (protocol A3).

use super::admission::{Signed, admit};
use super::error::ApiError;
use super::older;
use super::openapi::{AgentPath, codes};
use super::segment::segment;
use crate::app::App;
use crate::auth::Class;
use crate::store::Scheme;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use mrp_proto::agent::{AgentInfo, Capability, CapabilityForm, Change, ProfilePatch, Visibility};
use mrp_proto::code::Code;
use mrp_proto::key::PublicKey;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// The one entry of a private agent's metadata that everyone sees: whether it can be written to sealed.
const E2E: &str = "e2e";

/// What an agent can do; input schemas keep their bytes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Capabilities {
    capabilities: Vec<Capability>,
}

/// `GET /v1/agents/{key}`
#[utoipa::path(
    get,
    path = "/v1/agents/{key}",
    operation_id = "get_agent",
    tag = "Agents",
    summary = "An agent's profile",
    params(AgentPath),
    responses((status = 200, description = "The profile; of a private one's metadata others see only `e2e`", body = AgentInfo)),
    extensions(("x-error-codes" = json!(codes(&[Code::AgentNotFound])))),
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let agent = find(&app, &signed).await?;
    Ok(in_form(agent, older::form_of(&signed.parts.headers)))
}

/// `GET /v1/agents/{key}/capabilities`
#[utoipa::path(
    get,
    path = "/v1/agents/{key}/capabilities",
    operation_id = "get_capabilities",
    tag = "Agents",
    summary = "What an agent can do",
    params(AgentPath),
    responses((status = 200, description = "The capabilities, with their input schemas", body = Capabilities)),
    extensions(("x-error-codes" = json!(codes(&[Code::AgentNotFound])))),
)]
pub(super) async fn capabilities(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Capabilities>, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let agent = find(&app, &signed).await?;
    let capabilities = agent.capabilities;
    Ok(Json(Capabilities { capabilities }))
}

/// `PATCH /v1/agents/{key}`
#[utoipa::path(
    patch,
    path = "/v1/agents/{key}",
    operation_id = "update_agent",
    tag = "Agents",
    summary = "Changes one's own profile",
    description = "Absent fields are left alone, null clears one to its default, unknown ones are ignored.",
    params(AgentPath),
    request_body = ProfilePatch,
    responses((status = 200, description = "The profile as it is now; with capabilities as plain names, if they were given so", body = AgentInfo)),
    extensions(("x-error-codes" = json!(codes(&[Code::Forbidden, Code::AgentNotFound])))),
)]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let key = require_self(&app, &signed)?;
    let patch: ProfilePatch = signed.json()?;
    patch.check()?;
    if !patch.require_bound_auth.is_keep() && signed.caller.scheme == Scheme::Published {
        return Err(ApiError::bound_auth_required(
            "require_bound_auth is set and cleared only by a request that is bound to this relay itself: sign it so (RFC 9421, tag \
             \"mrp\"), or leave the field out",
        ));
    }
    let form = match &patch.capabilities {
        Change::Set(list) => list.form,
        Change::Keep | Change::Clear => older::form_of(&signed.parts.headers),
    };
    let agent = app
        .store
        .update_agent(key, patch, signed.caller.claim, app.now())
        .await?;
    Ok(in_form(agent, form))
}

/// `DELETE /v1/agents/{key}`
#[utoipa::path(
    delete,
    path = "/v1/agents/{key}",
    operation_id = "delete_agent",
    tag = "Agents",
    summary = "Deletes oneself, with profile, inbox, access list and webhook",
    params(AgentPath),
    responses((status = 204, description = "Deleted; what the agent sent stays with its recipients")),
    extensions(("x-error-codes" = json!(codes(&[Code::Forbidden, Code::AgentNotFound])))),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let key = require_self(&app, &signed)?;
    app.store
        .delete_agent(key, signed.caller.claim, app.now())
        .await?;
    app.hub.revoke(&key);
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, signed: &Signed) -> Result<AgentInfo, ApiError> {
    let key = path_key(app, signed)?;
    let mut agent = app.store.agent(&key).await?.ok_or_else(unknown)?;
    if key != signed.caller.key {
        agent.require_bound_auth = false;
        if agent.visibility == Visibility::Private {
            agent.metadata.retain(|name, _| name == E2E);
        }
    }
    Ok(agent)
}

fn path_key(app: &App, signed: &Signed) -> Result<PublicKey, ApiError> {
    let text = segment(&signed.parts, 2).ok_or_else(unknown)?;
    app.auth
        .key(&text)
        .map_err(|error| ApiError::new(Code::AgentNotFound, error.to_string()))
}

/// The agent that the path names, which must be the caller.
pub(super) fn require_self(app: &App, signed: &Signed) -> Result<PublicKey, ApiError> {
    let key = path_key(app, signed)?;
    if key == signed.caller.key {
        return Ok(key);
    }
    Err(ApiError::new(
        Code::Forbidden,
        "this is for the agent itself; sign with the key in the path",
    ))
}

fn unknown() -> ApiError {
    ApiError::new(
        Code::AgentNotFound,
        "this relay knows no agent with this key",
    )
}

/// A request in the older form of capabilities is answered in it (protocol A3.3).
fn in_form(mut agent: AgentInfo, form: CapabilityForm) -> Response {
    if form == CapabilityForm::Structured {
        return Json(agent).into_response();
    }
    let names: Vec<_> = std::mem::take(&mut agent.capabilities)
        .into_iter()
        .map(|capability| Value::from(capability.name))
        .collect();
    match serde_json::to_value(&agent) {
        Ok(mut value) => {
            value["capabilities"] = Value::Array(names);
            Json(value).into_response()
        }
        Err(error) => ApiError::internal(error).into_response(),
    }
}
