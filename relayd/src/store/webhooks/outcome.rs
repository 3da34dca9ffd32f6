//! What follows from how an attempt went.

use super::queue::{Turn, reschedule};
use super::rows::State;
use super::{Aftermath, FailedAttempt, Fault, Lane, Ticket, WebhookSchedule};
use crate::store::agents::change_profile;
use crate::store::clock::to_millis;
use crate::store::failure::Failure;
use crate::store::inbox::{Marked, Sequence, deliver};
use crate::store::queue::Admission;
use crate::store::tables::Tables;
use crate::store::{Store, StoreError};
use mrp_proto::time::Timestamp;
use std::time::Duration;

impl Store {
    /// Notes that a receiver took a message: it is delivered (protocol A4.6), and the webhook has no failures. Nothing else is
    /// tried before `pause` is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_delivered(
        &self,
        ticket: Ticket,
        pause: Duration,
        now: Timestamp,
    ) -> Result<Marked, StoreError> {
        self.write(Admission::Other, move |tables| {
            let now = tables.clock.observe(now);
            Ok(delivered(tables, &ticket, pause, now)?)
        })
        .await
    }

    /// Notes that an attempt failed, and when there is to be another.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_failed(
        &self,
        ticket: Ticket,
        attempt: FailedAttempt,
        schedule: WebhookSchedule,
        now: Timestamp,
    ) -> Result<Aftermath, StoreError> {
        self.write(Admission::Other, move |tables| {
            let now = tables.clock.observe(now);
            Ok(failed(tables, &ticket, &attempt, &schedule, now)?)
        })
        .await
    }
}

fn delivered(
    tables: &mut Tables<'_>,
    ticket: &Ticket,
    pause: Duration,
    now: Timestamp,
) -> Result<Marked, Failure> {
    let agent = ticket.recipient.as_bytes();
    let Sequence(sequence) = ticket.sequence;
    let is_here = sequence >= tables.purged_below(agent)?;
    let marked = if is_here && deliver(tables, agent, sequence, now)? {
        Marked::Now(ticket.sequence)
    } else {
        Marked::Already
    };
    let rows = tables.webhooks.open()?;
    let Some(mut state) = State::find(&rows.states, agent)? else {
        return Ok(marked);
    };
    if state.registration == ticket.registration {
        state.failures = 0;
        state.failing_since = None;
        state.fault = None;
        state.not_before = now.after(pause);
        match ticket.lane {
            Lane::Main => {
                state.position = state.position.max(sequence);
                state.head = 0;
                state.attempts = 0;
            }
            Lane::Aside(time) => {
                rows.aside.remove((agent, time, sequence))?;
            }
        }
    }
    reschedule(tables, agent, &mut state, now, Turn::Had)?;
    Ok(marked)
}

fn failed(
    tables: &mut Tables<'_>,
    ticket: &Ticket,
    attempt: &FailedAttempt,
    schedule: &WebhookSchedule,
    now: Timestamp,
) -> Result<Aftermath, Failure> {
    let agent = ticket.recipient.as_bytes();
    let rows = tables.webhooks.open()?;
    let Some(mut state) = State::find(&rows.states, agent)? else {
        return Ok(Aftermath::Retry);
    };
    if state.registration != ticket.registration || !state.enabled {
        reschedule(tables, agent, &mut state, now, Turn::Had)?;
        return Ok(Aftermath::Retry);
    }
    state.failures = state.failures.saturating_add(1);
    state.fault = Some(attempt.fault);
    let since = *state.failing_since.get_or_insert(now);
    let is_given_up =
        state.failures >= schedule.disable_after && now.since(since) >= schedule.disable_over;
    if attempt.fault.is_gone() || is_given_up {
        state.enabled = false;
        rows.clear_aside(agent)?;
        change_profile(tables, agent, now, |profile| profile.has_webhook = false)?;
        reschedule(tables, agent, &mut state, now, Turn::Had)?;
        return Ok(Aftermath::Disabled);
    }
    put_off(tables, ticket, &mut state, attempt, schedule, now)?;
    let asked = attempt.retry_after.unwrap_or_default();
    let pause = asked.min(schedule.longest_retry_after).max(attempt.pause);
    state.not_before = now.after(pause);
    reschedule(tables, agent, &mut state, now, Turn::Had)?;
    Ok(Aftermath::Retry)
}

/// Sets the time of the next attempt, or sets the message aside.
fn put_off(
    tables: &mut Tables<'_>,
    ticket: &Ticket,
    state: &mut State,
    attempt: &FailedAttempt,
    schedule: &WebhookSchedule,
    now: Timestamp,
) -> Result<(), Failure> {
    let agent = ticket.recipient.as_bytes();
    let Sequence(sequence) = ticket.sequence;
    let aside = &mut tables.webhooks.open()?.aside;
    let later = |delay: Duration| now.after(schedule.with_jitter(delay, attempt.random));
    let again = to_millis(later(schedule.again));
    if let Lane::Aside(time) = ticket.lane {
        aside.remove((agent, time, sequence))?;
        aside.insert((agent, again, sequence), ())?;
        return Ok(());
    }
    let before = if state.head == sequence {
        state.attempts
    } else {
        0
    };
    let step = usize::try_from(before).unwrap_or(usize::MAX);
    if let Some(delay) = schedule.retries.get(step) {
        state.head = sequence;
        state.attempts = before + 1;
        state.retry_at = later(*delay);
    } else {
        state.position = state.position.max(sequence);
        state.head = 0;
        state.attempts = 0;
        aside.insert((agent, again, sequence), ())?;
    }
    Ok(())
}

impl WebhookSchedule {
    /// A delay, and what chance adds to it.
    pub(super) fn with_jitter(&self, delay: Duration, random: u32) -> Duration {
        let most = delay.as_millis() * u128::from(self.jitter_percent) / 100;
        let added = most * u128::from(random) / u128::from(u32::MAX);
        delay + Duration::from_millis(u64::try_from(added).unwrap_or(0))
    }
}

impl Fault {
    /// The receiver says that there is nothing here, for good (RFC 9110 section 15.5.11).
    fn is_gone(self) -> bool {
        self == Self::Status(410)
    }
}
