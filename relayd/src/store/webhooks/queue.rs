//! Whose turn it is, and for which message.

use super::rows::{self, Registration, State};
use super::{Delivery, DueWebhook, DueWebhooks, Lane, NextDelivery, Ticket};
use crate::store::agents::Profile;
use crate::store::clock::{from_millis, to_millis};
use crate::store::engine::View;
use crate::store::failure::Failure;
use crate::store::inbox::Sequence;
use crate::store::pair::Pair;
use crate::store::queue::Admission;
use crate::store::read::{Standing, assemble};
use crate::store::record::{AgentKey, Entry, Head};
use crate::store::tables::{AGENTS, KeyBytes, MESSAGES, PURGES, QUEUED, Tables, purged_below};
use crate::store::{Store, StoreError};
use mrp_proto::agent::AgentStatus;
use mrp_proto::key::PublicKey;
use mrp_proto::message::{Message, Status};
use mrp_proto::time::Timestamp;
use redb::ReadableTable;
use std::collections::HashSet;
use std::time::Duration;

/// A message that was set aside goes before those in order once it is late by this much, or an inbox that never gets empty would
/// keep it out for ever.
const LATE: Duration = Duration::from_secs(60);

impl Store {
    /// Waits until something changed about webhooks: a hint to look again. One that comes while nobody waits is kept.
    pub async fn webhook_hint(&self) {
        self.shared().webhook_hint.notified().await;
    }

    /// The first `limit` agents (at least one) whose turn it is, but for those that are `busy`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_webhooks(
        &self,
        busy: HashSet<PublicKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<DueWebhooks, StoreError> {
        let now = self.shared().clock.observe(now);
        self.read(move |view| due_webhooks(view, &busy, limit, now))
            .await
    }

    /// What is at its turn for an agent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_delivery(
        &self,
        recipient: PublicKey,
        now: Timestamp,
    ) -> Result<NextDelivery, StoreError> {
        let now = self.shared().clock.observe(now);
        self.read(move |view| next_delivery(view, recipient, now))
            .await
    }

    /// Lets agents wait so long without an attempt, or only looks again when their turn is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn postpone_webhooks(
        &self,
        agents: Vec<(PublicKey, Option<Duration>)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(Admission::Other, move |tables| {
            let now = tables.clock.observe(now);
            for (agent, pause) in &agents {
                let agent = agent.as_bytes();
                let rows = tables.webhooks.open()?;
                let Some(mut state) = State::find(&rows.states, agent)? else {
                    continue;
                };
                if let Some(pause) = pause {
                    state.not_before = state.not_before.max(now.after(*pause));
                }
                reschedule(tables, agent, &mut state, now, Turn::Had)?;
            }
            Ok(())
        })
        .await
    }
}

/// Whether an agent has just had its turn, and so goes behind all who wait, or waits itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Had,
    Waiting,
}

/// Notes that an inbox with a webhook has a new message; part of a send.
pub(in crate::store) fn enqueue(
    tables: &mut Tables<'_>,
    recipient: &AgentKey,
    now: Timestamp,
) -> Result<(), Failure> {
    let rows = tables.webhooks.open()?;
    let Some(mut state) = State::find(&rows.states, recipient)? else {
        return Ok(());
    };
    reschedule(tables, recipient, &mut state, now, Turn::Waiting)
}

/// Lets an agent that was suspended have its turn at once; part of resuming it.
pub(in crate::store) fn resume(
    tables: &mut Tables<'_>,
    agent: &AgentKey,
    now: Timestamp,
) -> Result<(), Failure> {
    let rows = tables.webhooks.open()?;
    let Some(mut state) = State::find(&rows.states, agent)? else {
        return Ok(());
    };
    state.not_before = Timestamp::EPOCH;
    reschedule(tables, agent, &mut state, now, Turn::Had)
}

/// Finds out when an agent's next turn is, and writes its state with that.
pub(super) fn reschedule(
    tables: &mut Tables<'_>,
    agent: &AgentKey,
    state: &mut State,
    now: Timestamp,
    turn: Turn,
) -> Result<(), Failure> {
    let below = tables.purged_below(agent)?;
    let rows = tables.webhooks.open()?;
    let waits_already = turn == Turn::Waiting && state.due.is_some_and(|due| due <= now);
    let due = if !state.enabled {
        None
    } else if waits_already {
        state.due
    } else {
        while let Some((time, sequence)) = first_aside(&rows.aside, agent)? {
            if is_live(&tables.queued, agent, sequence, below, now)? {
                break;
            }
            rows.aside.remove((agent, time, sequence))?;
        }
        let line = Line::read(&tables.queued, &rows.aside, agent, state, below, now)?;
        line.next().map(|at| at.max(state.not_before).max(now))
    };
    if due != state.due {
        if let Some(before) = state.due {
            rows.due.remove((to_millis(before), agent))?;
        }
        if let Some(due) = due {
            rows.due.insert((to_millis(due), agent), ())?;
        }
        state.due = due;
    }
    rows.states.insert(agent, &state.to_bytes())?;
    Ok(())
}

/// What an agent has to be offered: the first message in order, and the first of those set aside, each with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    main: Option<(u64, Timestamp)>,
    aside: Option<(u64, Timestamp)>,
}

