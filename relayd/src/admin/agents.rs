//! Agents, as their relay's operator sees them: listed, looked at, suspended and resumed (protocol A1.7).

use super::refusal::Refusal;
use crate::app::App;
use crate::http::error::ApiError;
use crate::http::query::Query;
use crate::store::{AgentHoldings, AgentsPage};
use axum::Json;
use axum::extract::{Path, State};
use http::Uri;
use mrp_proto::agent::{AgentInfo, AgentStatus};
use mrp_proto::code::Code;
use mrp_proto::key::PublicKey;
use mrp_proto::message::Violation;
use serde::Serialize;
use std::sync::Arc;

/// Agents of one page: at most, and where nothing is said.
const PAGE: (u64, usize) = (1_000, 100);

/// `GET /v1/agents?status=&after=&limit=`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<AgentsPage>, Refusal> {
    let query = Query::of(&uri)?;
    let status = match query.text("status")? {
        None => None,
        Some("active") => Some(AgentStatus::Active),
        Some("suspended") => Some(AgentStatus::Suspended),
        Some(other) => {
            let words = "active or suspended";
            return Err(Violation::new("status", format!("must be {words}"), words, other).into());
        }
    };
    let after = query.text("after")?.map(|text| key("after", text));
    let limit = query.number("limit", 1, PAGE.0)?;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    let page = app
        .store
        .agents(status, after.transpose()?, limit.unwrap_or(PAGE.1))
        .await?;
    Ok(Json(page))
}

/// Everything about one agent but its mail.
#[derive(Debug, Serialize)]
pub(super) struct Agent {
    #[serde(flatten)]
    profile: AgentInfo,
    #[serde(flatten)]
    holdings: AgentHoldings,
    sockets: usize,
    /// Whether `access.registration` lets it in.
    permitted: bool,
}

/// `GET /v1/agents/{key}`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
) -> Result<Json<Agent>, Refusal> {
    let key = key("key", &text)?;
    Ok(Json(find(&app, key).await?))
}

/// `POST /v1/agents/{key}/suspend`: refuses everything from it and to it from now on, and closes its sockets.
pub(super) async fn suspend(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
) -> Result<Json<Agent>, Refusal> {
    let key = key("key", &text)?;
    set_status(&app, key, AgentStatus::Suspended).await?;
    app.hub.revoke(&key);
    Ok(Json(find(&app, key).await?))
}

/// `POST /v1/agents/{key}/resume`
pub(super) async fn resume(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
) -> Result<Json<Agent>, Refusal> {
    let key = key("key", &text)?;
    set_status(&app, key, AgentStatus::Active).await?;
    Ok(Json(find(&app, key).await?))
}

async fn set_status(app: &App, key: PublicKey, status: AgentStatus) -> Result<(), Refusal> {
    let before = app.store.set_status(key, status, app.now()).await?;
    if before.ok_or_else(unknown)? != status {
        tracing::info!(agent = %key, ?status, "an agent's status was set");
    }
    Ok(())
}

async fn find(app: &App, key: PublicKey) -> Result<Agent, Refusal> {
    let profile = app.store.agent(&key).await?.ok_or_else(unknown)?;
    Ok(Agent {
        profile,
        holdings: app.store.agent_holdings(&key).await?,
        sockets: app.hub.sockets_of(&key),
        permitted: app.access.permits(&key),
    })
}

fn key(field: &str, text: &str) -> Result<PublicKey, Violation> {
    text.parse().map_err(|error| {
        let rule = format!("must be a public key: {error}");
        Violation::new(field, rule, "43 characters of base64url", text)
    })
}

fn unknown() -> ApiError {
    ApiError::new(
        Code::AgentNotFound,
        "this relay knows no agent with this key; an agent is known from its first signed request on",
    )
}
