//! What one hook has before it, and what of it may begin now: in order for each sender, some senders at the same time, not more
//! often than it is allowed, and not before a sender has paused. It keeps no time: it is told.

use super::hook::Hook;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Messages that wait for one hook in memory; the inbox keeps what is behind them.
pub(super) const LIMIT: usize = 1000;
/// A sender that never pauses holds up a hook with `debounce` for so many times that span.
const DEBOUNCE_AT_MOST: u32 = 10;

/// The queue of one hook.
#[derive(Debug, Default)]
pub(super) struct Queue {
    jobs: BTreeMap<u64, Job>,
    lanes: BTreeMap<String, Lane>,
    running: usize,
    begun: VecDeque<Instant>,
    served: String,
}

#[derive(Debug)]
struct Job {
    sender: String,
    failures: u32,
    due: Option<Instant>,
    running: bool,
}

#[derive(Debug)]
struct Lane {
    seqs: BTreeSet<u64>,
    running: bool,
    first: Instant,
    last: Instant,
}

/// What one run is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    /// Whose messages.
    pub(super) sender: String,
    /// The messages, in order.
    pub(super) seqs: Vec<u64>,
    /// Messages that a later one stands for, which are done without being run for.
    pub(super) superseded: Vec<u64>,
}

/// How a run ended, for the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The hook has done with its messages, one way or the other.
    Done,
    /// It failed; it is tried again then.
    Failed(Instant),
    /// It did not come to a run; it is tried again then.
    PutOff(Instant),
}

impl Queue {
    /// Adds a message, unless it is there.
    pub(super) fn add(
        &mut self,
        sender: &str,
        seq: u64,
        failures: u32,
        due: Option<Instant>,
        now: Instant,
    ) {
        if self.jobs.contains_key(&seq) {
            return;
        }
        let job = Job {
            sender: sender.to_owned(),
            failures,
            due,
            running: false,
        };
        self.jobs.insert(seq, job);
        let lane = self.lanes.entry(sender.to_owned()).or_insert(Lane {
            seqs: BTreeSet::new(),
            running: false,
            first: now,
            last: now,
        });
        if lane.seqs.is_empty() {
            lane.first = now;
        }
        lane.last = now;
        lane.seqs.insert(seq);
    }

    /// Messages that wait or are being run for.
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Runs at this moment.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// Whether later hooks have to wait for this one's word on a message: its first attempt is running, or can begin as soon as
    /// there is room. What waits for a time holds nobody up.
    pub(super) fn holds(&self, seq: u64, hook: &Hook, now: Instant) -> bool {
        let Some(job) = self.jobs.get(&seq).filter(|job| job.failures == 0) else {
            return false;
        };
        if job.running {
            return true;
        }
        let head = self
            .lanes
            .get(&job.sender)
            .and_then(|lane| lane.seqs.first())
            .and_then(|head| self.jobs.get(head));
        let waits = head.is_some_and(|head| head.due.is_some_and(|due| due > now));
        hook.debounce.is_none() && !waits && self.rate_due(hook, now).is_none()
    }

    /// Takes what may begin now; `is_free` says of a message whether no hook before this one is still to be asked.
    pub(super) fn take(
        &mut self,
        hook: &Hook,
        now: Instant,
        is_free: impl Fn(u64) -> bool,
    ) -> Option<Batch> {
        if self.running >= hook.concurrency || self.rate_due(hook, now).is_some() {
            return None;
        }
        let after = |name: &&String| **name > self.served;
        let turn = self.lanes.keys().filter(after);
        let again = self.lanes.keys().filter(|name| !after(name));
        let sender = turn
            .chain(again)
            .find(|name| self.is_ready(name, hook, now, &is_free))?
            .clone();
        let batch = self.batch(&sender, hook, now, &is_free);
        for seq in batch.seqs.iter().chain(&batch.superseded) {
            if let Some(job) = self.jobs.get_mut(seq) {
                job.running = true;
            }
        }
        if let Some(lane) = self.lanes.get_mut(&sender) {
            lane.running = true;
        }
        self.running += 1;
        if let Some(rate) = hook.rate {
            self.begun.push_back(now);
            while self.begun.len() > rate.runs as usize {
                self.begun.pop_front();
            }
        }
        self.served.clone_from(&sender);
        Some(batch)
    }

