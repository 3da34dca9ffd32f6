//! Topics: others subscribe by a request, and what is published goes to each of them.
//!
//! A request is `{"action":"subscribe","params":{"topic":NAME}}`, and likewise `unsubscribe`; without a name the agent's only topic
//! is meant. The answer is a response whose result has the topic and whether the sender is subscribed now. A publication is an event
//! that bears the topic's name, `{"event":NAME,"data":{..}}`, unless the publisher names a media type.

use crate::audience::{Admission, Proof};
use crate::clock;
use crate::config::{Config, Topic};
use crate::contacts::{ResolveError, resolve};
use crate::context::Context;
use crate::outbox::SendError;
use crate::roster::Roster;
use crate::store::{Fanned, OutboxStage, StoreError, Subscribed, SubscriptionRecord};
use mrp_proto::content::{Event, Request, Text};
use mrp_proto::key::PublicKey;
use mrpd_api::body::Send;
use mrpd_api::body::services::{Publish, Published, Subscribe, SubscriptionState};
use mrpd_api::error::ErrorDetail;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::{BTreeMap, HashMap};

/// The action that subscribes.
pub const SUBSCRIBE: &str = "subscribe";
/// The action that ends a subscription.
pub const UNSUBSCRIBE: &str = "unsubscribe";

/// Characters of an idempotency key, at most.
const KEY_LENGTH: usize = 128;
/// Bytes of a topic's name, at most.
const NAME_LENGTH: usize = 256;
/// Bytes of a publication's content, at most: those of a message's body.
const CONTENT: usize = 1 << 20;

/// Why nothing was published or asked for.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// There is no such topic.
    #[error("there is no topic {name:?}; {}", those_there_are(known))]
    Unknown {
        /// The name.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The topic's agent is not there.
    #[error("the topic {name:?} has no agent: {agent}")]
    NoAgent {
        /// The topic.
        name: String,
        /// What is missing.
        agent: String,
    },
    /// There is nothing to publish, or too much of it.
    #[error("{what}")]
    Content {
        /// What is wrong.
        what: String,
    },
    /// It does not fit.
    #[error("the content has {actual} bytes, at most {CONTENT} are allowed")]
    TooLarge {
        /// Bytes it has.
        actual: usize,
    },
    /// Something else was published under the same key.
    #[error("something else was published under the same idempotency key within 24 hours")]
    Mismatch,
    /// Too much waits.
    #[error("too many publications wait for the outbox")]
    Full,
    /// There is no such subscription or subscriber.
    #[error("{what}")]
    NotSubscribed {
        /// Who, and what.
        what: String,
    },
    /// The text means nobody.
    #[error(transparent)]
    Recipient(#[from] ResolveError),
    /// The request was not sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The topics of an agent.
pub fn of_agent<'a>(
    config: &'a Config,
    roster: &'a Roster,
    agent: &'a str,
) -> impl Iterator<Item = &'a Topic> {
    config
        .topics
        .items
        .iter()
        .filter(move |topic| agent_name(topic, roster) == Some(agent))
}

/// The local name of a topic's agent, if it is there.
pub fn agent_name<'a>(topic: &Topic, roster: &'a Roster) -> Option<&'a str> {
    let agent = match &topic.agent {
        Some(name) => roster.agent(name),
        None => roster.default_agent(),
    };
    agent.map(|agent| agent.config.name.as_str())
}

/// Publishes: durable for all who have subscribed, once it returns.
///
/// # Errors
/// A [`TopicError`].
pub async fn publish(
    context: &Context,
    name: &str,
    publish: Publish,
    key: Option<String>,
) -> Result<Published, TopicError> {
    if key
        .as_ref()
        .is_some_and(|key| !(1..=KEY_LENGTH).contains(&key.len()))
    {
        let what = format!("the idempotency key must have 1 to {KEY_LENGTH} characters");
        return Err(TopicError::Content { what });
    }
    let config = context.config();
    let topic = find(&config, name)?;
    let roster = context.roster();
    let agent = agent_name(topic, &roster).ok_or_else(|| TopicError::NoAgent {
        name: name.to_owned(),
        agent: topic
            .agent
            .clone()
            .unwrap_or_else(|| "there is none".to_owned()),
    })?;
    let send = Send {
        agent: Some(agent.to_owned()),
        expires_in: publish.expires_in,
        sealing: publish.sealing,
        ..content(name, publish)?
    };
    let subject = format!("topic {name}");
    let targets = admitted(context, topic).await?;
    let subscribers = match context.fanout.submit(subject, send, targets, key).await? {
        Fanned::New(count) => Some(count),
        Fanned::Before => None,
        Fanned::Mismatch => return Err(TopicError::Mismatch),
        Fanned::Full => return Err(TopicError::Full),
    };
    Ok(Published {
        topic: name.to_owned(),
        subscribers,
    })
}

