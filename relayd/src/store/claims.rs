//! The replay guard of requests that change state (protocol A1.4): a signature takes effect once, across restarts too.
//!
//! A claim lies under the time until which its signature could be accepted again, so new claims come last and the sweep takes from
//! the front. When the sweep has forgotten claims and the wall clock is then set back, their signatures would be fresh again:
//! therefore the latest time among the forgotten ones is kept as a floor, and what lies at or below it counts as used.

use super::StoreError;
use super::clock::{from_millis, to_millis};
use super::failure::Failure;
use super::record::{TextHash, leading};
use super::sweep::Budget;
use super::tables::{Tables, meta};
use mrp_proto::key::{PublicKey, Signature};
use mrp_proto::time::Timestamp;
use redb::{ReadableTable as _, ReadableTableMetadata as _};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// A signature that may take effect once (protocol A1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayClaim {
    /// Who signed.
    pub key: PublicKey,
    /// The signature.
    pub signature: Signature,
    /// How long the signature could be accepted again: a function of the signed timestamp alone, since claims are found by it.
    pub keep_until: Timestamp,
}

/// Claims that are kept at a time, at most. Past it new signatures are refused: the guard never forgets one early.
const MAX_CLAIMS: u64 = 8_000_000;

/// A floor this far in the future was left by a clock that was wrong for long. It is given up, or nothing could be signed.
const FLOOR_LEAD: Duration = Duration::from_secs(3_600);

/// What is known about a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has not taken effect.
    Fresh,
    /// It has, or may have.
    Used,
}

/// A claim as the table has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    until: u64,
    hash: TextHash,
}

impl Key {
    pub(super) fn of(claim: &ReplayClaim) -> Self {
        let digest = Sha256::new()
            .chain_update(claim.key.as_bytes())
            .chain_update(claim.signature.as_bytes())
            .finalize();
        Self {
            until: to_millis(claim.keep_until),
            hash: leading(&digest),
        }
    }
}

/// Looks a claim up; part of an operation's checks.
pub(super) fn look_up(tables: &Tables<'_>, key: &Key) -> Result<Standing, Failure> {
    if key.until <= floor(tables)? || tables.claims.get((key.until, &key.hash))?.is_some() {
        return Ok(Standing::Used);
    }
    if tables.claims.len()? >= MAX_CLAIMS {
        return Err(Failure::Refused(StoreError::Overloaded));
    }
    Ok(Standing::Fresh)
}

/// Stores a claim that was found fresh; part of an operation's effect.
pub(super) fn store(tables: &mut Tables<'_>, key: &Key) -> Result<(), Failure> {
    tables.claims.insert((key.until, &key.hash), ())?;
    Ok(())
}

/// Forgets claims that the wall clock has left behind. The store's own clock would be wrong here: it may be ahead
/// of the one by which signatures are accepted.
pub(super) fn sweep(
    tables: &mut Tables<'_>,
    wall_clock: Timestamp,
    budget: &mut Budget,
) -> Result<usize, Failure> {
    let now = to_millis(wall_clock);
    let mut floor = floor(tables)?;
    if from_millis(floor).since(wall_clock) > FLOOR_LEAD {
        floor = 0;
        tables.meta.insert(meta::CLAIMS_FLOOR, floor)?;
    }
    let mut forgotten = 0;
    while !budget.is_spent() {
        let Some((until, hash)) = first(tables)?.filter(|(until, _)| *until < now) else {
            break;
        };
        tables.claims.remove((until, &hash))?;
        floor = floor.max(until);
        forgotten += 1;
        budget.spend(0);
    }
    if forgotten > 0 {
        tables.meta.insert(meta::CLAIMS_FLOOR, floor)?;
    }
    Ok(forgotten)
}

fn first(tables: &Tables<'_>) -> Result<Option<(u64, TextHash)>, Failure> {
    Ok(tables.claims.first()?.map(|(key, _)| {
        let (until, hash) = key.value();
        (until, *hash)
    }))
}

fn floor(tables: &Tables<'_>) -> Result<u64, Failure> {
    Ok(tables
        .meta
        .get(meta::CLAIMS_FLOOR)?
        .map_or(0, |guard| guard.value()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::{AcceptError, Store, Submission};
    use super::*;

    async fn outcome(store: &Store, claim: &ReplayClaim) -> Result<(), AcceptError> {
        let submission = Submission {
            claim: Some(claim.clone()),
            ..send(agent(1), agent(2), "1", at(0))
        };
        store.accept_message(submission).await.map(|_| ())
    }

    #[tokio::test]
    async fn a_forgotten_signature_is_not_fresh_again_when_the_clock_is_set_back() {
        let store = empty_store();
        let signature = claim(agent(1), at(0));
        outcome(&store, &signature).await.unwrap();
        // The clock runs an hour ahead for a moment, and the sweep forgets.
        let swept = store.sweep(at(3_600), 100).await.unwrap();
        assert_eq!(swept.claims, 1);
        store.sweep(at(1), 100).await.unwrap();
        assert_eq!(outcome(&store, &signature).await, Err(AcceptError::Replay));
        // What is signed afterwards is not affected.
        assert_eq!(outcome(&store, &claim(agent(1), at(1))).await, Ok(()));
    }

    #[tokio::test]
    async fn a_floor_from_a_clock_that_was_wrong_for_long_is_given_up() {
        let store = empty_store();
        let year = 365 * 24 * 3_600;
        outcome(&store, &claim(agent(1), at(year))).await.unwrap();
        store.sweep(at(year + 700), 100).await.unwrap();
        assert_eq!(
            outcome(&store, &claim(agent(1), at(0))).await,
            Err(AcceptError::Replay)
        );
        store.sweep(at(0), 100).await.unwrap();
        assert_eq!(outcome(&store, &claim(agent(1), at(0))).await, Ok(()));
    }

    #[tokio::test]
    async fn the_same_bytes_under_another_key_are_another_claim() {
        let store = empty_store();
        let signature = claim(agent(1), at(0));
        outcome(&store, &signature).await.unwrap();
        let other = ReplayClaim {
            key: agent(3),
            ..signature
        };
        assert_eq!(outcome(&store, &other).await, Ok(()));
    }
}
