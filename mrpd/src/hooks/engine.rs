//! The one task that all hooks belong to: it looks at what came in, writes down what is to be done, and begins it when it may.
//!
//! For one message hooks run in the order of the configuration: a hook begins when those before it have had their first attempt, so
//! that one of them can say that it was enough (exit status 99). What waits for a time, since it failed, is limited or was switched
//! off, holds no other hook up.

use super::Hooks;
use super::hook::Hook;
use super::look::{Look, PassedOver};
use super::queue::{self, Queue};
use super::state::{Command, HookState, Overview};
use super::work::{Done, Work};
use crate::api::view;
use crate::audience::Proof;
use crate::clock;
use crate::config::Config;
use crate::context::Context;
use crate::crash::crash_point;
use crate::store::{HookRecord, Matched, StoreError};
use mrpd_api::event::Event;
use mrpd_api::message::Direction;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Runs at the same time, of all hooks together.
const TOTAL: usize = 32;
/// How long to wait when the store cannot be used.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// The engine, before it runs.
#[derive(Debug)]
pub struct Engine {
    commands: mpsc::Receiver<Command>,
    overview: watch::Sender<Overview>,
}

impl Engine {
    /// The engine, and the way to it.
    pub fn new() -> (Hooks, Self) {
        let (sender, commands) = mpsc::channel(16);
        let (overview, changes) = watch::channel(Overview::default());
        let engine = Self { commands, overview };
        (Hooks::new(sender, changes), engine)
    }

    /// Runs hooks until the daemon ends.
    pub async fn run(self, context: Context) {
        let mut running = Running {
            newest: context.store.newest(),
            config: context.config.clone(),
            context,
            overview: self.overview,
            slots: Vec::new(),
            retired: Vec::new(),
            runs: JoinSet::new(),
            passed: PassedOver::default(),
        };
        running.run(self.commands).await;
    }
}

/// The engine while it runs.
#[derive(Debug)]
struct Running {
    context: Context,
    newest: watch::Receiver<u64>,
    config: watch::Receiver<Arc<Config>>,
    overview: watch::Sender<Overview>,
    slots: Vec<Slot>,
    /// Hooks that were removed while they ran, until their runs have ended: one that comes back must not run twice at once.
    retired: Vec<Slot>,
    runs: JoinSet<Done>,
    passed: PassedOver,
}

/// One hook and how it stands.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) hook: Arc<Hook>,
    pub(super) record: HookRecord,
    pub(super) queue: Queue,
}

impl Slot {
    /// Whether it takes no more for now.
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= queue::LIMIT
    }

    fn holds(&self, seq: u64, now: Instant) -> bool {
        !self.record.disabled && self.queue.holds(seq, &self.hook, now)
    }
}

impl Running {
    async fn run(&mut self, mut commands: mpsc::Receiver<Command>) {
        let stop = self.context.stop.clone();
        let mut known = false;
        while !stop.is_cancelled() {
            let worked = self.work(&mut known).await;
            if let Err(error) = &worked {
                tracing::error!(%error, "hooks wait for the store");
            }
            self.show();
            let (more, wake) = match worked {
                Ok(more) => (more, self.next_due()),
                Err(_) => (false, Some(Instant::now() + STORE_PAUSE)),
            };
            let sleep = async {
                match wake {
                    _ if more => {}
                    Some(wake) => tokio::time::sleep_until(wake).await,
                    None => std::future::pending().await,
                }
            };
            let idle = self.slots.is_empty();
            tokio::select! {
                () = stop.cancelled() => {}
                changed = self.newest.changed(), if !idle => if changed.is_err() { break },
                changed = self.config.changed() => {
                    if changed.is_err() { break }
                    known = false;
                }
                Some(done) = self.runs.join_next() => self.finish(done),
                Some(command) = commands.recv() => self.obey(command).await,
                () = sleep => {}
            }
        }
        // What runs is told to end by the same token, and is not recorded: it runs again at the next start.
        while self.runs.join_next().await.is_some() {}
    }

    /// Lets others know how things stand.
    fn show(&self) {
        let slots = &self.slots;
        let sum = |of: fn(&Slot) -> usize| slots.iter().map(of).sum::<usize>();
        let now = Overview {
            configured: slots.len(),
            disabled: sum(|slot| usize::from(slot.record.disabled)),
            queued: sum(|slot| slot.queue.len()),
            running: sum(|slot| slot.queue.running()),
            logged: self.overview.borrow().logged,
        };
        self.overview
            .send_if_modified(|before| std::mem::replace(before, now) != now);
    }

