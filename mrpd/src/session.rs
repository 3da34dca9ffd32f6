//! One agent's session with one relay: what comes in is judged, stored, and only then acknowledged.

pub(crate) mod binding;
mod clock_skew;
mod profile;

use crate::board::{Board, Down};
use crate::clock;
use crate::config;
use crate::context::Context;
use crate::crash::crash_point;
use crate::inbox::{Arrival, judge};
use crate::outbox::Nudge;
use crate::roster::{Link, LocalAgent};
use crate::store::{StoreError, Stored};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use mrp_client::session::{self, DownReason, Event, Handle, Settings, Transport, Transports};
use mrp_proto::backoff::Backoff;
use mrp_proto::id::MessageId;
use mrp_proto::message::Message;
use mrpd_api::body;
use mrpd_api::message::Trust;
use profile::Place;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Messages that may be on their way to the disk; further ones stay with the relay.
const STORING: usize = 128;
/// How long errands that run may go on when the session ends.
const LAST_ERRANDS: Duration = Duration::from_secs(2);
/// Pauses before a large message that could not be read is read again: the first, and the longest.
const READ_PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
/// How often a session reads one; the next session begins anew.
const READS: u32 = 10;
/// Large messages that wait to be read again, at most.
const READ_LATER: usize = 256;
/// How long to leave a store alone that has failed: at first, and at last.
const STORE_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A session to run.
#[derive(Debug)]
pub struct AgentSession {
    context: Context,
    agent: Arc<LocalAgent>,
    link: Link,
    stop: CancellationToken,
    delay: Duration,
}

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Stopped,
    StoreFailed,
}

/// How the relay is told that it need not keep a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AckWay {
    Session,
    Http,
}

type Storing = FuturesOrdered<BoxFuture<'static, (MessageId, AckWay, Result<Stored, StoreError>)>>;

/// Large messages that are read again once their pause is over, and how often that was tried.
type Later = JoinSet<(MessageId, u32)>;

impl AgentSession {
    /// Of an agent and one of its relays, until `stop`.
    pub fn new(
        context: Context,
        agent: Arc<LocalAgent>,
        link: Link,
        stop: CancellationToken,
    ) -> Self {
        Self {
            context,
            agent,
            link,
            stop,
            delay: Duration::ZERO,
        }
    }

    /// Leaves the relay alone for so long at first.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Runs until it is stopped. While the store fails there is no session, and so the relay keeps what comes.
    pub async fn run(self) {
        tokio::select! {
            () = tokio::time::sleep(self.delay) => {}
            () = self.stop.cancelled() => return,
        }
        while self.hold().await == Ended::StoreFailed {
            let down = Down {
                reason: "the store cannot be written; messages wait at the relay".to_owned(),
                retry_at: None,
            };
            self.board().down(self.name(), self.relay(), down);
            if !self.store_has_room().await {
                break;
            }
        }
        self.board().remove(self.name(), self.relay());
        profile::forget(&self.context, &self.place());
        self.board().warn(&self.subject("clock"), Vec::new());
        self.board().warn(&self.subject("binding"), Vec::new());
    }

    async fn store_has_room(&self) -> bool {
        let again = async {
            let mut pause = STORE_PAUSE.0;
            loop {
                tokio::time::sleep(pause).await;
                match self.context.store.prove_room().await {
                    Ok(()) => return true,
                    Err(StoreError::Closed) => return false,
                    Err(StoreError::Disk(_)) => pause = (pause * 2).min(STORE_PAUSE.1),
                }
            }
        };
        tokio::select! {
            has_room = again => has_room,
            () = self.stop.cancelled() => false,
        }
    }

