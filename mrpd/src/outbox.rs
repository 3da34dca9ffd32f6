//! What goes out: drafts that are durable before they are answered, and one task that gets them to the relays.
//!
//! - `sealing`: whether a message is sealed. `compose`: from what was asked for to what is posted, sealed once, so that each
//!   attempt posts the same.
//! - `hold`: until when it is held, and for how long it is of use. `ledger`: what is held or of no use any more. `lanes`: in which
//!   order the rest goes, and when. `budget`: how many at a time. `attempt`: one attempt, and what its failure means. `dispatch`: the
//!   task.
//! - `keys`: what is sent once. `many`: several sends at once, and whom a text means. `wait`: how far a send has come. `receipts`:
//!   asking the relays for it. `advice`: whether the recipient can read it. `by_hand`: what users do with the outbox.

mod advice;
mod attempt;
mod budget;
mod by_hand;
mod compose;
mod dispatch;
mod files;
mod hold;
mod keys;
mod lanes;
mod ledger;
mod many;
mod receipts;
mod sealing;
mod stages;
mod wait;

pub(crate) use attempt::detail;
pub use budget::Limit;
pub use by_hand::HandError;
pub use compose::ComposeError;
pub use dispatch::{Nudge, Withdrawn};
pub use files::ChooseError;
pub use hold::HoldError;
pub use lanes::Allowance;
pub(crate) use receipts::run as ask_for_receipts;
pub(crate) use stages::tell_stages;

pub(crate) use advice::{E2E, E2E_VERSION};
pub(crate) use compose::recompose;
pub(crate) use sealing::Seal;

use crate::attachments::Uploads;
use crate::clock;
use crate::config::Config;
use crate::contacts::{Contacts, Recipient, ResolveError, resolve};
use crate::roster::{Link, LocalAgent, Roster};
use crate::store::{Enqueued, OutboxRecord, Pending, SendKey, Store, StoreError};
use advice::Advice;
use keys::send_key;
use mrp_client::RelayUrl;
use mrp_proto::key::PublicKey;
use mrpd_api::body::{Sealing, Send, Sent, Stage};
use sealing::EncryptionRequired;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wait::Wait;

/// How long a send waits for its stage where nothing was said.
const WAIT: Duration = Duration::from_secs(10);
/// How long a send may wait.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Wake-ups that may wait for the dispatcher.
const NUDGES: usize = 1024;

