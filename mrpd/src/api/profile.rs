//! How an agent shows itself at its relays, and whom it lets in: `/v1/acl`, `/v1/policy`, `/v1/profile`, `/v1/webhook`.

use super::error::parse;
use super::name::Name;
use super::openapi::codes;
use super::relays::{RELAY_CODES, all_ways, bounded, one_way, who_is};
use super::{Api, ApiError};
use crate::roster::Link;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use futures_util::future::join_all;
use mrp_client::{Error, Relay};
use mrp_proto::agent::{CapabilityForm, Change, ProfilePatch};
use mrp_proto::relay_api::{WebhookInfo, WebhookRequest, WebhookSecret};
use mrpd_api::body::relays::{
    AclChange, AclPeer, Applied, AppliedAt, Policy, ProfileAt, Way, WebhookChange,
};
use mrpd_api::error::Code;

type WayQuery = Result<Query<Way>, QueryRejection>;
type Body = Result<Bytes, BytesRejection>;

#[utoipa::path(
    get,
    path = "/v1/acl",
    operation_id = "list_acl",
    tag = "Relays",
    summary = "Whom an agent lets in and keeps out, at all its relays or one",
    params(Way),
    responses((status = 200, description = "Its entries, newest last", body = Vec<AclPeer>)),
    extensions(("x-error-codes" = json!(codes(RELAY_CODES)))),
)]
pub(super) async fn acl(
    State(api): State<Api>,
    way: WayQuery,
) -> Result<Json<Vec<AclPeer>>, ApiError> {
    let Query(Way { agent, relay }) = way?;
    let (_, links) = all_ways(&api, agent, relay)?;
    let names = super::outbox::names(&api);
    let mut peers = Vec::new();
    for link in links {
        for entry in bounded(link.client.acl(None)).await? {
            let peer = names.peer(&entry.peer_key.to_string());
            peers.push(AclPeer {
                relay: link.relay.name.clone(),
                key: entry.peer_key,
                name: peer.and_then(|peer| peer.name),
                entry_type: entry.entry_type,
                created_at: entry.created_at,
            });
        }
    }
    Ok(Json(peers))
}

#[utoipa::path(
    put,
    path = "/v1/acl/{who}",
    operation_id = "put_acl",
    tag = "Relays",
    summary = "Lets somebody in, or keeps them out, from the next message on",
    params(("who" = String, Path, description = "Contact name, key, card, or key prefix among contacts"), Way),
    request_body = AclChange,
    responses((status = 200, description = "What became of it at each relay", body = Applied)),
    extensions(("x-error-codes" = json!(codes(&[RELAY_CODES, &[Code::UnknownRecipient, Code::AmbiguousRecipient]].concat())))),
)]
pub(super) async fn put_acl(
    State(api): State<Api>,
    Name(who): Name,
    way: WayQuery,
    body: Body,
) -> Result<Json<Applied>, ApiError> {
    let Query(Way { agent, relay }) = way?;
    let AclChange { entry_type } = parse(&body?)?;
    let (agent, links) = all_ways(&api, agent, relay)?;
    let key = who_is(&api, &agent, &who)?;
    let change =
        move |relay: Relay| async move { relay.set_acl(&key, entry_type).await.map(|_| ()) };
    at_all(links, change).await
}

#[utoipa::path(
    delete,
    path = "/v1/acl/{who}",
    operation_id = "remove_acl",
    tag = "Relays",
    summary = "Takes somebody off the list",
    params(("who" = String, Path, description = "Contact name, key, card, or key prefix among contacts"), Way),
    responses((status = 200, description = "What became of it at each relay", body = Applied)),
    extensions(("x-error-codes" = json!(codes(&[RELAY_CODES, &[Code::UnknownRecipient, Code::AmbiguousRecipient]].concat())))),
)]
pub(super) async fn remove_acl(
    State(api): State<Api>,
    Name(who): Name,
    way: WayQuery,
) -> Result<Json<Applied>, ApiError> {
    let Query(Way { agent, relay }) = way?;
    let (agent, links) = all_ways(&api, agent, relay)?;
    let key = who_is(&api, &agent, &who)?;
    let change = move |relay: Relay| async move { relay.remove_acl(&key).await };
    at_all(links, change).await
}

