//! Agents' records: made at the first verified request, changed and deleted by their owners (protocol A1.6, A3).

mod listing;
mod profile;
mod standing;

use super::blobs;
use super::claims;
use super::clock::{from_millis, to_millis};
use super::directory::Listing;
use super::failure::{Failure, Stop};
use super::memory::ActiveAgent;
use super::queue::Admission;
use super::record::AgentKey;
use super::tables::{ACTIVITY, AGENTS, Tables};
use super::{ReplayClaim, Store, StoreError, webhooks};
use mrp_proto::agent::{AgentInfo, AgentStatus, Change, ProfilePatch};
use mrp_proto::key::PublicKey;
use mrp_proto::time::Timestamp;
use redb::ReadableTable;
use std::time::Duration;

pub(super) use profile::{Details, Profile};

pub use listing::{AgentLine, AgentsPage};

/// Whether a key that was never seen may become an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewAgents {
    /// It may.
    Allowed,
    /// It may not: [`ActivityError::NewAgentRefused`].
    Refused,
}

/// How a request was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// For any relay (protocol A1).
    Published,
    /// For this relay alone (protocol A11).
    Bound,
}

/// What a verified request found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Whether the relay serves the agent.
    pub status: AgentStatus,
    /// Whether the record was made now.
    pub created: bool,
}

/// Why a request's sender was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActivityError {
    /// The key is new, and new ones are refused.
    #[error("the key is not known here, and no new ones are taken now")]
    NewAgentRefused,
    /// The agent asked that what is signed in the published scheme be refused (protocol A3.8).
    #[error("this agent asked this relay to refuse the published scheme")]
    BoundAuthRequired,
    /// The signature took effect before.
    #[error("the signature was used before")]
    Replay,
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an agent's record was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The signature took effect before.
    #[error("the signature was used before")]
    Replay,
    /// The agent was suspended while its request was under way, and a record that is gone would not say so any more.
    #[error("the agent is suspended")]
    Suspended,
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// `last_active_at` moves at most this often.
const ACTIVITY_STEP: Duration = Duration::from_secs(60);

impl Store {
    /// Notes a verified request: makes the agent's record at the first one, moves `last_active_at` at most once a minute. `claim` is
    /// that of a request that changes state: one that took effect before brings back nobody who was deleted since.
    ///
    /// # Errors
    /// [`ActivityError`].
    pub async fn record_activity(
        &self,
        key: PublicKey,
        now: Timestamp,
        new_agents: NewAgents,
        scheme: Scheme,
        claim: Option<&ReplayClaim>,
    ) -> Result<Activity, ActivityError> {
        if let Some(active) = self.shared().agents.find(key.as_bytes()) {
            if active.require_bound_auth && scheme == Scheme::Published {
                return Err(ActivityError::BoundAuthRequired);
            }
            if now.since(active.last_active) < ACTIVITY_STEP
                || active.status == AgentStatus::Suspended
            {
                return Ok(Activity {
                    status: active.status,
                    created: false,
                });
            }
        }
        let agent = *key.as_bytes();
        let claim = claim.map(claims::Key::of);
        self.write(Admission::Other, move |tables| {
            if let Some(claim) = &claim {
                claims::refuse_used(tables, claim, ActivityError::Replay)?;
            }
            record_activity(tables, agent, now, new_agents, scheme)
        })
        .await
    }

