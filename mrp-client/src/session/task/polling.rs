//! A session without a WebSocket: polls that mark nothing, and an acknowledgement over HTTP for each message once it is stored.
//!
//! A page is handed over and acknowledged whole before the next is asked for, so what a sender sent comes in order, and memory
//! holds one page.

use super::{Over, Task, lost};
use crate::error::Error;
use crate::relay::{Handover, Poll, Relay};
use crate::session::desk::{Prompt, Sends};
use crate::session::{DownReason, Event, Transport};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use mrp_proto::backoff::Backoff;
use mrp_proto::code::Code;
use mrp_proto::id::MessageId;
use mrp_proto::message::Message;
use mrp_proto::relay_api::feature;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long the relay may hold back a poll that finds nothing: less than the half minute after which proxies give up on an answer.
const WAIT: Duration = Duration::from_secs(20);
/// An empty answer that comes sooner was not held back.
const HELD_BACK: Duration = Duration::from_secs(1);
/// The pauses between polls that find nothing, where they are not held back, or nothing that could be stored.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));
/// Messages of a page.
const PAGE: usize = 50;
/// Acknowledgements that are under way at once.
const ACKS: usize = 8;
/// How long the acknowledgements of what was stored last may take when the program wants no more.
const LAST_ACKS: Duration = Duration::from_secs(3);

/// What goes on while a session polls.
pub(super) struct Polling {
    relay: Relay,
    since: Instant,
    pauses: Backoff,
}

/// Why there are no more polls.
pub(super) enum Polled {
    /// It is time to try a WebSocket; what was asked for so far is stored and acknowledged.
    Due,
    /// The relay cannot be polled without losing messages.
    Unsupported,
    /// As a connection is over.
    Over(Over),
}

/// What the program has done with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    Stored,
    /// Some of it could not be stored, and stays with the relay.
    Kept,
}

impl Task {
    /// Polls for as long as that goes well.
    pub(super) async fn poll_only(&mut self) -> Over {
        match self.poll(None).await {
            Polled::Over(over) => over,
            Polled::Due | Polled::Unsupported => Over::never_lived(DownReason::PollUnsupported),
        }
    }

    /// Polls until something is `due`. What is polled goes on where it was left by that.
    pub(super) async fn poll(&mut self, due: Option<Instant>) -> Polled {
        let mut polling = match self.polling.take() {
            Some(polling) => polling,
            None => match self.begin_polling().await {
                Ok(Some(polling)) => polling,
                Ok(None) => return Polled::Unsupported,
                Err(over) => return Polled::Over(over),
            },
        };
        match self.poll_on(&mut polling, due).await {
            Ok(()) => {
                self.polling = Some(polling);
                Polled::Due
            }
            Err(Over::Stop) => Polled::Over(Over::Stop),
            Err(Over::Lost { reason, .. }) => Polled::Over(lost(reason, Some(polling.since))),
        }
    }

    /// The first poll, which is not held back: there is a session as soon as it is answered. `None` if the relay takes no
    /// acknowledgements over HTTP.
    async fn begin_polling(&mut self) -> Result<Option<Polling>, Over> {
        let binding = self.settings.binding.clone();
        let relay = Relay::with_binding(self.url.clone(), Arc::clone(&self.key), binding)
            .map_err(|error| Over::never_lived(error.into()))?;
        let health = self.attend(relay.health()).await?;
        if !health.features.iter().any(|name| name == feature::ACK) {
            return Ok(None);
        }
        let first = self.attend(relay.poll(&poll(Duration::ZERO))).await?;
        tracing::debug!("a session with the relay has begun, by polls");
        self.desk.tell_up(Transport::Poll);
        let (min, max) = PAUSES;
        let polling = Polling {
            relay,
            since: Instant::now(),
            pauses: Backoff::new(min, max),
        };
        self.hand_over(&polling.relay, first.messages).await?;
        Ok(Some(polling))
    }

