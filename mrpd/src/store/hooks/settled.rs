//! Messages that a hook has settled alone, for later hooks that have not looked at them yet.
//!
//! A note is kept for each such hook and message until the hook comes to the message, so that there are never more notes than
//! messages behind the hooks' places.

use super::find;
use crate::store::schema::HOOK_SETTLED;
use crate::store::transaction::Transaction;
use redb::ReadableTable as _;

/// Notes that a hook has nothing to do with a message, unless it has looked at it already.
pub(super) fn note(transaction: &Transaction, hook: &str, seq: u64) -> Result<(), redb::Error> {
    if find(transaction, hook)?.is_some_and(|record| record.cursor < seq) {
        let mut settled = transaction.tables().open_table(HOOK_SETTLED)?;
        settled.insert((hook, seq), ())?;
    }
    Ok(())
}

/// Whether a hook has nothing to do with a message.
pub(super) fn covers(transaction: &Transaction, hook: &str, seq: u64) -> Result<bool, redb::Error> {
    let settled = transaction.read_tables().open_table(HOOK_SETTLED)?;
    Ok(settled.get((hook, seq))?.is_some())
}

/// Forgets what is noted for a hook of messages up to a place, which it has come to.
pub(super) fn forget_up_to(
    transaction: &Transaction,
    hook: &str,
    seq: u64,
) -> Result<(), redb::Error> {
    forget(transaction, hook, (0, seq))
}

/// Forgets what is noted for a hook of messages behind a place: it is to look at all of them.
pub(super) fn forget_behind(
    transaction: &Transaction,
    hook: &str,
    seq: u64,
) -> Result<(), redb::Error> {
    forget(transaction, hook, (seq.saturating_add(1), u64::MAX))
}

fn forget(transaction: &Transaction, hook: &str, seqs: (u64, u64)) -> Result<(), redb::Error> {
    let range = (hook, seqs.0)..=(hook, seqs.1);
    let is_noted = {
        let settled = transaction.read_tables().open_table(HOOK_SETTLED)?;
        settled.range(range.clone())?.next().is_some()
    };
    if is_noted {
        let mut settled = transaction.tables().open_table(HOOK_SETTLED)?;
        settled.retain_in(range, |_, ()| false)?;
    }
    Ok(())
}
