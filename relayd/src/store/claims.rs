//! The replay guard of requests that change state (protocol A1.4, A11): a signature takes effect once, across restarts too, and so
//! does a nonce.
//!
//! A claim lies under the time until which its signature could be accepted again, so new claims come last and the sweep takes from
//! the front. When the sweep has forgotten claims and the wall clock is then set back, their signatures would be fresh again:
//! therefore the latest time among the forgotten ones is kept as a floor, and what lies at or below it counts as used.

use super::StoreError;
use super::clock::{from_millis, to_millis};
use super::failure::{Failure, Stop};
use super::record::{TextHash, leading};
use super::sweep::Budget;
use super::tables::{Tables, meta};
use mrp_proto::bound::Nonce;
use mrp_proto::key::{PublicKey, Signature};
use mrp_proto::time::Timestamp;
use redb::{ReadableTable as _, ReadableTableMetadata as _};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// A request that may take effect once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayClaim {
    /// Who signed.
    pub key: PublicKey,
    /// What the request is known by.
    pub proof: Proof,
    /// How long it could be accepted again: a function of what was signed alone, since claims are found by it.
    pub keep_until: Timestamp,
    /// The same of the other scheme, where the request is signed in both: it could be repeated with either.
    pub second: Option<(Proof, Timestamp)>,
}

/// What a request is known by when it comes again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Proof {
    /// Its signature, in the published scheme (protocol A1.4).
    Signature(Signature),
    /// Its nonce, in a bound signature (protocol A11).
    Nonce(Nonce),
}

impl ReplayClaim {
    /// Of a request that is signed in one scheme.
    pub fn new(key: PublicKey, proof: Proof, keep_until: Timestamp) -> Self {
        Self {
            key,
            proof,
            keep_until,
            second: None,
        }
    }

    /// Of a request that may take so much longer to take effect.
    #[must_use]
    pub fn kept_for(mut self, longer: Duration) -> Self {
        let second = self.second.as_mut().map(|(_, until)| until);
        for until in std::iter::once(&mut self.keep_until).chain(second) {
            *until = until.after(longer);
        }
        self
    }
}

/// Claims that are kept at a time, at most. Past it new signatures are refused: the guard never forgets one early.
const MAX_CLAIMS: u64 = 8_000_000;

/// A floor this far in the future was left by a clock that was wrong for long. It is given up, or nothing could be signed.
const FLOOR_LEAD: Duration = Duration::from_secs(3_600);

/// A claim as the table has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    first: Row,
    second: Option<Row>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    until: u64,
    hash: TextHash,
}

impl Key {
    pub(super) fn of(claim: &ReplayClaim) -> Self {
        let second = claim.second.as_ref();
        Self {
            first: Row::of(&claim.key, &claim.proof, claim.keep_until),
            second: second.map(|(proof, until)| Row::of(&claim.key, proof, *until)),
        }
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        std::iter::once(&self.first).chain(&self.second)
    }
}

impl Row {
    fn of(key: &PublicKey, proof: &Proof, until: Timestamp) -> Self {
        let hash = match proof {
            Proof::Signature(signature) => Sha256::new()
                .chain_update(key.as_bytes())
                .chain_update(signature.as_bytes()),
            Proof::Nonce(nonce) => Sha256::new()
                .chain_update(b"mrp-nonce\n")
                .chain_update(key.as_bytes())
                .chain_update(nonce.as_str()),
        };
        Self {
            until: to_millis(until),
            hash: leading(&hash.finalize()),
        }
    }
}

/// Refuses, with `replay`, a request that has taken effect before, or may have; part of an operation's checks.
pub(super) fn refuse_used<E>(tables: &Tables<'_>, key: &Key, replay: E) -> Result<(), Stop<E>> {
    let floor = floor(tables)?;
    for row in key.rows() {
        if row.until <= floor || tables.claims.get((row.until, &row.hash))?.is_some() {
            return Err(Stop::Refused(replay));
        }
    }
    if tables.claims.len()? >= MAX_CLAIMS {
        return Err(Failure::Refused(StoreError::Overloaded).into());
    }
    Ok(())
}

/// Stores a claim that was found fresh; part of an operation's effect.
pub(super) fn store(tables: &mut Tables<'_>, key: &Key) -> Result<(), Failure> {
    for row in key.rows() {
        tables.claims.insert((row.until, &row.hash), ())?;
    }
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

    #[tokio::test]
    async fn a_request_signed_in_two_ways_is_known_by_either() {
        let store = empty_store();
        let (until, nonce) = (at(600), Nonce::from_random([1; 16]));
        let signature = claim(agent(1), at(0));
        let bound = ReplayClaim::new(agent(1), Proof::Nonce(nonce.clone()), until);
        let both = ReplayClaim {
            second: Some((Proof::Nonce(nonce), until)),
            ..signature.clone()
        };
        assert_eq!(outcome(&store, &both).await, Ok(()));
        for repeated in [&signature, &bound, &both] {
            assert_eq!(outcome(&store, repeated).await, Err(AcceptError::Replay));
        }
        let other_key = ReplayClaim {
            key: agent(3),
            ..bound
        };
        assert_eq!(outcome(&store, &other_key).await, Ok(()));
    }
}
