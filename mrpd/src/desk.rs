//! The desk: reads every request that comes in, once, and answers those that are about topics and those that nothing handles.
//!
//! A request is answered only for an agent that serves something, that is, has a topic or a capability: elsewhere requests are for
//! people, hooks and programs that take work from the inbox. `unsupported_action` and `forbidden` go to contacts who proved who
//! they are, and to nobody else, so that no stranger can have this agent write to others. Automatic messages are never answered.
//!
//! The desk reads for local agents as well: what publishers say to their subscriptions.

use crate::api::view;
use crate::audience::{Admission, Proof};
use crate::config::{Capability, Config, Topic};
use crate::context::Context;
use crate::hooks::{self, Hook, ReplyForm, automatic};
use crate::outbox::SendError;
use crate::store::{MessageRecord, Progress, Store, StoreError, SubscriptionRecord};
use crate::topics::{self, Verdict};
use mrp_proto::content::{Request, Response};
use mrpd_api::body::Send;
use mrpd_api::body::services::SubscriptionState;
use mrpd_api::message::{Kind, Trust};
use serde_json::value::to_raw_value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Messages after which the place of the desk is written down, even if none was for it.
const WRITE_DOWN: u64 = 1000;
/// How long to wait where the outbox is full or the disk fails.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an answer may wait for the record of what it answers: they come by different ways.
const OVERTAKEN: Duration = Duration::from_secs(5);

/// Code of the answer to who may not.
const FORBIDDEN: &str = "forbidden";
/// Code of the answer where there is no such topic.
const UNKNOWN_TOPIC: &str = "unknown_topic";
/// Code of the answer where there are too many subscribers.
const TOO_MANY: &str = "too_many_subscribers";

/// The way to the desk. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Desk(Arc<Bell>);

#[derive(Debug)]
struct Bell {
    rung: Notify,
    // From where to look again; `u64::MAX` for from where it is.
    from: AtomicU64,
}

impl Default for Bell {
    fn default() -> Self {
        Self {
            rung: Notify::new(),
            from: AtomicU64::new(u64::MAX),
        }
    }
}

impl Desk {
    /// Has the desk look at everything behind a `seq`, again where it did already: nothing happens twice by that.
    pub fn look_from(&self, seq: u64) {
        self.0.from.fetch_min(seq, Ordering::AcqRel);
        self.0.rung.notify_one();
    }

    fn take_from(&self) -> u64 {
        self.0.from.swap(u64::MAX, Ordering::AcqRel)
    }
}

/// Reads until the end of the daemon; waits while there is nothing to read for.
pub async fn run(context: Context) {
    let stop = context.stop.clone();
    tokio::select! {
        () = read_on(context) => {}
        () = stop.cancelled() => {}
    }
}

async fn read_on(context: Context) {
    let mut config = context.config.clone();
    let mut newest = context.store.newest();
    loop {
        config.borrow_and_update();
        match is_wanted(&context).await {
            Ok(true) => {
                newest.borrow_and_update();
                if read(&context).await.is_err() {
                    tokio::time::sleep(PATIENCE).await;
                    continue;
                }
                tokio::select! {
                    _ = newest.changed() => {}
                    _ = config.changed() => {}
                    () = context.desk.0.rung.notified() => {}
                }
            }
            Ok(false) => {
                // What comes in while nobody reads is not answered later.
                if !matches!(context.store.desk().await, Ok(None)) {
                    let _ = context.store.put_desk(None).await;
                }
                tokio::select! {
                    _ = config.changed() => {}
                    () = context.desk.0.rung.notified() => {}
                }
            }
            Err(_) => tokio::time::sleep(PATIENCE).await,
        }
    }
}

async fn is_wanted(context: &Context) -> Result<bool, StoreError> {
    let config = context.config();
    let mut capabilities = config.capabilities.items.iter();
    if !config.topics.items.is_empty() || capabilities.any(|known| known.handler.is_some()) {
        return Ok(true);
    }
    Ok(!open_subscriptions(&context.store).await?.is_empty())
}

async fn open_subscriptions(store: &Store) -> Result<Vec<SubscriptionRecord>, StoreError> {
    let mut subscriptions = store.subscriptions().await?;
    subscriptions.retain(|subscription| subscription.state == SubscriptionState::Requested);
    Ok(subscriptions)
}

/// Reads to the end. From where it is to look again is not forgotten where that fails.
async fn read(context: &Context) -> Result<(), SendError> {
    let again = context.desk.take_from();
    let read = read_from(context, again).await;
    if read.is_err() {
        context.desk.0.from.fetch_min(again, Ordering::AcqRel);
    }
    read
}

