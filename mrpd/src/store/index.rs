//! What messages have in common, and walking through those that have several things in common.

use super::record::MessageRecord;
use super::schema::{INDEX, MESSAGES};
use mrpd_api::message::{Direction, State};
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable};
use sha2::{Digest as _, Sha256};

/// What a message can be looked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The key of the other end.
    Peer,
    /// The local agent's name.
    Agent,
    /// The thread.
    Thread,
    /// What it answers.
    ReplyTo,
    /// What it is.
    Kind,
    /// Which way it went.
    Direction,
}

impl Field {
    fn tag(self) -> &'static [u8] {
        match self {
            Self::Peer => b"peer\0",
            Self::Agent => b"agent\0",
            Self::Thread => b"thread\0",
            Self::ReplyTo => b"reply_to\0",
            Self::Kind => b"kind\0",
            Self::Direction => b"dir\0",
        }
    }
}

/// Which way a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// The digest under which messages are listed. Two things may share one: whoever walks looks at the records as well.
pub(super) fn term(field: Field, value: &str) -> u64 {
    digest(field.tag(), value.as_bytes())
}

/// The list of messages that stand somewhere.
pub(super) fn state_term(state: State) -> u64 {
    digest(b"state\0", &[super::standing::code(state)])
}

/// The list of messages that were given back to be taken up later.
pub(super) fn delayed_term() -> u64 {
    digest(b"state\0", b"delayed")
}

fn digest(tag: &[u8], value: &[u8]) -> u64 {
    let digest = Sha256::new()
        .chain_update(tag)
        .chain_update(value)
        .finalize();
    let mut head = [0; 8];
    head.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(head)
}

/// All lists that a message is on for as long as it is there.
pub(super) fn terms(message: &MessageRecord) -> Vec<u64> {
    let kind = message.kind.as_str();
    let mut terms = vec![
        term(Field::Peer, message.other_end()),
        term(Field::Agent, &message.agent),
        term(Field::Kind, kind),
        direction_term(message.dir),
    ];
    terms.extend(message.thread.as_deref().map(|id| term(Field::Thread, id)));
    terms.extend(
        message
            .reply_to
            .as_deref()
            .map(|id| term(Field::ReplyTo, id)),
    );
    terms
}

pub(super) fn direction_term(dir: Direction) -> u64 {
    let name = match dir {
        Direction::In => "in",
        Direction::Out => "out",
    };
    term(Field::Direction, name)
}

/// Lists on which a message must be: on one of each group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Terms(Vec<Vec<u64>>);

impl Terms {
    /// Demands a value of a field.
    pub(super) fn demand(&mut self, field: Field, value: &str) {
        self.0.push(vec![term(field, value)]);
    }

    /// Demands a direction.
    pub(super) fn demand_direction(&mut self, dir: Direction) {
        self.0.push(vec![direction_term(dir)]);
    }

    /// Demands a state.
    pub(super) fn demand_state(&mut self, state: State) {
        self.0.push(match state {
            State::New => vec![state_term(State::New), delayed_term()],
            State::Sent => vec![direction_term(Direction::Out)],
            other => vec![state_term(other)],
        });
    }

    /// Demands that it can be claimed at once.
    pub(super) fn demand_ready(&mut self) {
        self.0.push(vec![state_term(State::New)]);
    }

    /// Demands one of several lists.
    pub(super) fn demand_one_of(&mut self, terms: Vec<u64>) {
        self.0.push(terms);
    }
}

/// What a step of a walk came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// This message is on all lists.
    At(u64),
    /// There is none; not before this one, if the walk goes on.
    Tired(u64),
    /// There is none.
    End,
}

/// A walk through the messages that are on all lists.
pub(super) struct Walk<I, M> {
    index: I,
    messages: M,
    terms: Terms,
    order: Order,
    /// Inclusive bounds of `seq`.
    bounds: (u64, u64),
    /// Looks into lists that are left.
    patience: usize,
}