impl Line {
    fn read(
        queued: &impl ReadableTable<Pair<KeyBytes, u64>, &'static [u8; Entry::LENGTH]>,
        aside: &impl ReadableTable<(KeyBytes, u64, u64), ()>,
        agent: &AgentKey,
        state: &State,
        below: u64,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let mut line = Self {
            main: None,
            aside: None,
        };
        let first = state.position.saturating_add(1).max(below);
        for entry in queued.range((agent, first)..=(agent, u64::MAX))? {
            let (place, entry) = entry?;
            // Until the sweep comes by, expired messages lie among the others.
            if Entry::from_bytes(entry.value())?.expires > now {
                let sequence = place.value().1;
                let at = if sequence == state.head {
                    state.retry_at
                } else {
                    Timestamp::EPOCH
                };
                line.main = Some((sequence, at));
                break;
            }
        }
        for entry in aside.range((agent, 0, 0)..=(agent, u64::MAX, u64::MAX))? {
            let (_, time, sequence) = entry?.0.value();
            if is_live(queued, agent, sequence, below, now)? {
                line.aside = Some((sequence, from_millis(time)));
                break;
            }
        }
        Ok(line)
    }

    fn next(&self) -> Option<Timestamp> {
        let times = [self.main, self.aside].into_iter().flatten();
        times.map(|(_, at)| at).min()
    }

    /// What is at its turn.
    fn pick(&self, now: Timestamp) -> Option<(u64, Lane)> {
        let ready = |(_, at): &(u64, Timestamp)| *at <= now;
        let main = self.main.filter(ready);
        let aside = self.aside.filter(ready);
        match (main, aside) {
            (Some((sequence, _)), None) => Some((sequence, Lane::Main)),
            (Some((sequence, _)), Some((_, at))) if now.since(at) < LATE => {
                Some((sequence, Lane::Main))
            }
            (_, Some((sequence, at))) => Some((sequence, Lane::Aside(to_millis(at)))),
            (None, None) => None,
        }
    }
}

fn first_aside(
    aside: &impl ReadableTable<(KeyBytes, u64, u64), ()>,
    agent: &AgentKey,
) -> Result<Option<(u64, u64)>, Failure> {
    let mut range = aside.range((agent, 0, 0)..=(agent, u64::MAX, u64::MAX))?;
    let first = range.next().transpose()?;
    Ok(first.map(|(key, _)| (key.value().1, key.value().2)))
}

/// Whether a message still waits for its recipient.
fn is_live(
    queued: &impl ReadableTable<Pair<KeyBytes, u64>, &'static [u8; Entry::LENGTH]>,
    agent: &AgentKey,
    sequence: u64,
    below: u64,
    now: Timestamp,
) -> Result<bool, Failure> {
    match queued.get((agent, sequence))? {
        Some(entry) if sequence >= below => Ok(Entry::from_bytes(entry.value())?.expires > now),
        _ => Ok(false),
    }
}

fn due_webhooks(
    view: &View<'_>,
    busy: &HashSet<PublicKey>,
    limit: usize,
    now: Timestamp,
) -> Result<DueWebhooks, Failure> {
    let table = view.transaction.open_table(rows::DUE)?;
    let registrations = view.transaction.open_table(rows::REGISTRATIONS)?;
    let mut due = Vec::new();
    for entry in table.iter()? {
        let key = entry?.0;
        let (time, agent) = key.value();
        let time = from_millis(time);
        if time > now {
            let next = Some(time.since(now));
            return Ok(DueWebhooks { due, next });
        }
        let recipient = PublicKey::from_stored_bytes(*agent);
        if busy.contains(&recipient) {
            continue;
        }
        let Some(row) = registrations.get(agent)? else {
            tracing::error!("an agent without a webhook has its turn");
            continue;
        };
        let Registration { url, .. } = Registration::from_bytes(row.value())?;
        due.push(DueWebhook { recipient, url });
        if due.len() >= limit {
            let next = Some(Duration::ZERO);
            return Ok(DueWebhooks { due, next });
        }
    }
    Ok(DueWebhooks { due, next: None })
}

fn next_delivery(
    view: &View<'_>,
    recipient: PublicKey,
    now: Timestamp,
) -> Result<NextDelivery, Failure> {
    let agent = recipient.as_bytes();
    let open = &view.transaction;
    let Some(state) = State::find(&open.open_table(rows::STATES)?, agent)? else {
        return Ok(NextDelivery::Nothing);
    };
    let profile = Profile::find(&open.open_table(AGENTS)?, agent)?;
    if profile.is_some_and(|profile| profile.status == AgentStatus::Suspended) {
        return Ok(NextDelivery::Suspended);
    }
    if !state.enabled || state.not_before > now {
        return Ok(NextDelivery::Nothing);
    }
    let queued = open.open_table(QUEUED)?;
    let aside = open.open_table(rows::ASIDE)?;
    let below = purged_below(&open.open_table(PURGES)?, agent)?;
    let line = Line::read(&queued, &aside, agent, &state, below, now)?;
    let Some((sequence, lane)) = line.pick(now) else {
        return Ok(NextDelivery::Nothing);
    };
    let registrations = open.open_table(rows::REGISTRATIONS)?;
    let Some(row) = registrations.get(agent)? else {
        return Err(Failure::corrupt("a webhook"));
    };
    let Registration { url, secret, .. } = Registration::from_bytes(row.value())?;
    Ok(NextDelivery::Ready(Box::new(Delivery {
        ticket: Ticket {
            recipient,
            sequence: Sequence(sequence),
            registration: state.registration,
            lane,
        },
        url,
        secret,
        message: read_message(view, sequence)?,
    })))
}

fn read_message(view: &View<'_>, sequence: u64) -> Result<Message, Failure> {
    let messages = view.transaction.open_table(MESSAGES)?;
    let row = messages.get(sequence)?;
    let row = row.ok_or(Failure::corrupt("a message that an inbox has"))?;
    let (head, content) = Head::read(row.value())?;
    let standing = Standing {
        status: Status::Sent,
        delivered: None,
    };
    assemble(&head, content, standing)
}