    /// A run has ended. What is to be tried again keeps its place.
    pub(super) fn finish(&mut self, batch: &Batch, end: End, now: Instant) {
        self.running = self.running.saturating_sub(1);
        if let Some(lane) = self.lanes.get_mut(&batch.sender) {
            lane.running = false;
            lane.first = now;
        }
        let (due, failed) = match end {
            End::Done => {
                for seq in batch.superseded.iter().chain(&batch.seqs) {
                    self.remove(*seq);
                }
                self.lanes
                    .retain(|_, lane| lane.running || !lane.seqs.is_empty());
                return;
            }
            End::Failed(due) => (due, 1),
            End::PutOff(due) => (due, 0),
        };
        for seq in batch.superseded.iter().chain(&batch.seqs) {
            if let Some(job) = self.jobs.get_mut(seq) {
                job.running = false;
                job.failures = job.failures.saturating_add(failed);
                job.due = Some(due);
            }
        }
    }

    /// Takes a message out.
    pub(super) fn remove(&mut self, seq: u64) {
        let Some(job) = self.jobs.remove(&seq) else {
            return;
        };
        if let Some(lane) = self.lanes.get_mut(&job.sender) {
            lane.seqs.remove(&seq);
            if lane.seqs.is_empty() && !lane.running {
                self.lanes.remove(&job.sender);
            }
        }
    }

    /// The next moment at which something that waits for a time may begin; what waits for another run is not meant.
    pub(super) fn next_due(&self, hook: &Hook, now: Instant) -> Option<Instant> {
        if self.running >= hook.concurrency {
            return None;
        }
        let idle = self.lanes.values().filter(|lane| !lane.running);
        let first = idle.filter_map(|lane| self.lane_due(lane, hook)).min();
        let due = match self.rate_due(hook, now) {
            Some(rate) => first.map(|first| first.max(rate)),
            None => first,
        };
        due.filter(|due| *due > now)
    }

    fn is_ready(
        &self,
        sender: &str,
        hook: &Hook,
        now: Instant,
        is_free: &impl Fn(u64) -> bool,
    ) -> bool {
        let Some(lane) = self.lanes.get(sender).filter(|lane| !lane.running) else {
            return false;
        };
        let head_is_free = lane.seqs.first().is_some_and(|seq| is_free(*seq));
        head_is_free && self.lane_due(lane, hook).is_some_and(|due| due <= now)
    }

    /// When the first message of a sender may be run for; `None` if there is none.
    fn lane_due(&self, lane: &Lane, hook: &Hook) -> Option<Instant> {
        let job = self.jobs.get(lane.seqs.first()?)?;
        if let Some(due) = job.due {
            return Some(due);
        }
        let Some(debounce) = hook.debounce else {
            return Some(lane.first);
        };
        let patience = debounce.saturating_mul(DEBOUNCE_AT_MOST);
        Some((lane.last + debounce).min(lane.first + patience))
    }

    fn rate_due(&self, hook: &Hook, now: Instant) -> Option<Instant> {
        let rate = hook.rate?;
        if self.begun.len() < rate.runs as usize {
            return None;
        }
        let due = *self.begun.front()? + rate.span;
        (due > now).then_some(due)
    }