async fn read_from(context: &Context, again: u64) -> Result<(), SendError> {
    let store = &context.store;
    let known = store.desk().await?;
    let mut position = known.unwrap_or_else(|| *store.newest().borrow()).min(again);
    let mut written = known;
    loop {
        let page = store.calls(position).await?;
        let found = !page.messages.is_empty();
        for (seq, message) in page.messages {
            if let Err(error) = take(context, seq, message).await {
                tracing::warn!(seq, %error, "a request waits");
                return Err(error);
            }
        }
        position = page.reached;
        let behind = position.saturating_sub(written.unwrap_or(0)) >= WRITE_DOWN;
        if written.is_none() || found || behind {
            store.put_desk(Some(position)).await?;
            written = Some(position);
        }
        if page.end {
            return Ok(());
        }
    }
}

async fn take(context: &Context, seq: u64, message: MessageRecord) -> Result<(), SendError> {
    match message.kind {
        Kind::Response => Ok(note_answer(context, &message).await?),
        _ => answer_request(context, seq, &message).await,
    }
}

/// What a publisher says to a subscription.
async fn note_answer(context: &Context, message: &MessageRecord) -> Result<(), StoreError> {
    let Some(reply_to) = message.reply_to.as_deref() else {
        return Ok(());
    };
    let response = message.body.as_deref().and_then(Response::parse);
    let Some(response) = response else {
        return Ok(());
    };
    for mut subscription in open_subscriptions(&context.store).await? {
        let theirs = subscription.publisher == message.from && subscription.agent == message.agent;
        if !theirs || !is_request(&context.store, &subscription.request, reply_to).await? {
            continue;
        }
        match &response {
            Response::Ok { .. } => subscription.state = SubscriptionState::Active,
            Response::Error { code, message } => {
                subscription.state = SubscriptionState::Refused;
                subscription.refusal = Some(format!("{code}: {message}"));
            }
        }
        context.store.put_subscription(subscription).await?;
    }
    Ok(())
}

/// Whether the relay's name for what went out as `out_id` is `message_id`. Its record may come later than the answer to it.
async fn is_request(store: &Store, out_id: &str, message_id: &str) -> Result<bool, StoreError> {
    let deadline = tokio::time::Instant::now() + OVERTAKEN;
    let mut changes = store.outbox_changes();
    loop {
        changes.borrow_and_update();
        match store.progress(out_id.to_owned()).await? {
            Some(Progress::Sent(_, sent, _)) => return Ok(sent.id == message_id),
            None => return Ok(false),
            Some(Progress::Outbox(_)) => {}
        }
        let changed = tokio::time::timeout_at(deadline, changes.changed()).await;
        if !matches!(changed, Ok(Ok(()))) {
            return Ok(false);
        }
    }
}

async fn answer_request(
    context: &Context,
    seq: u64,
    message: &MessageRecord,
) -> Result<(), SendError> {
    let request = message.body.as_deref().and_then(Request::parse);
    let Some(request) = request.filter(|_| !automatic::is_automatic(&message.metadata)) else {
        return Ok(());
    };
    let config = context.config();
    let roster = context.roster();
    let topics: Vec<&Topic> = topics::of_agent(&config, &roster, &message.agent).collect();
    let action = request.action();
    if !topics.is_empty() && [topics::SUBSCRIBE, topics::UNSUBSCRIBE].contains(&action) {
        let response = about_topic(context, &topics, &request, message).await?;
        return send(context, seq, message, response).await;
    }
    let capabilities: Vec<&Capability> = capabilities(&config, &message.agent).collect();
    if topics.is_empty() && capabilities.iter().all(|known| known.handler.is_none()) {
        return Ok(());
    }
    let capability = capabilities.iter().find(|known| known.name == action);
    let (code, what) = match capability {
        // Somebody else answers: a program that takes work from the inbox.
        Some(Capability { handler: None, .. }) => return Ok(()),
        Some(_) => (FORBIDDEN, "you may not ask for this"),
        None => (
            Response::UNSUPPORTED_ACTION,
            "nothing here handles this action",
        ),
    };
    if is_handled(context, &config, seq, message).await? {
        return Ok(());
    }
    let response = is_proven_contact(context, message).then(|| Response::Error {
        code: code.to_owned(),
        message: what.to_owned(),
    });
    send(context, seq, message, response).await
}

