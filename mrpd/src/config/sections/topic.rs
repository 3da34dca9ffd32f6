//! `[[topic]]`.

use crate::config::Topic;
use crate::config::reader::Reader;

/// Subscribers of a topic where nothing else is said.
const SUBSCRIBERS: u64 = 1000;
/// Subscribers of a topic, at most: one publication has to fit the outbox.
const MOST_SUBSCRIBERS: u64 = 10_000;

/// Reads a topic.
pub(super) fn read(mut reader: Reader<'_>, name: &str) -> Option<Topic> {
    let allow = reader.texts("allow").unwrap_or_default();
    if allow.is_empty() {
        let what = "missing: nobody could subscribe; write allow = [\"*\"] for everybody, or contacts, keys or @groups";
        reader.wrong("allow", what);
    }
    let topic = Topic {
        name: name.to_owned(),
        allow,
        agent: reader.text("agent"),
        unverified: reader.switch("unverified", false),
        max_subscribers: reader.count("max_subscribers", SUBSCRIBERS, 1..=MOST_SUBSCRIBERS),
    };
    reader.finish();
    Some(topic)
}
