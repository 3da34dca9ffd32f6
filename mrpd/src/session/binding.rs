//! Which bound signatures a relay takes: kept in the store, so that nobody between the two can have the first requests of a new
//! process signed in the published scheme, which names no relay (protocol A11).

use crate::roster::Link;
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