    /// The messages that go together: those of the sender that are due, as many as one run takes.
    fn batch(
        &self,
        sender: &str,
        hook: &Hook,
        now: Instant,
        is_free: &impl Fn(u64) -> bool,
    ) -> Batch {
        let empty = BTreeSet::new();
        let seqs = self.lanes.get(sender).map_or(&empty, |lane| &lane.seqs);
        let due = |seq: &&u64| {
            let job = self.jobs.get(seq);
            is_free(**seq) && job.is_some_and(|job| job.due.is_none_or(|due| due <= now))
        };
        let alone = hook.debounce.is_some() && hook.batch == 1;
        // What failed together is tried again one by one: one bad message must not take the others along.
        let failed = |seq: &u64| self.jobs.get(seq).is_some_and(|job| job.failures > 0);
        let limit = match seqs.first() {
            // One run stands for all of them, whatever became of an earlier one.
            _ if alone => LIMIT,
            Some(head) if failed(head) => 1,
            _ => hook.batch,
        };
        let mut seqs: Vec<u64> = seqs.iter().take_while(due).take(limit).copied().collect();
        if !alone {
            let whole = seqs.iter().skip(1).take_while(|seq| !failed(seq)).count() + 1;
            seqs.truncate(whole);
        }
        let superseded = if alone {
            let newest = seqs.pop();
            std::mem::replace(&mut seqs, newest.into_iter().collect())
        } else {
            Vec::new()
        };
        Batch {
            sender: sender.to_owned(),
            seqs,
            superseded,
        }
    }
}

