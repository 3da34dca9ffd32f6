//! What a reader of messages asks for, checked and resolved.

use super::{Api, ApiError};
use crate::contacts::resolve;
use crate::store::MessageRecord;
use axum::http::HeaderMap;
use mrp_proto::key::SecretKey;
use mrp_proto::time::Timestamp;
use mrpd_api::body::MessageQuery;
use mrpd_api::error::Code;
use mrpd_api::message::{Direction, Kind};
use std::sync::Arc;

/// Header with which a reader of events goes on where it was.
const LAST_EVENT_ID: &str = "last-event-id";

/// Which messages match: all that is given must hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    since: Option<Timestamp>,
    from: Option<String>,
    agent: Option<String>,
    thread: Option<String>,
    reply_to: Option<String>,
    kind: Option<Kind>,
    content_type: Option<String>,
    dir: Option<Direction>,
}

impl Filter {
    pub(super) fn matches(&self, message: &MessageRecord) -> bool {
        fn holds<T: PartialEq>(wanted: Option<&T>, actual: Option<&T>) -> bool {
            wanted.is_none() || wanted == actual
        }
        let other_end = match message.dir {
            Direction::In => &message.from,
            Direction::Out => &message.to,
        };
        self.since.is_none_or(|since| message.received_at >= since)
            && holds(self.from.as_ref(), Some(other_end))
            && holds(self.agent.as_ref(), Some(&message.agent))
            && holds(self.thread.as_ref(), message.thread.as_ref())
            && holds(self.reply_to.as_ref(), message.reply_to.as_ref())
            && holds(self.kind.as_ref(), Some(&message.kind))
            && holds(self.content_type.as_ref(), Some(&message.content_type))
            && holds(self.dir.as_ref(), Some(&message.dir))
    }
}

/// Where to begin and when to end.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) filter: Filter,
    pub(super) after: u64,
    pub(super) last: Option<u64>,
    pub(super) limit: Option<u64>,
    pub(super) follow: Follow,
}

/// Whether a reader goes on at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    /// With messages as they come.
    On,
    /// It is done there.
    Off,
}

/// Reads the query. A parameter that is not known is refused: ignored, it would show what was not asked for.
pub(super) fn plan(
    api: &Api,
    uri_query: Option<&str>,
    query: MessageQuery,
    headers: &HeaderMap,
) -> Result<Plan, ApiError> {
    check_names(uri_query)?;
    let dir = match (query.dir, flag("all", query.all)?) {
        (Some(dir), _) => Some(dir),
        (None, true) => None,
        (None, false) => Some(Direction::In),
    };
    let filter = Filter {
        since: query.since,
        from: query
            .from
            .as_deref()
            .map(|text| other_end(api, text))
            .transpose()?,
        agent: query.agent.map(|name| known_agent(api, name)).transpose()?,
        thread: query.thread,
        reply_to: query.reply_to,
        kind: query.kind,
        content_type: query.content_type,
        dir,
    };
    let seen = headers
        .get(LAST_EVENT_ID)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Ok(Plan {
        filter,
        after: query.after.max(seen).unwrap_or(0),
        last: query.last.filter(|_| seen.is_none()),
        limit: query.limit,
        follow: if flag("follow", query.follow)? {
            Follow::On
        } else {
            Follow::Off
        },
    })
}

fn flag(name: &str, value: Option<u8>) -> Result<bool, ApiError> {
    match value {
        None | Some(0) => Ok(false),
        Some(1) => Ok(true),
        Some(other) => {
            let message = format!("{name}: must be 0 or 1 (given: {other})");
            Err(ApiError::new(Code::InvalidRequest, message))
        }
    }
}

fn check_names(query: Option<&str>) -> Result<(), ApiError> {
    const KNOWN: &[&str] = &[
        "after", "since", "last", "limit", "follow", "from", "agent", "thread", "reply_to", "kind",
        "type", "dir", "all",
    ];
    let names = query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split('=').next().unwrap_or_default());
    for name in names {
        if !KNOWN.contains(&name) {
            let message = format!(
                "there is no parameter {name:?}; known: {}",
                KNOWN.join(", ")
            );
            return Err(ApiError::new(Code::InvalidRequest, message));
        }
    }
    Ok(())
}

/// The key that a contact's name or a key means here.
fn other_end(api: &Api, text: &str) -> Result<String, ApiError> {
    let roster = Arc::clone(&api.context.roster.borrow());
    let own = roster.default_agent().map(|agent| agent.public);
    if own.is_none() && text == "me" {
        return Err(ApiError::new(Code::NoAgent, "there is no agent yet"));
    }
    // Without an agent nobody is "me", and every other form means the same for everybody.
    let own = own.unwrap_or_else(|| SecretKey::from_seed(&[0; 32]).public());
    let found = resolve(text, &api.context.contacts.book(), &own)?;
    Ok(found.key.to_string())
}

fn known_agent(api: &Api, name: String) -> Result<String, ApiError> {
    if api.context.roster.borrow().agent(&name).is_some() {
        return Ok(name);
    }
    let message = format!("there is no agent {name:?}");
    Err(ApiError::new(Code::UnknownAgent, message))
}
