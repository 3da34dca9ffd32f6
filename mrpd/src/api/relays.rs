//! What is asked of relays on an agent's behalf: `/v1/discover`, `/v1/capabilities`, `/v1/lookup`, `/v1/limits`.

use super::name::Name;
use super::openapi::codes;
use super::{Api, ApiError};
use crate::clock;
use crate::contacts::resolve;
use crate::outbox::detail;
use crate::roster::{Link, LocalAgent};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use mrp_client::Error;
use mrp_proto::agent::AgentInfo;
use mrp_proto::code::Code as RelayCode;
use mrp_proto::key::PublicKey;
use mrp_proto::relay_api::{self, CapabilityCounts, DiscoverPage};
use mrpd_api::body::relays::{DiscoverQuery, Limits, RelayHealth, Way};
use mrpd_api::error::Code;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a relay may take to answer what a client waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What asking a relay can come to.
pub(super) const RELAY_CODES: &[Code] = &[
    Code::UnknownAgent,
    Code::UnknownRelay,
    Code::NoAgent,
    Code::RelayUnreachable,
    Code::NotPermitted,
    Code::RateLimited,
    Code::UnknownToRelay,
    Code::Refused,
    Code::InvalidRequest,
    Code::TryAgain,
];

#[utoipa::path(
    get,
    path = "/v1/discover",
    operation_id = "discover",
    tag = "Relays",
    summary = "Finds public agents at a relay, the most recently active ones first",
    params(DiscoverQuery),
    responses((status = 200, description = "A page of them", body = DiscoverPage)),
    extensions(("x-error-codes" = json!(codes(RELAY_CODES)))),
)]
pub(super) async fn discover(
    State(api): State<Api>,
    query: Result<Query<DiscoverQuery>, QueryRejection>,
) -> Result<Json<DiscoverPage>, ApiError> {
    let Query(query) = query?;
    let (_, link) = one_way(&api, query.agent, query.relay)?;
    let tags = query.tag.as_deref().unwrap_or_default().split(',');
    let asked = relay_api::DiscoverQuery {
        tags: tags
            .filter(|tag| !tag.is_empty())
            .map(str::to_owned)
            .collect(),
        words: query.q,
        name: query.name,
        active_since: query.active_since,
        limit: query.limit,
        cursor: query.cursor,
    };
    Ok(Json(bounded(link.client.discover(&asked)).await?))
}

#[utoipa::path(
    get,
    path = "/v1/capabilities",
    operation_id = "list_capabilities",
    tag = "Relays",
    summary = "What public agents at a relay can do, by tag",
    params(Way),
    responses((status = 200, description = "The most used tags first", body = CapabilityCounts)),
    extensions(("x-error-codes" = json!(codes(RELAY_CODES)))),
)]
pub(super) async fn capabilities(
    State(api): State<Api>,
    way: Result<Query<Way>, QueryRejection>,
) -> Result<Json<CapabilityCounts>, ApiError> {
    let Query(Way { agent, relay }) = way?;
    let (_, link) = one_way(&api, agent, relay)?;
    Ok(Json(bounded(link.client.capabilities()).await?))
}

#[utoipa::path(
    get,
    path = "/v1/lookup/{who}",
    operation_id = "lookup",
    tag = "Relays",
    summary = "An agent's profile, with what it can do",
    params(("who" = String, Path, description = "Contact name, key, card, or key prefix among contacts"), Way),
    responses((status = 200, description = "The profile as the relay has it; what it says proves nothing", body = AgentInfo)),
    extensions(("x-error-codes" = json!(codes(&[RELAY_CODES, &[Code::UnknownRecipient, Code::AmbiguousRecipient]].concat())))),
)]
pub(super) async fn lookup(
    State(api): State<Api>,
    Name(who): Name,
    way: Result<Query<Way>, QueryRejection>,
) -> Result<Json<AgentInfo>, ApiError> {
    let Query(Way { agent, relay }) = way?;
    let (agent, link) = one_way(&api, agent, relay)?;
    let key = who_is(&api, &agent, &who)?;
    Ok(Json(bounded(link.client.agent(&key)).await?))
}

