//! One look at a page of messages: which of them are for which hooks.

use super::engine::Slot;
use super::hook::Hook;
use super::matching::{self, Verdict};
use super::queue;
use crate::audience::Proof;
use crate::clock;
use crate::contacts::Names;
use crate::store::{HookJob, HookLogEntry, Matched};
use mrpd_api::message::Message;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// How often the log says that a sender's messages are passed over.
const SAID_EVERY: Duration = Duration::from_secs(60);
/// Senders that are remembered for that; of further ones the log says nothing for a while.
const REMEMBERED: usize = 1000;

/// One look at a page of messages.
pub(super) struct Look {
    /// How far each hook comes by it; `None` for one that does not take part.
    reach: Vec<Option<u64>>,
    found: Vec<usize>,
    jobs: Vec<(String, u64, HookJob)>,
    passed: Vec<(String, HookLogEntry)>,
}

impl Look {
    /// Begins behind a place; the page comes as far as `reached`.
    pub(super) fn begin(slots: &[Slot], after: u64, reached: u64) -> Self {
        let takes_part = |slot: &Slot| {
            let cursor = slot.record.cursor;
            (!slot.is_full() && cursor >= after && cursor < reached).then_some(reached)
        };
        Self {
            reach: slots.iter().map(takes_part).collect(),
            found: vec![0; slots.len()],
            jobs: Vec::new(),
            passed: Vec::new(),
        }
    }

    /// Holds a message against every hook.
    pub(super) fn at(&mut self, slots: &[Slot], message: &Message, proof: Proof, names: &Names) {
        for (index, slot) in slots.iter().enumerate() {
            let Some(reach) = self.reach[index] else {
                continue;
            };
            let seq = message.seq;
            if slot.record.disabled || seq <= slot.record.cursor || seq > reach {
                continue;
            }
            match matching::judge(&slot.hook.filter, message, proof, names) {
                Verdict::Other => {}
                Verdict::PassedOver(why) => self.pass_over(&slot.hook, message, why),
                Verdict::Run if slot.queue.len() + self.found[index] >= queue::LIMIT => {
                    // The inbox keeps it, and what is behind it.
                    self.reach[index] = Some(seq - 1);
                }
                Verdict::Run => {
                    self.found[index] += 1;
                    let job = HookJob {
                        from: message.from.key.to_string(),
                        message_id: message.id.clone(),
                        attempts: 0,
                        failures: 0,
                        due: None,
                    };
                    self.jobs.push((slot.hook.name.clone(), seq, job));
                }
            }
        }
    }

    fn pass_over(&mut self, hook: &Hook, message: &Message, why: String) {
        let entry = HookLogEntry {
            at: clock::now(),
            hook: hook.name.clone(),
            seqs: vec![message.seq],
            message_id: message.id.clone(),
            attempt: 0,
            outcome: "passed_over".to_owned(),
            why,
            took_ms: 0,
            stdout: String::new(),
            stderr: String::new(),
        };
        self.passed.push((message.from.key.to_string(), entry));
    }

    /// What was found. `said` keeps the log from being filled by a sender who is not let in.
    pub(super) fn matched(self, slots: &[Slot], said: &mut PassedOver) -> Matched {
        let reach = self.reach.into_iter().zip(slots);
        let cursors = reach.filter_map(|(reach, slot)| Some((slot.hook.name.clone(), reach?)));
        let now = Instant::now();
        let passed = self.passed.into_iter();
        Matched {
            cursors: cursors.collect(),
            jobs: self.jobs,
            passed: passed
                .filter(|(sender, entry)| said.is_due(&entry.hook, sender, now))
                .map(|(_, entry)| entry)
                .collect(),
        }
    }
}

/// Of whom it was said lately that their messages are passed over.
#[derive(Debug, Default)]
pub(super) struct PassedOver(HashMap<(String, String), Instant>);

impl PassedOver {
    /// Whether it is to be said again.
    fn is_due(&mut self, hook: &str, sender: &str, now: Instant) -> bool {
        let is_recent = |said: &Instant| now.duration_since(*said) < SAID_EVERY;
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, said| is_recent(said));
        }
        let whom = (hook.to_owned(), sender.to_owned());
        if self.0.len() >= REMEMBERED || self.0.get(&whom).is_some_and(is_recent) {
            return false;
        }
        self.0.insert(whom, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_who_is_passed_over_does_not_fill_the_log() {
        let now = Instant::now();
        let mut said = PassedOver::default();
        assert!(said.is_due("a", "x", now));
        assert!(!said.is_due("a", "x", now + Duration::from_secs(59)));
        assert!(said.is_due("b", "x", now) && said.is_due("a", "y", now));
        assert!(said.is_due("a", "x", now + SAID_EVERY));
        let many = (0..2 * REMEMBERED).filter(|sender| said.is_due("a", &sender.to_string(), now));
        assert!(many.count() < REMEMBERED);
    }
}
