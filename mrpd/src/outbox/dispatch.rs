//! The task that gets the outbox to the relays: bounded in parallel, in order for each recipient.

use super::attempt::{Age, Attempted, attempt};
use super::budget::Limit;
use super::lanes::{Allowance, Lanes, Outcome, Removed};
use super::ledger::{Due, Ledger, Standing};
use crate::attachments::Uploads;
use crate::clock::{self, Clocks};
use crate::config::Config;
use crate::roster::Roster;
use crate::store::{Failure, Pending, Store};
use mrpd_api::error::{Code, ErrorDetail};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long attempts that run may go on when the daemon ends. What they do not learn, the next start asks again.
const LAST_ATTEMPTS: Duration = Duration::from_secs(4);
/// How often the clocks are looked at while they are waited for: the wall clock may be set meanwhile, and the machine may sleep.
const LOOK: Duration = Duration::from_secs(30);

/// What the dispatcher is told.
#[derive(Debug)]
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
    /// Something is not to be sent.
    Withdraw {
        /// Its place.
        position: u64,
        /// Who asks.
        answer: oneshot::Sender<Withdrawn>,
    },
    /// Something is to be tried now.
    Hurry {
        /// Its place.
        position: u64,
    },
    /// Everything that was tried is to be tried now.
    HurryAll,
    /// How much may still be sent.
    Allowances(oneshot::Sender<Vec<Allowance>>),
}

/// What became of something that is not to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawn {
    /// It will not be.
    Out(Pending),
    /// A relay may have it.
    TooLate,
    /// It was not to be sent any more.
    Absent,
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
    ledger: Ledger,
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
            ledger: Ledger::default(),
            lanes: Lanes::new(),
            attempts: JoinSet::new(),
        }
    }

    /// Sends until it is stopped.
    pub(super) async fn run(mut self, pending: Vec<Pending>) {
        for pending in pending {
            self.ledger.add(pending, Clocks::read());
        }
        let stop = self.stop.clone();
        loop {
            self.take_due().await;
            self.start_attempts();
            let wake_at = self.lanes.wake_at();
            let rest = self.ledger.rest(Clocks::read());
            tokio::select! {
                () = stop.cancelled() => break,
                nudge = self.nudges.recv() => match nudge {
                    Some(nudge) => self.handle(nudge),
                    None => break,
                },
                Some(ended) = self.attempts.join_next() => self.finish(ended).await,
                () = sleep_until(wake_at) => {}
                () = look_again(rest) => {}
            }
        }
        let last = async {
            while let Some(ended) = self.attempts.join_next().await {
                self.finish(ended).await;
            }
        };
        if tokio::time::timeout(LAST_ATTEMPTS, last).await.is_ok() {
            // If this is not kept, whatever was due counts as perhaps sent at the next start.
            let _ = self.store.settle_outbox().await;
        }
    }

    fn handle(&mut self, nudge: Nudge) {
        match nudge {
            Nudge::New(pending) => self.ledger.add(pending, Clocks::read()),
            Nudge::Up { sender, relay } => self.lanes.line_up(&sender, &relay),
            Nudge::Withdraw { position, answer } => {
                // Whoever asked and is gone has cancelled nothing: it is put back.
                if let Err(Withdrawn::Out(pending)) = answer.send(self.withdraw(position)) {
                    self.ledger.add(pending, Clocks::read());
                }
            }
            Nudge::Hurry { position } => {
                self.ledger.release(position);
                if let Some((pending, Standing::Due)) = self.ledger.find(position) {
                    self.lanes.line_up(&pending.from, &pending.relay);
                }
            }
            Nudge::HurryAll => self.lanes.all_up(),
            Nudge::Allowances(answer) => {
                let _ = answer.send(self.lanes.allowances(Instant::now()));
            }
        }
    }

    fn withdraw(&mut self, position: u64) -> Withdrawn {
        let Some((pending, standing)) = self.ledger.find(position) else {
            return Withdrawn::Absent;
        };
        let pending = pending.clone();
        let late = pending.perhaps_sent
            || standing == Standing::Due && self.lanes.remove(&pending) == Removed::UnderWay;
        if late {
            return Withdrawn::TooLate;
        }
        self.ledger.remove(position);
        Withdrawn::Out(pending)
    }

    async fn take_due(&mut self) {
        for due in self.ledger.due(Clocks::read()) {
            match due {
                Due::Send(pending) => self.lanes.add(pending),
                // Where an attempt is under way, its end decides.
                Due::Useless(pending) if self.lanes.remove(&pending) == Removed::UnderWay => {}
                Due::Useless(pending) => self.give_up_useless(pending).await,
            }
        }
    }

    fn start_attempts(&mut self) {
        while let Some(pending) = self.lanes.next(Instant::now()) {
            let roster = Arc::clone(&self.roster.borrow());
            let position = pending.position;
            let outbox = self.config.borrow().outbox.clone();
            let retry_for = outbox.retry_for;
            let age = Age {
                since: self.ledger.tried_since(position, retry_for, Clocks::read()),
                limit: retry_for,
            };
            let guess = match outbox.per_minute {
                0 => Limit::Unlimited,
                limit => Limit::Guessed(limit),
            };
            let (store, uploads) = (self.store.clone(), self.uploads.clone());
            self.attempts
                .spawn(attempt(store, uploads, roster, pending, age, guess));
        }
    }

    async fn finish(&mut self, ended: Result<Attempted, tokio::task::JoinError>) {
        let Ok(Attempted {
            pending,
            outcome,
            error,
            perhaps_sent,
            heard,
        }) = ended
        else {
            return;
        };
        let random = clock::random_number();
        self.lanes.hear(&pending, heard, Instant::now());
        let delay = self.lanes.finish(&pending, outcome, Instant::now(), random);
        if outcome == Outcome::Done {
            self.ledger.remove(pending.position);
            return;
        }
        if perhaps_sent {
            self.ledger.note_perhaps_sent(pending.position);
        }
        let now = clock::now();
        if let (Some(error), Some(delay)) = (error, delay) {
            tracing::info!(error = %error.message, ?delay, "will try a message again");
            let failure = Failure {
                error,
                retry_at: Some(now.after(delay)),
                at: now,
                perhaps_sent,
                tried: true,
            };
            self.record(pending.position, failure).await;
        }
        let is_useless = self.ledger.is_useless(pending.position, Clocks::read());
        let known = self.ledger.find(pending.position);
        let pending = known.map_or(pending, |(known, _)| known.clone());
        if is_useless && self.lanes.remove(&pending) != Removed::UnderWay {
            self.give_up_useless(pending).await;
        }
    }

    async fn give_up_useless(&mut self, pending: Pending) {
        let message = if pending.perhaps_sent {
            "it expired while it waited; the relay may have it all the same"
        } else {
            "it expired before a relay took it"
        };
        tracing::warn!(
            position = pending.position,
            "a message expired in the outbox"
        );
        let failure = Failure {
            error: ErrorDetail::new(Code::Expired, message, None),
            retry_at: None,
            at: clock::now(),
            perhaps_sent: pending.perhaps_sent,
            tried: false,
        };
        self.ledger.remove(pending.position);
        self.record(pending.position, failure).await;
    }

    async fn record(&self, position: u64, failure: Failure) {
        if let Err(error) = self.store.record_failure(position, failure).await {
            tracing::warn!(%error, "what became of a message was not recorded");
        }
    }
}

/// For ever, where there is no time.
pub(super) async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

async fn look_again(rest: Option<Duration>) {
    match rest {
        Some(rest) => tokio::time::sleep(rest.min(LOOK)).await,
        None => std::future::pending().await,
    }
}
