//! The replay guard of what changes nothing: reads and WebSocket authentication (protocol A1.4, A1.5).
//!
//! It lives in memory, in buckets of a minute by the time until which an entry must live. That time follows from the signed
//! timestamp, so a signature always falls into the same bucket, and a bucket is forgotten whole. It is bounded, and refuses rather
//! than forgets.

use crate::store::{Proof, ReplayClaim};
use mrp_proto::time::Timestamp;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

/// Entries, at most; at 50 bytes each some 200 MiB if an attack fills it.
const MAX_ENTRIES: usize = 4_000_000;

/// Why a claim was not entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It was entered before, or its signature for too many other targets.
    Repeated,
    /// There is no room.
    Full,
}

/// What was seen and may not be seen again.
#[derive(Debug)]
pub(super) struct Guard {
    targets_per_signature: u8,
    max_entries: usize,
    /// Two keyed hashes make one of 128 bits, which nobody outside can aim at.
    hashers: [RandomState; 2],
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    by_minute: BTreeMap<i64, Bucket>,
    entries: usize,
}

#[derive(Debug, Default)]
struct Bucket {
    /// How many targets a signature served.
    signatures: HashMap<u128, u8>,
    /// Signature and target together.
    seen: HashSet<u128>,
}

impl Guard {
    pub(super) fn new(targets_per_signature: u8) -> Self {
        Self {
            targets_per_signature,
            max_entries: MAX_ENTRIES,
            hashers: [RandomState::new(), RandomState::new()],
            buckets: Mutex::default(),
        }
    }

    /// Enters the claim for `target`, once. A signature of the published scheme may serve several targets, since it need not cover
    /// the query; a nonce serves one, whichever it is.
    pub(super) fn enter(
        &self,
        claim: &ReplayClaim,
        target: &[u8],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let second = claim.second.as_ref().map(|(proof, until)| (proof, *until));
        let proofs = std::iter::once((&claim.proof, claim.keep_until)).chain(second);
        for (proof, until) in proofs {
            let target = match proof {
                Proof::Signature(_) => target,
                Proof::Nonce(_) => b"",
            };
            let signature = self.hash(&(claim.key, proof));
            let whole = self.hash(&(claim.key, proof, target));
            self.enter_hashed(signature, whole, until, now)?;
        }
        Ok(())
    }

    fn enter_hashed(
        &self,
        signature: u128,
        whole: u128,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.forget_before(minute_of(now));
        let full = buckets.entries >= self.max_entries;
        let bucket = buckets.by_minute.entry(minute_of(keep_until)).or_default();
        if bucket.seen.contains(&whole) {
            return Err(Refusal::Repeated);
        }
        if full {
            return Err(Refusal::Full);
        }
        let targets = bucket.signatures.entry(signature).or_insert(0);
        if *targets >= self.targets_per_signature {
            return Err(Refusal::Repeated);
        }
        *targets += 1;
        bucket.seen.insert(whole);
        buckets.entries += 1;
        Ok(())
    }

    /// How many there are.
    pub(super) fn entries(&self) -> usize {
        let buckets = self.buckets.lock();
        buckets.unwrap_or_else(PoisonError::into_inner).entries
    }

    fn hash(&self, value: &impl std::hash::Hash) -> u128 {
        let [high, low] = self.hashers.each_ref().map(|hasher| hasher.hash_one(value));
        u128::from(high) << 64 | u128::from(low)
    }
}

impl Buckets {
    fn forget_before(&mut self, minute: i64) {
        while let Some(bucket) = self
            .by_minute
            .first_entry()
            .filter(|bucket| *bucket.key() < minute)
        {
            self.entries -= bucket.remove().seen.len();
        }
    }
}

fn minute_of(time: Timestamp) -> i64 {
    time.unix_seconds() / 60
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::bound::Nonce;
    use mrp_proto::key::{PublicKey, SecretKey, Signature};
    use std::time::Duration;

    fn claim(signature: u8, keep_until: Timestamp) -> ReplayClaim {
        let key: PublicKey = SecretKey::from_seed(&[1; 32]).public();
        let proof = Proof::Signature(Signature::from_bytes([signature; 64]));
        ReplayClaim::new(key, proof, keep_until)
    }

    fn start() -> Timestamp {
        Timestamp::from_unix_millis(1_800_000_000_000)
    }

    #[test]
    fn one_signature_serves_eight_targets_once_each() {
        let guard = Guard::new(8);
        let claim = claim(1, start().after(Duration::from_secs(600)));
        for target in 0..8_u8 {
            assert_eq!(guard.enter(&claim, &[target], start()), Ok(()));
            assert_eq!(
                guard.enter(&claim, &[target], start()),
                Err(Refusal::Repeated)
            );
        }
        assert_eq!(guard.enter(&claim, &[8], start()), Err(Refusal::Repeated));
        let other = ReplayClaim {
            proof: Proof::Signature(Signature::from_bytes([2; 64])),
            ..claim
        };
        assert_eq!(guard.enter(&other, &[0], start()), Ok(()));
    }

    #[test]
    fn a_nonce_serves_one_target_and_is_seen_beside_a_signature() {
        let guard = Guard::new(8);
        let until = start().after(Duration::from_secs(360));
        let signed = claim(1, until.after(Duration::from_secs(240)));
        let nonce = Proof::Nonce(Nonce::from_random([1; 16]));
        let bound = ReplayClaim::new(signed.key, nonce.clone(), until);
        let both = ReplayClaim {
            second: Some((nonce, until)),
            ..signed.clone()
        };
        assert_eq!(guard.enter(&both, b"/a", start()), Ok(()));
        for repeated in [&both, &bound] {
            let refused = guard.enter(repeated, b"/b", start());
            assert_eq!(refused, Err(Refusal::Repeated));
        }
        assert_eq!(guard.enter(&signed, b"/a", start()), Err(Refusal::Repeated));
    }

    #[test]
    fn an_entry_lives_until_its_time_and_no_longer_than_a_minute_more() {
        let guard = Guard::new(8);
        let until = start().after(Duration::from_secs(600));
        assert_eq!(guard.enter(&claim(1, until), b"/", start()), Ok(()));
        assert_eq!(
            guard.enter(&claim(1, until), b"/", until),
            Err(Refusal::Repeated)
        );
        let later = until.after(Duration::from_secs(60));
        let fresh = claim(2, later.after(Duration::from_secs(600)));
        assert_eq!(guard.enter(&fresh, b"/", later), Ok(()));
        assert_eq!(guard.buckets.lock().unwrap().entries, 1);
    }

    #[test]
    fn a_full_guard_refuses_what_is_new_and_forgets_nothing() {
        let mut guard = Guard::new(8);
        guard.max_entries = 2;
        let until = start().after(Duration::from_secs(600));
        assert_eq!(guard.enter(&claim(1, until), b"/", start()), Ok(()));
        assert_eq!(guard.enter(&claim(2, until), b"/", start()), Ok(()));
        assert_eq!(
            guard.enter(&claim(3, until), b"/", start()),
            Err(Refusal::Full)
        );
        assert_eq!(
            guard.enter(&claim(1, until), b"/", start()),
            Err(Refusal::Repeated)
        );
        let later = until.after(Duration::from_secs(60));
        assert_eq!(guard.enter(&claim(4, later), b"/", later), Ok(()));
    }
}
