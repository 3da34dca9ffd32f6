//! What a reader of messages asks for, checked and resolved.

use super::send::named;
use super::words::Words;
use super::{Api, ApiError, view};
use crate::audience::GROUP;
use crate::contacts::{Names, resolve};
use crate::expression::{Condition, MESSAGE_FIELDS};
use crate::store::{Field, MessageRecord, Order, Selection};
use axum::http::HeaderMap;
use mrp_proto::key::SecretKey;
use mrp_proto::time::Timestamp;
use mrpd_api::body::MessageQuery;
use mrpd_api::error::Code;
use mrpd_api::message::{Direction, Kind, State};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Header with which a reader of events goes on where it was.
const LAST_EVENT_ID: &str = "last-event-id";

/// Keys of those whose messages are asked for.
type Senders = BTreeSet<String>;

/// Which messages match: all that is given must hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    since: Option<Timestamp>,
    from: Option<Senders>,
    agent: Option<String>,
    relay: Option<String>,
    thread: Option<String>,
    reply_to: Option<String>,
    kind: Option<Kind>,
    content_type: Option<String>,
    dir: Option<Direction>,
    state: Option<State>,
    words: Option<Words>,
    condition: Option<Condition>,
}

impl Filter {
    fn matches(&self, seq: u64, message: &MessageRecord, names: &Names) -> bool {
        fn holds<T: PartialEq + ?Sized>(wanted: Option<&T>, actual: Option<&T>) -> bool {
            wanted.is_none() || wanted == actual
        }
        let state = match message.dir {
            Direction::In => message.standing.state,
            Direction::Out => State::Sent,
        };
        self.since.is_none_or(|since| message.received_at >= since)
            && self
                .from
                .as_ref()
                .is_none_or(|senders| senders.contains(message.other_end()))
            && holds(self.agent.as_ref(), Some(&message.agent))
            && holds(self.relay.as_ref(), Some(&message.relay))
            && holds(self.thread.as_ref(), message.thread.as_ref())
            && holds(self.reply_to.as_ref(), message.reply_to.as_ref())
            && holds(self.kind.as_ref(), Some(&message.kind))
            && holds(self.content_type.as_ref(), Some(&message.content_type))
            && holds(self.dir.as_ref(), Some(&message.dir))
            && holds(self.state.as_ref(), Some(&state))
            && self
                .words
                .as_ref()
                .is_none_or(|words| words.are_in(message))
            && self.condition.as_ref().is_none_or(|condition| {
                let shown = view::message(seq, message.clone(), names);
                // What cannot be evaluated for this message does not hold for it.
                shown.is_some_and(|shown| condition.holds(&shown).unwrap_or(false))
            })
    }

    /// The same as a question to the store.
    pub(super) fn over(
        self,
        names: Names,
    ) -> impl Fn(u64, &MessageRecord) -> bool + Send + Clone + 'static {
        move |seq, message| self.matches(seq, message, &names)
    }

    /// The lists on which such messages are.
    fn selection(&self) -> Selection {
        let mut selection = Selection::default();
        let fields = [
            (Field::Peer, self.from.as_ref().and_then(one)),
            (Field::Agent, self.agent.as_deref()),
            (Field::Thread, self.thread.as_deref()),
            (Field::ReplyTo, self.reply_to.as_deref()),
            (Field::Kind, self.kind.map(Kind::as_str)),
        ];
        selection.since = self.since;
        for (field, value) in fields {
            if let Some(value) = value {
                selection.demand(field, value);
            }
        }
        if let Some(state) = self.state {
            selection.demand_state(state);
        }
        if let Some(dir) = self.dir {
            selection.demand_direction(dir);
        }
        selection
    }
}

/// Where to begin and when to end.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) filter: Filter,
    pub(super) selection: Selection,
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
    let seen = headers
        .get(LAST_EVENT_ID)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let mut plan = plan_of(api, query)?;
    plan.selection.after = plan.selection.after.max(seen.unwrap_or(0));
    plan.last = plan.last.filter(|_| seen.is_none());
    Ok(plan)
}

/// Resolves a query whose names are known.
pub(super) fn plan_of(api: &Api, query: MessageQuery) -> Result<Plan, ApiError> {
    let state = match (query.state, flag("unread", query.unread)?) {
        (None | Some(State::New), true) => Some(State::New),
        (Some(_), true) => {
            return Err(invalid(
                "unread: there is a state already; give one of the two",
            ));
        }
        (Some(State::Held), _) => {
            return Err(invalid("state: what is held is not among the messages yet")
                .with_hint("ask for /v1/pending"));
        }
        (state, false) => state,
    };
    let dir = match (query.dir, state, flag("all", query.all)?) {
        (Some(dir), ..) => Some(dir),
        (None, Some(State::Sent), _) => Some(Direction::Out),
        (None, _, true) => None,
        (None, _, false) => Some(Direction::In),
    };
    let from = query.from.as_deref();
    let filter = Filter {
        since: query.since,
        from: match from {
            Some(text) => senders(api, text)?,
            None => None,
        },
        agent: query.agent.map(|name| known_agent(api, name)).transpose()?,
        relay: query.relay,
        thread: query.thread,
        reply_to: query.reply_to,
        kind: query.kind,
        content_type: query.content_type,
        dir,
        state,
        words: query.text.as_deref().map(words).transpose()?,
        condition: query.condition.as_deref().map(condition).transpose()?,
    };
    let mut selection = filter.selection();
    selection.after = query.after.unwrap_or(0);
    selection.before = query.before.unwrap_or(u64::MAX);
    selection.order = match query.order.unwrap_or_default() {
        mrpd_api::body::Order::Ascending => Order::Ascending,
        mrpd_api::body::Order::Descending => Order::Descending,
    };
    let follow = if flag("follow", query.follow)? {
        Follow::On
    } else {
        Follow::Off
    };
    if selection.order == Order::Descending && (follow == Follow::On || query.last.is_some()) {
        let message = "order: newest first there is neither follow nor last; give limit, and before for the next page";
        return Err(invalid(message));
    }
    Ok(Plan {
        filter,
        selection,
        last: query.last,
        limit: query.limit,
        follow,
    })
}

fn condition(source: &str) -> Result<Condition, ApiError> {
    Condition::parse(source, MESSAGE_FIELDS).map_err(|error| invalid(&format!("match: {error}")))
}

fn words(text: &str) -> Result<Words, ApiError> {
    Words::parse(text)
        .ok_or_else(|| invalid("text: there is no word in it; write what to look for"))
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(Code::InvalidRequest, message)
}

/// A switch of a query.
pub(super) fn flag(name: &str, value: Option<u8>) -> Result<bool, ApiError> {
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
        "type", "dir", "all", "unread", "state", "relay", "order", "before", "match", "text",
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

/// The keys of those that a contact's name, a key or a `@group` means here; none for a group that is everybody.
fn senders(api: &Api, text: &str) -> Result<Option<Senders>, ApiError> {
    let text = text.trim();
    if !text.starts_with(GROUP) {
        return Ok(Some(Senders::from([other_end(api, text)?])));
    }
    let audience = named(api, text)?;
    if audience.is_everybody() {
        return Ok(None);
    }
    // Of a name that nobody bears nothing can have come.
    let own = api.context.own_key(None);
    let (keys, _) = audience.members(&api.context.contacts.book(), own);
    Ok(Some(keys.iter().map(ToString::to_string).collect()))
}

/// The only one; several are on no common list.
fn one(senders: &Senders) -> Option<&str> {
    match senders.len() {
        1 => senders.first().map(String::as_str),
        _ => None,
    }
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
