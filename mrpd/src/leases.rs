//! Leases that run out: the messages can be claimed again, at the time that was said and not when somebody asks.
//!
//! They are measured by the steady clock. Only from one run of the daemon to the next does the wall clock say what has passed.
//! It sleeps until the next lease ends. Without one it sleeps until there is one.

use crate::clock;
use crate::store::{Store, StoreError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The longest sleep while there are leases: the machine may have been suspended meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// How long to leave a store alone that has failed.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// Ends leases and delays in time, until it is stopped.
pub(crate) async fn run(store: Store, stop: CancellationToken) {
    let mut changes = store.due_changes();
    loop {
        changes.borrow_and_update();
        let pause = match end_due(&store).await {
            Ok(pause) => pause,
            Err(StoreError::Closed) => return,
            Err(StoreError::Disk(_)) => Some(STORE_PAUSE),
        };
        let sleep = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = sleep => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Ends what is due; says when to look again.
async fn end_due(store: &Store) -> Result<Option<Duration>, StoreError> {
    let Some(due) = store.next_due().await? else {
        return Ok(None);
    };
    let now = clock::steady();
    if due > now {
        return Ok(Some(due.since(now).min(LONGEST_SLEEP)));
    }
    store.end_due(now).await?;
    Ok(Some(Duration::ZERO))
}