    /// Does what can be done now; says whether there may be more to look at. No more than a page, so that runs that end, commands
    /// and the daemon's end have their turn.
    async fn work(&mut self, known: &mut bool) -> Result<bool, StoreError> {
        if !*known {
            self.follow().await?;
            *known = true;
        }
        self.begin();
        let more = self.look().await?;
        self.begin();
        Ok(more)
    }

    /// Takes the configuration over. What did not change keeps its queue, and so does what did; it runs by what is new.
    async fn follow(&mut self) -> Result<(), StoreError> {
        let config = Arc::clone(&self.config.borrow_and_update());
        let hooks = &config.hooks.items;
        // One that is written wrongly is there all the same: its place is kept until it is mended.
        let refused = config.hooks.refused.iter().cloned();
        let names = hooks.iter().map(|hook| hook.name.clone());
        let names = names.chain(refused).collect();
        let store = &self.context.store;
        let mut records: HashMap<String, HookRecord> = store
            .know_hooks(names, clock::now())
            .await?
            .into_iter()
            .collect();
        let mut before: HashMap<String, Slot> = std::mem::take(&mut self.slots)
            .into_iter()
            .map(|slot| (slot.hook.name.clone(), slot))
            .collect();
        let mut slots = Vec::with_capacity(hooks.len());
        let mut failed = None;
        for hook in hooks {
            let slot = match before.remove(&hook.name) {
                Some(slot) if *slot.hook == *hook => slot,
                Some(slot) => Slot {
                    hook: Arc::new(hook.clone()),
                    ..slot
                },
                None => {
                    let record = records.remove(&hook.name).unwrap_or_default();
                    if let Some(slot) = self.come_back(hook, &record) {
                        slots.push(slot);
                        continue;
                    }
                    match load(&self.context, hook, record).await {
                        Ok(slot) => slot,
                        Err(error) => {
                            failed = Some(error);
                            continue;
                        }
                    }
                }
            };
            slots.push(slot);
        }
        let is_running = |slot: &Slot| slot.queue.running() > 0;
        self.retired.extend(before.into_values().filter(is_running));
        self.slots = slots;
        failed.map_or(Ok(()), Err)
    }

    /// A hook that was removed and still runs, if it is that.
    fn come_back(&mut self, hook: &Hook, record: &HookRecord) -> Option<Slot> {
        let mut retired = self.retired.iter();
        let place = retired.position(|slot| slot.hook.name == hook.name)?;
        Some(Slot {
            hook: Arc::new(hook.clone()),
            record: record.clone(),
            ..self.retired.swap_remove(place)
        })
    }

    /// Looks at the next page of messages, for all hooks that have room; says whether there may be more.
    async fn look(&mut self) -> Result<bool, StoreError> {
        let newest = *self.newest.borrow_and_update();
        let open = self.slots.iter().filter(|slot| !slot.is_full());
        let behind = open.map(|slot| slot.record.cursor).min();
        let Some(after) = behind.filter(|after| *after < newest) else {
            return Ok(false);
        };
        let store = &self.context.store;
        let page = store
            .page(after, |message| {
                message.dir == Direction::In && !message.imported
            })
            .await?;
        // What stood at the end may have been deleted: nothing is to be waited for there.
        let reached = if page.end {
            page.reached.max(newest)
        } else {
            page.reached
        };
        let names = self.context.contacts.names(&self.context.roster());
        let mut look = Look::begin(&self.slots, after, reached);
        for (seq, record) in page.messages {
            let proof = proof_of(&self.context, &record.from, record.verified).await?;
            if let Some(message) = view::message(seq, record, &names) {
                look.at(&self.slots, &message, proof, &names);
            }
        }
        let matched = look.matched(&self.slots, &mut self.passed);
        self.keep(matched).await?;
        Ok(true)
    }

    async fn keep(&mut self, matched: Matched) -> Result<(), StoreError> {
        if !matched.jobs.is_empty() {
            crash_point!("hook.before-queue");
        }
        let jobs = self.context.store.record_matched(matched.clone()).await?;
        if !jobs.is_empty() {
            crash_point!("hook.queued");
        }
        let now = Instant::now();
        for (name, cursor) in matched.cursors {
            if let Some(slot) = self.slot(&name) {
                slot.record.cursor = slot.record.cursor.max(cursor);
            }
        }
        for (name, seq, job) in jobs {
            if let Some(slot) = self.slot(&name) {
                slot.queue.add(&job.from, seq, job.failures, None, now);
            }
        }
        for entry in matched.passed {
            self.overview.send_modify(|overview| overview.logged += 1);
            self.context.events.tell(Event::Hook {
                hook: entry.hook,
                seq: entry.seqs.first().copied().unwrap_or_default(),
                message_id: entry.message_id,
                attempt: entry.attempt,
                outcome: entry.outcome,
            });
        }
        Ok(())
    }