/// Why nothing was put into the outbox.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// There is no agent at all.
    #[error("there is no agent yet")]
    NoAgent,
    /// There is no agent of that name.
    #[error("there is no agent {name:?}; known: {known}")]
    UnknownAgent {
        /// The name.
        name: String,
        /// Those there are.
        known: String,
    },
    /// The agent has no relay of that name.
    #[error("agent {agent:?} has no relay {name:?}; known: {known}")]
    UnknownRelay {
        /// The agent.
        agent: String,
        /// The name.
        name: String,
        /// Those it has.
        known: String,
    },
    /// The recipient means nobody.
    #[error(transparent)]
    Recipient(#[from] ResolveError),
    /// Sending in clear is refused.
    #[error(transparent)]
    EncryptionRequired(#[from] EncryptionRequired),
    /// The message cannot be sent as it is.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// It cannot be held for so long.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// It was taken out of the outbox meanwhile.
    #[error("the message was taken out of the outbox")]
    Cancelled,
    /// Something that was to travel along is not there.
    #[error(transparent)]
    Choose(#[from] ChooseError),
    /// The idempotency key is not one.
    #[error(
        "the idempotency key must have 1 to {} visible ASCII characters",
        keys::LENGTH
    )]
    InvalidKey,
    /// Something else was sent under the same idempotency key.
    #[error("another message was sent under the same idempotency key within 24 hours")]
    Mismatch,
    /// Too much waits in the outbox.
    #[error("the outbox is full: too many messages wait for their relays")]
    Full,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A message that is ready for the outbox.
#[derive(Debug)]
struct Prepared {
    agent: Arc<LocalAgent>,
    link: Link,
    recipient: PublicKey,
    warnings: Vec<String>,
    record: OutboxRecord,
    key: Option<SendKey>,
}

/// What preparing a message has come to.
#[derive(Debug)]
enum Preparation {
    /// It is ready.
    New(Box<Prepared>),
    /// The same agent has sent it before under the same key, by this name.
    Before(Arc<LocalAgent>, String),
}

/// The outbox. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    store: Store,
    contacts: Contacts,
    roster: watch::Receiver<Arc<Roster>>,
    nudges: mpsc::Sender<Nudge>,
    advice: Arc<Advice>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Outbox {
    /// Starts the dispatcher, with everything that is still to be sent.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn start(
        store: Store,
        contacts: Contacts,
        roster: watch::Receiver<Arc<Roster>>,
        config: watch::Receiver<Arc<Config>>,
        uploads: Uploads,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<Self, StoreError> {
        let (nudges, receiver) = mpsc::channel(NUDGES);
        let pending = store.take_pending(clock::now()).await?;
        let dispatcher = dispatch::Dispatcher::new(
            store.clone(),
            roster.clone(),
            config,
            uploads,
            receiver,
            stop.clone(),
        );
        tasks.spawn(dispatcher.run(pending));
        Ok(Self {
            store,
            contacts,
            roster,
            nudges,
            advice: Arc::default(),
            stop,
            tasks: tasks.clone(),
        })
    }

    /// Tells the dispatcher something. What it does not learn because it is gone, it learns from the store at the next start.
    pub async fn nudge(&self, nudge: Nudge) {
        let _ = self.nudges.send(nudge).await;
    }

    /// Makes a message durable, and waits as long as was asked for how far it comes.
    ///
    /// # Errors
    /// A [`SendError`]: then nothing was put into the outbox, unless it is [`SendError::Store`].
    pub async fn send(&self, send: Send, key: Option<String>) -> Result<Sent, SendError> {
        let Prepared {
            agent,
            link,
            recipient,
            mut warnings,
            record,
            key,
        } = match self.prepare(&send, key).await? {
            Preparation::New(prepared) => *prepared,
            Preparation::Before(agent, id) => {
                return self.answer(id, &agent, &send, Vec::new()).await;
            }
        };
        let (out_id, seal) = (record.id.clone(), Seal::of(&record));
        let is_awaited = send.wait.is_some_and(|stage| stage > Stage::Queued);
        let advised = record.due_at.is_none();
        let queued = (!is_awaited).then(|| wait::queued(&record, recipient));
        let enqueued = self.enqueue(vec![(record, key)]).await?.pop();
        let id = settled(enqueued, out_id.clone())?;
        if id != out_id {
            return self.answer(id, &agent, &send, Vec::new()).await;
        }
        if let Some(queued) = queued {
            return Ok(Sent { warnings, ..queued });
        }
        if !advised || seal == Seal::Plain {
            return self.answer(id, &agent, &send, warnings).await;
        }
        let (answer, advice) = tokio::join!(
            self.answer(id, &agent, &send, std::mem::take(&mut warnings)),
            self.advice.warning(&self.store, &link.client, recipient)
        );
        let mut sent = answer?;
        sent.warnings.extend(advice);
        Ok(sent)
    }

    /// Makes what goes into the outbox, and puts nothing there.
    async fn prepare(&self, send: &Send, key: Option<String>) -> Result<Preparation, SendError> {
        let roster = Arc::clone(&self.roster.borrow());
        let agent = choose_agent(&roster, send.agent.as_deref())?;
        let key = match key {
            Some(key) => Some(send_key(&self.store, key, send).await?),
            None => None,
        };
        match self.prepare_new(send, &agent, key.clone()).await {
            Ok(prepared) => Ok(Preparation::New(Box::new(prepared))),
            // Whatever has become of the recipient or the files since, what was sent is sent. Where nothing is wrong, this shows when
            // it is put into the outbox.
            Err(error) => match self.sent_before(key.as_ref()).await? {
                Some(before) => Ok(Preparation::Before(agent, before)),
                None => Err(error),
            },
        }
    }

    async fn prepare_new(
        &self,
        send: &Send,
        agent: &Arc<LocalAgent>,
        key: Option<SendKey>,
    ) -> Result<Prepared, SendError> {
        let recipient = resolve(&send.to, &self.contacts.book(), &agent.public)?;
        let mut warnings = Vec::new();
        let link = self
            .choose_link(agent, &recipient, send.relay.as_deref(), &mut warnings)?
            .clone();
        let seal = self
            .choose_sealing(agent, &link, &recipient, send.sealing)
            .await?;
        if seal == Seal::Sealed && !send.metadata.is_empty() {
            warnings.push("metadata is not sealed: the relay can read it".to_owned());
        }
        let files = files::choose(&self.store, &send.attachments).await?;
        let now = clock::now();
        let hold = hold::hold(send, now)?;
        let mut record = compose::compose(compose::Parts {
            agent,
            link: &link,
            recipient: recipient.key,
            send,
            seal,
            files: &files,
            // What is said of when it was sent has to be true when it is.
            now: hold.due_at.unwrap_or(now),
        })?;
        record.created_at = now;
        record.due_at = hold.due_at;
        record.held_for = hold.held_for;
        record.useless_at = hold.useless_at;
        warnings.extend(compose::unsigned_warning(&record));
        Ok(Prepared {
            agent: Arc::clone(agent),
            link,
            recipient: recipient.key,
            warnings,
            record,
            key,
        })
    }

    /// The agent and the relay that names mean; the default agent, and its first relay, where there is none.
    ///
    /// # Errors
    /// A [`SendError`].
    pub fn way(
        &self,
        roster: &Roster,
        agent: Option<&str>,
        relay: Option<&str>,
    ) -> Result<(Arc<LocalAgent>, Link), SendError> {
        let agent = choose_agent(roster, agent)?;
        let link = match relay {
            Some(name) => agent.link(name),
            None => agent.links.first(),
        };
        let link = link
            .cloned()
            .ok_or_else(|| unknown_relay(&agent, relay.unwrap_or_default()))?;
        Ok((agent, link))
    }

    /// In a task of its own: whoever asked may go away at any moment, and what is durable by then must not lie there until the
    /// next start because nobody told the dispatcher.
    async fn enqueue(
        &self,
        records: Vec<(OutboxRecord, Option<SendKey>)>,
    ) -> Result<Vec<Enqueued>, StoreError> {
        let outbox = self.clone();
        let enqueue = async move {
            let enqueued = outbox.store.enqueue_all(records.clone()).await?;
            for (enqueued, (record, _)) in enqueued.iter().zip(records) {
                if let Enqueued::New(position) = enqueued {
                    let pending = Pending::new(*position, record);
                    outbox.nudge(Nudge::New(pending)).await;
                }
            }
            Ok(enqueued)
        };
        let enqueued = self.tasks.spawn(enqueue).await;
        enqueued.unwrap_or(Err(StoreError::Closed))
    }

    async fn sent_before(&self, key: Option<&SendKey>) -> Result<Option<String>, SendError> {
        let Some(key) = key else { return Ok(None) };
        match self.store.sent_under(key.key.clone(), clock::now()).await? {
            Some((digest, out_id)) if digest == key.digest => Ok(Some(out_id)),
            Some(_) => Err(SendError::Mismatch),
            None => Ok(None),
        }
    }

    fn choose_link<'a>(
        &self,
        agent: &'a LocalAgent,
        recipient: &Recipient,
        named: Option<&str>,
        warnings: &mut Vec<String>,
    ) -> Result<&'a Link, SendError> {
        let unknown = |name: &str| unknown_relay(agent, name);
        if let Some(name) = named {
            return agent.link(name).ok_or_else(|| unknown(name));
        }
        let first = agent.links.first().ok_or_else(|| unknown(""))?;
        let hint = recipient
            .relay
            .clone()
            .or_else(|| self.contacts.extras(&recipient.key).relay);
        let Some(hint) = hint else { return Ok(first) };
        let by_url = RelayUrl::parse(&hint).ok();
        let hinted = by_url.and_then(|url| agent.link_to(&url));
        match hinted.or_else(|| agent.link(&hint)) {
            Some(link) => Ok(link),
            None => {
                warnings.push(format!(
                    "the recipient's card names the relay {hint}, which agent {:?} does not use; sending by {:?}",
                    agent.config.name, first.relay.name
                ));
                Ok(first)
            }
        }
    }

    async fn choose_sealing(
        &self,
        agent: &LocalAgent,
        link: &Link,
        recipient: &Recipient,
        asked: Sealing,
    ) -> Result<Seal, SendError> {
        let by_contact = self.contacts.extras(&recipient.key).encrypt;
        match sealing::decide(
            asked,
            by_contact,
            agent.config.encrypt,
            agent.config.require_encryption,
        )? {
            sealing::Decision::Known(seal) => Ok(seal),
            sealing::Decision::Auto => {
                let own = self
                    .roster
                    .borrow()
                    .agent_by_key(&recipient.key.to_string())
                    .is_some();
                if own
                    || self
                        .advice
                        .opens(&self.store, &link.client, recipient.key)
                        .await
                {
                    Ok(Seal::Sealed)
                } else {
                    Ok(Seal::Plain)
                }
            }
        }
    }

    async fn answer(
        &self,
        out_id: String,
        agent: &Arc<LocalAgent>,
        send: &Send,
        warnings: Vec<String>,
    ) -> Result<Sent, SendError> {
        let limit = send.wait_ms.map_or(WAIT, Duration::from_millis);
        let wait = Wait {
            store: &self.store,
            agent,
            stop: &self.stop,
            stage: send.wait.unwrap_or(Stage::Queued),
            limit: limit.min(LONGEST_WAIT),
        };
        wait.run(out_id, warnings).await
    }
}

