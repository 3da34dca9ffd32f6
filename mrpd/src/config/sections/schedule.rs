//! `[[schedule]]`.

use crate::audience::{Audience, Groups};
use crate::config::reader::Reader;
use crate::schedules::{Missed, Schedule, Times};
use serde_json::value::{RawValue, to_raw_value};

/// Reads a schedule.
pub(super) fn read(
    mut reader: Reader<'_>,
    name: &str,
    groups: &Groups,
    agents: &[String],
) -> Option<Schedule> {
    let times = read_times(&mut reader);
    let to = reader.text("to");
    match to.as_deref() {
        None | Some("") => reader.wrong("to", "who gets it? Write a contact, a key or an @group"),
        Some("*") => reader.wrong("to", "it cannot be sent to everybody; write a group"),
        Some(group) if group.starts_with('@') => {
            if let Err(error) = Audience::parse(&[group.to_owned()], groups) {
                reader.wrong("to", error.to_string());
            }
        }
        Some(_) => {}
    }
    let agent = reader.text("agent");
    if let Some(agent) = agent.as_ref().filter(|agent| !agents.contains(agent)) {
        let known = agents.join(", ");
        reader.wrong(
            "agent",
            format!("there is no agent {agent:?}; known: {known}"),
        );
    }
    let body = read_body(&mut reader);
    let content_type = reader.text("type");
    let missed = if reader.switch("catch_up", false) {
        Missed::Newest
    } else {
        Missed::Skipped
    };
    reader.finish();
    Some(Schedule {
        name: name.to_owned(),
        times: times?,
        agent,
        to: to?,
        body: body?.into(),
        content_type,
        missed,
    })
}

fn read_times(reader: &mut Reader<'_>) -> Option<Times> {
    let Some(source) = reader.text("cron") else {
        reader.wrong(
            "cron",
            "is missing; write five fields, such as \"0 9 * * 1\"",
        );
        return None;
    };
    match Times::parse(&source) {
        Ok(times) => Some(times),
        Err(error) => {
            reader.wrong("cron", error.to_string());
            None
        }
    }
}

fn read_body(reader: &mut Reader<'_>) -> Option<Box<RawValue>> {
    let text = reader.text("text");
    let body = reader.text("body");
    match (text, body) {
        (Some(text), None) => to_raw_value(&serde_json::json!({ "text": text })).ok(),
        (None, Some(body)) => match RawValue::from_string(body) {
            Ok(body) => Some(body),
            Err(error) => {
                reader.wrong("body", format!("is no JSON: {error}"));
                None
            }
        },
        (Some(_), Some(_)) => {
            reader.wrong("body", "write text or body, not both");
            None
        }
        (None, None) => {
            reader.wrong(
                "text",
                "what is sent? Write text = \"...\", or body = '{...}'",
            );
            None
        }
    }
}
