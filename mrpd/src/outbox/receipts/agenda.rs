//! Which relay is asked about which message, and when: a machine without a clock or a relay.
//!
//! What one sender has sent to one recipient by one relay is a lane. Lanes are asked about at growing pauses, one message at a time:
//! where that was not delivered the others wait as well, and where it was the next one is asked about at once. A lane in which nothing
//! happens is given up.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

/// Pauses before each question; after the last one nobody asks any more.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(3600),
];
/// The pause between two questions of one sender to one relay: a quarter of what the strictest relays let an agent read.
const PACE: Duration = Duration::from_secs(2);
/// For so long at least a lane is left alone that was asked about and not answered yet.
const ANSWER: Duration = Duration::from_secs(30);
/// Messages that are asked about, at most. The oldest of a lane give way.
const MOST: usize = 10_000;

/// For so long after it was sent a message is asked about.
pub(super) const SPAN: Duration = Duration::from_secs(5 + 30 + 2 * 60 + 10 * 60 + 3600);

/// A sender's way to a relay.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Way {
    /// By key.
    pub(super) sender: String,
    /// By local name.
    pub(super) relay: String,
}

/// A way, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct LaneKey {
    pub(super) way: Way,
    pub(super) recipient: String,
}

#[derive(Debug)]
struct Lane {
    /// The outbox's names for messages.
    waiting: VecDeque<String>,
    /// How many questions were in vain.
    vain: usize,
    due: Instant,
}

/// The agenda.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    lanes: HashMap<LaneKey, Lane>,
    /// Until when a way is to be left alone. Those that are over are forgotten when something is asked.
    paced: HashMap<Way, Instant>,
    count: usize,
}

impl Agenda {
    /// A relay has accepted a message.
    pub(super) fn add(&mut self, key: LaneKey, id: String, now: Instant) {
        let due = now + PAUSES[0];
        let lane = self.lanes.entry(key.clone()).or_insert_with(|| Lane {
            waiting: VecDeque::new(),
            vain: 0,
            due,
        });
        if lane.waiting.contains(&id) {
            return;
        }
        lane.waiting.push_back(id);
        lane.vain = 0;
        lane.due = lane.due.min(due);
        self.count += 1;
        if self.count > MOST
            && let Some(oldest) = lane.waiting.front().cloned()
        {
            self.remove(&key, &oldest);
        }
    }

    /// Nothing more is to be learnt of a message.
    pub(super) fn remove(&mut self, key: &LaneKey, id: &str) {
        let Some(lane) = self.lanes.get_mut(key) else {
            return;
        };
        let before = lane.waiting.len();
        lane.waiting.retain(|waiting| waiting != id);
        self.count -= before - lane.waiting.len();
        if lane.waiting.is_empty() {
            self.lanes.remove(key);
        }
    }

    /// What to ask now, over one of the ways that are open.
    pub(super) fn next(&mut self, open: &HashSet<Way>, now: Instant) -> Option<(LaneKey, String)> {
        self.paced.retain(|_, until| *until > now);
        let due = self.lanes.iter_mut().filter(|(key, lane)| {
            lane.due <= now && open.contains(&key.way) && !self.paced.contains_key(&key.way)
        });
        let (key, lane) = due.min_by_key(|(_, lane)| lane.due)?;
        let asked = (key.clone(), lane.waiting.front()?.clone());
        lane.due = now + ANSWER;
        self.paced.insert(key.way.clone(), now + PACE);
        Some(asked)
    }

    /// When there is something to ask, if those ways stay open.
    pub(super) fn wake_at(&self, open: &HashSet<Way>) -> Option<Instant> {
        let lanes = self.lanes.iter().filter(|(key, _)| open.contains(&key.way));
        let due = lanes.map(|(key, lane)| match self.paced.get(&key.way) {
            Some(until) => lane.due.max(*until),
            None => lane.due,
        });
        due.min()
    }