fn choose_agent(roster: &Roster, name: Option<&str>) -> Result<Arc<LocalAgent>, SendError> {
    let Some(name) = name else {
        return roster.default_agent().cloned().ok_or(SendError::NoAgent);
    };
    if roster.agents.is_empty() {
        return Err(SendError::NoAgent);
    }
    roster.agent(name).cloned().ok_or_else(|| {
        let known: Vec<&str> = roster
            .agents
            .iter()
            .map(|agent| agent.config.name.as_str())
            .collect();
        SendError::UnknownAgent {
            name: name.to_owned(),
            known: known.join(", "),
        }
    })
}

fn unknown_relay(agent: &LocalAgent, name: &str) -> SendError {
    let known: Vec<&str> = agent
        .links
        .iter()
        .map(|link| link.relay.name.as_str())
        .collect();
    SendError::UnknownRelay {
        agent: agent.config.name.clone(),
        name: name.to_owned(),
        known: known.join(", "),
    }
}

/// The outbox's name for what was enqueued as `out_id`: its own, or that of what was sent before under the same key.
fn settled(enqueued: Option<Enqueued>, out_id: String) -> Result<String, SendError> {
    match enqueued {
        Some(Enqueued::New(_)) => Ok(out_id),
        Some(Enqueued::Before(id)) => Ok(id),
        Some(Enqueued::Mismatch) => Err(SendError::Mismatch),
        Some(Enqueued::Full) => Err(SendError::Full),
        Some(Enqueued::NoFile(id)) => Err(ChooseError::Unknown { id }.into()),
        None => Err(StoreError::Closed.into()),
    }
}
