//! `/v1/topics`, `/v1/publish/{topic}`, `/v1/subscriptions`.

use super::error::parse;
use super::name::Name;
use super::send::idempotency_key;
use super::{Api, ApiError};
use crate::store::SubscriptionRecord;
use crate::topics::{self, TopicError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use mrpd_api::body::services::{Publish, Published, Subscribe, Subscriber, Subscription, Topic};
use mrpd_api::error::Code;
use serde::Deserialize;
use std::collections::HashMap;

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

pub(super) async fn remove_subscriber(
    State(api): State<Api>,
    Path((name, who)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    topics::remove_subscriber(&api.context, &name, &who).await?;
    Ok(StatusCode::NO_CONTENT)
}

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

pub(super) async fn subscriptions(
    State(api): State<Api>,
) -> Result<Json<Vec<Subscription>>, ApiError> {
    let records = api.context.store.subscriptions().await?;
    let shown = records.into_iter().filter_map(|record| shown(&api, record));
    Ok(Json(shown.collect()))
}

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

pub(super) async fn unsubscribe(
    State(api): State<Api>,
    Path(mut place): Path<HashMap<String, String>>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<StatusCode, ApiError> {
    let wish = Subscribe {
        who: place.remove("who").unwrap_or_default(),
        topic: place.remove("topic"),
        agent: whose?.0.agent,
    };
    topics::unsubscribe(&api.context, wish).await?;
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
