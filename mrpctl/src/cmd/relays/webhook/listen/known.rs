//! Which messages were there before. It is in memory and bounded: a command is told to expect a message twice all the same.

use std::collections::{HashMap, VecDeque};

/// Messages that are remembered. A relay brings one again within seconds, or within hours at most, of which few are under way.
const REMEMBERED: usize = 10_000;

/// What came of a message so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Running,
    /// Handled, or given up.
    Settled,
    Failed,
}

#[derive(Debug, Default)]
pub(super) struct Known {
    records: HashMap<String, Record>,
    /// Names as they came.
    order: VecDeque<String>,
}

#[derive(Debug)]
struct Record {
    standing: Standing,
    attempts: u32,
}

impl Known {
    pub(super) fn standing(&self, name: &str) -> Option<Standing> {
        self.records.get(name).map(|record| record.standing)
    }

    /// How often it was run.
    pub(super) fn attempts(&self, name: &str) -> u32 {
        self.records.get(name).map_or(0, |record| record.attempts)
    }

    /// A run begins; gives which one it is, from 1.
    pub(super) fn begin(&mut self, name: &str) -> u32 {
        if let Some(record) = self.records.get_mut(name) {
            record.standing = Standing::Running;
            record.attempts = record.attempts.saturating_add(1);
            return record.attempts;
        }
        self.make_room();
        let record = Record {
            standing: Standing::Running,
            attempts: 1,
        };
        self.records.insert(name.to_owned(), record);
        self.order.push_back(name.to_owned());
        1
    }

    pub(super) fn settle(&mut self, name: &str) {
        self.stand(name, Standing::Settled);
    }

    pub(super) fn failed(&mut self, name: &str) {
        self.stand(name, Standing::Failed);
    }

    fn stand(&mut self, name: &str, standing: Standing) {
        if let Some(record) = self.records.get_mut(name) {
            record.standing = standing;
        }
    }

    /// The oldest give way, but none that runs.
    fn make_room(&mut self) {
        for _ in 0..self.order.len() {
            if self.order.len() < REMEMBERED {
                return;
            }
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            if self.standing(&oldest) == Some(Standing::Running) {
                self.order.push_back(oldest);
            } else {
                self.records.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_until_one_settles_it() {
        let mut known = Known::default();
        assert_eq!(known.standing("a"), None);
        assert_eq!(known.begin("a"), 1);
        assert_eq!(known.standing("a"), Some(Standing::Running));
        known.failed("a");
        assert_eq!(known.standing("a"), Some(Standing::Failed));
        assert_eq!(known.begin("a"), 2);
        known.settle("a");
        assert_eq!(
            (known.standing("a"), known.attempts("a")),
            (Some(Standing::Settled), 2)
        );
    }

    #[test]
    fn the_oldest_are_forgotten_but_none_that_runs() {
        let mut known = Known::default();
        known.begin("runs");
        for number in 0..REMEMBERED * 2 {
            let name = number.to_string();
            known.begin(&name);
            known.settle(&name);
        }
        assert_eq!(
            (known.records.len(), known.order.len()),
            (REMEMBERED, REMEMBERED)
        );
        assert_eq!(known.standing("runs"), Some(Standing::Running));
        assert_eq!(known.standing("0"), None);
        let last = (REMEMBERED * 2 - 1).to_string();
        assert_eq!(known.standing(&last), Some(Standing::Settled));
    }
}
