//! `/v1/topics`, `/v1/publish/{topic}`, `/v1/subscriptions`.

use super::error::parse;
use super::name::Name;
use super::openapi::codes;
use super::send::idempotency_key;
use super::{Api, ApiError};
use crate::store::SubscriptionRecord;
use crate::topics::{self, TopicError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use mrpd_api::body::services::{Publish, Published, Subscribe, Subscriber, Subscription, Topic};
use mrpd_api::error::Code;
use serde::Deserialize;

#[utoipa::path(
    get,
    path = "/v1/topics",
    operation_id = "list_topics",
    tag = "Topics",
    summary = "The topics of local agents",
    responses((status = 200, description = "All of them", body = Vec<Topic>)),
)]
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<Topic>>, ApiError> {
    let config = api.context.config();
    let roster = api.context.roster();
    let mut shown = Vec::with_capacity(config.topics.items.len());
    for topic in &config.topics.items {
        let subscribers = api.context.store.subscribers(topic.name.clone()).await?;
        shown.push(Topic {
            name: topic.name.clone(),
            agent: topics::agent_name(topic, &roster).map(str::to_owned),
            allow: topic.allow.clone(),
            subscribers: u64::try_from(subscribers.len()).unwrap_or(u64::MAX),
            max_subscribers: topic.max_subscribers,
        });
    }
    Ok(Json(shown))
}

#[utoipa::path(
    get,
    path = "/v1/topics/{name}/subscribers",
    operation_id = "list_subscribers",
    tag = "Topics",
    summary = "Who has subscribed to a topic",
    params(("name" = String, Path, description = "The topic")),
    responses((status = 200, description = "All of them", body = Vec<Subscriber>)),
    extensions(("x-error-codes" = json!(codes(&[Code::NotFound])))),
)]
pub(super) async fn subscribers(
    State(api): State<Api>,
    Name(name): Name,
) -> Result<Json<Vec<Subscriber>>, ApiError> {
    let context = &api.context;
    topics::find(&context.config(), &name)?;
    let names = context.contacts.names(&context.roster());
    let mut failures = topics::failures(context).await?;
    let subscribers = context.store.subscribers(name).await?;
    let shown = subscribers.into_iter().filter_map(|(key, record)| {
        let peer = names.peer(&key)?;
        let (failed, error) = failures.remove(&key).unwrap_or_default();
        Some(Subscriber {
            key: peer.key,
            name: peer.name,
            since: record.since,
            failed,
            error,
        })
    });
    Ok(Json(shown.collect()))
}

#[utoipa::path(
    delete,
    path = "/v1/topics/{name}/subscribers/{who}",
    operation_id = "remove_subscriber",
    tag = "Topics",
    summary = "Removes a subscriber",
    params(
        ("name" = String, Path, description = "The topic"),
        ("who" = String, Path, description = "Contact name or key"),
    ),
    responses((status = 204, description = "They get nothing from now on")),
    extensions(("x-error-codes" = json!(codes(&[Code::NotFound, Code::NoAgent, Code::UnknownRecipient, Code::AmbiguousRecipient])))),
)]
pub(super) async fn remove_subscriber(
    State(api): State<Api>,
    place: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path((name, who)) = place?;
    topics::remove_subscriber(&api.context, &name, &who).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    post,
    path = "/v1/publish/{name}",
    operation_id = "publish",
    tag = "Topics",
    summary = "Publishes to all subscribers of a topic",
    params(
        ("name" = String, Path, description = "The topic"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters: the same key is published once in 24 hours"),
    ),
    request_body = Publish,
    responses((status = 200, description = "It is durable for everybody who has subscribed", body = Published)),
    extensions(("x-error-codes" = json!(codes(&[Code::NotFound, Code::NoAgent, Code::IdempotencyMismatch])))),
)]
pub(super) async fn publish(
    State(api): State<Api>,
    Name(name): Name,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Published>, ApiError> {
    let publish: Publish = parse(&body?)?;
    let key = idempotency_key(&headers)?;
    let published = topics::publish(&api.context, &name, publish, key).await?;
    Ok(Json(published))
}

#[utoipa::path(
    get,
    path = "/v1/subscriptions",
    operation_id = "list_subscriptions",
    tag = "Topics",
    summary = "What local agents have subscribed to",
    responses((status = 200, description = "All of them", body = Vec<Subscription>)),
)]
pub(super) async fn subscriptions(
    State(api): State<Api>,
) -> Result<Json<Vec<Subscription>>, ApiError> {
    let records = api.context.store.subscriptions().await?;
    let shown = records.into_iter().filter_map(|record| shown(&api, record));
    Ok(Json(shown.collect()))
}