    /// Something was learnt of a message: there may be more to learn in its lane.
    pub(super) fn settle(&mut self, key: &LaneKey, id: &str, now: Instant) {
        self.remove(key, id);
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.vain = 0;
            lane.due = now;
        }
    }

    /// Nothing was learnt of a message. Another one of its lane is asked about next time: what stays with the relay for ever hides
    /// nothing behind it.
    pub(super) fn put_off(&mut self, key: &LaneKey, id: &str, now: Instant) {
        let Some(lane) = self.lanes.get_mut(key) else {
            return;
        };
        if lane.waiting.front().is_some_and(|front| front == id) {
            lane.waiting.rotate_left(1);
        }
        lane.vain += 1;
        match PAUSES.get(lane.vain) {
            Some(pause) => lane.due = now + *pause,
            None => {
                self.count -= lane.waiting.len();
                self.lanes.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(recipient: &str) -> LaneKey {
        LaneKey {
            way: Way {
                sender: "me".to_owned(),
                relay: "r".to_owned(),
            },
            recipient: recipient.to_owned(),
        }
    }

    fn open() -> HashSet<Way> {
        HashSet::from([lane("a").way])
    }

    /// Asks when it is time, and says which message was asked about, and when.
    fn ask(agenda: &mut Agenda, now: &mut Instant) -> Option<(LaneKey, String)> {
        *now = agenda.wake_at(&open())?.max(*now);
        agenda.next(&open(), *now)
    }

    #[test]
    fn a_message_that_stays_with_the_relay_is_asked_about_a_few_times() {
        let begun = Instant::now();
        let (mut agenda, mut now) = (Agenda::default(), begun);
        agenda.add(lane("a"), "1".to_owned(), now);
        let mut asked = Vec::new();
        while let Some((key, id)) = ask(&mut agenda, &mut now) {
            asked.push((now - begun).as_secs());
            agenda.put_off(&key, &id, now);
        }
        assert_eq!(asked, [5, 35, 155, 755, 4355]);
        assert_eq!(now - begun, SPAN);
        assert_eq!(agenda.count, 0);
    }

    #[test]
    fn what_is_behind_a_delivered_one_is_asked_about_at_once_and_paced() {
        let begun = Instant::now();
        let (mut agenda, mut now) = (Agenda::default(), begun);
        for id in ["1", "2", "3"] {
            agenda.add(lane("a"), id.to_owned(), now);
        }
        let mut asked = Vec::new();
        while let Some((key, id)) = ask(&mut agenda, &mut now) {
            asked.push((id.clone(), (now - begun).as_secs()));
            agenda.settle(&key, &id, now);
        }
        let at = |id: &str, seconds| (id.to_owned(), seconds);
        assert_eq!(asked, [at("1", 5), at("2", 7), at("3", 9)]);
        assert_eq!(agenda.wake_at(&open()), None);
    }

    #[test]
    fn many_that_wait_cost_no_more_than_one_and_one_that_stays_hides_none() {
        let begun = Instant::now();
        let (mut agenda, mut now) = (Agenda::default(), begun);
        for id in ["stuck", "2", "3"] {
            agenda.add(lane("a"), id.to_owned(), now);
        }
        let (key, id) = ask(&mut agenda, &mut now).unwrap();
        assert_eq!(id, "stuck");
        agenda.put_off(&key, &id, now);
        assert_eq!(agenda.wake_at(&open()), Some(now + PAUSES[1]));
        for expected in ["2", "3", "stuck"] {
            let (key, id) = ask(&mut agenda, &mut now).unwrap();
            assert_eq!(id, expected);
            if id == "stuck" {
                agenda.put_off(&key, &id, now);
            } else {
                agenda.settle(&key, &id, now);
            }
        }
        assert_eq!(agenda.count, 1);
    }

    #[test]
    fn a_way_that_is_closed_is_not_asked_and_wakes_nobody() {
        let now = Instant::now();
        let mut agenda = Agenda::default();
        agenda.add(lane("a"), "1".to_owned(), now);
        let later = now + Duration::from_secs(9000);
        assert_eq!(agenda.wake_at(&HashSet::new()), None);
        assert_eq!(agenda.next(&HashSet::new(), later), None);
        assert_eq!(
            agenda.next(&open(), later),
            Some((lane("a"), "1".to_owned()))
        );
        agenda.remove(&lane("a"), "1");
        assert_eq!(agenda.wake_at(&open()), None);
    }

    #[test]
    fn nobody_asks_again_before_the_answer() {
        let now = Instant::now();
        let mut agenda = Agenda::default();
        agenda.add(lane("a"), "1".to_owned(), now);
        let asked = now + PAUSES[0];
        assert!(agenda.next(&open(), asked).is_some());
        assert_eq!(agenda.next(&open(), asked + PACE), None);
        agenda.settle(&lane("a"), "1", asked + PACE);
        assert_eq!(agenda.wake_at(&open()), None);
    }

    #[test]
    fn messages_fill_no_memory() {
        let now = Instant::now();
        let mut agenda = Agenda::default();
        for number in 0..MOST + 5 {
            agenda.add(lane(&format!("{}", number % 7)), number.to_string(), now);
        }
        assert_eq!(agenda.count, MOST);
        let waiting: usize = agenda.lanes.values().map(|lane| lane.waiting.len()).sum();
        assert_eq!(waiting, MOST);
    }
}
