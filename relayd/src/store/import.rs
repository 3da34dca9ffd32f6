//! Taking over agents as they are, from another relay or for a trial.

use super::agents::{Details, Profile, put};
use super::clock::to_millis;
use super::memory::ActiveAgent;
use super::queue::Admission;
use super::{Store, StoreError};
use mrp_proto::agent::AgentInfo;
use std::sync::Arc;

impl Store {
    /// Writes agents' records with their times as given, over those that are there; all of them or none. Whoever calls has checked
    /// them, and bounds how many there are at a time: other operations wait meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn import_agents(&self, agents: Vec<AgentInfo>) -> Result<(), StoreError> {
        let agents = Arc::new(agents);
        self.write(Admission::Other, move |tables| {
            for info in agents.iter() {
                let agent = *info.public_key.as_bytes();
                tables
                    .activity
                    .insert(&agent, to_millis(info.last_active_at))?;
                put(tables, &agent, &Profile::of(info), Details::of(info))?;
                // What is shown may be as it was, and only the time another.
                tables.directory.moved(&agent, info.last_active_at)?;
                let active = ActiveAgent {
                    status: info.status,
                    last_active: info.last_active_at,
                    require_bound_auth: info.require_bound_auth,
                };
                tables.noted.push((agent, Some(active)));
            }
            Ok(())
        })
        .await
    }
}
