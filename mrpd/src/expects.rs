//! `[[expect]]`: dead-man switches, which run a program when nothing comes.
//!
//! One is due when `every` and then `grace` have passed since the last message that it waits for, and once more for each further
//! `every`; the time counts from when it was configured, or changed. Periods that pass while the daemon does not run are told of
//! together. After a start, and after the machine has slept, nothing is told of before mail that waits at a relay could come in.
//!
//! How it stands is kept, so that a restart neither forgets nor repeats. A program that fails is tried again as a hook's is; what
//! was being told when the daemon ended is told again.

mod standing;
mod tell;

use crate::api::view;
use crate::clock;
use crate::config::{Config, HasName};
use crate::contacts::Names;
use crate::context::Context;
use crate::hooks::program::Program;
use crate::hooks::{self, Filter, Verdict};
use crate::store::{ExpectRecord, MessageRecord, StoreError};
use mrpd_api::event::Event;
use mrpd_api::message::Direction;
use standing::{Now, Standing};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tell::Told;
use tokio::sync::mpsc;

/// How long to sleep at most: that the machine slept is noticed then.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// How long mail that waits at a relay is given to come in.
const SETTLE: Duration = Duration::from_secs(120);
/// By how much two clocks must have parted to show that the machine slept.
const SLEPT: Duration = Duration::from_secs(10);
/// When the store is tried again.
const AGAIN: Duration = Duration::from_secs(15);
/// Messages that may have to be looked at again after a crash.
const DRIFT: u64 = 5000;

/// A dead-man switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// Its name.
    pub name: String,
    /// The messages it waits for.
    pub filter: Filter,
    /// Within which time one must come.
    pub every: Duration,
    /// How late it may be.
    pub grace: Duration,
    /// What is run when none does.
    pub program: Program,
}

impl HasName for Expect {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Expect {
    /// What is expected, in words. The program may change without anything beginning anew.
    fn rule(&self) -> String {
        let condition = self.filter.condition.as_ref();
        let condition = condition.map_or("", |condition| condition.source());
        let rule = Filter {
            condition: None,
            ..self.filter.clone()
        };
        format!("{:?} {:?} {rule:?} {condition}", self.every, self.grace)
    }
}

/// Watches over what is expected, for as long as the daemon runs. Where nothing is it waits for that.
pub async fn run(context: Context) {
    let (done, mut finished) = mpsc::channel(16);
    let mut watch = Watch {
        standings: BTreeMap::new(),
        kept: None,
        running: HashSet::new(),
        settled_at: Duration::ZERO,
        parted: None,
        done,
        context,
    };
    let mut config = watch.context.config.clone();
    let mut newest = watch.context.store.newest();
    let stop = watch.context.stop.clone();
    loop {
        let current = Arc::clone(&config.borrow_and_update());
        newest.borrow_and_update();
        let pause = watch.step(&current).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "dead-man switches wait for the store");
            Some(AGAIN)
        });
        let idle = pause.is_none();
        let sleep = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause.min(LONGEST_SLEEP)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep => {}
            changed = newest.changed(), if !idle => if changed.is_err() { return },
            Some(told) = finished.recv() => watch.finish(told).await,
            changed = config.changed() => if changed.is_err() { return },
            () = stop.cancelled() => {
                watch.keep_places().await;
                return;
            }
        }
    }
}

struct Watch {
    context: Context,
    standings: BTreeMap<String, Standing>,
    /// What the store has, once it was read.
    kept: Option<HashMap<String, ExpectRecord>>,
    /// Those that are being told of.
    running: HashSet<String>,
    settled_at: Duration,
    parted: Option<Duration>,
    done: mpsc::Sender<Told>,
}

