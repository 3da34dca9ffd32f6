//! The task that gets the outbox to the relays: bounded in parallel, in order for each recipient.

use super::attempt::{Attempted, attempt};
use super::lanes::Lanes;
use crate::attachments::Uploads;
use crate::clock;
use crate::config::Config;
use crate::roster::Roster;
use crate::store::{Failure, Pending, Store};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long attempts that run may go on when the daemon ends. What they do not learn, the next start asks again.
const LAST_ATTEMPTS: Duration = Duration::from_secs(4);

/// What the dispatcher is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nudge {
    /// There is something new to send.
    New(Pending),
    /// A relay can be reached.
    Up {
        /// By this agent's key.
        sender: String,
        /// The relay's local name.
        relay: String,
    },
}

/// The task's state.
#[derive(Debug)]
pub(super) struct Dispatcher {
    store: Store,
    roster: watch::Receiver<Arc<Roster>>,
    config: watch::Receiver<Arc<Config>>,
    uploads: Uploads,
    nudges: mpsc::Receiver<Nudge>,
    stop: CancellationToken,
    lanes: Lanes,
    attempts: JoinSet<Attempted>,
}

impl Dispatcher {
    pub(super) fn new(
        store: Store,
        roster: watch::Receiver<Arc<Roster>>,
        config: watch::Receiver<Arc<Config>>,
        uploads: Uploads,
        nudges: mpsc::Receiver<Nudge>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            store,
            roster,
            config,
            uploads,
            nudges,
            stop,
            lanes: Lanes::new(),
            attempts: JoinSet::new(),
        }
    }

    /// Sends until it is stopped.
    pub(super) async fn run(mut self, pending: Vec<Pending>) {
        for pending in pending {
            self.lanes.add(pending);
        }
        let stop = self.stop.clone();
        loop {
            self.start_attempts();
            let wake_at = self.lanes.wake_at();
            tokio::select! {
                () = stop.cancelled() => break,
                nudge = self.nudges.recv() => match nudge {
                    Some(Nudge::New(pending)) => self.lanes.add(pending),
                    Some(Nudge::Up { sender, relay }) => self.lanes.line_up(&sender, &relay),
                    None => break,
                },
                Some(ended) = self.attempts.join_next() => self.finish(ended).await,
                () = sleep_until(wake_at) => {}
            }
        }
        let last = async {
            while let Some(ended) = self.attempts.join_next().await {
                self.finish(ended).await;
            }
        };
        let _ = tokio::time::timeout(LAST_ATTEMPTS, last).await;
    }

    fn start_attempts(&mut self) {
        while let Some(pending) = self.lanes.next(Instant::now()) {
            let roster = Arc::clone(&self.roster.borrow());
            let retry_for = self.config.borrow().outbox.retry_for;
            let (store, uploads) = (self.store.clone(), self.uploads.clone());
            self.attempts
                .spawn(attempt(store, uploads, roster, pending, retry_for));
        }
    }

    async fn finish(&mut self, ended: Result<Attempted, tokio::task::JoinError>) {
        let Ok(Attempted {
            pending,
            outcome,
            error,
        }) = ended
        else {
            return;
        };
        let random = clock::random_number();
        let delay = self.lanes.finish(&pending, outcome, Instant::now(), random);
        if let (Some(error), Some(delay)) = (error, delay) {
            tracing::info!(error = %error.message, ?delay, "will try a message again");
            let failure = Failure {
                error,
                retry_at: Some(clock::now().after(delay)),
            };
            if let Err(error) = self.store.record_failure(pending.position, failure).await {
                tracing::warn!(%error, "a failed attempt was not recorded");
            }
        }
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
