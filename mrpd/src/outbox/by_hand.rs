//! What users do with the outbox: look at an entry, take one out, have one tried now, try anew what was given up.

use super::Outbox;
use super::dispatch::{Nudge, Withdrawn};
use super::lanes::Allowance;
use super::wait::ask;
use crate::clock;
use crate::store::{OutboxRecord, OutboxStage, Progress, StoreError};
use mrp_proto::envelope::is_within_copy_memory;
use mrpd_api::error::{Code, ErrorDetail};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a relay may take to say where a message stands.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why something was not done with an entry.
#[derive(Debug, thiserror::Error)]
pub enum HandError {
    /// There is no such entry.
    #[error("there is no {id:?} in the outbox")]
    Unknown {
        /// The name.
        id: String,
    },
    /// A relay has it.
    #[error("a relay has accepted {id} already")]
    Accepted {
        /// The name.
        id: String,
    },
    /// A relay may have it.
    #[error(
        "{id} may be with its relay already: an attempt to send it is under way, or ended without an answer"
    )]
    PerhapsSent {
        /// The name.
        id: String,
    },
    /// It was given up.
    #[error("{id} was given up already")]
    Failed {
        /// The name.
        id: String,
    },
    /// It was not given up.
    #[error("{id} was not given up; it is still to be sent")]
    NotFailed {
        /// The name.
        id: String,
    },
    /// Its recipient would refuse it for its age.
    #[error("{id} was made too long ago: its recipient would refuse it")]
    TooOld {
        /// The name.
        id: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Outbox {
    /// How far a send has come, by either of its names. The relay is asked where it may know more.
    ///
    /// # Errors
    /// [`HandError::Unknown`], [`HandError::Store`].
    pub async fn look(&self, id: &str) -> Result<Progress, HandError> {
        let find = || async {
            let found = self.store.progress(id.to_owned()).await?;
            found.ok_or_else(|| HandError::Unknown { id: id.to_owned() })
        };
        let progress = find().await?;
        let Progress::Sent(seq, message, track) = &progress else {
            return Ok(progress);
        };
        if track.is_settled() {
            return Ok(progress);
        }
        let roster = self.roster.borrow().clone();
        let Some(agent) = roster.agent_by_key(&message.from) else {
            return Ok(progress);
        };
        ask(&self.store, agent, *seq, message, PATIENCE).await?;
        find().await
    }

    /// Takes an entry out that no relay can have.
    ///
    /// # Errors
    /// A [`HandError`].
    pub async fn cancel(&self, id: &str) -> Result<(), HandError> {
        let (outbox, id) = (self.clone(), id.to_owned());
        self.whole(async move { outbox.take_out(&id).await }).await
    }

    async fn take_out(&self, id: &str) -> Result<(), HandError> {
        let id = || id.to_owned();
        let record = self.queued(&id()).await?;
        let Some(position) = self.store.outbox_position(record.id).await? else {
            return Err(HandError::Accepted { id: id() });
        };
        let (answer, withdrawn) = oneshot::channel();
        self.nudge(Nudge::Withdraw { position, answer }).await;
        match withdrawn.await.map_err(|_| StoreError::Closed)? {
            Withdrawn::Out(pending) => {
                let why =
                    ErrorDetail::new(Code::Cancelled, "taken out of the outbox by hand", None);
                let removed = self
                    .store
                    .remove_from_outbox(position, OutboxStage::Queued, why)
                    .await;
                if removed.is_err() {
                    self.nudge(Nudge::New(pending)).await;
                }
                removed?;
                Ok(())
            }
            Withdrawn::TooLate => Err(HandError::PerhapsSent { id: id() }),
            Withdrawn::Absent => Err(HandError::Accepted { id: id() }),
        }
    }

    /// Has an entry tried now, one that was given up as well.
    ///
    /// # Errors
    /// A [`HandError`].
    pub async fn retry(&self, id: &str) -> Result<(), HandError> {
        match self.look(id).await? {
            Progress::Sent(..) => Err(HandError::Accepted { id: id.to_owned() }),
            Progress::Outbox(record) if record.stage == OutboxStage::Failed => {
                self.revive(id).await
            }
            Progress::Outbox(record) => {
                let outbox = self.clone();
                self.whole(async move {
                    if let Some(position) = outbox.store.outbox_position(record.id).await? {
                        outbox.store.release_now(position, clock::now()).await?;
                        outbox.nudge(Nudge::Hurry { position }).await;
                    }
                    Ok(())
                })
                .await
            }
        }
    }

    /// Has everything tried now that waits for its next attempt. What is held stays held.
    pub async fn flush(&self) {
        self.nudge(Nudge::HurryAll).await;
    }

    /// Tries anew what was given up.
    ///
    /// # Errors
    /// A [`HandError`].
    pub async fn revive(&self, id: &str) -> Result<(), HandError> {
        let (record, position) = self.failed(id).await?;
        let now = clock::now();
        let made_at = record.due_at.unwrap_or(record.created_at);
        if !is_within_copy_memory(made_at, now) {
            return Err(HandError::TooOld { id: id.to_owned() });
        }
        let outbox = self.clone();
        self.whole(async move {
            if let Some(pending) = outbox.store.revive(position, now).await? {
                outbox.nudge(Nudge::New(pending)).await;
            }
            Ok(())
        })
        .await
    }

    /// Lets a task of its own do it: whoever asked may go away at any moment, and half of it must not stay undone.
    async fn whole(
        &self,
        work: impl Future<Output = Result<(), HandError>> + Send + 'static,
    ) -> Result<(), HandError> {
        let done = self.tasks.spawn(work).await;
        done.unwrap_or(Err(HandError::Store(StoreError::Closed)))
    }

    /// Forgets what was given up.
    ///
    /// # Errors
    /// A [`HandError`].
    pub async fn drop_failed(&self, id: &str) -> Result<(), HandError> {
        let (_, position) = self.failed(id).await?;
        let why = ErrorDetail::new(Code::Cancelled, "dropped by hand", None);
        self.store
            .remove_from_outbox(position, OutboxStage::Failed, why)
            .await?;
        Ok(())
    }

    /// Everything that was given up.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn dead(&self) -> Result<Vec<OutboxRecord>, StoreError> {
        let mut records = self.store.outbox().await?;
        records.retain(|record| record.stage == OutboxStage::Failed);
        Ok(records)
    }

    /// How much may still be sent, by sender and relay.
    pub async fn allowances(&self) -> Vec<Allowance> {
        let (answer, allowances) = oneshot::channel();
        self.nudge(Nudge::Allowances(answer)).await;
        allowances.await.unwrap_or_default()
    }

    async fn queued(&self, id: &str) -> Result<Box<OutboxRecord>, HandError> {
        let id = || id.to_owned();
        match self.store.progress(id()).await? {
            None => Err(HandError::Unknown { id: id() }),
            Some(Progress::Sent(..)) => Err(HandError::Accepted { id: id() }),
            Some(Progress::Outbox(record)) if record.stage == OutboxStage::Failed => {
                Err(HandError::Failed { id: id() })
            }
            Some(Progress::Outbox(record)) => Ok(record),
        }
    }

    async fn failed(&self, id: &str) -> Result<(Box<OutboxRecord>, u64), HandError> {
        let id = || id.to_owned();
        let record = match self.store.progress(id()).await? {
            None => return Err(HandError::Unknown { id: id() }),
            Some(Progress::Sent(..)) => return Err(HandError::Accepted { id: id() }),
            Some(Progress::Outbox(record)) if record.stage == OutboxStage::Queued => {
                return Err(HandError::NotFailed { id: id() });
            }
            Some(Progress::Outbox(record)) => record,
        };
        let position = self.store.outbox_position(record.id.clone()).await?;
        let position = position.ok_or_else(|| HandError::Unknown { id: id() })?;
        Ok((record, position))
    }
}