/// Messages that were given up and still lie in the outbox, by recipient: how many, and why the last of them was.
///
/// # Errors
/// A [`StoreError`].
pub async fn failures(
    context: &Context,
) -> Result<HashMap<String, (u64, Option<ErrorDetail>)>, StoreError> {
    let mut failures: HashMap<String, (u64, Option<ErrorDetail>)> = HashMap::new();
    for record in context.store.outbox().await? {
        if record.stage == OutboxStage::Failed {
            let failed = failures.entry(record.message.to).or_default();
            failed.0 += 1;
            failed.1 = record.error;
        }
    }
    Ok(failures)
}

/// Removes a subscriber.
///
/// # Errors
/// A [`TopicError`].
pub async fn remove_subscriber(context: &Context, name: &str, who: &str) -> Result<(), TopicError> {
    let key = key_of(context, who)?.to_string();
    if context.store.unsubscribe(name.to_owned(), key).await? {
        return Ok(());
    }
    Err(TopicError::NotSubscribed {
        what: format!("{who:?} has not subscribed to {name:?}"),
    })
}

/// The topic of that name.
///
/// # Errors
/// [`TopicError::Unknown`].
pub fn find<'a>(config: &'a Config, name: &str) -> Result<&'a Topic, TopicError> {
    config.topics.find(name).ok_or_else(|| {
        let topics = config.topics.items.iter();
        TopicError::Unknown {
            name: name.to_owned(),
            known: topics.map(|topic| topic.name.clone()).collect(),
        }
    })
}

fn those_there_are(known: &[String]) -> String {
    if known.is_empty() {
        return "there are none: they are made as [[topic]] of mrpd.toml".to_owned();
    }
    format!("known: {}", known.join(", "))
}

/// Asks a publisher for a subscription, and remembers that.
///
/// # Errors
/// A [`TopicError`].
pub async fn subscribe(
    context: &Context,
    wish: Subscribe,
) -> Result<SubscriptionRecord, TopicError> {
    let topic = check_topic(wish.topic)?;
    let roster = context.roster();
    let agent = local_agent(&roster, wish.agent)?;
    let publisher = key_of(context, &wish.who)?;
    let before = *context.store.newest().borrow();
    let sent = ask(context, SUBSCRIBE, &agent, &wish.who, &topic).await?;
    let record = SubscriptionRecord {
        agent,
        publisher: publisher.to_string(),
        topic,
        request: sent,
        since: clock::now(),
        state: SubscriptionState::Requested,
        refusal: None,
    };
    context.store.put_subscription(record.clone()).await?;
    context.desk.look_from(before);
    Ok(record)
}

/// Tells a publisher that a subscription ends, and forgets it.
///
/// # Errors
/// A [`TopicError`].
pub async fn unsubscribe(context: &Context, wish: Subscribe) -> Result<(), TopicError> {
    let topic = check_topic(wish.topic)?;
    let roster = context.roster();
    let agent = local_agent(&roster, wish.agent)?;
    let publisher = key_of(context, &wish.who)?.to_string();
    // The publisher is told even if nothing is known here: it may remember what was lost here.
    ask(context, UNSUBSCRIBE, &agent, &wish.who, &topic).await?;
    let known = context
        .store
        .remove_subscription(agent.clone(), publisher, topic)
        .await?;
    if known {
        return Ok(());
    }
    Err(TopicError::NotSubscribed {
        what: format!(
            "agent {agent:?} had no such subscription with {:?}; the publisher was told anyhow",
            wish.who
        ),
    })
}

/// What comes of a request to subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The sender is subscribed now, or is not.
    Done {
        /// The topic.
        topic: String,
        /// Whether they are.
        subscribed: bool,
    },
    /// There are too many subscribers.
    Full,
}

