//! `/healthz`, `/v1/status`, `/v1/agents`, `/v1/relays`.

use super::{Api, ApiError};
use crate::identity;
use crate::roster::{LocalAgent, Roster};
use axum::Json;
use axum::extract::State;
use mrpd_api::body::hooks::HookCounts;
use mrpd_api::body::{Agent, InboxCounts, OutboxCounts, Relay, Status};
use mrpd_api::card::Card;
use serde_json::{Value, json};
use std::sync::Arc;

/// Whether the daemon lives, and its store with it.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "health",
    tag = "Daemon",
    summary = "Whether the daemon lives, and its store with it",
    responses((status = 200, description = "It does", body = Object)),
)]
pub(super) async fn health(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    api.context.store.probe().await?;
    Ok(Json(json!({ "status": "ok" })))
}

#[utoipa::path(
    get,
    path = "/v1/status",
    operation_id = "status",
    tag = "Daemon",
    summary = "How things stand",
    responses((status = 200, description = "Agents, relays, sessions, counts, and what needs attention", body = Status)),
)]
pub(super) async fn status(State(api): State<Api>) -> Json<Status> {
    let roster = Arc::clone(&api.context.roster.borrow());
    // A store that fails is a warning here: the answer has to come, to say so.
    let counts = api.context.store.counts().await.unwrap_or_default();
    let mut warnings = Vec::new();
    if let Some(cause) = api.context.store.trouble().borrow().as_ref() {
        warnings.push(format!(
            "the store cannot be written ({cause}): messages stay at the relays, and sends are refused; free space or repair the disk"
        ));
    }
    if counts.refused > 0 {
        warnings.push(format!(
            "{} messages were refused, because somebody had tampered with them or brought old ones back; the log says which",
            counts.refused
        ));
    }
    warnings.extend(api.context.contacts.trouble());
    if roster.agents.is_empty() {
        warnings.push("there is no agent yet; make one with: mrpctl init --name NAME".to_owned());
    }
    warnings.extend(api.context.board.warnings());
    Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_at: api.about.started_at,
        socket: api.about.socket.display().to_string(),
        config: api.about.config.display().to_string(),
        agents: agents_of(&roster),
        relays: relays_of(&roster),
        sessions: api.context.board.sessions(),
        inbox: InboxCounts {
            received: counts.received,
            sent: counts.sent,
            newest: counts.newest,
            unread: counts.unread,
            held: counts.held,
            bytes: counts.bytes,
        },
        outbox: OutboxCounts {
            queued: counts.queued,
            failed: counts.failed,
        },
        allowances: super::outbox::allowances(&api).await,
        hooks: hook_counts(&api).await,
        warnings,
    })
}

#[utoipa::path(
    get,
    path = "/v1/agents",
    operation_id = "list_agents",
    tag = "Daemon",
    summary = "The local agents",
    responses((status = 200, description = "All of them", body = Vec<Agent>)),
)]
pub(super) async fn agents(State(api): State<Api>) -> Json<Vec<Agent>> {
    Json(agents_of(&api.context.roster.borrow()))
}

#[utoipa::path(
    get,
    path = "/v1/relays",
    operation_id = "list_relays",
    tag = "Daemon",
    summary = "The relays",
    responses((status = 200, description = "All of them", body = Vec<Relay>)),
)]
pub(super) async fn relays(State(api): State<Api>) -> Json<Vec<Relay>> {
    Json(relays_of(&api.context.roster.borrow()))
}

async fn hook_counts(api: &Api) -> HookCounts {
    let overview = *api.context.hooks.changes().borrow();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    HookCounts {
        configured: count(overview.configured),
        disabled: count(overview.disabled),
        queued: count(overview.queued),
        running: count(overview.running),
        dead: api.context.store.dead_job_count().await.unwrap_or_default(),
    }
}

fn agents_of(roster: &Roster) -> Vec<Agent> {
    let default = roster.default_agent().map(|agent| agent.public);
    let shown = |agent: &Arc<LocalAgent>| Agent {
        name: agent.config.name.clone(),
        key: agent.public,
        short: agent.public.short(),
        card: card(agent).to_string(),
        default: Some(agent.public) == default,
        relays: agent.config.relays.clone(),
        key_source: identity::describe(&agent.config.key),
    };
    roster.agents.iter().map(shown).collect()
}

fn card(agent: &LocalAgent) -> Card {
    let name = agent.config.display_name.as_ref();
    Card {
        key: agent.public,
        name: Some(name.unwrap_or(&agent.config.name).clone()),
        relay: agent.links.first().map(|link| link.relay.url.to_string()),
    }
}

fn relays_of(roster: &Roster) -> Vec<Relay> {
    let shown = |relay: &crate::config::Relay| Relay {
        name: relay.name.clone(),
        url: relay.url.to_string(),
    };
    roster.relays.iter().map(shown).collect()
}
