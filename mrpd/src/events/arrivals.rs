//! Messages as events: read from the store in their order, by one task, while somebody watches.

use super::Events;
use crate::store::{Store, StoreError};
use mrpd_api::event::Event;
use tokio_util::sync::CancellationToken;

/// Tells of messages that have become visible, to whoever watches. While nobody does it waits, and the store is not read.
pub(crate) async fn tell_arrivals(events: Events, store: Store, stop: CancellationToken) {
    let tell = async {
        let mut watchers = events.watchers.subscribe();
        loop {
            let from = match watchers.wait_for(|watchers| watchers.count > 0).await {
                Ok(begun) => begun.from,
                Err(_) => return,
            };
            tokio::select! {
                _ = follow(&events, &store, from) => {}
                nobody = watchers.wait_for(|watchers| watchers.count == 0) => {
                    if nobody.is_err() {
                        return;
                    }
                }
            }
        }
    };
    tokio::select! {
        () = tell => {}
        () = stop.cancelled() => {}
    }
}

async fn follow(events: &Events, store: &Store, mut after: u64) -> Result<(), StoreError> {
    let mut newest = store.newest();
    loop {
        let seen = match newest.wait_for(|newest| *newest > after).await {
            Ok(newest) => *newest,
            Err(_) => return Err(StoreError::Closed),
        };
        // A store that fails says so elsewhere; once it is open again its newest message is announced anew.
        let Ok(page) = store.page(after, |_| true).await else {
            if newest.changed().await.is_err() {
                return Err(StoreError::Closed);
            }
            continue;
        };
        // What stood at the end may have been removed: nothing is to be waited for there.
        after = if page.end {
            page.reached.max(seen)
        } else {
            page.reached
        };
        for (seq, message) in page.messages {
            events.tell(Event::Message {
                seq,
                id: message.id,
                agent: message.agent,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn messages_are_told_while_somebody_watches() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("s")).unwrap();
        let (events, stop) = (Events::default(), CancellationToken::new());
        let task = tokio::spawn(tell_arrivals(events.clone(), store.clone(), stop.clone()));
        testing::receive(&store, "msg_before").await;
        let mut watcher = events.watch(*store.newest().borrow());
        testing::receive(&store, "msg_1").await;
        let told = watcher.next().await.unwrap();
        assert!(
            matches!(&*told, Event::Message { seq: 2, id, agent } if id == "msg_1" && agent == "me"),
            "{told:?}"
        );
        drop(watcher);
        testing::receive(&store, "msg_unwatched").await;
        let mut watcher = events.watch(*store.newest().borrow());
        testing::receive(&store, "msg_2").await;
        let told = watcher.next().await.unwrap();
        assert!(matches!(&*told, Event::Message { seq: 4, .. }), "{told:?}");
        stop.cancel();
        task.await.unwrap();
    }
}