/// A walk through what cannot change meanwhile.
pub(super) type ReadingWalk =
    Walk<ReadOnlyTable<(u64, u64), ()>, ReadOnlyTable<u64, &'static [u8]>>;

/// Opens the tables for a walk.
pub(super) fn walk(
    transaction: &ReadTransaction,
    terms: Terms,
    order: Order,
    bounds: (u64, u64),
    patience: usize,
) -> Result<ReadingWalk, redb::Error> {
    Ok(Walk {
        index: transaction.open_table(INDEX)?,
        messages: transaction.open_table(MESSAGES)?,
        terms,
        order,
        bounds,
        patience,
    })
}

impl<I, M> Walk<I, M>
where
    I: ReadableTable<(u64, u64), ()>,
    M: ReadableTable<u64, &'static [u8]>,
{
    /// Of tables that are open.
    pub(super) fn new(
        index: I,
        messages: M,
        terms: Terms,
        order: Order,
        bounds: (u64, u64),
        patience: usize,
    ) -> Self {
        Self {
            index,
            messages,
            terms,
            order,
            bounds,
            patience,
        }
    }

    /// The records.
    pub(super) fn messages(&self) -> &M {
        &self.messages
    }

    /// The next message that is on all lists.
    pub(super) fn next(&mut self) -> Result<Step, redb::Error> {
        let Some(mut candidate) = self.start() else {
            return Ok(Step::End);
        };
        loop {
            let begun = candidate;
            if self.patience == 0 {
                return Ok(Step::Tired(candidate));
            }
            if self.terms.0.is_empty() {
                self.patience -= 1;
                let Some(found) = self.message_from(candidate)? else {
                    return Ok(Step::End);
                };
                candidate = found;
            }
            for group in 0..self.terms.0.len() {
                let Some(found) = self.listed_from(group, candidate)? else {
                    return Ok(Step::End);
                };
                candidate = found;
            }
            let alone = self.terms.0.len() < 2;
            if alone || candidate == begun {
                self.leave(candidate);
                return Ok(Step::At(candidate));
            }
        }
    }

    fn start(&self) -> Option<u64> {
        let (low, high) = self.bounds;
        (low <= high).then_some(match self.order {
            Order::Ascending => low,
            Order::Descending => high,
        })
    }

    /// Nothing up to this message is looked at again.
    fn leave(&mut self, seq: u64) {
        match self.order {
            Order::Ascending => match seq.checked_add(1) {
                Some(next) => self.bounds.0 = next,
                None => self.bounds = (1, 0),
            },
            Order::Descending => match seq.checked_sub(1) {
                Some(next) => self.bounds.1 = next,
                None => self.bounds = (1, 0),
            },
        }
    }

    fn message_from(&self, seq: u64) -> Result<Option<u64>, redb::Error> {
        let found = match self.order {
            Order::Ascending => self.messages.range(seq..=self.bounds.1)?.next(),
            Order::Descending => self.messages.range(self.bounds.0..=seq)?.next_back(),
        };
        let found = found.transpose()?.map(|(seq, _)| seq.value());
        Ok(found)
    }

    /// The first message at or behind `seq` that is on one of the lists of a group.
    fn listed_from(&mut self, group: usize, seq: u64) -> Result<Option<u64>, redb::Error> {
        let mut nearest: Option<u64> = None;
        for &term in &self.terms.0[group] {
            self.patience = self.patience.saturating_sub(1);
            let found = match self.order {
                Order::Ascending => self
                    .index
                    .range((term, seq)..=(term, self.bounds.1))?
                    .next(),
                Order::Descending => self
                    .index
                    .range((term, self.bounds.0)..=(term, seq))?
                    .next_back(),
            };
            let found = found.transpose()?.map(|(key, _)| key.value().1);
            nearest = match (nearest, found, self.order) {
                (Some(one), Some(other), Order::Ascending) => Some(one.min(other)),
                (Some(one), Some(other), Order::Descending) => Some(one.max(other)),
                (one, other, _) => one.or(other),
            };
        }
        Ok(nearest)
    }
}
