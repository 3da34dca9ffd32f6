//! How far a send has come, for those who wait for it.

use super::{SendError, stage};
use crate::roster::LocalAgent;
use crate::store::{MessageRecord, OutboxRecord, Progress, Store, StoreError};
use mrp_proto::id::MessageId;
use mrp_proto::message::Status;
use mrpd_api::body::{Sent, Stage};
use mrpd_api::message::Direction;
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
        let progress = self.until_accepted(&out_id, deadline).await?;
        let mut sent = answer(&out_id, &progress, self.agent, warnings);
        if let Progress::Sent(_, message) = &progress
            && self.stage > Stage::Accepted
            && self.stage != Stage::Failed
        {
            sent.stage = self.beyond_accepted(message, deadline).await?;
        }
        Ok(sent)
    }

    async fn until_accepted(
        &self,
        out_id: &str,
        deadline: Instant,
    ) -> Result<Progress, StoreError> {
        let mut changes = self.store.outbox_changes();
        loop {
            changes.borrow_and_update();
            let progress = self.store.progress(out_id.to_owned()).await?;
            // An entry that was there and is gone was removed by the user; nothing more can be said of it.
            let progress = progress.ok_or(StoreError::Closed)?;
            if stage(&progress) != Stage::Queued || self.stage == Stage::Queued {
                return Ok(progress);
            }
            tokio::select! {
                changed = changes.changed() => changed.map_err(|_| StoreError::Closed)?,
                () = tokio::time::sleep_until(deadline) => return Ok(progress),
                () = self.stop.cancelled() => return Ok(progress),
            }
        }
    }

    async fn beyond_accepted(
        &self,
        message: &MessageRecord,
        deadline: Instant,
    ) -> Result<Stage, StoreError> {
        let mut newest = self.store.newest();
        let mut looked_until = message.behind;
        let mut reached = Stage::Accepted;
        let mut pause = ASK.0;
        let mut ask_at = Instant::now();
        loop {
            newest.borrow_and_update();
            if self.replied(message, &mut looked_until).await? {
                return Ok(Stage::Replied);
            }
            if reached == Stage::Accepted && Instant::now() >= ask_at {
                if self.delivered(message, deadline).await {
                    reached = Stage::Delivered;
                }
                ask_at = Instant::now() + pause;
                pause = (pause * 2).min(ASK.1);
            }
            if reached >= self.stage || Instant::now() >= deadline {
                return Ok(reached);
            }
            let asking = reached == Stage::Accepted;
            let wake = if asking {
                ask_at.min(deadline)
            } else {
                deadline
            };
            tokio::select! {
                changed = newest.changed() => changed.map_err(|_| StoreError::Closed)?,
                () = tokio::time::sleep_until(wake) => {}
                () = self.stop.cancelled() => return Ok(reached),
            }
        }
    }

    async fn replied(&self, sent: &MessageRecord, after: &mut u64) -> Result<bool, StoreError> {
        loop {
            let (id, peer) = (sent.id.clone(), sent.to.clone());
            let answers = move |message: &MessageRecord| {
                message.dir == Direction::In
                    && message.from == peer
                    && message.reply_to.as_ref() == Some(&id)
            };
            let page = self.store.page(*after, answers).await?;
            *after = page.reached;
            if !page.messages.is_empty() || page.end {
                return Ok(!page.messages.is_empty());
            }
        }
    }

    /// A relay that does not answer is no reason to fail: the question is asked again.
    async fn delivered(&self, message: &MessageRecord, deadline: Instant) -> bool {
        let Some(link) = self.agent.link(&message.relay) else {
            return false;
        };
        let Ok(id) = message.id.parse::<MessageId>() else {
            return false;
        };
        let asked = tokio::time::timeout_at(deadline, link.client.message_status(&id)).await;
        matches!(asked, Ok(Ok(answer)) if answer.status == Status::Delivered)
    }
}

fn answer(out_id: &str, progress: &Progress, agent: &LocalAgent, warnings: Vec<String>) -> Sent {
    let (message, record): (&MessageRecord, Option<&OutboxRecord>) = match progress {
        Progress::Outbox(record) => (&record.message, Some(record)),
        Progress::Sent(_, message) => (message, None),
    };
    Sent {
        id: out_id.to_owned(),
        message_id: Some(message.id.clone()).filter(|id| !id.is_empty()),
        stage: stage(progress),
        // The key was one when the message was made.
        to: message.to.parse().unwrap_or(agent.public),
        encrypted: message.encrypted,
        warnings,
        error: record.and_then(|record| record.error.clone()),
    }
}
