//! `[[schedule]]`: messages that are sent at certain times.
//!
//! Each due time is sent once. Before a message is put into the outbox it is noted that its time was begun, and afterwards that it
//! was dealt with; the idempotency key is made of name, time and recipient. So a crash in between leads to the same send again, and
//! that to nothing. A time that was begun and lies too long ago for its key to be remembered is left alone.
//!
//! A time at which the daemon did not run, or the machine slept, is left out, unless it was a moment ago or `catch_up` is set: then
//! the newest of those that were missed is sent. A clock that is put back makes nothing due again.

mod times;

pub use times::{Times, TimesError};

use crate::audience::Audience;
use crate::clock;
use crate::config::{Config, HasName};
use crate::context::Context;
use crate::outbox::SendError;
use crate::store::{ScheduleRecord, StoreError};
use mrp_proto::base64url;
use mrp_proto::time::Timestamp;
use mrpd_api::body::Send;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

/// How late a time may be and still count as met.
const LATE: Duration = Duration::from_secs(60);
/// How long a time that was begun may be begun again: shorter than the outbox remembers keys.
const BEGUN: Duration = Duration::from_secs(23 * 3600);
/// How long to sleep at most: a clock that is set, or a machine that slept, is noticed then.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// When a time is tried again that nothing could be done with for now.
const AGAIN: Duration = Duration::from_secs(15);

/// A message that is sent at certain times.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// When.
    pub times: Times,
    /// The local agent that sends it; the default one where absent.
    pub agent: Option<String>,
    /// Who gets it: what a send takes, or `@group`.
    pub to: String,
    /// What it says.
    pub body: Arc<RawValue>,
    /// Its media type.
    pub content_type: Option<String>,
    /// What becomes of times that were missed.
    pub missed: Missed,
}

/// What becomes of times that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// They are left out.
    Skipped,
    /// The newest is made up for.
    Newest,
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        let rest = |schedule: &Self| {
            (
                schedule.name.clone(),
                schedule.times.clone(),
                schedule.agent.clone(),
                schedule.to.clone(),
                schedule.content_type.clone(),
                schedule.missed,
            )
        };
        rest(self) == rest(other) && self.body.get() == other.body.get()
    }
}

impl HasName for Schedule {
    fn name(&self) -> &str {
        &self.name
    }
}

/// Sends what is due, for as long as the daemon runs. Where nothing is configured it waits for that.
pub async fn run(context: Context) {
    let mut scheduler = Scheduler {
        records: None,
        context,
    };
    let mut config = scheduler.context.config.clone();
    let stop = scheduler.context.stop.clone();
    loop {
        let current = Arc::clone(&config.borrow_and_update());
        let pause = match scheduler.step(&current).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(%error, "schedules wait for the store");
                Some(AGAIN)
            }
        };
        let sleep = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause.min(LONGEST_SLEEP)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep => {}
            changed = config.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
    }
}

struct Scheduler {
    context: Context,
    /// How they stand, once that was read.
    records: Option<HashMap<String, ScheduleRecord>>,
}

impl Scheduler {
    /// Does what is due, and says how long nothing more is.
    async fn step(&mut self, config: &Config) -> Result<Option<Duration>, StoreError> {
        let now = clock::now();
        self.follow(config, now).await?;
        let mut pause: Option<Duration> = None;
        for schedule in &config.schedules.items {
            let record = self
                .records
                .as_ref()
                .and_then(|records| records.get(&schedule.name));
            let Some(mut record) = record.cloned() else {
                continue;
            };
            let next = match due(schedule, &record, now) {
                Due::Nothing => schedule.times.next(now).map(|next| next.since(now)),
                Due::Left(time) => {
                    tracing::info!(schedule = schedule.name, %time, "left out, since it was missed");
                    record.last = time;
                    self.keep(&schedule.name, record).await?;
                    Some(Duration::ZERO)
                }
                Due::Send(time) => self.meet(config, schedule, record, time).await?,
            };
            // Times are met when they have come, not a moment before.
            let next = next.map(|next| next + Duration::from_millis(1));
            pause = pause.into_iter().chain(next).min();
        }
        Ok(pause)
    }

