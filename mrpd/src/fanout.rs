//! One message to many: durable as a whole in one transaction, then put into the outbox for one recipient after another, for each
//! once, whatever dies in between.

use crate::clock;
use crate::context::Context;
use crate::outbox::SendError;
use crate::store::{Fanned, FanoutPart, FanoutRecord, Once, Store, StoreError};
use mrp_proto::base64url;
use mrpd_api::body::Send;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long the key of a fan-out is remembered.
const KEY_MEMORY: Duration = Duration::from_secs(24 * 3600);
/// How long to wait where the outbox is full or the disk fails, if nothing says sooner that it changed.
const PATIENCE: Duration = Duration::from_secs(10);

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
    loop {
        let part = match context.store.next_fanout().await {
            Ok(Some(part)) => part,
            Ok(None) => {
                tokio::select! {
                    () = context.fanout.wake.notified() => continue,
                    () = stop.cancelled() => return,
                }
            }
            Err(_) => {
                tokio::select! {
                    () = tokio::time::sleep(PATIENCE) => continue,
                    () = stop.cancelled() => return,
                }
            }
        };
        tokio::select! {
            () = send(&context, part) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Sends a part. What does not succeed now but may later is left.
async fn send(context: &Context, part: FanoutPart) {
    let mut changes = context.store.outbox_changes();
    let mut done = Vec::with_capacity(part.targets.len());
    let mut stuck = false;
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
}
