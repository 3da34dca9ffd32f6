//! How far a send has come, for those who wait for it.

use super::SendError;
use crate::clock;
use crate::roster::LocalAgent;
use crate::store::{MessageRecord, OutboxRecord, Progress, Store, StoreError};
use mrp_proto::id::MessageId;
use mrp_proto::key::PublicKey;
use mrp_proto::message::Status;
use mrpd_api::body::{Sent, Stage};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often a relay is asked whether a message was delivered: at first, and at last.
const ASK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Waiting for one send.
#[derive(Debug)]
pub(super) struct Wait<'a> {
    pub(super) store: &'a Store,
    pub(super) agent: &'a Arc<LocalAgent>,
    pub(super) stop: &'a CancellationToken,
    pub(super) stage: Stage,
    pub(super) limit: Duration,
}

impl Wait<'_> {
    /// Waits until the send has come as far as was asked for, has failed, or the time is over; then says how far it has come.
    pub(super) async fn run(
        &self,
        out_id: String,
        warnings: Vec<String>,
    ) -> Result<Sent, SendError> {
        let deadline = Instant::now() + self.limit;
        let progress = self.until_reached(&out_id, deadline).await?;
        Ok(answer(&out_id, &progress, self.agent, warnings))
    }

    async fn until_reached(&self, out_id: &str, deadline: Instant) -> Result<Progress, SendError> {
        let mut changes = self.store.outbox_changes();
        let mut pause = ASK.0;
        let mut ask_at = Instant::now();
        loop {
            changes.borrow_and_update();
            let found = self.store.progress(out_id.to_owned()).await?;
            let progress = found.ok_or(SendError::Cancelled)?;
            // A message that has failed is beyond all stages.
            if progress.stage() >= self.stage || Instant::now() >= deadline {
                return Ok(progress);
            }
            let mut wake = deadline;
            if let Progress::Sent(seq, message, track) = &progress
                && !track.is_settled()
            {
                if Instant::now() >= ask_at {
                    let patience = deadline - Instant::now();
                    ask(self.store, self.agent, *seq, message, patience).await?;
                    ask_at = Instant::now() + pause;
                    pause = (pause * 2).min(ASK.1);
                }
                wake = ask_at.min(deadline);
            }
            tokio::select! {
                changed = changes.changed() => changed.map_err(|_| StoreError::Closed)?,
                () = tokio::time::sleep_until(wake) => {}
                () = self.stop.cancelled() => return Ok(progress),
            }
        }
    }
}

/// Asks the relay where a message stands that it accepted, and records what it says. A relay that does not answer is no reason to
/// fail: it is asked again.
pub(super) async fn ask(
    store: &Store,
    agent: &LocalAgent,
    seq: u64,
    message: &MessageRecord,
    patience: Duration,
) -> Result<(), StoreError> {
    let Some(link) = agent.link(&message.relay) else {
        return Ok(());
    };
    let Ok(id) = message.id.parse::<MessageId>() else {
        return Ok(());
    };
    let asked = tokio::time::timeout(patience, link.client.message_status(&id)).await;
    let Ok(Ok(answer)) = asked else { return Ok(()) };
    match answer.status {
        Status::Sent => Ok(()),
        Status::Delivered => {
            let at = answer.delivered_at.unwrap_or_else(clock::now);
            store.record_delivered(seq, at).await
        }
        Status::Expired => store.record_expired(seq).await,
    }
}

/// What is said of a message that was put into the outbox just now.
pub(super) fn queued(record: &OutboxRecord, recipient: PublicKey) -> Sent {
    Sent {
        id: record.id.clone(),
        message_id: None,
        stage: Stage::Queued,
        to: recipient,
        encrypted: record.message.encrypted,
        warnings: Vec::new(),
        due_at: record.due_at,
        error: None,
    }
}

fn answer(out_id: &str, progress: &Progress, agent: &LocalAgent, warnings: Vec<String>) -> Sent {
    let (message, record): (&MessageRecord, Option<&OutboxRecord>) = match progress {
        Progress::Outbox(record) => (&record.message, Some(record)),
        Progress::Sent(_, message, _) => (message, None),
    };
    Sent {
        id: out_id.to_owned(),
        message_id: Some(message.id.clone()).filter(|id| !id.is_empty()),
        stage: progress.stage(),
        // The key was one when the message was made.
        to: message.to.parse().unwrap_or(agent.public),
        encrypted: message.encrypted,
        warnings,
        due_at: record.and_then(|record| record.due_at),
        error: record.and_then(|record| record.error.clone()),
    }
}
