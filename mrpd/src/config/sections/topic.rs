//! `[[topic]]`.

use crate::config::Topic;
use crate::config::reader::Reader;

/// Reads a topic.
pub(super) fn read(mut reader: Reader<'_>, name: &str) -> Option<Topic> {
    let allow = reader.texts("allow").unwrap_or_default();
    reader.finish();
    Some(Topic {
        name: name.to_owned(),
        allow,
    })
}