#[utoipa::path(
    post,
    path = "/v1/subscriptions",
    operation_id = "subscribe",
    tag = "Topics",
    summary = "Asks a publisher for a subscription",
    request_body = Subscribe,
    responses((status = 200, description = "The request is durable in the outbox", body = Subscription)),
    extensions(("x-error-codes" = json!(codes(&[Code::NoAgent, Code::UnknownAgent, Code::UnknownRelay, Code::UnknownRecipient, Code::AmbiguousRecipient])))),
)]
pub(super) async fn subscribe(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Subscription>, ApiError> {
    let wish: Subscribe = parse(&body?)?;
    let record = topics::subscribe(&api.context, wish).await?;
    let shown = shown(&api, record);
    let lost = || ApiError::new(Code::Internal, "the subscription has no key");
    Ok(Json(shown.ok_or_else(lost)?))
}

/// Which agent's subscription ends.
#[derive(Debug, Deserialize)]
pub(super) struct Whose {
    agent: Option<String>,
}

#[utoipa::path(
    delete,
    path = "/v1/subscriptions/{who}",
    operation_id = "unsubscribe",
    tag = "Topics",
    summary = "Ends the subscription to a publisher's only topic",
    params(
        ("who" = String, Path, description = "Contact name or key of the publisher"),
        ("agent" = Option<String>, Query, description = "Local agent; the default one where absent"),
    ),
    responses((status = 204, description = "It is forgotten, and telling the publisher is durable in the outbox")),
    extensions(("x-error-codes" = json!(codes(&[Code::NotFound, Code::NoAgent, Code::UnknownAgent, Code::UnknownRelay, Code::UnknownRecipient, Code::AmbiguousRecipient])))),
)]
pub(super) async fn unsubscribe(
    State(api): State<Api>,
    Name(who): Name,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<StatusCode, ApiError> {
    end(&api, who, None, whose?.0).await
}

#[utoipa::path(
    delete,
    path = "/v1/subscriptions/{who}/{topic}",
    operation_id = "unsubscribe_topic",
    tag = "Topics",
    summary = "Ends a subscription",
    params(
        ("who" = String, Path, description = "Contact name or key of the publisher"),
        ("topic" = String, Path, description = "The topic"),
        ("agent" = Option<String>, Query, description = "Local agent; the default one where absent"),
    ),
    responses((status = 204, description = "It is forgotten, and telling the publisher is durable in the outbox")),
    extensions(("x-error-codes" = json!(codes(&[Code::NotFound, Code::NoAgent, Code::UnknownAgent, Code::UnknownRelay, Code::UnknownRecipient, Code::AmbiguousRecipient])))),
)]
pub(super) async fn unsubscribe_topic(
    State(api): State<Api>,
    place: Result<Path<(String, String)>, PathRejection>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<StatusCode, ApiError> {
    let Path((who, topic)) = place?;
    end(&api, who, Some(topic), whose?.0).await
}

async fn end(
    api: &Api,
    who: String,
    topic: Option<String>,
    whose: Whose,
) -> Result<StatusCode, ApiError> {
    let agent = whose.agent;
    topics::unsubscribe(&api.context, Subscribe { who, topic, agent }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(api: &Api, record: SubscriptionRecord) -> Option<Subscription> {
    let names = api.context.contacts.names(&api.context.roster());
    let peer = names.peer(&record.publisher)?;
    Some(Subscription {
        agent: record.agent,
        key: peer.key,
        name: peer.name,
        topic: Some(record.topic).filter(|topic| !topic.is_empty()),
        state: record.state,
        request: record.request,
        since: record.since,
        refusal: record.refusal,
    })
}

impl From<TopicError> for ApiError {
    fn from(error: TopicError) -> Self {
        let message = error.to_string();
        match error {
            TopicError::Unknown { .. } | TopicError::NotSubscribed { .. } => {
                Self::new(Code::NotFound, message)
            }
            TopicError::NoAgent { .. } => Self::new(Code::NoAgent, message),
            TopicError::Content { .. } => Self::new(Code::InvalidRequest, message),
            TopicError::TooLarge { .. } => Self::new(Code::TooLarge, message),
            TopicError::Mismatch => Self::new(Code::IdempotencyMismatch, message),
            TopicError::Full => Self::new(Code::TryAgain, message),
            TopicError::Recipient(error) => error.into(),
            TopicError::Send(error) => error.into(),
            TopicError::Store(error) => error.into(),
        }
    }
}
