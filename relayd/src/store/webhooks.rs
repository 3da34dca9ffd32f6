//! Agents' webhooks, and which of their mail is to be brought to them, when (protocol A7).
//!
//! Nothing is copied: what a webhook gets are the messages that wait in the inbox, in their order. Kept beside them is only how far
//! deliveries have come ([`rows::State`]): the place up to which every message was offered, the failed attempts of the message at
//! its turn, and those messages that were set aside. What is acknowledged elsewhere, or expires, is thereby offered no more.
//!
//! An agent with something to be offered has one entry in a list by time. Who delivers takes agents from its front, reads what is
//! at its turn ([`Store::next_delivery`]), and says what came of it; that moves the entry, or takes it out, in the same transaction.

mod outcome;
mod queue;
mod rows;
#[cfg(test)]
mod tests;

use super::agents::{ChangeError, change_profile};
use super::clock::to_millis;
use super::failure::Failure;
use super::inbox::Sequence;
use super::queue::Admission;
use super::record::AgentKey;
use super::tables::{Tables, meta};
use super::{ReplayClaim, Store, StoreError, claims};
use mrp_proto::key::PublicKey;
use mrp_proto::message::Message;
use mrp_proto::relay_api::{WebhookInfo, WebhookSecret};
use mrp_proto::time::Timestamp;
use queue::Turn;
use redb::ReadableTable as _;
use rows::{Registration, State};
use std::fmt;
use std::time::Duration;

pub(super) use queue::{enqueue, resume};
pub(super) use rows::{Lazy, Use, for_each_table};

/// When a delivery that failed is tried again, and when a webhook is given up (protocol A7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSchedule {
    /// After the first attempt, the second, and so on. When the one behind the last of these has failed, the message is set aside.
    pub retries: [Duration; 6],
    /// Between two attempts of a message that was set aside.
    pub again: Duration,
    /// The part of each of these that chance may add to it, in hundredths.
    pub jitter_percent: u32,
    /// How long a receiver may ask to be left alone.
    pub longest_retry_after: Duration,
    /// Failures in a row, at least, that disable a webhook...
    pub disable_after: u32,
    /// ...and how long they must have lasted.
    pub disable_over: Duration,
}

impl Default for WebhookSchedule {
    fn default() -> Self {
        Self {
            retries: [1, 5, 30, 120, 600, 3_600].map(Duration::from_secs),
            again: Duration::from_secs(3_600),
            jitter_percent: 20,
            longest_retry_after: Duration::from_secs(3_600),
            disable_after: 100,
            disable_over: Duration::from_secs(24 * 3_600),
        }
    }
}

/// What an attempt failed of: all that its webhook's owner hears about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The host's name has no address, or its name server does not answer.
    Unresolved,
    /// The host's name leads where no delivery goes.
    AddressRefused,
    /// No connection.
    Unreachable,
    /// No TLS, or a certificate that is not the host's.
    Tls,
    /// No answer in time.
    TimedOut,
    /// An answer that is no HTTP, or has no end to its head.
    BadReply,
    /// An answer with a status that is no success.
    Status(u16),
}

impl Fault {
    const CLASSES: [Self; 6] = [
        Self::Unresolved,
        Self::AddressRefused,
        Self::Unreachable,
        Self::Tls,
        Self::TimedOut,
        Self::BadReply,
    ];

    /// Classes count from 1; statuses have three digits.
    fn number(self) -> u16 {
        match self {
            Self::Unresolved => 1,
            Self::AddressRefused => 2,
            Self::Unreachable => 3,
            Self::Tls => 4,
            Self::TimedOut => 5,
            Self::BadReply => 6,
            Self::Status(status) => status,
        }
    }

    fn of_number(number: u16) -> Option<Self> {
        if number >= 100 {
            return Some(Self::Status(number));
        }
        Self::CLASSES
            .into_iter()
            .find(|class| class.number() == number)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved => formatter.write_str("unresolved"),
            Self::AddressRefused => formatter.write_str("address_refused"),
            Self::Unreachable => formatter.write_str("unreachable"),
            Self::Tls => formatter.write_str("tls_failed"),
            Self::TimedOut => formatter.write_str("timed_out"),
            Self::BadReply => formatter.write_str("bad_reply"),
            Self::Status(status) => write!(formatter, "status {status}"),
        }
    }
}

/// An agent whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueWebhook {
    /// The agent.
    pub recipient: PublicKey,
    /// Where its mail goes.
    pub url: String,
}

/// Agents whose turn it is, those first who have waited longest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueWebhooks {
    /// The agents.
    pub due: Vec<DueWebhook>,
    /// When to look again, if nothing new comes before; `None` for never.
    pub next: Option<Duration>,
}

/// A delivery to make.
#[derive(Debug)]
pub struct Delivery {
    /// To say what came of it.
    pub ticket: Ticket,
    /// Where to.
    pub url: String,
    /// What to sign it with.
    pub secret: WebhookSecret,
    /// The message.
    pub message: Message,
}

