//! An agent's profile at a relay: what is configured is put there when it changes, so that what the user changes there later stays;
//! and it is said that the agent opens sealed messages.

use crate::clock;
use crate::config::{BoundAuth, Capability, Config};
use crate::context::Context;
use crate::outbox::{E2E, E2E_VERSION};
use crate::roster::{Link, LocalAgent};
use mrp_client::Error;
use mrp_proto::agent::{self, AgentInfo, CapabilityList, Change, MAX_CAPABILITIES, ProfilePatch};
use mrp_proto::backoff::Backoff;
use mrp_proto::code::Code;
use mrp_proto::message::{MAX_METADATA_ENTRIES, Metadata};
use serde_json::{Value, json};
use std::time::Duration;

/// The pauses between attempts to put a profile.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));

/// Whose profile at which relay, by their local names.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) agent: String,
    pub(super) relay: String,
}

/// Puts the profile whenever it is another one than was put before. A failure is a warning: messages come and go without a profile.
/// Runs until it is dropped, or the agent has no such relay any more.
pub(super) async fn keep(context: Context, place: Place) {
    let mut config = context.config.clone();
    let mut roster = context.roster.clone();
    loop {
        config.borrow_and_update();
        roster.borrow_and_update();
        publish_until_put(&context, &place).await;
        let changed = tokio::select! {
            changed = config.changed() => changed,
            changed = roster.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Nothing is to be said of the profile any more.
pub(super) fn forget(context: &Context, place: &Place) {
    context.board.warn(&subject(place), Vec::new());
}

async fn publish_until_put(context: &Context, place: &Place) {
    let mut backoff = Backoff::new(PAUSES.0, PAUSES.1);
    while let Err(error) = publish(context, place).await {
        let Place { agent, relay } = place;
        tracing::warn!(agent, relay, %error, "the profile was not put");
        if !error.is_retryable() {
            let warning =
                format!("the relay {relay:?} does not take the profile of {agent:?}: {error}");
            context.board.warn(&subject(place), vec![warning]);
            return;
        }
        let pause = backoff.next_delay(clock::random_number());
        tokio::time::sleep(pause.max(error.retry_after().unwrap_or_default())).await;
    }
}

async fn publish(context: &Context, place: &Place) -> Result<(), Error> {
    let roster = context.roster();
    let Some(agent) = roster.agent(&place.agent) else {
        return Ok(());
    };
    let Some(link) = agent.link(&place.relay) else {
        return Ok(());
    };
    let whose = format!("{} {}", agent.public, link.relay.url);
    let capabilities = capabilities(&context.config(), &place.agent);
    let wanted = wanted(agent, &capabilities);
    let put_before = context.store.profile(whose.clone()).await.ok().flatten();
    if put_before.as_deref() == Some(&wanted.to_string()) {
        return Ok(());
    }
    let before = put_before
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or(Value::Null);
    let there = match &agent.config.metadata {
        Some(configured) => configured.clone(),
        None => there(agent, link).await?,
    };
    let patch = patch(agent, capabilities, there, &before);
    let info = link.client.update_profile(&patch).await?;
    context
        .board
        .warn(&subject(place), doubts(agent, link, &info));
    // If this is not kept, the same is put again at the next session.
    let _ = context.store.put_profile(whose, wanted.to_string()).await;
    Ok(())
}

fn subject(place: &Place) -> String {
    format!("profile {} {}", place.agent, place.relay)
}

/// What an agent says that it can do.
fn capabilities(config: &Config, agent: &str) -> Vec<agent::Capability> {
    let is_its =
        |capability: &&Capability| capability.agent.as_ref().is_none_or(|owner| owner == agent);
    let all = config.capabilities.items.iter().filter(is_its);
    all.map(Capability::advertised)
        .take(MAX_CAPABILITIES)
        .collect()
}

/// What is not as it was asked for.
fn doubts(agent: &LocalAgent, link: &Link, info: &AgentInfo) -> Vec<String> {
    if agent.config.bound_auth == BoundAuth::Prefer || info.require_bound_auth {
        return Vec::new();
    }
    vec![format!(
        "the relay {:?} does not know require_bound_auth: it goes on taking requests of {:?} that are signed in the published scheme",
        link.relay.name, agent.config.name
    )]
}

/// Everything that makes the profile. Places are never given another meaning: what is kept is compared.
fn wanted(agent: &LocalAgent, capabilities: &[agent::Capability]) -> Value {
    let config = &agent.config;
    json!([
        config.display_name,
        config.visibility,
        config.inbox_policy,
        config.metadata,
        E2E_VERSION,
        capabilities,
        config.bound_auth == BoundAuth::Require,
    ])
}

/// What the agent's profile has for metadata now: a patch replaces all of it.
async fn there(agent: &LocalAgent, link: &Link) -> Result<Metadata, Error> {
    match link.client.agent(&agent.public).await {
        Ok(profile) => Ok(profile.metadata),
        Err(error) if error.code() == Some(Code::AgentNotFound) => Ok(Metadata::new()),
        Err(error) => Err(error),
    }
}

/// What is not configured is left as it is, unless it was put before for being configured then.
fn patch(
    agent: &LocalAgent,
    capabilities: Vec<agent::Capability>,
    mut metadata: Metadata,
    before: &Value,
) -> ProfilePatch {
    let config = &agent.config;
    if metadata.len() < MAX_METADATA_ENTRIES || metadata.contains_key(E2E) {
        metadata.insert(E2E.to_owned(), E2E_VERSION.to_owned());
    }
    let had_capabilities = before[5].as_array().is_some_and(|list| !list.is_empty());
    let had_required = before[6] == json!(true);
    let requires = config.bound_auth == BoundAuth::Require;
    ProfilePatch {
        display_name: change(config.display_name.clone()),
        visibility: change(config.visibility),
        inbox_policy: change(config.inbox_policy),
        metadata: Change::Set(metadata),
        capabilities: if capabilities.is_empty() && !had_capabilities {
            Change::Keep
        } else {
            Change::Set(CapabilityList {
                items: capabilities,
                ..CapabilityList::default()
            })
        },
        require_bound_auth: if requires || had_required {
            Change::Set(requires)
        } else {
            Change::Keep
        },
    }
}

fn change<T>(configured: Option<T>) -> Change<T> {
    configured.map_or(Change::Keep, Change::Set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use mrp_proto::agent::Visibility;

    fn text(agent: &LocalAgent, there: Metadata, before: &Value) -> String {
        serde_json::to_string(&patch(agent, Vec::new(), there, before)).unwrap()
    }

    #[test]
    fn only_what_is_configured_is_put_and_that_sealed_messages_are_opened() {
        let mut agent = testing::agent("me", 1);
        let there = Metadata::from([("role".to_owned(), "x".to_owned())]);
        assert_eq!(
            text(&agent, there, &Value::Null),
            r#"{"metadata":{"e2e":"2","role":"x"}}"#
        );
        let before = wanted(&agent, &[]);
        agent.config.display_name = Some("Me".to_owned());
        agent.config.visibility = Some(Visibility::Public);
        assert_eq!(
            text(&agent, Metadata::new(), &before),
            r#"{"display_name":"Me","visibility":"public","metadata":{"e2e":"2"}}"#
        );
        assert_ne!(wanted(&agent, &[]), before);
    }

    #[test]
    fn what_is_not_configured_any_more_is_taken_back() {
        let mut agent = testing::agent("me", 1);
        agent.config.bound_auth = BoundAuth::Require;
        let capability = agent::Capability::from_plain("disk-usage");
        let before = wanted(&agent, std::slice::from_ref(&capability));
        let put = patch(&agent, vec![capability], Metadata::new(), &Value::Null);
        let put = serde_json::to_string(&put).unwrap();
        assert!(put.contains("disk-usage") && put.contains(r#""require_bound_auth":true"#));
        agent.config.bound_auth = BoundAuth::Prefer;
        assert_eq!(
            text(&agent, Metadata::new(), &before),
            r#"{"metadata":{"e2e":"2"},"capabilities":[],"require_bound_auth":false}"#
        );
    }

    #[test]
    fn a_full_map_of_pairs_is_left_as_it_is() {
        let agent = testing::agent("me", 1);
        let full: Metadata = (0..MAX_METADATA_ENTRIES)
            .map(|number| (format!("k{number}"), String::new()))
            .collect();
        let Change::Set(metadata) = patch(&agent, Vec::new(), full.clone(), &Value::Null).metadata
        else {
            panic!()
        };
        assert_eq!(metadata, full);
    }
}