/// A durable time as a moment of this process. No further away than the longest pause: a clock that was set back must not put
/// something off for long.
pub(super) fn moment(due_in: Duration, longest: Duration, now: Instant) -> Instant {
    now + due_in.min(longest.saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::Audience;
    use crate::hooks::program::{Action, Program};
    use crate::hooks::{Filter, Rate, ReplyForm, Retry};

    fn hook() -> Hook {
        Hook {
            name: "h".to_owned(),
            filter: Filter {
                agent: None,
                from: Audience::known(),
                kinds: None,
                types: None,
                threads: None,
                condition: None,
            },
            program: Program::of(Action::Shell("true".to_owned())),
            reply: ReplyForm::None,
            concurrency: 2,
            rate: None,
            debounce: None,
            batch: 1,
            retry: Retry::default(),
        }
    }

    fn second(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// Takes all that may begin, and gives the messages.
    fn begin(queue: &mut Queue, hook: &Hook, now: Instant) -> Vec<Vec<u64>> {
        std::iter::from_fn(|| queue.take(hook, now, |_| true))
            .map(|batch| batch.seqs)
            .collect()
    }

    fn filled(entries: &[(&str, u64)], now: Instant) -> Queue {
        let mut queue = Queue::default();
        for (sender, seq) in entries {
            queue.add(sender, *seq, 0, None, now);
        }
        queue
    }

    fn batch(sender: &str, seqs: &[u64]) -> Batch {
        Batch {
            sender: sender.to_owned(),
            seqs: seqs.to_vec(),
            superseded: Vec::new(),
        }
    }

    #[test]
    fn senders_run_at_the_same_time_and_each_in_order() {
        let now = Instant::now();
        let entries = [("a", 1), ("a", 2), ("b", 3), ("c", 4), ("b", 5)];
        let mut queue = filled(&entries, now);
        let hook = hook();
        assert_eq!(begin(&mut queue, &hook, now), [[1], [3]]);
        queue.finish(&batch("a", &[1]), End::Done, now);
        assert_eq!(
            begin(&mut queue, &hook, now),
            [[4]],
            "c has not had its turn"
        );
        queue.finish(&batch("b", &[3]), End::Done, now);
        assert_eq!(begin(&mut queue, &hook, now), [[2]]);
        queue.finish(&batch("c", &[4]), End::Done, now);
        queue.finish(&batch("a", &[2]), End::Done, now);
        assert_eq!(begin(&mut queue, &hook, now), [[5]]);
        queue.finish(&batch("b", &[5]), End::Done, now);
        assert_eq!((queue.len(), queue.running(), queue.lanes.len()), (0, 0, 0));
    }

    #[test]
    fn what_failed_holds_up_its_sender_and_nobody_else() {
        let now = Instant::now();
        let hook = hook();
        let mut queue = filled(&[("a", 1), ("a", 2), ("b", 3)], now);
        assert_eq!(begin(&mut queue, &hook, now), [[1], [3]]);
        let due = now + second(5);
        queue.finish(&batch("a", &[1]), End::Failed(due), now);
        queue.finish(&batch("b", &[3]), End::Done, now);
        assert_eq!(begin(&mut queue, &hook, now), Vec::<Vec<u64>>::new());
        assert_eq!(queue.next_due(&hook, now), Some(due));
        assert_eq!(begin(&mut queue, &hook, due), [[1]]);
    }

    #[test]
    fn later_hooks_wait_for_a_first_attempt_and_for_nothing_else() {
        let now = Instant::now();
        let hook = hook();
        let mut queue = filled(&[("a", 1), ("a", 2)], now);
        assert!(queue.holds(1, &hook, now) && queue.holds(2, &hook, now));
        assert!(!queue.holds(3, &hook, now));
        queue.take(&hook, now, |_| true).unwrap();
        assert!(queue.holds(1, &hook, now));
        queue.finish(&batch("a", &[1]), End::Failed(now + second(5)), now);
        assert!(!queue.holds(1, &hook, now), "it is being tried again");
        assert!(!queue.holds(2, &hook, now), "it waits for one that is");
        let slow = Hook {
            debounce: Some(second(1)),
            ..hook
        };
        assert!(!filled(&[("a", 1)], now).holds(1, &slow, now));
        let mut held = filled(&[("a", 1)], now);
        assert_eq!(held.take(&slow, now + second(9), |_| false), None);
    }

    #[test]
    fn a_rate_is_kept() {
        let now = Instant::now();
        let hook = Hook {
            rate: Some(Rate {
                runs: 2,
                span: second(60),
            }),
            concurrency: 9,
            ..hook()
        };
        let entries = [("a", 1), ("b", 2), ("c", 3)];
        let mut queue = filled(&entries, now);
        assert_eq!(begin(&mut queue, &hook, now), [[1], [2]]);
        assert_eq!(queue.next_due(&hook, now), Some(now + second(60)));
        assert_eq!(begin(&mut queue, &hook, now + second(59)).len(), 0);
        assert_eq!(begin(&mut queue, &hook, now + second(60)), [[3]]);
    }

    #[test]
    fn a_sender_who_pauses_is_run_for_once() {
        let now = Instant::now();
        let hook = Hook {
            debounce: Some(second(2)),
            ..hook()
        };
        let mut queue = filled(&[("a", 1)], now);
        queue.add("a", 2, 0, None, now + second(1));
        assert_eq!(queue.next_due(&hook, now), Some(now + second(3)));
        assert_eq!(queue.take(&hook, now + second(2), |_| true), None);
        let taken = queue.take(&hook, now + second(3), |_| true).unwrap();
        assert_eq!(taken.seqs, [2]);
        assert_eq!(taken.superseded, [1]);
        queue.finish(&taken, End::Failed(now + second(9)), now + second(3));
        queue.add("a", 3, 0, None, now + second(4));
        let taken = queue.take(&hook, now + second(9), |_| true).unwrap();
        assert_eq!((taken.seqs, taken.superseded), (vec![3], vec![1, 2]));
        let mut busy = Queue::default();
        for at in 0..25 {
            busy.add("a", at, 0, None, now + second(at));
        }
        let taken = busy.take(&hook, now + second(20), |_| true).unwrap();
        assert_eq!(taken.superseded.len(), 24, "who never pauses is heard too");
    }

    #[test]
    fn a_batch_has_what_is_due_of_one_sender() {
        let now = Instant::now();
        let hook = Hook { batch: 3, ..hook() };
        let entries = [("a", 1), ("b", 2), ("a", 3), ("a", 4), ("a", 5)];
        let mut queue = filled(&entries, now);
        assert_eq!(begin(&mut queue, &hook, now), [vec![1, 3, 4], vec![2]]);
        queue.finish(&batch("a", &[1, 3, 4]), End::Failed(now + second(5)), now);
        assert_eq!(begin(&mut queue, &hook, now), Vec::<Vec<u64>>::new());
        let again = begin(&mut queue, &hook, now + second(5));
        assert_eq!(again, [[1]], "what failed together is tried again alone");
        queue.finish(&batch("a", &[1]), End::Done, now);
        assert_eq!(begin(&mut queue, &hook, now + second(5)), [[3]]);
    }
}