    async fn poll_on(&mut self, polling: &mut Polling, due: Option<Instant>) -> Result<(), Over> {
        loop {
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(());
            }
            let asked_at = Instant::now();
            let asked = poll(left.unwrap_or(WAIT).min(WAIT));
            let page = self.attend(polling.relay.poll(&asked)).await?;
            let is_fruitless = if page.messages.is_empty() {
                asked_at.elapsed() < HELD_BACK
            } else {
                self.hand_over(&polling.relay, page.messages).await? == Page::Kept
            };
            if is_fruitless {
                let random = getrandom::u64().unwrap_or(u64::MAX);
                let pause = polling.pauses.next_delay(random);
                let paused = async {
                    tokio::time::sleep(pause).await;
                    Ok(())
                };
                self.attend(paused).await?;
            } else {
                let (min, max) = PAUSES;
                polling.pauses = Backoff::new(min, max);
            }
        }
    }

    /// Hands a page over, and acknowledges what the program says it has stored. Returns when it has said so of all.
    async fn hand_over(&mut self, relay: &Relay, messages: Vec<Message>) -> Result<Page, Over> {
        let mut open = HashSet::with_capacity(messages.len());
        for message in messages {
            if open.insert(message.message_id.clone()) {
                self.desk.tell(Event::Message(Box::new(message)));
            }
        }
        let mut stored = VecDeque::new();
        let mut acks = FuturesUnordered::new();
        let mut page = Page::Stored;
        while !(open.is_empty() && stored.is_empty() && acks.is_empty()) {
            while acks.len() < ACKS
                && let Some(message_id) = stored.pop_front()
            {
                acks.push(ack(relay, message_id));
            }
            tokio::select! {
                Some(acked) = acks.next() => acked?,
                prompt = self.desk.prompt(Sends::Take) => match prompt {
                    Prompt::Stored(message_id) => if open.remove(&message_id) {
                        stored.push_back(message_id);
                    },
                    Prompt::NotStored(message_id) => if open.remove(&message_id) {
                        page = Page::Kept;
                    },
                    Prompt::Stop => {
                        while let Some(message_id) = self.desk.take_stored() {
                            if open.remove(&message_id) {
                                stored.push_back(message_id);
                            }
                        }
                        acks.extend(stored.into_iter().map(|message_id| ack(relay, message_id)));
                        let last = async { while acks.next().await.is_some() {} };
                        // What is not acknowledged comes again.
                        let _ = tokio::time::timeout(LAST_ACKS, last).await;
                        return Err(Over::Stop);
                    }
                    // What is under way finds out by itself.
                    Prompt::ClockJumped(_) | Prompt::Send(_) | Prompt::HandedOver => {}
                },
            }
        }
        Ok(page)
    }

    /// Waits for an answer, while the program is heard.
    async fn attend<T>(
        &mut self,
        asking: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Over> {
        tokio::pin!(asking);
        loop {
            tokio::select! {
                answer = &mut asking => {
                    return answer.map_err(|error| Over::never_lived(error.into()));
                }
                prompt = self.desk.prompt(Sends::Take) => match prompt {
                    Prompt::Stop => return Err(Over::Stop),
                    Prompt::ClockJumped(by) => {
                        return Err(Over::never_lived(DownReason::ClockJumped { by }));
                    }
                    // Of what was handed over, all is answered; and there is no WebSocket for a send.
                    Prompt::Stored(_) | Prompt::NotStored(_) | Prompt::Send(_) | Prompt::HandedOver => {}
                },
            }
        }
    }
}

fn poll(wait: Duration) -> Poll {
    Poll {
        limit: Some(PAGE),
        wait: Some(wait),
        handover: Handover::Manual,
        ..Poll::default()
    }
}

/// Acknowledges a message. One that is gone meanwhile need not be.
async fn ack(relay: &Relay, message_id: MessageId) -> Result<(), Over> {
    match relay.ack(&message_id).await {
        Err(error) if error.code() != Some(Code::MessageNotFound) => {
            Err(Over::never_lived(error.into()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

impl From<Error> for DownReason {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::Refused(Box::new(refusal)),
            Error::Unreachable { cause, .. } => Self::Unreachable { cause },
            Error::TimedOut => Self::TimedOut,
            Error::Nonsense { what } => Self::Nonsense { what },
            Error::Setup { what } => Self::Setup { what },
        }
    }
}