#[utoipa::path(
    get,
    path = "/v1/policy",
    operation_id = "show_policy",
    tag = "Relays",
    summary = "Whose messages an agent's inbox takes, at one relay",
    params(Way),
    responses((status = 200, description = "Whose", body = Policy)),
    extensions(("x-error-codes" = json!(codes(RELAY_CODES)))),
)]
pub(super) async fn policy(
    State(api): State<Api>,
    way: WayQuery,
) -> Result<Json<Policy>, ApiError> {
    let Query(Way { agent, relay }) = way?;
    let (agent, link) = one_way(&api, agent, relay)?;
    let info = bounded(link.client.agent(&agent.public)).await?;
    Ok(Json(Policy {
        policy: info.inbox_policy,
    }))
}

#[utoipa::path(
    put,
    path = "/v1/policy",
    operation_id = "put_policy",
    tag = "Relays",
    summary = "Says whose messages an agent's inbox takes; `inbox_policy` in mrpd.toml is put again when it changes",
    params(Way),
    request_body = Policy,
    responses((status = 200, description = "What became of it at each relay", body = Applied)),
    extensions(("x-error-codes" = json!(codes(RELAY_CODES)))),
)]
pub(super) async fn put_policy(
    State(api): State<Api>,
    way: WayQuery,
    body: Body,
) -> Result<Json<Applied>, ApiError> {
    let Policy { policy } = parse(&body?)?;
    let patch = ProfilePatch {
        inbox_policy: Change::Set(policy),
        ..ProfilePatch::default()
    };
    put_patch(&api, way, patch).await
}

#[utoipa::path(
    get,
    path = "/v1/profile",
    operation_id = "show_profile",
    tag = "Relays",
    summary = "How an agent shows itself at its relays",
    params(Way),
    responses((status = 200, description = "Its profile at each", body = Vec<ProfileAt>)),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownAgent, Code::UnknownRelay, Code::NoAgent])))),
)]
pub(super) async fn show(
    State(api): State<Api>,
    way: WayQuery,
) -> Result<Json<Vec<ProfileAt>>, ApiError> {
    let Query(Way { agent, relay }) = way?;
    let (agent, links) = all_ways(&api, agent, relay)?;
    let key = agent.public;
    let asked = links.into_iter().map(|link| async move {
        let answer = bounded(link.client.agent(&key)).await;
        let (profile, error) = match answer {
            Ok(profile) => (Some(profile), None),
            Err(error) => (None, Some(error.into_detail())),
        };
        ProfileAt {
            relay: link.relay.name,
            profile,
            error,
        }
    });
    Ok(Json(join_all(asked).await))
}

#[utoipa::path(
    patch,
    path = "/v1/profile",
    operation_id = "change_profile",
    tag = "Relays",
    summary = "Changes how an agent shows itself; what mrpd.toml says is put again when it changes there",
    params(Way),
    request_body = ProfilePatch,
    responses((status = 200, description = "What became of it at each relay", body = Applied)),
    extensions(("x-error-codes" = json!(codes(RELAY_CODES)))),
)]
pub(super) async fn change(
    State(api): State<Api>,
    way: WayQuery,
    body: Body,
) -> Result<Json<Applied>, ApiError> {
    let mut patch: ProfilePatch = parse(&body?)?;
    // A relay answers in the form that it was asked in, and what it answers is read as objects.
    if let Change::Set(list) = &mut patch.capabilities {
        list.form = CapabilityForm::Structured;
    }
    if let Err(violation) = patch.check() {
        return Err(ApiError::new(Code::InvalidRequest, violation.to_string()));
    }
    put_patch(&api, way, patch).await
}

