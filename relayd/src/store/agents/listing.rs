//! All agents, page by page, for the relay's operator.

use super::Profile;
use crate::store::clock::from_millis;
use crate::store::failure::Failure;
use crate::store::record::AgentKey;
use crate::store::tables::{ACTIVITY, AGENTS, KeyBytes, SUSPENDED};
use crate::store::{Store, StoreError};
use mrp_proto::acl::InboxPolicy;
use mrp_proto::agent::{AgentStatus, Visibility};
use mrp_proto::base64url;
use mrp_proto::key::PublicKey;
use mrp_proto::time::Timestamp;
use redb::ReadableTable;
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// Records that are looked at for one page, at most: a page may be short, or empty, and not be the last.
const LOOKED_AT: usize = 10_000;

/// An agent in a list. What it says about itself at length is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentLine {
    /// The written form of its key, which was checked when the record was made.
    pub public_key: String,
    /// Whether the relay serves it.
    pub status: AgentStatus,
    /// Whether discovery lists it.
    pub visibility: Visibility,
    /// Whose mail it takes.
    pub inbox_policy: InboxPolicy,
    /// When its record was made.
    pub created_at: Timestamp,
    /// When it was last active, to the minute.
    pub last_active_at: Timestamp,
    /// A name that it gave itself: any text.
    pub display_name: Option<String>,
}

/// A part of the agents, by key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentsPage {
    /// The agents.
    pub agents: Vec<AgentLine>,
    /// The key after which to go on; `None` on the last page.
    pub next: Option<String>,
}

impl Store {
    /// Agents whose keys come after a key, all or those of a status: `limit` at most, one at least.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agents(
        &self,
        status: Option<AgentStatus>,
        after: Option<PublicKey>,
        limit: usize,
    ) -> Result<AgentsPage, StoreError> {
        self.read(move |view| {
            let agents = view.transaction.open_table(AGENTS)?;
            let activity = view.transaction.open_table(ACTIVITY)?;
            let mut page = Page::new(limit.max(1));
            let start = after
                .as_ref()
                .map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_bytes()));
            let range = (start, Bound::<KeyBytes>::Unbounded);
            // Those who are suspended are few, and in a table of their own.
            if status == Some(AgentStatus::Suspended) {
                let suspended = view.transaction.open_table(SUSPENDED)?;
                for found in suspended.range::<&AgentKey>(range)? {
                    let (agent, _) = found?;
                    let Some(record) = agents.get(agent.value())? else {
                        continue;
                    };
                    if page.is_full(agent.value()) {
                        break;
                    }
                    page.add(line(agent.value(), record.value(), &activity)?);
                }
                return Ok(page.finish());
            }
            for found in agents.range::<&AgentKey>(range)? {
                let (agent, record) = found?;
                if page.is_full(agent.value()) {
                    break;
                }
                let (profile, _) = Profile::read(record.value())?;
                if status.is_none_or(|status| status == profile.status) {
                    page.add(line(agent.value(), record.value(), &activity)?);
                }
            }
            Ok(page.finish())
        })
        .await
    }
}

/// A page in the making.
struct Page {
    limit: usize,
    looked_at: usize,
    agents: Vec<AgentLine>,
    last: Option<AgentKey>,
    next: Option<AgentKey>,
}

impl Page {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            looked_at: 0,
            agents: Vec::new(),
            last: None,
            next: None,
        }
    }

    /// Whether there is no room for one more agent, which is there.
    fn is_full(&mut self, agent: &AgentKey) -> bool {
        if self.agents.len() >= self.limit || self.looked_at >= LOOKED_AT {
            self.next = self.last;
            return true;
        }
        self.looked_at += 1;
        self.last = Some(*agent);
        false
    }

    fn add(&mut self, line: AgentLine) {
        self.agents.push(line);
    }

    fn finish(self) -> AgentsPage {
        AgentsPage {
            agents: self.agents,
            next: self.next.map(|next| base64url::encode(&next)),
        }
    }
}

/// The one of an agent's details that a list shows.
#[derive(Deserialize)]
struct Name {
    #[serde(default)]
    display_name: Option<String>,
}

fn line(
    agent: &AgentKey,
    record: &[u8],
    activity: &impl ReadableTable<KeyBytes, u64>,
) -> Result<AgentLine, Failure> {
    let (profile, details) = Profile::read(record)?;
    let name: Name =
        serde_json::from_slice(details).map_err(|_| Failure::corrupt("an agent's details"))?;
    let last_active = activity.get(agent)?.map(|last| last.value());
    Ok(AgentLine {
        public_key: base64url::encode(agent),
        status: profile.status,
        visibility: profile.visibility,
        inbox_policy: profile.inbox_policy,
        created_at: profile.created,
        last_active_at: last_active.map_or(profile.created, from_millis),
        display_name: name.display_name,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{NewAgents, Scheme};
    use super::*;
    use crate::store::fixture::*;
    use std::collections::BTreeSet;

    /// Every key that paging finds, and how many pages it took.
    async fn collect(
        store: &Store,
        status: Option<AgentStatus>,
        limit: usize,
    ) -> (Vec<String>, usize) {
        let (mut found, mut pages, mut after) = (Vec::new(), 0, None);
        loop {
            let page = store.agents(status, after, limit).await.unwrap();
            assert!(page.agents.len() <= limit);
            pages += 1;
            found.extend(page.agents.into_iter().map(|line| line.public_key));
            match page.next {
                None => return (found, pages),
                Some(next) => after = Some(next.parse().unwrap()),
            }
        }
    }

    #[tokio::test]
    async fn pages_have_every_agent_once_and_the_suspended_are_found_alone() {
        let store = empty_store();
        assert_eq!(collect(&store, None, 3).await, (Vec::new(), 1));
        for number in 1..=7 {
            let recording = store.record_activity(
                agent(number),
                at(0),
                NewAgents::Allowed,
                Scheme::Published,
                None,
            );
            recording.await.unwrap();
        }
        for number in [2, 5] {
            let setting = store.set_status(agent(number), AgentStatus::Suspended, at(1));
            setting.await.unwrap();
        }
        let keys = |numbers: &[u8]| -> BTreeSet<String> {
            let key = |number: &u8| agent(*number).to_string();
            numbers.iter().map(key).collect()
        };
        for (status, numbers, most_pages) in [
            (None, &[1, 2, 3, 4, 5, 6, 7][..], 3),
            (Some(AgentStatus::Suspended), &[2, 5], 1),
            (Some(AgentStatus::Active), &[1, 3, 4, 6, 7], 2),
        ] {
            let (found, pages) = collect(&store, status, 3).await;
            assert_eq!(found.len(), numbers.len(), "{status:?}");
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), keys(numbers));
            assert_eq!(pages, most_pages, "{status:?}");
        }
    }
}