    /// Takes up what is configured now, and forgets what is not any more.
    async fn follow(&mut self, config: &Config, now: Timestamp) -> Result<(), StoreError> {
        let schedules = &config.schedules;
        let mut records = match self.records.take() {
            Some(records) => records,
            None => self.context.store.schedules().await?,
        };
        let gone =
            |name: &String| schedules.find(name).is_none() && !schedules.refused.contains(name);
        let forgotten: Vec<String> = records.keys().filter(|name| gone(name)).cloned().collect();
        records.retain(|name, _| !gone(name));
        self.records = Some(records);
        for name in forgotten {
            self.context.board.warn(&subject(&name), Vec::new());
            self.context.store.put_schedule(name, None).await?;
        }
        for schedule in &schedules.items {
            let cron = schedule.times.source();
            let known = self
                .records
                .as_ref()
                .and_then(|records| records.get(&schedule.name));
            if known.is_some_and(|record| record.cron == cron) {
                continue;
            }
            let record = ScheduleRecord {
                cron: cron.to_owned(),
                last: now,
                begun: None,
                sent: None,
                ids: Vec::new(),
                error: None,
            };
            self.keep(&schedule.name, record).await?;
        }
        Ok(())
    }

    /// Sends what is due at a time; says when to go on.
    async fn meet(
        &mut self,
        config: &Config,
        schedule: &Schedule,
        mut record: ScheduleRecord,
        time: Timestamp,
    ) -> Result<Option<Duration>, StoreError> {
        if record.begun != Some(time) {
            record.begun = Some(time);
            self.keep(&schedule.name, record.clone()).await?;
        }
        let mut ids = Vec::new();
        let mut troubles = Vec::new();
        for to in self.recipients(config, schedule, &mut troubles) {
            let key = send_key(&schedule.name, time, &to);
            let send = Send {
                agent: schedule.agent.clone(),
                to: to.clone(),
                body: Some(schedule.body.as_ref().to_owned()),
                content_type: schedule.content_type.clone(),
                ..Send::default()
            };
            match self.context.outbox.send(send, Some(key)).await {
                Ok(sent) => ids.push(sent.id),
                Err(error @ (SendError::Store(_) | SendError::Full)) => {
                    tracing::warn!(schedule = schedule.name, %error, "tried again soon");
                    return Ok(Some(AGAIN));
                }
                // It was sent, before what it says was changed.
                Err(SendError::Mismatch) => {}
                Err(error) => troubles.push(trouble(&to, &error)),
            }
        }
        tracing::info!(schedule = schedule.name, %time, messages = ids.len(), "sent");
        let error = (!troubles.is_empty()).then(|| troubles.join("; "));
        let warnings = error.iter().map(|error| {
            format!(
                "schedule {:?} was not sent to everybody: {error}",
                schedule.name
            )
        });
        let warnings = warnings.collect();
        self.context.board.warn(&subject(&schedule.name), warnings);
        record.last = time.max(record.last);
        record.begun = None;
        if !ids.is_empty() {
            record.sent = Some(time);
            record.ids = ids;
        }
        record.error = error;
        self.keep(&schedule.name, record).await?;
        Ok(Some(Duration::ZERO))
    }

    /// Who it goes to now: of a group, each member.
    fn recipients(
        &self,
        config: &Config,
        schedule: &Schedule,
        troubles: &mut Vec<String>,
    ) -> Vec<String> {
        if !schedule.to.starts_with('@') {
            return vec![schedule.to.clone()];
        }
        let group = std::slice::from_ref(&schedule.to);
        match Audience::parse(group, &config.groups) {
            Ok(audience) => {
                let own = self.context.own_key(schedule.agent.as_deref());
                let (keys, missing) = audience.members(&self.context.contacts.book(), own);
                let missing = missing
                    .iter()
                    .map(|name| trouble(name, &"there is no such contact"));
                troubles.extend(missing);
                keys.iter().map(ToString::to_string).collect()
            }
            Err(error) => {
                troubles.push(error.to_string());
                Vec::new()
            }
        }
    }

    async fn keep(&mut self, name: &str, record: ScheduleRecord) -> Result<(), StoreError> {
        let store = &self.context.store;
        store
            .put_schedule(name.to_owned(), Some(record.clone()))
            .await?;
        self.records
            .get_or_insert_default()
            .insert(name.to_owned(), record);
        Ok(())
    }
}

/// What is to be done about a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Nothing,
    /// This time was missed, and is left out.
    Left(Timestamp),
    /// This time is to be met.
    Send(Timestamp),
}

