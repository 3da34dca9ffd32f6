//! Which bound signatures a relay takes: kept in the store, so that nobody between the two can have the first requests of a new
//! process signed in the published scheme, which names no relay (protocol A11).

use crate::config::BoundAuth;
use crate::roster::{Link, LocalAgent};
use crate::store::Store;

/// Gives a link what is known of its relay from before. If that cannot be read, the relay is asked again.
pub(crate) async fn recall(store: &Store, link: &Link) {
    if let Ok(known) = store.bindable(&link.relay.url).await {
        link.client.binding().remember(known);
    }
}

/// Keeps what is known of a link's relay by now, if that is more than is kept already.
pub(super) async fn keep(store: Store, link: Link) {
    let (url, level) = (&link.relay.url, link.client.binding().level());
    if matches!(store.bindable(url).await, Ok(kept) if kept.or(level) != kept) {
        // If this is not kept, the relay is asked again when the daemon next starts.
        let _ = store.remember_bindable(url, level).await;
    }
}

/// What there is to say where a key is used at several relays, and this one could use its signatures at the others: those that it
/// takes name no relay.
pub(super) fn doubts(agent: &LocalAgent, link: &Link) -> Vec<String> {
    let level = link.client.binding().level();
    let is_bound = level.requests && level.sessions;
    if is_bound || agent.config.bound_auth == BoundAuth::Require || agent.links.len() < 2 {
        return Vec::new();
    }
    vec![format!(
        "the agent {:?} has one key at several relays, and {:?} takes no signatures that are bound to it: within minutes it could use them at the others; give it an agent of its own",
        agent.config.name, link.relay.name
    )]
}