/// The capabilities of a local agent.
fn capabilities<'a>(config: &'a Config, agent: &'a str) -> impl Iterator<Item = &'a Capability> {
    let all = config.capabilities.items.iter();
    all.filter(move |known| known.agent.as_deref().is_none_or(|name| name == agent))
}

/// Whether a hook takes the request as one: it answers, or is written for requests. Capabilities are among the hooks.
async fn is_handled(
    context: &Context,
    config: &Config,
    seq: u64,
    message: &MessageRecord,
) -> Result<bool, StoreError> {
    let names = context.contacts.names(&context.roster());
    let proof = proof(&context.store, message).await?;
    let Some(message) = view::message(seq, message.clone(), &names) else {
        return Ok(false);
    };
    let for_requests = |hook: &&Hook| {
        let kinds = hook.filter.kinds.as_ref();
        hook.reply != ReplyForm::None || kinds.is_some_and(|kinds| kinds.contains(&Kind::Request))
    };
    let mut hooks = config.hooks.items.iter().filter(for_requests);
    Ok(hooks.any(|hook| hooks::takes(hook, &message, proof, &names)))
}

/// The answer to a request about a topic; `None` if none is due.
async fn about_topic(
    context: &Context,
    topics: &[&Topic],
    request: &Request,
    message: &MessageRecord,
) -> Result<Option<Response>, StoreError> {
    let refuse = |code: &str, what: &str| {
        is_proven_contact(context, message).then(|| Response::Error {
            code: code.to_owned(),
            message: what.to_owned(),
        })
    };
    let Some(topic) = topics::meant(topics, request) else {
        return Ok(refuse(
            UNKNOWN_TOPIC,
            "there is no such topic; name one in params.topic",
        ));
    };
    let names = context.contacts.names(&context.roster());
    let proof = proof(&context.store, message).await?;
    let admission = topic.audience.admits(&message.from, proof, &names);
    // Who is let in no more may still leave.
    let leaves = request.action() == topics::UNSUBSCRIBE && proof != Proof::Lapsed;
    if admission != Admission::Admitted && !leaves {
        let from = &message.from[..message.from.len().min(8)];
        tracing::info!(
            topic = topic.name,
            from,
            ?admission,
            "a request to subscribe is refused"
        );
        return Ok(refuse(FORBIDDEN, "you may not subscribe to this topic"));
    }
    let verdict = topics::answer(context, topic, request.action(), message.from.clone()).await?;
    Ok(match verdict {
        Verdict::Done { topic, subscribed } => {
            let result = serde_json::json!({ "topic": topic, "subscribed": subscribed });
            let result = to_raw_value(&result).ok();
            Some(Response::Ok { result })
        }
        Verdict::Full => refuse(TOO_MANY, "the topic has as many subscribers as it takes"),
    })
}

/// What is known of who sent it.
async fn proof(store: &Store, message: &MessageRecord) -> Result<Proof, StoreError> {
    Ok(if message.verified {
        Proof::Verified
    } else if store.was_verified(message.from.clone()).await? {
        Proof::Lapsed
    } else {
        Proof::Unverified
    })
}

fn is_proven_contact(context: &Context, message: &MessageRecord) -> bool {
    let names = context.contacts.names(&context.roster());
    let peer = names.peer(&message.from);
    message.verified && peer.is_some_and(|peer| peer.trust >= Trust::Known)
}

/// Answers, once: the outbox knows what it has by the request's `seq`.
async fn send(
    context: &Context,
    seq: u64,
    request: &MessageRecord,
    response: Option<Response>,
) -> Result<(), SendError> {
    let Some(response) = response else {
        return Ok(());
    };
    let roster = context.roster();
    let agent = roster.agent(&request.agent);
    let relay = agent.and_then(|agent| agent.link(&request.relay));
    let answer = Send {
        agent: Some(request.agent.clone()),
        to: request.from.clone(),
        body: Some(response.to_body()),
        content_type: Some(Response::CONTENT_TYPE.to_owned()),
        thread: request.thread.clone(),
        reply_to: Some(request.id.clone()),
        relay: relay.map(|link| link.relay.name.clone()),
        metadata: automatic::marks(&request.metadata),
        ..Send::default()
    };
    let key = format!("desk-{seq}");
    match context.outbox.send(answer, Some(key)).await {
        Ok(_) | Err(SendError::Mismatch) => Ok(()),
        Err(error @ (SendError::Full | SendError::Store(_))) => Err(error),
        Err(error) => {
            tracing::error!(seq, %error, "a request is not answered");
            Ok(())
        }
    }
}
