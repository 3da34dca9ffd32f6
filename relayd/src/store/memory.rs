//! What is remembered in memory to spare the disk or the processor: bounded, and never the only place of anything.

use super::record::AgentKey;
use lru::LruCache;
use mrp_proto::agent::AgentStatus;
use mrp_proto::time::Timestamp;
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
        self.lock().get(agent).copied()
    }

    pub(super) fn note(&self, agent: AgentKey, active: ActiveAgent) {
        let mut agents = self.lock();
        agents.put(agent, active);
        if agents.len() > REMEMBERED {
            agents.pop_lru();
        }
    }

    pub(super) fn forget(&self, agent: &AgentKey) {
        self.lock().pop(agent);
    }

    /// The cache is consistent after every single call, so one that panicked elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, LruCache<AgentKey, ActiveAgent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_are_bounded_and_the_oldest_forgotten() {
        let agents = ActiveAgents::default();
        let key = |number: usize| {
            let mut key = AgentKey::default();
            key[..8].copy_from_slice(&number.to_be_bytes());
            key
        };
        let active = ActiveAgent {
            status: AgentStatus::Active,
            last_active: Timestamp::EPOCH,
            require_bound_auth: false,
        };
        for number in 0..=REMEMBERED {
            agents.note(key(number), active);
        }
        assert_eq!(agents.lock().len(), REMEMBERED);
        assert_eq!(agents.find(&key(0)), None);
        assert_eq!(agents.find(&key(REMEMBERED)), Some(active));
    }
}
