//! What is remembered in memory to spare the disk or the processor: bounded, and never the only place of anything.

use super::failure::Failure;
use super::record::AgentKey;
use lru::LruCache;
use mrp_proto::agent::AgentStatus;
use mrp_proto::key::PublicKey;
use mrp_proto::time::Timestamp;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys and agents remembered, each, at most.
const REMEMBERED: usize = 16_384;

/// Keys that were found valid: the check costs as much as verifying a signature, and a page of messages has many keys.
#[derive(Debug)]
pub(super) struct KnownKeys(Mutex<LruCache<AgentKey, PublicKey>>);

impl Default for KnownKeys {
    fn default() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl KnownKeys {
    /// A key from a record.
    pub(super) fn key(&self, bytes: &AgentKey) -> Result<PublicKey, Failure> {
        if let Some(key) = lock(&self.0).get(bytes) {
            return Ok(*key);
        }
        let key = PublicKey::from_bytes(*bytes).map_err(|_| Failure::corrupt("a key"))?;
        self.learn(key);
        Ok(key)
    }

    /// A key that came in, and is valid by its type.
    pub(super) fn learn(&self, key: PublicKey) {
        put(&mut lock(&self.0), *key.as_bytes(), key);
    }
}

/// What is known of an agent that was active lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ActiveAgent {
    pub(super) status: AgentStatus,
    pub(super) last_active: Timestamp,
    /// As in the [`Profile`](super::agents::Profile).
    pub(super) require_bound_auth: bool,
}

/// Agents that were active lately. Written only by who has the pen, after each commit that concerns one, in the order of the commits.
#[derive(Debug)]
pub(super) struct ActiveAgents(Mutex<LruCache<AgentKey, ActiveAgent>>);

impl Default for ActiveAgents {
    fn default() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl ActiveAgents {
    pub(super) fn find(&self, agent: &AgentKey) -> Option<ActiveAgent> {
        lock(&self.0).get(agent).copied()
    }

    pub(super) fn note(&self, agent: AgentKey, active: ActiveAgent) {
        put(&mut lock(&self.0), agent, active);
    }

    pub(super) fn forget(&self, agent: &AgentKey) {
        lock(&self.0).pop(agent);
    }
}

fn put<K: Hash + Eq, V>(cache: &mut LruCache<K, V>, key: K, value: V) {
    cache.put(key, value);
    if cache.len() > REMEMBERED {
        cache.pop_lru();
    }
}

/// The caches are consistent after every single call, so one that panicked elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_bounded_and_forgets_the_oldest() {
        let mut cache = LruCache::unbounded();
        for number in 0..=REMEMBERED {
            put(&mut cache, number, ());
        }
        assert_eq!(cache.len(), REMEMBERED);
        assert!(cache.get(&0).is_none());
        assert!(cache.get(&REMEMBERED).is_some());
    }

    #[test]
    fn an_invalid_key_in_a_record_is_damage() {
        let keys = KnownKeys::default();
        assert!(matches!(keys.key(&[0xff; 32]), Err(Failure::Corrupt(_))));
    }
}
