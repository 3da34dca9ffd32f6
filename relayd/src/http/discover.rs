//! Finding agents (protocol A3.4, A3.5).

use super::admission::admit;
use super::cursor;
use super::error::ApiError;
use super::older;
use super::openapi::DiscoverQuery;
use super::query::Query;
use crate::app::App;
use crate::auth::Class;
use crate::store::{self, Effort, Listed, Search};
use axum::Json;
use axum::extract::{Request, State};
use http::HeaderMap;
use mrp_proto::agent::{CapabilityForm, CapabilityList, MAX_DISPLAY_NAME, NAME_LENGTH};
use mrp_proto::message::Violation;
use mrp_proto::relay_api::{
    CapabilityCount, CapabilityCounts, DEFAULT_AGENT_PAGE, DiscoverPage, DiscoveredAgent,
    MAX_CAPABILITY_COUNTS, MAX_FILTER_VALUES, MAX_PAGE, MAX_WORDS, MAX_WORDS_LENGTH,
};
use mrp_proto::time::Timestamp;
use std::sync::Arc;

/// `GET /v1/discover`
#[utoipa::path(
    get,
    path = "/v1/discover",
    operation_id = "discover_agents",
    tag = "Discovery",
    summary = "Public agents, most recently active first",
    params(DiscoverQuery),
    responses((status = 200, description = "A page; it may have fewer than asked for although more follow", body = DiscoverPage)),
)]
pub(super) async fn find(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<DiscoverPage>, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let search = read_search(&Query::of(&signed.parts.uri)?)?;
    let form = form_of(&search, &signed.parts.headers);
    let found = app.store.discover(search).await?;
    let agents = found.agents.into_iter();
    Ok(Json(DiscoverPage {
        agents: agents.map(|agent| in_form(agent, form)).collect(),
        has_more: found.next.is_some(),
        next_cursor: found.next.map(cursor::encode_place),
    }))
}

/// `GET /v1/capabilities`
#[utoipa::path(
    get,
    path = "/v1/capabilities",
    operation_id = "list_capabilities",
    tag = "Discovery",
    summary = "The tags that public agents have, most used first",
    responses((status = 200, description = "The tags with their numbers of agents", body = CapabilityCounts)),
)]
pub(super) async fn capabilities(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<CapabilityCounts>, ApiError> {
    admit(&app, request, Class::Other).await?;
    let tags = app.store.popular_tags(MAX_CAPABILITY_COUNTS).await?;
    let capabilities = tags.into_iter().map(|count| CapabilityCount {
        tag: count.tag,
        agent_count: count.agents,
    });
    Ok(Json(CapabilityCounts {
        capabilities: capabilities.collect(),
    }))
}

fn read_search(query: &Query) -> Result<Search, Violation> {
    let (_, longest) = NAME_LENGTH;
    let limit = query.number("limit", 1, MAX_PAGE as u64)?;
    let name = query.bounded_text("name", MAX_DISPLAY_NAME)?;
    let prefix = query.bounded_text("capability_prefix", longest)?;
    Ok(Search {
        tags: query.texts("tag", MAX_FILTER_VALUES, longest)?,
        capabilities: query.texts("capability", MAX_FILTER_VALUES, longest)?,
        capability_prefix: prefix.map(str::to_owned),
        words: words(query)?,
        name: name.map(str::to_owned),
        active_since: active_since(query)?,
        after: cursor::decode_place(query.text("cursor")?.unwrap_or(""))?,
        limit: limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(DEFAULT_AGENT_PAGE),
        effort: Effort::default(),
    })
}

fn words(query: &Query) -> Result<Vec<String>, Violation> {
    let Some(text) = query.bounded_text("q", MAX_WORDS_LENGTH)? else {
        return Ok(Vec::new());
    };
    let words = store::words(text);
    if words.is_empty() {
        let rule = "must have at least one letter or digit";
        return Err(Violation::new("q", rule, 1, 0));
    }
    if words.len() > MAX_WORDS {
        let rule = format!("must have at most {MAX_WORDS} words");
        return Err(Violation::new("q", rule, MAX_WORDS, words.len()));
    }
    Ok(words)
}

fn active_since(query: &Query) -> Result<Option<Timestamp>, Violation> {
    let Some(text) = query.bounded_text("active_since", 64)? else {
        return Ok(None);
    };
    // A time has no space: it is the plus of an offset that was not escaped.
    let time = text.replace(' ', "+").parse();
    time.map(Some)
        .map_err(|_| Violation::new("active_since", "must be a time", "RFC 3339", text))
}

/// Who asks in the older way is answered in it (protocol A3.3).
fn form_of(search: &Search, headers: &HeaderMap) -> CapabilityForm {
    if search.capabilities.is_empty() && search.capability_prefix.is_none() {
        older::form_of(headers)
    } else {
        CapabilityForm::Plain
    }
}

fn in_form(agent: Listed, form: CapabilityForm) -> DiscoveredAgent {
    DiscoveredAgent {
        public_key: agent.key,
        display_name: agent.display_name,
        last_active_at: agent.last_active,
        capabilities: CapabilityList {
            items: agent.capabilities,
            form,
        },
    }
}
