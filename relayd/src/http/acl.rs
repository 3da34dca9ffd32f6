//! Access lists (protocol A6). Each agent sees and changes only its own.

use super::admission::{Signed, admit};
use super::agents::require_self;
use super::error::ApiError;
use super::openapi::{AclPath, AclQuery, AgentPath, codes};
use super::query::Query;
use super::segment::segment;
use crate::app::App;
use crate::auth::Class;
use axum::Json;
use axum::extract::{Request, State};
use http::StatusCode;
use mrp_proto::acl::{AclEntry, EntryRequest, EntryType};
use mrp_proto::code::Code;
use mrp_proto::key::PublicKey;
use mrp_proto::message::Violation;
use std::sync::Arc;

/// `GET /v1/agents/{key}/acl`
#[utoipa::path(
    get,
    path = "/v1/agents/{key}/acl",
    operation_id = "list_acl_entries",
    tag = "ACL",
    summary = "One's own access list, newest last",
    params(AgentPath, AclQuery),
    responses((status = 200, description = "The entries, all of them", body = Vec<AclEntry>)),
    extensions(("x-error-codes" = json!(codes(&[Code::Forbidden, Code::AgentNotFound])))),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Vec<AclEntry<String>>>, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let owner = require_self(&app, &signed)?;
    let query = Query::of(&signed.parts.uri)?;
    let entry_type = match query.text("type")? {
        None => None,
        Some("allow") => Some(EntryType::Allow),
        Some("block") => Some(EntryType::Block),
        Some(other) => {
            let given: String = other.chars().take(64).collect();
            let words = "allow or block";
            return Err(Violation::new("type", format!("must be {words}"), words, given).into());
        }
    };
    Ok(Json(app.store.acl_entries(owner, entry_type).await?))
}

/// `PUT /v1/agents/{key}/acl/{peer}`: makes the entry or changes it; 200 either way.
#[utoipa::path(
    put,
    path = "/v1/agents/{key}/acl/{peer}",
    operation_id = "put_acl_entry",
    tag = "ACL",
    summary = "Lets another agent in, or keeps it out",
    params(AclPath),
    request_body = EntryRequest,
    responses((status = 200, description = "The entry, new or changed", body = AclEntry)),
    extensions(("x-error-codes" = json!(codes(&[Code::Forbidden, Code::AgentNotFound, Code::InsufficientStorage])))),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<AclEntry>, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let owner = require_self(&app, &signed)?;
    let peer = peer(&app, &signed)?;
    if peer == owner {
        let rule =
            "must be another agent: one's own messages are let in by every policy but closed";
        let given = peer.to_string();
        return Err(Violation::new(PEER, rule, "another agent's key", given).into());
    }
    let EntryRequest { entry_type } = signed.json()?;
    let most = app.config.limits.acl_entries;
    let claim = signed.caller.claim;
    let entry = app
        .store
        .put_acl_entry(owner, peer, entry_type, most, claim, app.now())
        .await?;
    Ok(Json(entry))
}

/// `GET /v1/agents/{key}/acl/{peer}`
#[utoipa::path(
    get,
    path = "/v1/agents/{key}/acl/{peer}",
    operation_id = "get_acl_entry",
    tag = "ACL",
    summary = "What one's own access list says about another agent",
    params(AclPath),
    responses((status = 200, description = "The entry", body = AclEntry)),
    extensions(("x-error-codes" = json!(codes(&[Code::Forbidden, Code::AgentNotFound, Code::AclEntryNotFound, Code::ValidationFailed])))),
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<AclEntry>, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let owner = require_self(&app, &signed)?;
    let entry = app.store.acl_entry(owner, peer(&app, &signed)?).await?;
    entry.map(Json).ok_or_else(|| {
        ApiError::new(
            Code::AclEntryNotFound,
            "this agent's access list says nothing about that peer",
        )
    })
}

/// `DELETE /v1/agents/{key}/acl/{peer}`
#[utoipa::path(
    delete,
    path = "/v1/agents/{key}/acl/{peer}",
    operation_id = "delete_acl_entry",
    tag = "ACL",
    summary = "Takes an entry out",
    params(AclPath),
    responses((status = 204, description = "There is no such entry now")),
    extensions(("x-error-codes" = json!(codes(&[Code::Forbidden, Code::AgentNotFound, Code::ValidationFailed])))),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let owner = require_self(&app, &signed)?;
    let peer = peer(&app, &signed)?;
    app.store
        .delete_acl_entry(owner, peer, signed.caller.claim, app.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the last segment of the path is called in refusals.
const PEER: &str = "peer_key";

fn peer(app: &App, signed: &Signed) -> Result<PublicKey, ApiError> {
    let text = segment(&signed.parts, 4).unwrap_or_default();
    app.auth.key(&text).map_err(|error| {
        let given: String = text.chars().take(64).collect();
        let limit = "a public key, 43 characters of base64url";
        Violation::new(PEER, error.to_string(), limit, given).into()
    })
}