    /// Begins all that may begin.
    fn begin(&mut self) {
        let now = Instant::now();
        for index in 0..self.slots.len() {
            let (before, rest) = self.slots.split_at_mut(index);
            let Some((slot, after)) = rest.split_first_mut() else {
                return;
            };
            if slot.record.disabled {
                continue;
            }
            let later: Vec<String> = after.iter().map(|slot| slot.hook.name.clone()).collect();
            let is_free = |seq| !before.iter().any(|slot| slot.holds(seq, now));
            while self.runs.len() < TOTAL {
                let Some(batch) = slot.queue.take(&slot.hook, now, is_free) else {
                    break;
                };
                let work = Work {
                    context: self.context.clone(),
                    hook: Arc::clone(&slot.hook),
                    batch,
                    later: later.clone(),
                };
                self.runs.spawn(work.run());
            }
        }
    }

    fn finish(&mut self, done: Result<Done, tokio::task::JoinError>) {
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(%error, "a hook's run was lost; it is done again at the next start");
                return;
            }
        };
        let now = Instant::now();
        if let Some(slot) = self.running_slot(&done.hook) {
            slot.queue.finish(&done.batch, done.end, now);
            slot.record.handled += done.handled;
            slot.record.failed += done.failed;
        }
        for (name, seq) in done.fallen {
            if let Some(slot) = self.running_slot(&name) {
                slot.queue.remove(seq);
            }
        }
        self.retired.retain(|slot| slot.queue.running() > 0);
        self.overview.send_modify(|overview| overview.logged += 1);
    }

    fn next_due(&self) -> Option<Instant> {
        let now = Instant::now();
        let on = self.slots.iter().filter(|slot| !slot.record.disabled);
        on.filter_map(|slot| slot.queue.next_due(&slot.hook, now))
            .min()
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::List(answer) => {
                let states = self.slots.iter().map(Slot::state).collect();
                // Whoever asked may have gone.
                let _ = answer.send(states);
            }
            Command::Switch {
                hook,
                disabled,
                answer,
            } => {
                let switched = self.context.store.switch_hook(hook.clone(), disabled).await;
                let _ = answer.send(self.replace(&hook, switched));
            }
            Command::Replay {
                hook,
                cursor,
                answer,
            } => {
                let rewound = self.context.store.rewind_hook(hook.clone(), cursor).await;
                let _ = answer.send(self.replace(&hook, rewound));
            }
            Command::Revive { hook, seq, answer } => {
                let revived = self.context.store.revive_job(hook.clone(), seq).await;
                let found = revived.map(|job| {
                    let slot = self.slot(&hook);
                    if let (Some(job), Some(slot)) = (&job, slot) {
                        slot.queue.add(&job.from, seq, 0, None, Instant::now());
                    }
                    job.is_some()
                });
                let _ = answer.send(found);
            }
        }
    }

    fn replace(
        &mut self,
        hook: &str,
        record: Result<HookRecord, StoreError>,
    ) -> Result<Option<HookState>, StoreError> {
        let record = record?;
        Ok(self.slot(hook).map(|slot| {
            slot.record = record;
            slot.state()
        }))
    }

    fn slot(&mut self, name: &str) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.hook.name == name)
    }

    /// The same, also where it was removed while it ran.
    fn running_slot(&mut self, name: &str) -> Option<&mut Slot> {
        let mut all = self.slots.iter_mut().chain(&mut self.retired);
        all.find(|slot| slot.hook.name == name)
    }
}

impl Slot {
    fn state(&self) -> HookState {
        HookState {
            hook: Arc::clone(&self.hook),
            record: self.record.clone(),
            queued: self.queue.len(),
            running: self.queue.running(),
        }
    }
}

async fn load(context: &Context, hook: &Hook, record: HookRecord) -> Result<Slot, StoreError> {
    let jobs = context.store.hook_jobs(hook.name.clone()).await?;
    let now = Instant::now();
    let wall = clock::now();
    let mut queue = Queue::default();
    for (seq, job) in jobs {
        let due = job.due.map(|due| {
            let millis = due.unix_millis().saturating_sub(wall.unix_millis());
            let wait = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
            queue::moment(wait, hook.retry.max, now)
        });
        queue.add(&job.from, seq, job.failures, due, now);
    }
    Ok(Slot {
        hook: Arc::new(hook.clone()),
        record,
        queue,
    })
}

/// What is known of who sent a message.
pub(crate) async fn proof_of(
    context: &Context,
    sender: &str,
    verified: bool,
) -> Result<Proof, StoreError> {
    if verified {
        return Ok(Proof::Verified);
    }
    let lapsed = context.store.was_verified(sender.to_owned()).await?;
    Ok(if lapsed {
        Proof::Lapsed
    } else {
        Proof::Unverified
    })
}