impl Watch {
    /// Looks at what came, tells of what did not, and says how long nothing more is to be done.
    async fn step(&mut self, config: &Config) -> Result<Option<Duration>, StoreError> {
        let now = self.now();
        self.follow(config, now).await?;
        if self.standings.is_empty() {
            return Ok(None);
        }
        self.look(config, now).await?;
        let mut pause = LONGEST_SLEEP;
        for expect in &config.expects.items {
            let Some(standing) = self.standings.get(&expect.name) else {
                continue;
            };
            if self.running.contains(&expect.name) {
                continue;
            }
            let left = standing.left(expect.every, expect.grace, now);
            let patience = SETTLE.min(expect.every + expect.grace);
            let settling = (self.settled_at + patience).saturating_sub(now.uptime);
            let left = left.max(settling);
            if left.is_zero() {
                let periods = standing.periods(expect.every, expect.grace, now);
                self.tell(expect, periods);
            } else {
                pause = pause.min(left);
            }
        }
        Ok(Some(pause))
    }

    /// Both clocks, and whether the machine slept.
    fn now(&mut self) -> Now {
        let uptime = clock::uptime();
        let awake = awake();
        let parted = uptime.saturating_sub(awake);
        if self.parted.is_none_or(|before| parted > before + SLEPT) {
            self.settled_at = uptime;
        }
        self.parted = Some(parted);
        Now {
            wall: clock::now(),
            uptime,
        }
    }

    /// Takes up what is configured now, and forgets what is not any more.
    async fn follow(&mut self, config: &Config, now: Now) -> Result<(), StoreError> {
        let mut kept = match self.kept.take() {
            Some(kept) => kept,
            None => self.context.store.expects().await?,
        };
        let expects = &config.expects;
        let known: Vec<String> = kept.keys().chain(self.standings.keys()).cloned().collect();
        for name in known {
            if expects.find(&name).is_none() && !expects.refused.contains(&name) {
                self.context.store.put_expect(name.clone(), None).await?;
                self.context.board.warn(&subject(&name), Vec::new());
                self.standings.remove(&name);
                kept.remove(&name);
            }
        }
        for expect in &expects.items {
            let rule = expect.rule();
            let standing = self.standings.get(&expect.name);
            if standing.is_some_and(|standing| standing.record.rule == rule) {
                continue;
            }
            let before = kept.remove(&expect.name);
            let record = match before.filter(|record| record.rule == rule) {
                Some(record) => record,
                None => self.begin(&expect.name, rule, now).await?,
            };
            if record.missed > 0 {
                self.warn(&expect.name, &record);
            }
            let standing = Standing::resume(record, now);
            self.standings.insert(expect.name.clone(), standing);
        }
        self.kept = Some(kept);
        Ok(())
    }

    async fn begin(&self, name: &str, rule: String, now: Now) -> Result<ExpectRecord, StoreError> {
        let record = ExpectRecord {
            rule,
            since: now.wall,
            last: None,
            position: *self.context.store.newest().borrow(),
            missed: 0,
            outcome: None,
        };
        let store = &self.context.store;
        store
            .put_expect(name.to_owned(), Some(record.clone()))
            .await?;
        self.context.board.warn(&subject(name), Vec::new());
        Ok(record)
    }

    /// Reads what has come since.
    async fn look(&mut self, config: &Config, now: Now) -> Result<(), StoreError> {
        let positions = self
            .standings
            .values()
            .map(|standing| standing.record.position);
        let Some(mut reached) = positions.min() else {
            return Ok(());
        };
        loop {
            let incoming = |message: &MessageRecord| {
                // What was brought in from elsewhere did not come now.
                message.dir == Direction::In && !message.imported
            };
            let page = self.context.store.page(reached, incoming).await?;
            let names = self.context.contacts.names(&self.context.roster());
            for expect in &config.expects.items {
                let Some(standing) = self.standings.get(&expect.name) else {
                    continue;
                };
                let mut standing = standing.clone();
                let before = standing.record.clone();
                let behind = |(seq, _): &&(u64, MessageRecord)| *seq > before.position;
                for (seq, message) in page.messages.iter().filter(behind) {
                    if self.awaits(expect, *seq, message, &names).await? {
                        standing.see(*seq, message.received_at, now);
                    }
                }
                standing.record.position = page.reached.max(before.position);
                self.note(&expect.name, standing, &before).await?;
            }
            reached = page.reached;
            if page.end {
                return Ok(());
            }
        }
    }

