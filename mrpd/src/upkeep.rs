//! What is done to the store now and then: what need not be remembered is forgotten, what may go goes, and the room that it leaves
//! is given back when nobody writes.

use crate::board::Board;
use crate::clock;
use crate::config::Inbox;
use crate::context::Context;
use crate::store::{Compaction, Expendable, Store, StoreError, Unread};
use std::time::Duration;

/// How often it is done.
const EVERY: Duration = Duration::from_secs(3600);
/// Pause between batches, so that others are not held up.
const PAUSE: Duration = Duration::from_millis(100);
/// How long nothing must have been written for the file to be made small.
const QUIET: Duration = Duration::from_secs(300);
/// Of [`Inbox::max_bytes`], what is left when it was too much, in percent: so that not every message makes one go.
const LEFT: u64 = 90;

/// Looks after the store until the daemon ends; at once when the configuration says otherwise.
pub(crate) async fn run(context: Context) {
    let mut config = context.config.clone();
    loop {
        let inbox = config.borrow_and_update().inbox.clone();
        let work = async {
            match tidy(&context.store, &inbox, &context.board).await {
                Ok(()) => {
                    // A store that is never quiet must not put off all the rest.
                    let rest = async {
                        compact(&context.store).await;
                        std::future::pending::<()>().await;
                    };
                    let _ = tokio::time::timeout(EVERY, rest).await;
                }
                Err(error) => {
                    tracing::debug!(%error, "upkeep has to wait");
                    tokio::time::sleep(EVERY).await;
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = changed(&mut config, &inbox) => {}
            () = context.stop.cancelled() => return,
        }
    }
}

/// Waits until the section is another one.
async fn changed(
    config: &mut tokio::sync::watch::Receiver<std::sync::Arc<crate::config::Config>>,
    inbox: &Inbox,
) {
    if config
        .wait_for(|config| config.inbox != *inbox)
        .await
        .is_err()
    {
        std::future::pending().await
    }
}

async fn tidy(store: &Store, inbox: &Inbox, board: &Board) -> Result<(), StoreError> {
    while store.sweep(clock::cautious()).await? {
        tokio::time::sleep(PAUSE).await;
    }
    let unread = if inbox.drop_unread {
        Unread::Drop
    } else {
        Unread::Keep
    };
    if inbox.keep > Duration::ZERO {
        let expendable = Expendable {
            before: Some(clock::cautious().before(inbox.keep)),
            bytes: None,
            unread,
            after: 0,
        };
        prune(store, expendable, "older than keep allows").await?;
    }
    if inbox.max_bytes > 0 && store.counts().await?.bytes > inbox.max_bytes {
        let expendable = Expendable {
            before: None,
            bytes: Some(inbox.max_bytes / 100 * LEFT),
            unread,
            after: 0,
        };
        prune(store, expendable, "beyond max_bytes").await?;
    }
    board.warn("inbox", warnings(store, inbox).await?);
    Ok(())
}

async fn prune(store: &Store, mut expendable: Expendable, why: &str) -> Result<(), StoreError> {
    let mut removed = 0;
    loop {
        let pruned = store.prune(expendable.clone()).await?;
        removed += pruned.removed;
        if pruned.end {
            break;
        }
        expendable.after = pruned.reached;
        tokio::time::sleep(PAUSE).await;
    }
    if removed > 0 {
        tracing::info!(messages = removed, why, "messages were removed");
    }
    Ok(())
}

async fn warnings(store: &Store, inbox: &Inbox) -> Result<Vec<String>, StoreError> {
    let bytes = store.counts().await?.bytes;
    if inbox.max_bytes == 0 || bytes <= inbox.max_bytes {
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "the inbox has {bytes} bytes, {} are allowed, and what is left is unread, claimed, needed by a hook or given up by one; read or archive it, see to mrpctl dead, raise max_bytes in [inbox], or set drop_unread",
        inbox.max_bytes
    )])
}

/// Makes the file small, once nobody has written for a while.
async fn compact(store: &Store) {
    loop {
        match store.compact(QUIET).await {
            Ok(Compaction::Busy) => tokio::time::sleep(QUIET).await,
            Ok(Compaction::Done | Compaction::Needless) | Err(_) => return,
        }
    }
}
