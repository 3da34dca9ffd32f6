//! One message to many: durable as a whole in one transaction, then put into the outbox for one recipient after another, for each
//! once, whatever dies in between. One whose agent is not configured at the moment waits for it.

use crate::clock;
use crate::context::Context;
use crate::outbox::SendError;
use crate::store::{Fanned, FanoutPart, FanoutRecord, Once, Store, StoreError};
use mrp_proto::base64url;
use mrpd_api::body::Send;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long the key of a fan-out is remembered.
const KEY_MEMORY: Duration = Duration::from_secs(24 * 3600);
/// How long to wait where the outbox is full or the disk fails, if nothing says sooner that it changed.
const PATIENCE: Duration = Duration::from_secs(10);
/// How old a fan-out may be whose agent is not there: with the agent gone for longer, it is gone for good.
const AGENT_PATIENCE: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often to look whether that time is over.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

/// The way to many. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fanout {
    store: Store,
    wake: Arc<Notify>,
}

impl Fanout {
    /// Over a store; [`run`] does what is submitted.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            wake: Arc::default(),
        }
    }

    /// Makes a message to many durable. Under a `key` the same is sent once in 24 hours. `send.to` does not matter.
    ///
    /// # Errors
    /// A [`StoreError`]: whether it is durable then, nobody knows; it can be repeated under the same key.
    pub async fn submit(
        &self,
        subject: String,
        send: Send,
        targets: Vec<String>,
        key: Option<String>,
    ) -> Result<Fanned, StoreError> {
        let now = clock::now();
        let once = key.map(|key| Once {
            key: format!("{subject} {key}"),
            digest: digest(&send),
            until: now.after(KEY_MEMORY),
        });
        let record = FanoutRecord {
            send,
            subject,
            created_at: now,
        };
        let fanned = self.store.submit_fanout(record, targets, once).await?;
        self.wake.notify_one();
        Ok(fanned)
    }
}

fn digest(send: &Send) -> String {
    // What is asked for came as JSON, so it can be written as such.
    let bytes = serde_json::to_vec(send).unwrap_or_default();
    base64url::encode(&Sha256::digest(bytes))
}

/// Does what is submitted, and what an earlier daemon left, until the end of the daemon.
pub async fn run(context: Context) {
    let stop = context.stop.clone();
    tokio::select! {
        () = work(&context) => {}
        () = stop.cancelled() => {}
    }
}

async fn work(context: &Context) {
    let mut roster = context.roster.clone();
    let mut told = BTreeSet::new();
    loop {
        roster.borrow_and_update();
        let Ok(left) = go_through(context, &mut told).await else {
            tokio::time::sleep(PATIENCE).await;
            continue;
        };
        tokio::select! {
            () = context.fanout.wake.notified() => {}
            changed = roster.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK_AGAIN), if left == Left::Waiting => {}
        }
    }
}

/// Whether something is left that waits for its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    Waiting,
}

/// Sends all that can be sent, oldest first. What has no agent at the moment is passed by, and with it what came from that agent
/// later: it goes out in order when the agent is back.
async fn go_through(context: &Context, told: &mut BTreeSet<u64>) -> Result<Left, StoreError> {
    let mut away = HashSet::new();
    let mut from = 0;
    while let Some(part) = context.store.next_fanout(from).await? {
        let (number, agent) = (part.number, part.record.send.agent.clone());
        if away.contains(&agent) {
            from = number + 1;
            continue;
        }
        let subject = part.record.subject.clone();
        if let Some(error) = send(context, part).await {
            if told.insert(number) {
                tracing::warn!(subject, %error, "a message to many waits for its agent");
            }
            away.insert(agent);
            from = number + 1;
        } else if told.remove(&number) {
            tracing::info!(subject, "a message to many goes on");
        }
    }
    Ok(if away.is_empty() {
        Left::Nothing
    } else {
        Left::Waiting
    })
}