    /// Keeps how one stands after a page, where that is worth a write.
    async fn note(
        &mut self,
        name: &str,
        standing: Standing,
        before: &ExpectRecord,
    ) -> Result<(), StoreError> {
        let record = &standing.record;
        let seen = record.last != before.last;
        if seen || record.position / DRIFT != before.position / DRIFT {
            let store = &self.context.store;
            store
                .put_expect(name.to_owned(), Some(record.clone()))
                .await?;
        }
        if seen && (before.missed > 0 || self.running.contains(name)) {
            tracing::info!(expect = name, "came after all");
            self.context.board.warn(&subject(name), Vec::new());
            self.context.events.tell(Event::Expect {
                expect: name.to_owned(),
                missed: 0,
                outcome: None,
            });
        }
        self.standings.insert(name.to_owned(), standing);
        Ok(())
    }

    /// Whether a message is one that is waited for.
    async fn awaits(
        &self,
        expect: &Expect,
        seq: u64,
        record: &MessageRecord,
        names: &Names,
    ) -> Result<bool, StoreError> {
        let Some(message) = view::message(seq, record.clone(), names) else {
            return Ok(false);
        };
        let proof = hooks::proof_of(&self.context, &record.from, record.verified).await?;
        Ok(match hooks::judge(&expect.filter, &message, proof, names) {
            Verdict::Run => true,
            Verdict::Other => false,
            Verdict::PassedOver(why) => {
                tracing::warn!(expect = expect.name, id = record.id, why, "does not count");
                false
            }
        })
    }

    /// Runs the program, in a task of its own.
    fn tell(&mut self, expect: &Expect, missed: u64) {
        let Some(standing) = self.standings.get(&expect.name) else {
            return;
        };
        tracing::warn!(expect = expect.name, missed, since = %standing.record.since, "nothing came");
        let mut warned = standing.record.clone();
        warned.missed = missed;
        self.warn(&expect.name, &warned);
        self.running.insert(expect.name.clone());
        let told = Told {
            name: expect.name.clone(),
            since: standing.record.since,
            missed,
            outcome: None,
        };
        let tell = tell::tell(
            self.context.clone(),
            expect.program.clone(),
            told,
            self.done.clone(),
        );
        self.context.tasks.spawn(tell);
    }

    /// Keeps what came of it. What was cut off by the end of the daemon is told of again.
    async fn finish(&mut self, told: Told) {
        self.running.remove(&told.name);
        let (Some(outcome), Some(standing)) = (told.outcome, self.standings.get_mut(&told.name))
        else {
            return;
        };
        let record = &mut standing.record;
        record.outcome = Some(outcome.clone());
        // If something came meanwhile, nothing was missed since.
        if record.since == told.since {
            record.missed = told.missed;
        }
        let kept = record.clone();
        self.context.events.tell(Event::Expect {
            expect: told.name.clone(),
            missed: told.missed,
            outcome: Some(outcome),
        });
        if let Err(error) = self.context.store.put_expect(told.name, Some(kept)).await {
            tracing::warn!(%error, "how a dead-man switch stands could not be kept");
        }
    }

    fn warn(&self, name: &str, record: &ExpectRecord) {
        let sentence = format!("nothing that {name:?} expects came since {}", record.since);
        self.context.board.warn(&subject(name), vec![sentence]);
    }

    /// So that the next start need not look at everything again.
    async fn keep_places(&self) {
        for (name, standing) in &self.standings {
            let record = Some(standing.record.clone());
            let _ = self.context.store.put_expect(name.clone(), record).await;
        }
    }
}

fn subject(name: &str) -> String {
    format!("expect {name}")
}

/// The time for which the machine was awake.
fn awake() -> Duration {
    use nix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}
