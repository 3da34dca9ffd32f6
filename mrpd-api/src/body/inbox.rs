//! What the routes of the inbox take and give, beside messages: leases, marks, threads, held messages.

use super::MessageQuery;
use crate::message::{Message, State};
use mrp_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

/// `POST /v1/claim`: takes work from the inbox, oldest first. Of several callers each message goes to one.
///
/// The answer is a list of [`Message`]s, each with its lease; empty if nothing came in time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Claim {
    /// How many, at most 100; 1 where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// How long they belong to the caller, in milliseconds, 1 second to 7 days; 5 minutes where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
    /// How long to wait until there is something, in milliseconds, at most an hour; not at all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Which messages. `after`, `since` and the filters count; how to read on does not.
    pub filter: MessageQuery,
}

/// `POST /v1/ack`: the work is done. It is done for all that are named, or for none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Ack {
    /// Ids of messages, whoever has claimed them.
    pub ids: Vec<String>,
    /// Tokens of leases: refused if somebody else has taken the message since.
    pub leases: Vec<String>,
}

/// `POST /v1/nack`: the work is not done; the message can be claimed again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Nack {
    /// Ids of messages, whoever has claimed them.
    pub ids: Vec<String>,
    /// Tokens of leases.
    pub leases: Vec<String>,
    /// Not before so many milliseconds; at once where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Never again: the message is dead.
    pub dead: bool,
}

/// `POST /v1/touch`: the work goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Touch {
    /// Ids of messages, whoever has claimed them.
    pub ids: Vec<String>,
    /// Tokens of leases.
    pub leases: Vec<String>,
    /// How long from now on, in milliseconds; 5 minutes where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
}

/// The answer to [`Ack`], [`Nack`], [`Touch`] and [`Mark`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changed {
    /// The `seq` of each message that was meant.
    pub seqs: Vec<u64>,
    /// When the leases end now, of [`Touch`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// `POST /v1/messages/mark`. What somebody has claimed cannot be marked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Ids of messages that came in.
    pub ids: Vec<String>,
    /// [`State::Read`], [`State::Archived`], or [`State::New`] for unread (`unread` is understood as well).
    #[serde(rename = "as")]
    pub state: MarkedAs,
}

/// What people mark messages as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum MarkedAs {
    /// Read.
    Read,
    /// As if it had just come.
    #[serde(alias = "new")]
    Unread,
    /// Put away.
    #[serde(alias = "archive")]
    Archived,
}

impl MarkedAs {
    /// The state that it stands for.
    pub fn state(self) -> State {
        match self {
            Self::Read => State::Read,
            Self::Unread => State::New,
            Self::Archived => State::Archived,
        }
    }
}

/// `POST /v1/prune`: removes what is old. What is claimed, held, or needed by a hook stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// Messages stored longer ago than so many milliseconds.
    pub older_ms: u64,
    /// Whether unread messages stay.
    #[serde(default)]
    pub keep_unread: bool,
}

/// The answer to a [`Prune`], and to `DELETE /v1/messages/{id}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Removed {
    /// How many messages are gone.
    pub removed: u64,
}

/// Query of `GET /v1/threads`: the latest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct ThreadQuery {
    /// Only threads whose newest message stands before this `seq`: the `seq` of the last one of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many, at most 1,000; 100 where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// A thread.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Thread {
    /// Its id.
    pub thread: String,
    /// How many messages of it are here, both ways.
    pub count: u64,
    /// The `seq` of the newest one.
    pub seq: u64,
    /// The newest one, without its body.
    pub last: Message,
}

/// A named reader of the inbox, in the list of `GET /v1/cursors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamedCursor {
    /// Its name.
    pub name: String,
    /// The last `seq` that it is done with.
    pub seq: u64,
}

/// `POST /v1/pending/accept`: senders are let in from now on, and all that was held of them becomes visible.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AcceptPending {
    /// Keys of senders.
    pub from: Vec<String>,
    /// Ids of held messages: their senders are meant.
    pub ids: Vec<String>,
    /// Makes the sender (one, then) a contact of this name as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `POST /v1/pending/reject`: what was held is dropped. Later messages of the sender are held as before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RejectPending {
    /// Keys of senders: everything of theirs.
    pub from: Vec<String>,
    /// Ids of held messages: these alone.
    pub ids: Vec<String>,
}

/// The answer to [`AcceptPending`] and [`RejectPending`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decided {
    /// How many held messages were let in, or dropped.
    pub messages: u64,
}
