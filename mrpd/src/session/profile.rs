//! An agent's profile at a relay: what is configured is put there once, so that what the user changes there later stays; and it
//! is said that the agent opens sealed messages.

use crate::board::Board;
use crate::outbox::{E2E, E2E_VERSION};
use crate::roster::{Link, LocalAgent};
use crate::store::Store;
use mrp_client::Error;
use mrp_proto::agent::{Change, ProfilePatch};
use mrp_proto::code::Code;
use mrp_proto::message::{MAX_METADATA_ENTRIES, Metadata};
use std::sync::Arc;

/// Puts the profile, unless the same was put before. A failure is a warning: messages come and go without a profile.
pub(super) async fn publish(store: Store, board: Board, agent: Arc<LocalAgent>, link: Link) {
    let whose = format!("{} {}", agent.public, link.relay.url);
    let subject = subject(&agent, &link);
    let wanted = wanted(&agent);
    let put_before = store.profile(whose.clone()).await;
    if matches!(&put_before, Ok(Some(before)) if *before == wanted) {
        return;
    }
    match put(&agent, &link).await {
        Ok(()) => {
            board.warn(&subject, Vec::new());
            // If this is not kept, the same is put again at the next session.
            let _ = store.put_profile(whose, wanted).await;
        }
        Err(error) => {
            tracing::warn!(agent = %agent.config.name, relay = %link.relay.name, %error, "the profile was not put");
            if !error.is_retryable() {
                board.warn(
                    &subject,
                    vec![format!(
                        "the relay {:?} does not take the profile of {:?}: {error}",
                        link.relay.name, agent.config.name
                    )],
                );
            }
        }
    }
}

/// Nothing is to be said of the profile any more.
pub(super) fn forget(board: &Board, agent: &LocalAgent, link: &Link) {
    board.warn(&subject(agent, link), Vec::new());
}

fn subject(agent: &LocalAgent, link: &Link) -> String {
    format!("profile {} {}", agent.config.name, link.relay.name)
}

/// Everything that makes the profile, as one text.
fn wanted(agent: &LocalAgent) -> String {
    let config = &agent.config;
    let parts = (
        &config.display_name,
        config.visibility,
        config.inbox_policy,
        &config.metadata,
        E2E_VERSION,
    );
    serde_json::to_string(&parts).unwrap_or_default()
}

async fn put(agent: &LocalAgent, link: &Link) -> Result<(), Error> {
    let there = match &agent.config.metadata {
        Some(configured) => configured.clone(),
        None => there(agent, link).await?,
    };
    let patch = patch(agent, there);
    link.client.update_profile(&patch).await.map(|_| ())
}

/// What the agent's profile has for metadata now: a patch replaces all of it.
async fn there(agent: &LocalAgent, link: &Link) -> Result<Metadata, Error> {
    match link.client.agent(&agent.public).await {
        Ok(profile) => Ok(profile.metadata),
        Err(error) if error.code() == Some(Code::AgentNotFound) => Ok(Metadata::new()),
        Err(error) => Err(error),
    }
}

/// What is not configured is left as it is.
fn patch(agent: &LocalAgent, mut metadata: Metadata) -> ProfilePatch {
    let config = &agent.config;
    if metadata.len() < MAX_METADATA_ENTRIES || metadata.contains_key(E2E) {
        metadata.insert(E2E.to_owned(), E2E_VERSION.to_owned());
    }
    ProfilePatch {
        display_name: change(config.display_name.clone()),
        visibility: change(config.visibility),
        inbox_policy: change(config.inbox_policy),
        metadata: Change::Set(metadata),
        ..ProfilePatch::default()
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

    fn text(agent: &LocalAgent, there: Metadata) -> String {
        serde_json::to_string(&patch(agent, there)).unwrap()
    }

    #[test]
    fn only_what_is_configured_is_put_and_that_sealed_messages_are_opened() {
        let mut agent = testing::agent("me", 1);
        let there = Metadata::from([("role".to_owned(), "x".to_owned())]);
        assert_eq!(
            text(&agent, there),
            r#"{"metadata":{"e2e":"2","role":"x"}}"#
        );
        let before = wanted(&agent);
        agent.config.display_name = Some("Me".to_owned());
        agent.config.visibility = Some(Visibility::Public);
        assert_eq!(
            text(&agent, Metadata::new()),
            r#"{"display_name":"Me","visibility":"public","metadata":{"e2e":"2"}}"#
        );
        assert_ne!(wanted(&agent), before);
    }

    #[test]
    fn a_full_map_of_pairs_is_left_as_it_is() {
        let agent = testing::agent("me", 1);
        let full: Metadata = (0..MAX_METADATA_ENTRIES)
            .map(|number| (format!("k{number}"), String::new()))
            .collect();
        let Change::Set(metadata) = patch(&agent, full.clone()).metadata else {
            panic!()
        };
        assert_eq!(metadata, full);
    }
}
