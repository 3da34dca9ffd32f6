//! What is remembered in memory to spare the disk or the processor: bounded, and never the only place of anything.

use super::record::AgentKey;
use lru::LruCache;
use mrp_proto::agent::AgentStatus;
use mrp_proto::time::Timestamp;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Agents remembered, at most.
const REMEMBERED: usize = 16_384;

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
}