    /// An agent's record, if there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agent(&self, key: &PublicKey) -> Result<Option<AgentInfo>, StoreError> {
        let key = *key;
        self.read(move |view| {
            let agents = view.transaction.open_table(AGENTS)?;
            let activity = view.transaction.open_table(ACTIVITY)?;
            info(&agents, &activity, key)
        })
        .await
    }

    /// Changes a profile, which was checked before ([`ProfilePatch::check`]); makes the record where there is none.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing is changed then, unless it is [`StoreError::Unavailable`].
    pub async fn update_agent(
        &self,
        key: PublicKey,
        patch: ProfilePatch,
        claim: ReplayClaim,
        now: Timestamp,
    ) -> Result<AgentInfo, ChangeError> {
        let claim = claims::Key::of(&claim);
        self.write(Admission::Other, move |tables| {
            claims::refuse_used(tables, &claim, ChangeError::Replay)?;
            update(tables, key, patch.clone(), now, &claim)
        })
        .await
    }

    /// Removes an agent's profile, ACL, webhook and inbox, and gives up its blobs (protocol A3.6). What it sent stays with its
    /// recipients.
    ///
    /// The inbox is gone at once; its room is freed by the next sweeps.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing is removed then, unless it is [`StoreError::Unavailable`].
    pub async fn delete_agent(
        &self,
        key: PublicKey,
        claim: ReplayClaim,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let claim = claims::Key::of(&claim);
        let agent = *key.as_bytes();
        self.write(Admission::Other, move |tables| {
            tables.clock.observe(now);
            claims::refuse_used(tables, &claim, ChangeError::Replay)?;
            let profile = Profile::find(&tables.agents, &agent)?;
            if profile.is_some_and(|profile| profile.status == AgentStatus::Suspended) {
                return Err(Stop::Refused(ChangeError::Suspended));
            }
            delete(tables, &agent)?;
            Ok(claims::store(tables, &claim)?)
        })
        .await
    }
}

fn record_activity(
    tables: &mut Tables<'_>,
    agent: AgentKey,
    now: Timestamp,
    new_agents: NewAgents,
    scheme: Scheme,
) -> Result<Activity, Stop<ActivityError>> {
    let found = Profile::find(&tables.agents, &agent)?;
    let require_bound_auth = found.is_some_and(|profile| profile.require_bound_auth);
    if require_bound_auth && scheme == Scheme::Published {
        return Err(Stop::Refused(ActivityError::BoundAuthRequired));
    }
    if found.is_none() && new_agents == NewAgents::Refused {
        return Err(Stop::Refused(ActivityError::NewAgentRefused));
    }
    let status = found.map(|profile| profile.status).unwrap_or_default();
    let last_active = match tables.activity.get(&agent)?.map(|guard| guard.value()) {
        // Who is refused is not active.
        Some(last) if status == AgentStatus::Suspended => from_millis(last),
        Some(last) if found.is_some() && now.since(from_millis(last)) < ACTIVITY_STEP => {
            from_millis(last)
        }
        _ => now,
    };
    if found.is_none() {
        create(tables, &agent, now)?;
    }
    tables.activity.insert(&agent, to_millis(last_active))?;
    if found.is_some_and(|profile| profile.is_listed()) {
        tables.directory.moved(&agent, last_active)?;
    }
    let active = ActiveAgent {
        status,
        last_active,
        require_bound_auth,
    };
    tables.noted.push((agent, Some(active)));
    Ok(Activity {
        status,
        created: found.is_none(),
    })
}

/// The directory has nothing of it: new agents are private.
fn create(tables: &mut Tables<'_>, agent: &AgentKey, now: Timestamp) -> Result<(), Failure> {
    let record = Profile::new(now).write(&Details::default());
    tables.agents.insert(agent, record.as_slice())?;
    tables.activity.insert(agent, to_millis(now))?;
    Ok(())
}