fn due(schedule: &Schedule, record: &ScheduleRecord, now: Timestamp) -> Due {
    if let Some(begun) = record.begun {
        if now.distance(begun) < BEGUN {
            return Due::Send(begun);
        }
        if begun > record.last {
            return Due::Left(begun);
        }
    }
    let newest = schedule.times.last(now).filter(|time| *time > record.last);
    match newest {
        None => Due::Nothing,
        Some(time) if now.since(time) <= LATE || schedule.missed == Missed::Newest => {
            Due::Send(time)
        }
        Some(time) => Due::Left(time),
    }
}

fn trouble(to: &str, error: &dyn Display) -> String {
    format!("{to}: {error}")
}

fn subject(name: &str) -> String {
    format!("schedule {name}")
}

/// Names may have letters that a key may not.
fn send_key(name: &str, time: Timestamp, to: &str) -> String {
    let text = format!("{name}\n{}\n{to}", time.unix_millis());
    format!("schedule.{}", base64url::encode(&Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(cron: &str, missed: Missed) -> Schedule {
        Schedule {
            name: "standup".to_owned(),
            times: Times::parse(cron).unwrap(),
            agent: None,
            to: "team".to_owned(),
            body: RawValue::from_string("1".to_owned()).unwrap().into(),
            content_type: None,
            missed,
        }
    }

    fn record(last: Timestamp) -> ScheduleRecord {
        ScheduleRecord {
            cron: String::new(),
            last,
            begun: None,
            sent: None,
            ids: Vec::new(),
            error: None,
        }
    }

    /// Wherever this runs, a minute begins every sixty seconds.
    fn minute(number: i64, seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis((number * 60 + seconds) * 1000)
    }

    #[test]
    fn a_time_is_met_once() {
        let schedule = schedule("* * * * *", Missed::Skipped);
        let at = |number: i64| minute(30_000_000 + number, 0);
        let mut record = record(at(0));
        assert_eq!(
            due(&schedule, &record, minute(30_000_000, 59)),
            Due::Nothing
        );
        let now = minute(30_000_001, 1);
        assert_eq!(due(&schedule, &record, now), Due::Send(at(1)));
        record.last = at(1);
        assert_eq!(due(&schedule, &record, now), Due::Nothing);
        // The clock is put back by an hour: what was met is not due again.
        assert_eq!(
            due(&schedule, &record, minute(30_000_000 - 59, 1)),
            Due::Nothing
        );
    }

    #[test]
    fn a_missed_time_is_left_out_or_made_up_for() {
        let hourly = |missed| schedule("0 * * * *", missed);
        // Zones are whole quarters of hours away from each other, so this asks the schedule itself.
        let begun = hourly(Missed::Skipped)
            .times
            .next(minute(30_000_000, 0))
            .unwrap();
        let next = hourly(Missed::Skipped).times.next(begun).unwrap();
        let record = record(begun);
        let late = next.after(LATE + Duration::from_secs(1));
        assert_eq!(
            due(&hourly(Missed::Skipped), &record, late),
            Due::Left(next)
        );
        assert_eq!(due(&hourly(Missed::Newest), &record, late), Due::Send(next));
        let hours = next.after(Duration::from_secs(5 * 3600 + 60 * 10));
        let newest = next.after(Duration::from_secs(5 * 3600));
        assert_eq!(
            due(&hourly(Missed::Newest), &record, hours),
            Due::Send(newest)
        );
    }

    #[test]
    fn what_was_begun_is_finished_while_its_key_is_remembered() {
        let schedule = schedule("* * * * *", Missed::Skipped);
        let mut record = record(minute(30_000_000, 0));
        let time = minute(30_000_001, 0);
        record.begun = Some(time);
        let hours = |hours: u64| time.after(Duration::from_secs(hours * 3600));
        assert_eq!(due(&schedule, &record, hours(22)), Due::Send(time));
        assert_eq!(due(&schedule, &record, hours(24)), Due::Left(time));
        let keys = [("a", 1, "x"), ("a", 2, "x"), ("a", 1, "y"), ("ü", 1, "x")];
        let keys = keys.map(|(name, number, to)| send_key(name, minute(number, 0), to));
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), 4);
        assert!(keys.iter().all(|key| key.len() <= 128 && key.is_ascii()));
    }
}
