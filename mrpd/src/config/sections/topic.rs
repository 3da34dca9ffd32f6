//! `[[topic]]`.

use super::agent;
use crate::audience::{Audience, Groups};
use crate::config::Topic;
use crate::config::reader::Reader;

/// Subscribers of a topic where nothing else is said.
const SUBSCRIBERS: u64 = 1000;
/// Subscribers of a topic, at most: one publication has to fit the outbox.
const MOST_SUBSCRIBERS: u64 = 10_000;

/// Reads a topic.
pub(super) fn read(
    mut reader: Reader<'_>,
    name: &str,
    groups: &Groups,
    agents: &[String],
) -> Option<Topic> {
    let allow = reader.texts("allow").unwrap_or_default();
    let audience = match Audience::parse(&allow, groups) {
        Ok(audience) => audience,
        Err(error) => {
            reader.wrong("allow", error.to_string());
            return None;
        }
    };
    if allow.is_empty() {
        let what = "missing: nobody could subscribe; write allow = [\"*\"] for everybody, or contacts, keys or @groups";
        reader.wrong("allow", what);
    }
    let unverified = reader.switch("unverified", false);
    let topic = Topic {
        name: name.to_owned(),
        allow,
        audience: if unverified {
            audience.accepting_unverified()
        } else {
            audience
        },
        agent: agent::named(&mut reader, agents),
        max_subscribers: reader.count("max_subscribers", SUBSCRIBERS, 1..=MOST_SUBSCRIBERS),
    };
    reader.finish();
    Some(topic)
}