fn update(
    tables: &mut Tables<'_>,
    key: PublicKey,
    patch: ProfilePatch,
    now: Timestamp,
    claim: &claims::Key,
) -> Result<AgentInfo, Stop<ChangeError>> {
    let agent = *key.as_bytes();
    let (mut profile, mut details) = match tables.agents.get(&agent)? {
        None => (Profile::new(now), Details::default()),
        Some(record) => {
            let (profile, details) = Profile::read(record.value())?;
            (profile, Details::read(details)?)
        }
    };
    patch.visibility.apply(&mut profile.visibility);
    patch.inbox_policy.apply(&mut profile.inbox_policy);
    patch
        .require_bound_auth
        .apply(&mut profile.require_bound_auth);
    patch.metadata.apply(&mut details.metadata);
    match patch.display_name {
        Change::Keep => {}
        Change::Clear => details.display_name = None,
        Change::Set(name) => details.display_name = Some(name),
    }
    match patch.capabilities {
        Change::Keep => {}
        Change::Clear => details.capabilities = Vec::new(),
        Change::Set(list) => details.capabilities = list.items,
    }
    let last_active = tables.activity.get(&agent)?.map(|guard| guard.value());
    if last_active.is_none() {
        tables.activity.insert(&agent, to_millis(now))?;
    }
    let active = ActiveAgent {
        status: profile.status,
        last_active: last_active.map_or(now, from_millis),
        require_bound_auth: profile.require_bound_auth,
    };
    tables.noted.push((agent, Some(active)));
    put(tables, &agent, &profile, details)?;
    claims::store(tables, claim)?;
    let info = info(&tables.agents, &tables.activity, key)?;
    Ok(info.ok_or(Failure::corrupt("an agent's record"))?)
}

/// Changes what is asked about an agent with every message; makes its record where there is none.
pub(super) fn change_profile(
    tables: &mut Tables<'_>,
    agent: &AgentKey,
    now: Timestamp,
    change: impl FnOnce(&mut Profile),
) -> Result<(), Failure> {
    if tables.agents.get(agent)?.is_none() {
        create(tables, agent, now)?;
    }
    let (mut profile, details) = match tables.agents.get(agent)? {
        None => return Err(Failure::corrupt("an agent's record")),
        Some(record) => {
            let (profile, details) = Profile::read(record.value())?;
            (profile, Details::read(details)?)
        }
    };
    change(&mut profile);
    put(tables, agent, &profile, details)
}

/// Writes an agent's record, and brings the directory up to date with it. Every change of a record goes through here.
pub(super) fn put(
    tables: &mut Tables<'_>,
    agent: &AgentKey,
    profile: &Profile,
    details: Details,
) -> Result<(), Failure> {
    let record = profile.write(&details);
    let before = match tables.agents.insert(agent, record.as_slice())? {
        Some(former) if is_listed_alike(former.value(), &record) => return Ok(()),
        Some(former) => listing(former.value())?,
        None => None,
    };
    let after = profile.is_listed().then(|| details.into());
    let last_active = tables.activity.get(agent)?.map(|guard| guard.value());
    let last_active = last_active.map_or(profile.created, from_millis);
    tables
        .directory
        .change(agent, before.as_ref(), after.as_ref(), last_active)
}

/// Whether the directory need not know of a change.
fn is_listed_alike(former: &[u8], record: &[u8]) -> bool {
    let parts = (Profile::read(former), Profile::read(record));
    let (Ok((before, details)), Ok((after, new_details))) = parts else {
        return false;
    };
    before.is_listed() == after.is_listed() && details == new_details
}

/// What the directory has of a record; `None` if it is not listed.
pub(super) fn listing(record: &[u8]) -> Result<Option<Listing>, Failure> {
    let (profile, details) = Profile::read(record)?;
    if !profile.is_listed() {
        return Ok(None);
    }
    Ok(Some(Details::read(details)?.into()))
}

/// Lists all who are to be, in a directory that has nobody yet.
pub(super) fn list_all(tables: &mut Tables<'_>) -> Result<(), Failure> {
    /// So many are gathered in memory at a time.
    const GATHERED: usize = 10_000;
    let mut gathered = 0;
    for entry in tables.agents.iter()? {
        let (agent, record) = entry?;
        let Some(listing) = listing(record.value())? else {
            continue;
        };
        let last_active = tables.activity.get(agent.value())?;
        let last_active = last_active.map_or(Timestamp::EPOCH, |guard| from_millis(guard.value()));
        tables
            .directory
            .change(agent.value(), None, Some(&listing), last_active)?;
        gathered += 1;
        if gathered % GATHERED == 0 {
            tables.directory.flush()?;
        }
    }
    Ok(())
}