/// Sends a part. What does not succeed now but may later is left; gives what is said of an agent that is not there.
async fn send(context: &Context, part: FanoutPart) -> Option<SendError> {
    let mut changes = context.store.outbox_changes();
    let mut done = Vec::with_capacity(part.targets.len());
    let mut stuck = false;
    let mut away = None;
    let given_up_at = part.record.created_at.after(AGENT_PATIENCE);
    for target in part.targets {
        changes.borrow_and_update();
        // The fan-out's number is in the key, so the outbox knows what it has already.
        let key = format!("fan-out-{}-{target}", part.number);
        let send = Send {
            to: target.clone(),
            ..part.record.send.clone()
        };
        match context.outbox.send(send, Some(key)).await {
            Ok(_) | Err(SendError::Mismatch) => done.push(target),
            Err(error @ (SendError::Full | SendError::Store(_))) => {
                tracing::warn!(subject = part.record.subject, %error, "a message to many waits");
                stuck = true;
                break;
            }
            Err(error) if is_for_want_of_the_agent(&error) && clock::now() < given_up_at => {
                away = Some(error);
                break;
            }
            Err(error) => {
                let to = &target[..target.len().min(8)];
                tracing::error!(subject = part.record.subject, to, %error, "a message to many is not sent to this one");
                done.push(target);
            }
        }
    }
    if !done.is_empty()
        && let Err(error) = context.store.finish_targets(part.number, done).await
    {
        tracing::warn!(%error, "a message to many waits");
        stuck = true;
    }
    if stuck {
        tokio::select! {
            _ = changes.changed() => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
    }
    away
}

/// Whether the agent, or its way to the relay, is not configured now: an edit of the configuration may bring it back.
fn is_for_want_of_the_agent(error: &SendError) -> bool {
    matches!(
        error,
        SendError::NoAgent | SendError::UnknownAgent { .. } | SendError::UnknownRelay { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::Roster;
    use crate::testing;
    use mrp_proto::time::Timestamp;
    use serde_json::value::RawValue;

    fn by(agent: &str) -> Send {
        Send {
            agent: Some(agent.to_owned()),
            body: Some(RawValue::NULL.to_owned()),
            ..Send::default()
        }
    }

    async fn first(context: &Context, from: u64) -> Option<u64> {
        let part = context.store.next_fanout(from).await.unwrap();
        part.map(|part| part.number)
    }

    #[tokio::test]
    async fn what_has_no_agent_waits_for_it_and_holds_up_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let parts = testing::parts(dir.path(), vec![testing::agent("me", 9)]).await;
        let context = parts.context;
        let mut told = BTreeSet::new();
        for agent in ["away", "me", "away"] {
            let targets = vec![testing::key(7)];
            let fanned = context
                .fanout
                .submit("s".to_owned(), by(agent), targets, None);
            assert_eq!(fanned.await.unwrap(), Fanned::New(1));
        }
        let oldest = first(&context, 0).await.unwrap();
        for _ in 0..2 {
            let left = go_through(&context, &mut told).await.unwrap();
            assert_eq!(left, Left::Waiting);
            assert_eq!(first(&context, 0).await, Some(oldest));
            assert_eq!(first(&context, oldest + 1).await, Some(oldest + 2));
        }
        let both = vec![testing::agent("me", 9), testing::agent("away", 8)];
        parts.roster.send_replace(Arc::new(Roster::of(both)));
        let left = go_through(&context, &mut told).await.unwrap();
        assert_eq!((left, first(&context, 0).await), (Left::Nothing, None));
        assert!(told.is_empty());
    }

    #[tokio::test]
    async fn an_agent_that_stays_away_is_not_waited_for_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let parts = testing::parts(dir.path(), vec![testing::agent("me", 9)]).await;
        let context = parts.context;
        let record = FanoutRecord {
            send: by("away"),
            subject: "s".to_owned(),
            created_at: Timestamp::EPOCH,
        };
        let targets = vec![testing::key(7)];
        let fanned = context.store.submit_fanout(record, targets, None);
        assert_eq!(fanned.await.unwrap(), Fanned::New(1));
        let left = go_through(&context, &mut BTreeSet::new()).await.unwrap();
        assert_eq!((left, first(&context, 0).await), (Left::Nothing, None));
    }
}