/// Adds or removes a sender that may subscribe.
///
/// # Errors
/// A [`StoreError`].
pub async fn answer(
    context: &Context,
    topic: &Topic,
    action: &str,
    from: String,
) -> Result<Verdict, StoreError> {
    let name = topic.name.clone();
    let done = |subscribed| Verdict::Done {
        topic: topic.name.clone(),
        subscribed,
    };
    if action == UNSUBSCRIBE {
        context.store.unsubscribe(name, from).await?;
        return Ok(done(false));
    }
    let now = clock::now();
    let subscribed = context
        .store
        .subscribe(name, from, topic.max_subscribers, now)
        .await?;
    Ok(match subscribed {
        Subscribed::Yes => done(true),
        Subscribed::Full => Verdict::Full,
    })
}

/// The topic that a request means: the one it names, or the agent's only one.
pub fn meant<'a>(topics: &[&'a Topic], request: &Request) -> Option<&'a Topic> {
    #[derive(serde::Deserialize)]
    struct Params {
        topic: Option<String>,
    }
    let params: Params = serde_json::from_str(request.params().get()).ok()?;
    match (params.topic, topics) {
        (Some(name), topics) => topics.iter().find(|topic| topic.name == name).copied(),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// The keys of those subscribers who may still be.
async fn admitted(context: &Context, topic: &Topic) -> Result<Vec<String>, StoreError> {
    let names = context.contacts.names(&context.roster());
    let subscribers = context.store.subscribers(topic.name.clone()).await?;
    let admitted =
        |key: &String| topic.audience.admits(key, Proof::Verified, &names) == Admission::Admitted;
    let keys = subscribers.into_iter().map(|(key, _)| key);
    Ok(keys.filter(admitted).collect())
}

fn content(name: &str, publish: Publish) -> Result<Send, TopicError> {
    let wrong = |what: &str| TopicError::Content {
        what: what.to_owned(),
    };
    let (body, is_text) = match (publish.text, publish.body) {
        (Some(text), None) => (Text { text }.to_body(), true),
        (None, Some(body)) => (body, false),
        (None, None) => return Err(wrong("there is nothing to publish: give text or body")),
        (Some(_), Some(_)) => return Err(wrong("give text or body, not both")),
    };
    let (content_type, body) = match publish.content_type {
        Some(content_type) => (content_type, body),
        None => {
            let is_object = is_text || body.get().trim_start().starts_with('{');
            let data = if is_object { body } else { wrapped(&body) };
            let event = Event {
                event: name.to_owned(),
                data: Some(data),
            };
            (Event::CONTENT_TYPE.to_owned(), event.to_body())
        }
    };
    let actual = body.get().len();
    if actual > CONTENT {
        return Err(TopicError::TooLarge { actual });
    }
    Ok(Send {
        body: Some(body),
        content_type: Some(content_type),
        ..Send::default()
    })
}

/// The data of an event is an object.
fn wrapped(body: &RawValue) -> Box<RawValue> {
    let value = BTreeMap::from([("value", body)]);
    to_raw_value(&value).expect("JSON in an object is JSON")
}

fn check_topic(topic: Option<String>) -> Result<String, TopicError> {
    let topic = topic.unwrap_or_default();
    if topic.len() > NAME_LENGTH || topic.chars().any(char::is_control) {
        return Err(TopicError::Content {
            what: format!(
                "a topic's name has at most {NAME_LENGTH} bytes and no control characters"
            ),
        });
    }
    Ok(topic)
}

fn local_agent(roster: &Roster, name: Option<String>) -> Result<String, TopicError> {
    match name {
        // The outbox knows what to say if there is none of that name.
        Some(name) => Ok(name),
        None => {
            let agent = roster.default_agent().ok_or(SendError::NoAgent)?;
            Ok(agent.config.name.clone())
        }
    }
}

fn key_of(context: &Context, who: &str) -> Result<PublicKey, TopicError> {
    let roster = context.roster();
    let own = roster.default_agent().ok_or(SendError::NoAgent)?;
    Ok(resolve(who, &context.contacts.book(), &own.public)?.key)
}

async fn ask(
    context: &Context,
    action: &str,
    agent: &str,
    who: &str,
    topic: &str,
) -> Result<String, TopicError> {
    let named = (!topic.is_empty()).then_some(("topic", topic));
    let params: BTreeMap<&str, &str> = named.into_iter().collect();
    let params = to_raw_value(&params).expect("texts are JSON");
    let request = Request::new(action, params).expect("a map is an object");
    let send = Send {
        agent: Some(agent.to_owned()),
        to: who.to_owned(),
        body: Some(request.to_body()),
        content_type: Some(Request::CONTENT_TYPE.to_owned()),
        ..Send::default()
    };
    Ok(context.outbox.send(send, None).await?.id)
}
