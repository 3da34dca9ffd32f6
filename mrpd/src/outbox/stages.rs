//! Tells how far what goes out has come, to whoever listens.

use crate::events::Events;
use crate::store::{StageChange, Store};
use mrpd_api::event::Event;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// Tells until it is stopped.
pub(crate) async fn tell_stages(store: Store, events: Events, stop: CancellationToken) {
    let mut stages = store.stages();
    // The store's own sender would keep this task waiting for ever.
    drop(store);
    loop {
        let change = tokio::select! {
            change = stages.recv() => change,
            () = stop.cancelled() => return,
        };
        match change {
            Ok(StageChange {
                id,
                message_id,
                stage,
                error,
            }) => events.tell(Event::Stage {
                id,
                message_id,
                stage,
                error,
            }),
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "stages were not told"),
            Err(RecvError::Closed) => return,
        }
    }
}
