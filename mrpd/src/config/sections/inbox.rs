//! `[inbox]`.

use crate::config::Inbox;
use crate::config::reader::Reader;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Reads the section.
pub(super) fn read(top: &mut Reader<'_>) -> Inbox {
    let mut reader = top.child("inbox");
    let dedup_window = reader.duration("dedup_window", 30 * DAY);
    reader.unsupported(&["keep", "max_bytes", "hold_unknown_senders"]);
    reader.finish();
    Inbox { dedup_window }
}