#[utoipa::path(
    get,
    path = "/v1/webhook",
    operation_id = "show_webhook",
    tag = "Relays",
    summary = "Where a relay announces an agent's messages",
    params(Way),
    responses((status = 200, description = "Where, and how that goes", body = WebhookInfo)),
    extensions(("x-error-codes" = json!(codes(RELAY_CODES)))),
)]
pub(super) async fn webhook(
    State(api): State<Api>,
    way: WayQuery,
) -> Result<Json<WebhookInfo>, ApiError> {
    let Query(Way { agent, relay }) = way?;
    let (_, link) = one_way(&api, agent, relay)?;
    Ok(Json(bounded(link.client.webhook()).await?))
}

#[utoipa::path(
    put,
    path = "/v1/webhook",
    operation_id = "put_webhook",
    tag = "Relays",
    summary = "Has a relay announce an agent's messages at a URL",
    params(Way),
    request_body = WebhookChange,
    responses((status = 200, description = "Where", body = WebhookInfo)),
    extensions(("x-error-codes" = json!(codes(RELAY_CODES)))),
)]
pub(super) async fn put_webhook(
    State(api): State<Api>,
    way: WayQuery,
    body: Body,
) -> Result<Json<WebhookInfo>, ApiError> {
    let Query(Way { agent, relay }) = way?;
    let WebhookChange { url, secret } = parse(&body?)?;
    let request = WebhookRequest {
        url,
        secret: WebhookSecret::new(secret),
    };
    if let Err(violation) = request.check() {
        return Err(ApiError::new(Code::InvalidRequest, violation.to_string()));
    }
    let (_, link) = one_way(&api, agent, relay)?;
    Ok(Json(bounded(link.client.set_webhook(&request)).await?))
}

#[utoipa::path(
    delete,
    path = "/v1/webhook",
    operation_id = "remove_webhook",
    tag = "Relays",
    summary = "Has a relay announce nothing any more",
    params(Way),
    responses((status = 204, description = "It does not")),
    extensions(("x-error-codes" = json!(codes(RELAY_CODES)))),
)]
pub(super) async fn remove_webhook(
    State(api): State<Api>,
    way: WayQuery,
) -> Result<StatusCode, ApiError> {
    let Query(Way { agent, relay }) = way?;
    let (_, link) = one_way(&api, agent, relay)?;
    bounded(link.client.remove_webhook()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn put_patch(
    api: &Api,
    way: WayQuery,
    patch: ProfilePatch,
) -> Result<Json<Applied>, ApiError> {
    let Query(Way { agent, relay }) = way?;
    let (_, links) = all_ways(api, agent, relay)?;
    let change = move |relay: Relay| {
        let patch = patch.clone();
        async move { relay.update_profile(&patch).await.map(|_| ()) }
    };
    at_all(links, change).await
}

/// Makes a change at all relays, side by side. Only where it was made at none it has failed.
async fn at_all<F>(
    links: Vec<Link>,
    change: impl Fn(Relay) -> F + Send,
) -> Result<Json<Applied>, ApiError>
where
    F: Future<Output = Result<(), Error>> + Send,
{
    let asked: Vec<_> = links
        .iter()
        .map(|link| bounded(change(link.client.clone())))
        .collect();
    let made = join_all(asked).await;
    let mut refusal = None;
    let mut relays = Vec::with_capacity(links.len());
    for (link, made) in links.iter().zip(made) {
        let error = made.err().map(ApiError::into_detail);
        refusal = error.clone().or(refusal);
        relays.push(AppliedAt {
            relay: link.relay.name.clone(),
            error,
        });
    }
    match refusal {
        Some(refusal) if relays.iter().all(|at| at.error.is_some()) => {
            Err(ApiError::from_detail(refusal))
        }
        _ => Ok(Json(Applied { relays })),
    }
}