/// Names an attempt: which message, and which registration of the webhook it was begun for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Whose webhook.
    pub recipient: PublicKey,
    /// Which message.
    pub sequence: Sequence,
    registration: u64,
    lane: Lane,
}

/// Where a message stands: in the order of the inbox, or among those that were set aside, with its time there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Main,
    Aside(u64),
}

/// What is at its turn for one agent.
#[derive(Debug)]
pub enum NextDelivery {
    /// This.
    Ready(Box<Delivery>),
    /// Nothing, or not yet: others were faster than the webhook.
    Nothing,
    /// The agent is suspended.
    Suspended,
}

/// An attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedAttempt {
    /// Of what.
    pub fault: Fault,
    /// How long the receiver wants to be left alone, if it said so.
    pub retry_after: Option<Duration>,
    /// How long nothing else may be tried, for other reasons.
    pub pause: Duration,
    /// For the jitter.
    pub random: u32,
}

/// What becomes of a webhook after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// The delivery is tried again.
    Retry,
    /// The webhook is disabled.
    Disabled,
}

/// Whether there was something to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// It was not there.
    NotFound,
}

impl Store {
    /// Registers an agent's webhook in place of one it may have had, enabled and without failures. Mail that waits is brought, too.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing is changed then, unless it is [`StoreError::Unavailable`].
    pub async fn set_webhook(
        &self,
        agent: PublicKey,
        url: String,
        secret: WebhookSecret,
        claim: ReplayClaim,
        now: Timestamp,
    ) -> Result<WebhookInfo, ChangeError> {
        let claim = claims::Key::of(&claim);
        let agent = *agent.as_bytes();
        self.write(Admission::Other, move |tables| {
            let now = tables.clock.observe(now);
            claims::refuse_used(tables, &claim, ChangeError::Replay)?;
            let registration = Registration {
                created: now,
                url: url.clone(),
                secret: secret.clone(),
            };
            let info = register(tables, &agent, &registration, now)?;
            claims::store(tables, &claim)?;
            Ok(info)
        })
        .await
    }

    /// What an agent may see of its webhook, if it has one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook(&self, agent: PublicKey) -> Result<Option<WebhookInfo>, StoreError> {
        self.read(move |view| {
            let registrations = view.transaction.open_table(rows::REGISTRATIONS)?;
            let states = view.transaction.open_table(rows::STATES)?;
            let Some(row) = registrations.get(agent.as_bytes())? else {
                return Ok(None);
            };
            let registration = Registration::from_bytes(row.value())?;
            let state = State::find(&states, agent.as_bytes())?;
            Ok(state.map(|state| info(&registration, &state)))
        })
        .await
    }

    /// Removes an agent's webhook and all that was kept for it; its mail stays.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing is changed then, unless it is [`StoreError::Unavailable`].
    pub async fn delete_webhook(
        &self,
        agent: PublicKey,
        claim: ReplayClaim,
        now: Timestamp,
    ) -> Result<Removal, ChangeError> {
        let claim = claims::Key::of(&claim);
        let agent = *agent.as_bytes();
        self.write(Admission::Other, move |tables| {
            let now = tables.clock.observe(now);
            claims::refuse_used(tables, &claim, ChangeError::Replay)?;
            let removal = remove(tables, &agent)?;
            if removal == Removal::Removed {
                change_profile(tables, &agent, now, |profile| profile.has_webhook = false)?;
            }
            claims::store(tables, &claim)?;
            Ok(removal)
        })
        .await
    }
}

fn register(
    tables: &mut Tables<'_>,
    agent: &AgentKey,
    registration: &Registration,
    now: Timestamp,
) -> Result<WebhookInfo, Failure> {
    remove(tables, agent)?;
    let last = tables.meta.get(meta::WEBHOOKS)?.map(|last| last.value());
    let number = last.unwrap_or(0) + 1;
    tables.meta.insert(meta::WEBHOOKS, number)?;
    let rows = tables.webhooks.open()?;
    let row = registration.to_bytes();
    rows.registrations.insert(agent, row.as_slice())?;
    change_profile(tables, agent, now, |profile| profile.has_webhook = true)?;
    let mut state = State::new(number);
    queue::reschedule(tables, agent, &mut state, now, Turn::Had)?;
    Ok(info(registration, &state))
}

/// Removes everything about an agent's webhook but the mark in its profile.
pub(super) fn remove(tables: &mut Tables<'_>, agent: &AgentKey) -> Result<Removal, Failure> {
    let rows = tables.webhooks.open()?;
    let Some(state) = State::find(&rows.states, agent)? else {
        return Ok(Removal::NotFound);
    };
    if let Some(due) = state.due {
        rows.due.remove((to_millis(due), agent))?;
    }
    rows.clear_aside(agent)?;
    rows.states.remove(agent)?;
    rows.registrations.remove(agent)?;
    Ok(Removal::Removed)
}

fn info(registration: &Registration, state: &State) -> WebhookInfo {
    WebhookInfo {
        url: registration.url.clone(),
        enabled: state.enabled,
        consecutive_failures: state.failures,
        created_at: registration.created,
        last_error: state.fault.map(|fault| fault.to_string()),
    }
}