    async fn hold(&self) -> Ended {
        self.board().connecting(self.name(), self.relay());
        binding::recall(&self.context.store, &self.link).await;
        let relay = &self.link.relay;
        let settings = Settings {
            binding: self.link.client.binding().clone(),
            ping: relay.ping,
            idle_timeout: relay.idle_timeout,
            backoff: Backoff::new(relay.backoff.0, relay.backoff.1),
            transports: transports(relay.transport),
            ..Settings::default()
        };
        let secret = Arc::clone(&self.agent.secret);
        let (handle, mut events) = session::spawn(relay.url.clone(), secret, settings);
        let mut storing = Storing::new();
        let mut errands = JoinSet::new();
        let mut later = Later::new();
        let mut _profile = None;
        let ended = loop {
            tokio::select! {
                () = self.stop.cancelled() => break Ended::Stopped,
                Some(stored) = storing.next() => {
                    if self.finish(&handle, &mut errands, stored) == Err(Ended::StoreFailed) {
                        break Ended::StoreFailed;
                    }
                }
                Some(_) = errands.join_next() => {}
                Some(Ok(again)) = later.join_next(), if storing.len() < STORING => {
                    self.fetch(&handle, again, &mut storing, &mut later).await;
                }
                event = events.recv(), if storing.len() < STORING => match event {
                    Some(event) => {
                        if matches!(event, Event::Up { .. }) {
                            let keeping = profile::keep(self.context.clone(), self.place());
                            _profile = Some(AbortOnDropHandle::new(tokio::spawn(keeping)));
                        }
                        self.handle(&handle, event, &mut storing, &mut errands, &mut later).await;
                    }
                    None => break Ended::Stopped,
                },
            }
        };
        // What is on its way to the disk is waited for, so that it need not come again.
        while let Some(stored) = storing.next().await {
            let _ = self.finish(&handle, &mut errands, stored);
        }
        handle.shutdown().await;
        let last = async { while errands.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_ERRANDS, last).await;
        ended
    }

    async fn handle(
        &self,
        handle: &Handle,
        event: Event,
        storing: &mut Storing,
        errands: &mut JoinSet<()>,
        later: &mut Later,
    ) {
        match event {
            Event::Up { transport } => self.handle_up(transport, errands).await,
            Event::Message(message) => {
                self.receive(handle, *message, AckWay::Session, storing)
                    .await
            }
            Event::Pending { message_id, .. } => {
                self.fetch(handle, (message_id, 0), storing, later).await;
            }
            Event::Down { reason, retry_in } => {
                tracing::info!(agent = self.name(), relay = self.relay(), %reason, ?retry_in, "session down");
                if clock_skew::is_suspected(&reason) {
                    let (board, subject) = (self.board().clone(), self.subject("clock"));
                    errands.spawn(clock_skew::tell(board, subject, self.link.clone()));
                }
                let down = Down {
                    reason: describe(&reason),
                    retry_at: Some(clock::now().after(retry_in)),
                };
                self.board().down(self.name(), self.relay(), down);
            }
            // Sends go over HTTP.
            Event::SendResult { .. } => {}
        }
    }

    async fn handle_up(&self, transport: Transport, errands: &mut JoinSet<()>) {
        tracing::info!(
            agent = self.name(),
            relay = self.relay(),
            ?transport,
            "session up"
        );
        let transport = match transport {
            Transport::WebSocket => body::Transport::Ws,
            Transport::Poll => body::Transport::Poll,
        };
        self.board().up(self.name(), self.relay(), transport);
        let nudge = Nudge::Up {
            sender: self.agent.public.to_string(),
            relay: self.relay().to_owned(),
        };
        self.context.outbox.nudge(nudge).await;
        errands.spawn(binding::keep(self.context.store.clone(), self.link.clone()));
        self.board().warn(&self.subject("clock"), Vec::new());
        let doubts = binding::doubts(&self.agent, &self.link);
        self.board().warn(&self.subject("binding"), doubts);
    }

