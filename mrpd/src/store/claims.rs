//! Work that is taken from the inbox: leases, and what becomes of a message at their end; and the marks that people make.
//!
//! A lease is told from the leases before it by the attempt: whoever comes back after another has taken the message is refused.

use super::read::bearers;
use super::record::{MessageRecord, decode};
use super::schema::{IDS, MESSAGES, STANDINGS};
use super::standing::{Standing, end_due, put, standing};
use super::transaction::Transaction;
use super::{Store, StoreError, entry};
use mrp_proto::time::Timestamp;
use mrpd_api::message::{Direction, State};
use redb::ReadableTable as _;

/// What a caller means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Whatever bears this id and came in.
    Id(String),
    /// What was claimed under this lease.
    Lease {
        /// The message.
        seq: u64,
        /// Which of its leases.
        attempt: u32,
    },
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It is done.
    Done,
    /// It can be claimed again, at once or from a time on.
    Again(Option<Timestamp>),
    /// Nobody shall try it again.
    Dead,
    /// The lease goes on until then.
    Keep(Timestamp),
    /// A person has marked it so.
    Mark(State),
}

/// Whether a change was made. It is made for all targets or for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// These messages stand otherwise now.
    Changed(Vec<u64>),
    /// These targets are not here.
    Missing(Vec<Target>),
    /// These were taken by somebody else meanwhile, or are settled.
    Lost(Vec<Target>),
    /// These are claimed by nobody.
    Unclaimed(Vec<Target>),
}

/// By what a target was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    Lease,
    Id,
}

/// Why one target cannot be changed.
enum Obstacle {
    Missing,
    Lost,
    Unclaimed,
}

impl Store {
    /// Takes up to `count` of these messages, in their order, if they can still be claimed.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn claim(
        &self,
        wanted: Vec<u64>,
        count: usize,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(u64, MessageRecord)>, StoreError> {
        self.write(move |transaction| claim(transaction, &wanted, count, now, until))
            .await
    }

    /// Settles what was claimed, or marks what came in.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn settle(
        &self,
        targets: Vec<Target>,
        settlement: Settlement,
    ) -> Result<Settled, StoreError> {
        self.write(move |transaction| settle(transaction, targets, settlement))
            .await
    }

    /// Takes away for good what bears an id, whichever way it went; says how many messages that were.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn remove(&self, id: String) -> Result<usize, StoreError> {
        self.write(move |transaction| {
            let found = {
                let ids = transaction.tables().open_table(IDS)?;
                bearers(&ids, &id)?
            };
            let mut removed = 0;
            for seq in found {
                removed += usize::from(entry::remove(transaction, seq)?.is_some());
            }
            Ok(removed)
        })
        .await
    }
}

fn claim(
    transaction: &Transaction,
    wanted: &[u64],
    count: usize,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<(u64, MessageRecord)>, redb::Error> {
    end_due(transaction, now)?;
    let mut claimed = Vec::new();
    for &seq in wanted {
        if claimed.len() >= count {
            break;
        }
        let Some((mut message, before)) = incoming(transaction, seq)? else {
            continue;
        };
        if before.state != State::New || before.until.is_some() {
            continue;
        }
        let after = Standing {
            state: State::Claimed,
            attempt: before.attempt.saturating_add(1),
            until: Some(until),
        };
        put(transaction, seq, before, after)?;
        message.standing = after;
        claimed.push((seq, message));
    }
    Ok(claimed)
}

fn settle(
    transaction: &Transaction,
    targets: Vec<Target>,
    settlement: Settlement,
) -> Result<Settled, redb::Error> {
    let mut changes: Vec<(u64, Standing, Standing)> = Vec::new();
    let (mut missing, mut lost, mut unclaimed) = (Vec::new(), Vec::new(), Vec::new());
    for target in targets {
        match judge(transaction, &target, settlement)? {
            Ok(found) => {
                for change in found {
                    // The same message may be named twice.
                    if !changes.iter().any(|(seq, ..)| *seq == change.0) {
                        changes.push(change);
                    }
                }
            }
            Err(Obstacle::Missing) => missing.push(target),
            Err(Obstacle::Lost) => lost.push(target),
            Err(Obstacle::Unclaimed) => unclaimed.push(target),
        }
    }
    if !missing.is_empty() {
        return Ok(Settled::Missing(missing));
    }
    if !lost.is_empty() {
        return Ok(Settled::Lost(lost));
    }
    if !unclaimed.is_empty() {
        return Ok(Settled::Unclaimed(unclaimed));
    }
    for (seq, before, after) in &changes {
        if before != after {
            put(transaction, *seq, *before, *after)?;
        }
    }
    Ok(Settled::Changed(
        changes.into_iter().map(|(seq, ..)| seq).collect(),
    ))
}

type Changes = Result<Vec<(u64, Standing, Standing)>, Obstacle>;

fn judge(
    transaction: &Transaction,
    target: &Target,
    settlement: Settlement,
) -> Result<Changes, redb::Error> {
    let found = match target {
        Target::Lease { seq, .. } => vec![*seq],
        Target::Id(id) => {
            let ids = transaction.tables().open_table(IDS)?;
            bearers(&ids, id)?
        }
    };
    let mut standings = Vec::new();
    for seq in found {
        if let Some((_, standing)) = incoming(transaction, seq)? {
            standings.push((seq, standing));
        }
    }
    if standings.is_empty() {
        return Ok(Err(Obstacle::Missing));
    }
    if let Target::Lease { attempt, .. } = target
        && standings
            .iter()
            .any(|(_, standing)| standing.attempt != *attempt)
    {
        return Ok(Err(Obstacle::Lost));
    }
    let claim = match target {
        Target::Lease { .. } => Claim::Lease,
        Target::Id(_) => Claim::Id,
    };
    let changes = standings
        .into_iter()
        .map(|(seq, before)| {
            let after = after(before, settlement, claim)?;
            Ok((seq, before, after))
        })
        .collect();
    Ok(changes)
}

/// Where a message stands after a settlement. A lease that has run out still holds as long as nobody else has taken the message.
fn after(before: Standing, settlement: Settlement, claim: Claim) -> Result<Standing, Obstacle> {
    let to = |state, until| Standing {
        state,
        until,
        ..before
    };
    let is_open = match before.state {
        State::Claimed => true,
        State::New => claim == Claim::Lease,
        _ => false,
    };
    match settlement {
        Settlement::Done if before.state == State::Done => Ok(before),
        Settlement::Done if before.state == State::Dead => Err(Obstacle::Lost),
        Settlement::Done => Ok(to(State::Done, None)),
        Settlement::Mark(_) if before.state == State::Claimed => Err(Obstacle::Lost),
        Settlement::Mark(state) => Ok(to(state, None)),
        _ if !is_open => Err(Obstacle::Unclaimed),
        Settlement::Again(until) => Ok(to(State::New, until)),
        Settlement::Dead => Ok(to(State::Dead, None)),
        Settlement::Keep(until) => Ok(to(State::Claimed, Some(until))),
    }
}

/// A message that came in, and where it stands.
fn incoming(
    transaction: &Transaction,
    seq: u64,
) -> Result<Option<(MessageRecord, Standing)>, redb::Error> {
    let messages = transaction.read_tables().open_table(MESSAGES)?;
    let Some(bytes) = messages.get(seq)? else {
        return Ok(None);
    };
    let message: MessageRecord = decode(bytes.value())?;
    if message.dir == Direction::Out {
        return Ok(None);
    }
    let standings = transaction.read_tables().open_table(STANDINGS)?;
    let standing = standing(&standings, seq)?;
    Ok(Some((message, standing)))
}
