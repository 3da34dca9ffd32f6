//! Whether the relay serves an agent (protocol A1.7): what its operator decides.

use super::{Details, Profile};
use crate::store::clock::{from_millis, to_millis};
use crate::store::failure::Failure;
use crate::store::memory::ActiveAgent;
use crate::store::queue::Admission;
use crate::store::record::AgentKey;
use crate::store::tables::{AGENTS, SUSPENDED, Tables};
use crate::store::{Store, StoreError, webhooks};
use mrp_proto::agent::AgentStatus;
use mrp_proto::key::PublicKey;
use mrp_proto::time::Timestamp;
use redb::ReadableTable as _;

impl Store {
    /// Suspends an agent or resumes it; the answer is what it was before, `None` where there is no such agent. Whatever begins
    /// after the answer meets the new status.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_status(
        &self,
        key: PublicKey,
        status: AgentStatus,
        now: Timestamp,
    ) -> Result<Option<AgentStatus>, StoreError> {
        let agent = *key.as_bytes();
        self.write(Admission::Other, move |tables| {
            let now = tables.clock.observe(now);
            Ok(set_status(tables, &agent, status, now)?)
        })
        .await
    }

    /// Whether the relay serves an agent, `None` where there is no such agent; from memory if it was active lately.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agent_status(&self, key: &PublicKey) -> Result<Option<AgentStatus>, StoreError> {
        if let Some(active) = self.shared().agents.find(key.as_bytes()) {
            return Ok(Some(active.status));
        }
        let agent = *key.as_bytes();
        self.read(move |view| {
            let agents = view.transaction.open_table(AGENTS)?;
            let profile = Profile::find(&agents, &agent)?;
            Ok(profile.map(|profile| profile.status))
        })
        .await
    }
}

fn set_status(
    tables: &mut Tables<'_>,
    agent: &AgentKey,
    status: AgentStatus,
    now: Timestamp,
) -> Result<Option<AgentStatus>, Failure> {
    let (mut profile, details) = match tables.agents.get(agent)? {
        None => return Ok(None),
        Some(record) => {
            let (profile, details) = Profile::read(record.value())?;
            (profile, Details::read(details)?)
        }
    };
    let before = std::mem::replace(&mut profile.status, status);
    if before == status {
        return Ok(Some(before));
    }
    super::put(tables, agent, &profile, details)?;
    let mut suspended = tables.transaction.open_table(SUSPENDED)?;
    match status {
        AgentStatus::Suspended => suspended.insert(agent, to_millis(now))?,
        AgentStatus::Active => suspended.remove(agent)?,
    };
    drop(suspended);
    if status == AgentStatus::Active {
        webhooks::resume(tables, agent, now)?;
    }
    let last_active = tables.activity.get(agent)?.map(|last| last.value());
    let last_active = last_active.map_or(profile.created, from_millis);
    let active = ActiveAgent {
        status,
        last_active,
        require_bound_auth: profile.require_bound_auth,
    };
    tables.noted.push((*agent, Some(active)));
    Ok(Some(before))
}

#[cfg(test)]
mod tests {
    use super::super::{ActivityError, ChangeError, NewAgents, Scheme};
    use super::*;
    use crate::store::fixture::*;
    use crate::store::{AcceptError, Activity};
    use mrp_proto::agent::ProfilePatch;

    async fn active(store: &Store, number: u8, seconds: u64) -> Result<Activity, ActivityError> {
        store
            .record_activity(
                agent(number),
                at(seconds),
                NewAgents::Allowed,
                Scheme::Published,
                None,
            )
            .await
    }

    async fn set(store: &Store, number: u8, status: AgentStatus) -> Option<AgentStatus> {
        store
            .set_status(agent(number), status, at(1))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn it_takes_effect_at_once_and_is_taken_back() {
        let store = empty_store();
        let patch: ProfilePatch = serde_json::from_str(r#"{"display_name":"A"}"#).unwrap();
        active(&store, 1, 0).await.unwrap();
        let updating = store.update_agent(agent(1), patch, claim(agent(1), at(0)), at(0));
        updating.await.unwrap();
        assert_eq!(
            set(&store, 1, AgentStatus::Suspended).await,
            Some(AgentStatus::Active)
        );
        for seconds in [1, 500] {
            let found = active(&store, 1, seconds).await.unwrap();
            assert_eq!(found.status, AgentStatus::Suspended);
        }
        let refused = |from, to| store.accept_message(send(agent(from), agent(to), "1", at(2)));
        assert_eq!(refused(1, 2).await, Err(AcceptError::SenderSuspended));
        assert_eq!(refused(2, 1).await, Err(AcceptError::RecipientSuspended));
        assert_eq!(
            set(&store, 1, AgentStatus::Suspended).await,
            Some(AgentStatus::Suspended)
        );
        assert_eq!(
            set(&store, 1, AgentStatus::Active).await,
            Some(AgentStatus::Suspended)
        );
        let status = active(&store, 1, 501).await.unwrap().status;
        assert_eq!(status, AgentStatus::Active);
        let info = store.agent(&agent(1)).await.unwrap().unwrap();
        assert_eq!(info.status, AgentStatus::Active);
        assert_eq!(info.display_name.as_deref(), Some("A"));
        refused(2, 1).await.unwrap();
    }

    #[tokio::test]
    async fn who_is_refused_is_not_active_and_costs_no_write() {
        let store = empty_store();
        active(&store, 1, 0).await.unwrap();
        set(&store, 1, AgentStatus::Suspended).await;
        let commits = store.counters().commits;
        active(&store, 1, 500).await.unwrap();
        assert_eq!(store.counters().commits, commits);
        let info = store.agent(&agent(1)).await.unwrap().unwrap();
        assert_eq!(info.last_active_at, at(0));
    }

    #[tokio::test]
    async fn an_agent_that_was_not_active_lately_is_looked_up() {
        let store = empty_store();
        active(&store, 1, 0).await.unwrap();
        set(&store, 1, AgentStatus::Suspended).await;
        store.shared().agents.forget(agent(1).as_bytes());
        let status = store.agent_status(&agent(1)).await.unwrap();
        assert_eq!(status, Some(AgentStatus::Suspended));
        let found = active(&store, 1, 500).await.unwrap();
        assert_eq!(found.status, AgentStatus::Suspended);
        let info = store.agent(&agent(1)).await.unwrap().unwrap();
        assert_eq!(info.last_active_at, at(0));
    }

    #[tokio::test]
    async fn nobody_escapes_by_being_deleted_and_what_is_unknown_is_not_made() {
        let store = empty_store();
        assert_eq!(set(&store, 1, AgentStatus::Suspended).await, None);
        assert_eq!(store.agent_status(&agent(1)).await, Ok(None));
        active(&store, 1, 0).await.unwrap();
        set(&store, 1, AgentStatus::Suspended).await;
        let deleting = store.delete_agent(agent(1), claim(agent(1), at(2)), at(2));
        assert_eq!(deleting.await, Err(ChangeError::Suspended));
        assert!(store.agent(&agent(1)).await.unwrap().is_some());
    }
}