    async fn receive(&self, handle: &Handle, message: Message, ack: AckWay, storing: &mut Storing) {
        crash_point!("receive.read");
        let id = message.message_id.clone();
        let from = message.sender_key.short();
        let arrival = Arrival {
            relay: self.relay(),
            url: &self.link.relay.url,
            now: clock::now(),
            dedup_window: self.context.config.borrow().inbox.dedup_window,
        };
        match judge(&self.agent, arrival, message) {
            Ok(incoming) => {
                let store = &self.context.store;
                let submitted = if self.is_held(&incoming.message.from) {
                    store.accept_from_stranger(incoming).await
                } else {
                    store.accept(incoming).await
                };
                storing.push_back(Box::pin(async move { (id, ack, submitted.wait().await) }));
            }
            Err(refusal) => {
                tracing::warn!(message_id = %id, %from, relay = self.relay(), %refusal, "a message was refused");
                self.context.store.count_refused().await;
                handle.stored(id);
            }
        }
    }

    /// Whether messages of this sender wait for the user's word.
    fn is_held(&self, sender: &str) -> bool {
        if !self.context.config.borrow().inbox.hold_unknown_senders {
            return false;
        }
        let names = self.context.contacts.names(&self.context.roster());
        names
            .peer(sender)
            .is_none_or(|peer| peer.trust == Trust::Unknown)
    }

    /// Reads a message that is too large to be pushed. One that cannot be read now is read later, and the next session announces it
    /// again.
    async fn fetch(
        &self,
        handle: &Handle,
        (id, failed): (MessageId, u32),
        storing: &mut Storing,
        later: &mut Later,
    ) {
        let read = tokio::select! {
            read = self.link.client.message(&id) => read,
            () = self.stop.cancelled() => return,
        };
        let error = match read {
            Ok(message) => return self.receive(handle, message, AckWay::Http, storing).await,
            Err(error) => error,
        };
        tracing::warn!(message_id = %id, %error, "a large message could not be read");
        let failed = failed + 1;
        if error.is_retryable() && failed < READS && later.len() < READ_LATER {
            let pause = (READ_PAUSE.0 * (1 << (failed - 1))).min(READ_PAUSE.1);
            later.spawn(async move {
                tokio::time::sleep(pause).await;
                (id, failed)
            });
        }
    }

    fn finish(
        &self,
        handle: &Handle,
        errands: &mut JoinSet<()>,
        (id, ack, result): (MessageId, AckWay, Result<Stored, StoreError>),
    ) -> Result<(), Ended> {
        match result {
            Ok(stored) => {
                crash_point!("receive.before-ack");
                tracing::debug!(message_id = %id, ?stored, "stored");
                match ack {
                    AckWay::Session => handle.stored(id),
                    AckWay::Http => {
                        let client = self.link.client.clone();
                        errands.spawn(async move {
                            if let Err(error) = client.ack(&id).await {
                                tracing::info!(message_id = %id, %error, "not acknowledged; it will come again");
                            }
                        });
                    }
                }
                crash_point!("receive.acked");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(message_id = %id, %error, "not stored; the relay keeps it");
                handle.not_stored(id);
                Err(Ended::StoreFailed)
            }
        }
    }

    fn place(&self) -> Place {
        Place {
            agent: self.name().to_owned(),
            relay: self.relay().to_owned(),
        }
    }

    fn subject(&self, what: &str) -> String {
        format!("{what} {} {}", self.name(), self.relay())
    }

    fn board(&self) -> &Board {
        &self.context.board
    }

    fn name(&self) -> &str {
        &self.agent.config.name
    }

    fn relay(&self) -> &str {
        &self.link.relay.name
    }
}

fn transports(configured: config::Transport) -> Transports {
    match configured {
        config::Transport::Ws => Transports::Only(Transport::WebSocket),
        config::Transport::Poll => Transports::Only(Transport::Poll),
        config::Transport::Auto => Transports::Auto,
    }
}

/// Why there is no session, and what to do where that is known.
fn describe(reason: &DownReason) -> String {
    match reason {
        DownReason::PollUnsupported => {
            format!("{reason}; write transport = \"ws\" for this relay")
        }
        _ => reason.to_string(),
    }
}
