//! `[outbox]`.

use crate::config::Outbox;
use crate::config::reader::Reader;
use std::time::Duration;

/// How long a send is tried again where nothing else is said.
const RETRY_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// The longest such time. With the days that a message may wait at the relay it stays within what recipients take, 45 days.
const LONGEST_RETRY: Duration = Duration::from_secs(30 * 24 * 3600);

/// What the hosted relay takes in a minute, as it documents.
const PER_MINUTE: u64 = 30;
/// More than any relay takes.
const MOST_PER_MINUTE: u64 = 1_000_000;

/// Reads the section.
pub(super) fn read(top: &mut Reader<'_>) -> Outbox {
    let mut reader = top.child("outbox");
    let mut retry_for = reader.duration("retry_for", RETRY_FOR);
    if retry_for > LONGEST_RETRY {
        let what = "must be at most 30d: recipients refuse what is older than they remember copies";
        reader.wrong("retry_for", what);
        retry_for = RETRY_FOR;
    }
    let per_minute = reader.count("per_minute", PER_MINUTE, 0..=MOST_PER_MINUTE);
    let receipts = reader.switch("receipts", true);
    reader.finish();
    Outbox {
        retry_for,
        per_minute: u32::try_from(per_minute).unwrap_or(0),
        receipts,
    }
}
