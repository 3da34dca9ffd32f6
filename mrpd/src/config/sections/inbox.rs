//! `[inbox]`.

use crate::config::Inbox;
use crate::config::reader::Reader;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Reads the section.
pub(super) fn read(top: &mut Reader<'_>) -> Inbox {
    let mut reader = top.child("inbox");
    let inbox = Inbox {
        dedup_window: reader.duration("dedup_window", 30 * DAY),
        keep: reader.duration("keep", 90 * DAY),
        max_bytes: reader.size("max_bytes", 2 << 30, 0..=1 << 50),
        drop_unread: reader.switch("drop_unread", false),
        hold_unknown_senders: reader.switch("hold_unknown_senders", false),
    };
    reader.finish();
    inbox
}