#[utoipa::path(
    get,
    path = "/v1/limits",
    operation_id = "show_limits",
    tag = "Relays",
    summary = "How many sends the relays still take, and how they are",
    params(Way),
    responses((status = 200, description = "All relays of the agent, or the one that is named", body = Limits)),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownAgent, Code::UnknownRelay, Code::NoAgent])))),
)]
pub(super) async fn limits(
    State(api): State<Api>,
    way: Result<Query<Way>, QueryRejection>,
) -> Result<Json<Limits>, ApiError> {
    let Query(Way { agent, relay }) = way?;
    let (_, links) = all_ways(&api, agent, relay)?;
    let asked = links.iter().map(health);
    Ok(Json(Limits {
        relays: futures_util::future::join_all(asked).await,
        allowances: super::outbox::allowances(&api).await,
    }))
}

async fn health(link: &Link) -> RelayHealth {
    let begun = Instant::now();
    let answer = tokio::time::timeout(PATIENCE, link.client.health()).await;
    let took = begun.elapsed();
    let relay = link.relay.name.clone();
    match answer.unwrap_or(Err(Error::TimedOut)) {
        Ok(health) => {
            let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(0);
            // The relay looked at its clock about half-way.
            let here = clock::now().unix_millis() - millis(took) / 2;
            RelayHealth {
                relay,
                version: Some(health.version),
                features: health.features,
                round_trip_ms: u64::try_from(took.as_millis()).ok(),
                clock_ahead_ms: Some(here - health.timestamp.unix_millis()),
                error: None,
            }
        }
        Err(error) => RelayHealth {
            relay,
            version: None,
            features: Vec::new(),
            round_trip_ms: None,
            clock_ahead_ms: None,
            error: Some(detail(&error)),
        },
    }
}

/// The agent that is meant, and the relay; its first one where none is named.
pub(super) fn one_way(
    api: &Api,
    agent: Option<String>,
    relay: Option<String>,
) -> Result<(Arc<LocalAgent>, Link), ApiError> {
    let roster = api.context.roster();
    let way = api
        .context
        .outbox
        .way(&roster, agent.as_deref(), relay.as_deref())?;
    Ok(way)
}

/// The agent that is meant, and its relays; the one that is named, where one is.
pub(super) fn all_ways(
    api: &Api,
    agent: Option<String>,
    relay: Option<String>,
) -> Result<(Arc<LocalAgent>, Vec<Link>), ApiError> {
    let all = relay.is_none();
    let (agent, link) = one_way(api, agent, relay)?;
    let links = if all { agent.links.clone() } else { vec![link] };
    Ok((agent, links))
}

/// The key that a text means to an agent.
pub(super) fn who_is(api: &Api, agent: &LocalAgent, text: &str) -> Result<PublicKey, ApiError> {
    Ok(resolve(text, &api.context.contacts.book(), &agent.public)?.key)
}

/// What a relay answers, if it does so in time.
pub(super) async fn bounded<T>(
    asking: impl Future<Output = Result<T, Error>>,
) -> Result<T, ApiError> {
    let answer = tokio::time::timeout(PATIENCE, asking).await;
    answer
        .unwrap_or(Err(Error::TimedOut))
        .map_err(|error| ApiError::from_relay(&error))
}

impl ApiError {
    /// A relay's no, or its silence.
    pub(super) fn from_relay(error: &Error) -> Self {
        let code = match error {
            Error::Refused(refusal) => match RelayCode::parse(&refusal.code) {
                Some(
                    RelayCode::AgentNotFound
                    | RelayCode::AclEntryNotFound
                    | RelayCode::WebhookNotFound
                    | RelayCode::MessageNotFound
                    | RelayCode::NotFound,
                ) => Some(Code::UnknownToRelay),
                Some(
                    RelayCode::ValidationFailed | RelayCode::BadRequest | RelayCode::InvalidJson,
                ) => Some(Code::InvalidRequest),
                _ => None,
            },
            _ => None,
        };
        let mut detail = detail(error);
        if let Some(code) = code {
            let request_id = detail.request_id.take();
            detail = mrpd_api::error::ErrorDetail::new(code, detail.message, None);
            detail.request_id = request_id;
        }
        Self::from_detail(detail)
    }
}