fn delete(tables: &mut Tables<'_>, agent: &AgentKey) -> Result<(), Failure> {
    webhooks::remove(tables, agent)?;
    let before = match tables.agents.remove(agent)? {
        Some(former) => listing(former.value())?,
        None => None,
    };
    tables
        .directory
        .change(agent, before.as_ref(), None, Timestamp::EPOCH)?;
    tables.activity.remove(agent)?;
    blobs::give_up(tables, agent)?;
    tables
        .acl
        .retain_in((agent, &[0; 32])..=(agent, &[0xff; 32]), |_, _| false)?;
    let behind = tables.last_sequence() + 1;
    tables.purges.insert(agent, behind)?;
    tables.noted.push((*agent, None));
    Ok(())
}

fn info(
    agents: &impl ReadableTable<&'static AgentKey, &'static [u8]>,
    activity: &impl ReadableTable<&'static AgentKey, u64>,
    key: PublicKey,
) -> Result<Option<AgentInfo>, Failure> {
    let Some(record) = agents.get(key.as_bytes())? else {
        return Ok(None);
    };
    let (profile, details) = Profile::read(record.value())?;
    let details = Details::read(details)?;
    let last_active = activity.get(key.as_bytes())?;
    Ok(Some(AgentInfo {
        public_key: key,
        display_name: details.display_name,
        status: profile.status,
        visibility: profile.visibility,
        inbox_policy: profile.inbox_policy,
        metadata: details.metadata,
        capabilities: details.capabilities,
        created_at: profile.created,
        last_active_at: last_active.map_or(profile.created, |guard| from_millis(guard.value())),
        require_bound_auth: profile.require_bound_auth,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::{Options, Quotas, Submission};
    use super::*;
    use mrp_proto::acl::InboxPolicy;
    use mrp_proto::agent::Visibility;
    use mrp_proto::message::Status;

    async fn active(store: &Store, number: u8, seconds: u64) -> Activity {
        let recording = store.record_activity(
            agent(number),
            at(seconds),
            NewAgents::Allowed,
            Scheme::Published,
            None,
        );
        recording.await.unwrap()
    }

    async fn last_active(store: &Store, number: u8) -> Option<Timestamp> {
        let info = store.agent(&agent(number)).await.unwrap();
        info.map(|info| info.last_active_at)
    }

    #[tokio::test]
    async fn the_first_request_makes_the_record() {
        let store = empty_store();
        let refused =
            store.record_activity(agent(1), at(0), NewAgents::Refused, Scheme::Bound, None);
        assert_eq!(refused.await, Err(ActivityError::NewAgentRefused));
        assert!(store.agent(&agent(1)).await.unwrap().is_none());
        assert!(active(&store, 1, 5).await.created);
        assert!(!active(&store, 1, 6).await.created);
        let known =
            store.record_activity(agent(1), at(500), NewAgents::Refused, Scheme::Bound, None);
        assert!(!known.await.unwrap().created);
        let info = store.agent(&agent(1)).await.unwrap().unwrap();
        assert_eq!(info.created_at, at(5));
        assert_eq!(info.status, AgentStatus::Active);
        assert_eq!(info.visibility, Visibility::Private);
        assert_eq!(info.inbox_policy, InboxPolicy::Blocklist);
        assert_eq!(info.display_name, None);
    }

    #[tokio::test]
    async fn an_agent_that_requires_binding_is_kept_from_the_published_scheme() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.redb");
        let store = Store::open(&path, Options::default()).unwrap();
        active(&store, 1, 0).await;
        let info = change(&store, r#"{"require_bound_auth":true}"#).await;
        assert!(info.require_bound_auth);
        let arrives = async |store: &Store, seconds, scheme| {
            let recording =
                store.record_activity(agent(1), at(seconds), NewAgents::Allowed, scheme, None);
            recording.await.map(|activity| activity.created)
        };
        let refused = Err(ActivityError::BoundAuthRequired);
        let commits = store.counters().commits;
        for seconds in [1, 500] {
            assert_eq!(arrives(&store, seconds, Scheme::Published).await, refused);
        }
        assert_eq!(store.counters().commits, commits, "it is known by heart");
        store.close().await;
        let store = Store::open(&path, Options::default()).unwrap();
        assert_eq!(arrives(&store, 501, Scheme::Published).await, refused);
        assert_eq!(last_active(&store, 1).await, Some(at(0)));
        assert_eq!(arrives(&store, 502, Scheme::Bound).await, Ok(false));
        assert_eq!(last_active(&store, 1).await, Some(at(502)));
        assert!(
            !change(&store, r#"{"require_bound_auth":null}"#)
                .await
                .require_bound_auth
        );
        assert_eq!(arrives(&store, 503, Scheme::Published).await, Ok(false));
    }

    #[tokio::test]
    async fn activity_moves_once_a_minute_and_costs_nothing_in_between() {
        let store = empty_store();
        active(&store, 1, 0).await;
        let commits = store.counters().commits;
        for seconds in 1..60 {
            active(&store, 1, seconds).await;
        }
        assert_eq!(store.counters().commits, commits);
        assert_eq!(last_active(&store, 1).await, Some(at(0)));
        active(&store, 1, 60).await;
        assert_eq!(last_active(&store, 1).await, Some(at(60)));
        active(&store, 1, 10).await;
        assert_eq!(
            last_active(&store, 1).await,
            Some(at(60)),
            "a clock set back"
        );
    }

    fn patch(json: &str) -> ProfilePatch {
        serde_json::from_str(json).unwrap()
    }

    async fn change(store: &Store, json: &str) -> AgentInfo {
        let claim = claim(agent(1), at(0));
        let changing = store.update_agent(agent(1), patch(json), claim, at(0));
        changing.await.unwrap()
    }

    #[tokio::test]
    async fn a_patch_changes_what_it_names() {
        let store = empty_store();
        let info = change(
            &store,
            r#"{"display_name":"n","visibility":"public","inbox_policy":"open","metadata":{"a":"b"},
                "capabilities":[{"name":"abc","description":"d","input_schema":{"x": 1.0}}]}"#,
        )
        .await;
        assert_eq!(info.display_name.as_deref(), Some("n"));
        let unchanged = change(&store, "{}").await;
        assert_eq!(
            serde_json::to_string(&unchanged).unwrap(),
            serde_json::to_string(&info).unwrap()
        );
        let schema = unchanged.capabilities[0].input_schema.as_ref().unwrap();
        assert_eq!(schema.get(), r#"{"x": 1.0}"#);
        let cleared = change(
            &store,
            r#"{"display_name":null,"visibility":null,"inbox_policy":null,"metadata":null,"capabilities":null}"#,
        )
        .await;
        assert_eq!(cleared.display_name, None);
        assert_eq!(cleared.visibility, Visibility::Private);
        assert_eq!(cleared.inbox_policy, InboxPolicy::Blocklist);
        assert!(cleared.metadata.is_empty() && cleared.capabilities.is_empty());
    }

    #[tokio::test]
    async fn a_change_takes_effect_once_per_signature() {
        let store = empty_store();
        let claim = claim(agent(1), at(0));
        let change = |json| store.update_agent(agent(1), patch(json), claim.clone(), at(0));
        change(r#"{"display_name":"a"}"#).await.unwrap();
        let again = change(r#"{"display_name":"b"}"#).await;
        assert_eq!(again.unwrap_err(), ChangeError::Replay);
        let delete = store.delete_agent(agent(1), claim.clone(), at(0));
        assert_eq!(delete.await.unwrap_err(), ChangeError::Replay);
        let info = store.agent(&agent(1)).await.unwrap().unwrap();
        assert_eq!(info.display_name.as_deref(), Some("a"));
    }

    #[tokio::test]
    async fn a_deleted_agent_leaves_no_inbox_and_keeps_what_it_sent() {
        let store = empty_store();
        active(&store, 1, 0).await;
        let send_between = async |sender: u8, recipient: u8| {
            let mut draft = draft(agent(recipient), "1");
            draft.thread_id = Some("t".to_owned());
            let sending = store.accept_message(submission(agent(sender), draft, at(0)));
            sending.await.unwrap().accepted.message_id
        };
        let received = send_between(2, 1).await;
        let delivered = send_between(3, 1).await;
        let marking = store.mark_delivered(agent(1), &delivered, None, at(0));
        marking.await.unwrap();
        let sent = send_between(1, 2).await;
        let deleting = store.delete_agent(agent(1), claim(agent(1), at(0)), at(0));
        deleting.await.unwrap();
        for swept in [false, true] {
            assert!(store.agent(&agent(1)).await.unwrap().is_none());
            assert!(waiting(&store, agent(1), at(0)).await.is_empty());
            for (id, sender) in [(&received, 2), (&delivered, 3)] {
                let message = store.message(id, agent(sender), at(0)).await.unwrap();
                assert!(message.is_none(), "swept: {swept}");
                let marking = store.mark_delivered(agent(1), id, None, at(0));
                assert_eq!(marking.await, Ok(super::super::Marked::NotFound));
            }
            let thread = store.thread(agent(2), "t", None, 9, at(0)).await.unwrap();
            assert_eq!(thread.messages.len(), 1);
            assert_eq!(waiting(&store, agent(2), at(0)).await.len(), 1);
            let status = store.status(&sent, agent(1), at(0)).await.unwrap();
            assert_eq!(status.unwrap().status, Status::Sent);
            store.sweep(at(0), 100).await.unwrap();
        }
        assert!(
            active(&store, 1, 0).await.created,
            "the next request makes a fresh record"
        );
        send_between(2, 1).await;
        store.sweep(at(0), 100).await.unwrap();
        assert_eq!(waiting(&store, agent(1), at(0)).await.len(), 1);
    }

    #[tokio::test]
    async fn mail_that_comes_between_deletion_and_sweep_stays() {
        let store = empty_store();
        let send_one = async || {
            let sending = store.accept_message(send(agent(2), agent(1), "1", at(0)));
            sending.await.unwrap();
        };
        send_one().await;
        let deleting = store.delete_agent(agent(1), claim(agent(1), at(0)), at(0));
        deleting.await.unwrap();
        send_one().await;
        let mut removed = 0;
        loop {
            let swept = store.sweep(at(0), 1).await.unwrap();
            removed += swept.removed;
            if !swept.more {
                break;
            }
        }
        assert_eq!(removed, 1);
        assert_eq!(waiting(&store, agent(1), at(0)).await.len(), 1);
    }

    #[tokio::test]
    async fn deletion_frees_quotas_and_forgets_acquaintances() {
        let store = empty_store();
        let limited = |sender: u8, recipient: u8| Submission {
            quotas: Quotas {
                inbox_messages: 4,
                ..no_quotas()
            },
            ..send(agent(sender), agent(recipient), "1", at(0))
        };
        for sender in 2..5 {
            store.accept_message(limited(sender, 1)).await.unwrap();
        }
        store.accept_message(limited(1, 9)).await.unwrap();
        let deleting = store.delete_agent(agent(1), claim(agent(1), at(0)), at(0));
        deleting.await.unwrap();
        store.sweep(at(0), 100).await.unwrap();
        for sender in 2..5 {
            store.accept_message(limited(sender, 1)).await.unwrap();
        }
        assert!(
            store.accept_message(limited(9, 1)).await.is_err(),
            "a stranger again"
        );
        store.poll(taking_poll(agent(9), at(0))).await.unwrap();
        store.accept_message(limited(1, 9)).await.unwrap();
        store.accept_message(limited(9, 1)).await.unwrap();
    }
}
