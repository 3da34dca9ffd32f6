//! The contract between a message and the program that is run for it: what the program finds in its environment, and what its exit
//! status says. The daemon runs hooks by it, and mrpctl the programs of `on`, `serve` and `webhook listen`.
//!
//! Whatever a peer has chosen is bounded in length and has no NUL in it, so that no message keeps a program from starting.

pub mod answer;
pub mod automatic;

use crate::message::{Kind, Message};
use mrp_proto::base64url;
use mrp_proto::content::{Event, Request};
use serde_json::value::RawValue;

/// Bytes of a message's text that fit. One string of an environment has a bound of 128 KiB on Linux.
pub const TEXT: usize = 32 << 10;
/// Bytes of any other value that a peer has chosen.
pub const VALUE: usize = 4 << 10;
/// Bytes of each output of a program that are kept.
pub const OUTPUT: usize = 64 << 10;

/// What every program gets of the environment it is started from; and whatever begins with [`BASE_PREFIX`].
const BASE: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TZ",
    "DBUS_SESSION_BUS_ADDRESS",
];
const BASE_PREFIX: &str = "XDG_";

/// Whether a variable is passed on to every program.
pub fn is_passed_on(name: &str) -> bool {
    BASE.contains(&name) || name.starts_with(BASE_PREFIX)
}

/// What a program finds in its environment of the message.
pub fn variables(message: &Message) -> Vec<(&'static str, String)> {
    let body = message.body.as_deref();
    let request = body
        .filter(|_| message.kind == Kind::Request)
        .and_then(Request::parse);
    let event = body
        .filter(|_| message.kind == Kind::Event)
        .and_then(Event::parse);
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let values = [
        ("MRP_MESSAGE_ID", message.id.clone()),
        ("MRP_SEQ", message.seq.to_string()),
        ("MRP_AGENT", message.agent.clone()),
        ("MRP_RELAY", message.relay.clone()),
        ("MRP_FROM", message.from.key.to_string()),
        ("MRP_FROM_NAME", optional(&message.from.name)),
        ("MRP_KIND", message.kind.as_str().to_owned()),
        ("MRP_TYPE", message.content_type.clone()),
        ("MRP_THREAD_ID", optional(&message.thread)),
        ("MRP_IN_REPLY_TO", optional(&message.reply_to)),
        (
            "MRP_ACTION",
            request.map_or_else(String::new, |request| request.action().to_owned()),
        ),
        (
            "MRP_EVENT_NAME",
            event.map_or_else(String::new, |event| event.event),
        ),
        ("MRP_ENCRYPTED", u8::from(message.encrypted).to_string()),
        ("MRP_CREATED_AT", message.created_at.to_string()),
        ("MRP_EXPIRES_AT", message.expires_at.to_string()),
        (
            "MRP_ATTACHMENT_COUNT",
            message.attachments.len().to_string(),
        ),
    ];
    let mut variables: Vec<_> = values
        .into_iter()
        .map(|(name, value)| (name, fitting(value, VALUE).unwrap_or_default()))
        .collect();
    let text = message.text.clone().unwrap_or_default();
    variables.push(match fitting(text, TEXT) {
        Some(text) => ("MRP_TEXT", text),
        None => ("MRP_TEXT_OMITTED", "1".to_owned()),
    });
    variables
}

/// A value that an environment can hold.
fn fitting(value: String, limit: usize) -> Option<String> {
    (value.len() <= limit && !value.contains('\0')).then_some(value)
}

/// What the file holds that `MRP_BODY_FILE` names: the body's bytes as the sender wrote them. What is no JSON travels as base64url,
/// and is given as what it was.
pub fn body_bytes(message: &Message) -> Vec<u8> {
    let text = message.body.as_deref().map_or("", RawValue::get);
    let binary = (message.kind == Kind::Binary)
        .then(|| serde_json::from_str::<String>(text).ok())
        .flatten()
        .and_then(|text| base64url::decode(&text).ok());
    binary.unwrap_or_else(|| text.as_bytes().to_vec())
}

/// The body's bytes; of a request, those of its parameters.
pub fn content_bytes(message: &Message) -> Vec<u8> {
    let body = message.body.as_deref();
    let request = body
        .filter(|_| message.kind == Kind::Request)
        .and_then(Request::parse);
    match request {
        Some(request) => request.params().get().as_bytes().to_vec(),
        None => body_bytes(message),
    }
}

/// What an exit status means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Done: 0.
    Handled,
    /// Done, and nothing after it is to be run for the message: 99.
    HandledAlone,
    /// To be tried again, as often as is configured: 75 or 111.
    Later,
    /// Not to be tried again: 100, 65, 77 or 78.
    Dead,
    /// Failed: any other status. To be tried again, as often as is configured.
    Failed,
}

/// Exit statuses that mean something of their own. Every other one is [`Meaning::Failed`].
pub const STATUSES: &[(&[i32], Meaning)] = &[
    (&[0], Meaning::Handled),
    (&[99], Meaning::HandledAlone),
    (&[75, 111], Meaning::Later),
    (&[65, 77, 78, 100], Meaning::Dead),
];

impl Meaning {
    /// Of an exit status.
    pub fn of_status(status: i32) -> Self {
        let mut known = STATUSES.iter();
        let found = known.find(|(statuses, _)| statuses.contains(&status));
        found.map_or(Self::Failed, |(_, meaning)| *meaning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_statuses_mean_what_the_contract_says() {
        for (status, meaning) in [
            (0, Meaning::Handled),
            (99, Meaning::HandledAlone),
            (75, Meaning::Later),
            (111, Meaning::Later),
            (100, Meaning::Dead),
            (65, Meaning::Dead),
            (77, Meaning::Dead),
            (78, Meaning::Dead),
            (1, Meaning::Failed),
            (127, Meaning::Failed),
        ] {
            assert_eq!(Meaning::of_status(status), meaning, "{status}");
        }
    }

    #[test]
    fn little_is_passed_on() {
        for (name, passed) in [
            ("PATH", true),
            ("XDG_RUNTIME_DIR", true),
            ("MRPCTL_TOKEN", false),
            ("AWS_SECRET_ACCESS_KEY", false),
            ("PATHS", false),
        ] {
            assert_eq!(is_passed_on(name), passed, "{name}");
        }
    }
}
