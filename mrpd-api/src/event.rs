//! What happens in the daemon: the lines of `GET /v1/events`. Events are hints for those who watch; what must not be missed is read
//! from the inbox, the outbox or the hook log.

use crate::body::{Session, Stage};
use crate::error::ErrorDetail;
use serde::{Deserialize, Serialize};

/// One event. Kinds and fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Event {
    /// A message is visible: it came in, or a relay has accepted it.
    Message {
        /// Its place in the local order.
        seq: u64,
        /// The relay's name for it.
        id: String,
        /// The local agent.
        agent: String,
    },
    /// A message that goes out has come further.
    Stage {
        /// The outbox's name for it, `out_…`.
        id: String,
        /// The relay's name for it, once it has one.
        message_id: Option<String>,
        /// How far it has come.
        stage: Stage,
        /// Why it was not, or not yet, sent.
        error: Option<ErrorDetail>,
    },
    /// A session with a relay stands otherwise than before.
    Session(Session),
    /// A dead-man switch was told of, or what it waits for came after all.
    Expect {
        /// Its name.
        expect: String,
        /// Periods that have passed without a message; 0 when one came again.
        missed: u64,
        /// How the program that tells of it ended, in words.
        outcome: Option<String>,
    },
    /// A hook has run, or was passed over.
    Hook {
        /// The hook's name.
        hook: String,
        /// The message it ran for; the first of a batch.
        seq: u64,
        /// The relay's name for that message.
        message_id: String,
        /// Which attempt it was, from 1.
        attempt: u32,
        /// What came of it, such as `handled`, `retry` or `dead`.
        outcome: String,
    },
    /// The reader was too slow for some events.
    Missed {
        /// How many.
        count: u64,
    },
}

impl Event {
    /// The kind of [`Self::Missed`].
    pub const MISSED: &'static str = "missed";
    /// All kinds, as `event` has them.
    pub const KINDS: &'static [&'static str] = &[
        "message",
        "stage",
        "session",
        "hook",
        "expect",
        Self::MISSED,
    ];

    /// The kind, as `event` has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Message { .. } => "message",
            Self::Stage { .. } => "stage",
            Self::Session(_) => "session",
            Self::Hook { .. } => "hook",
            Self::Expect { .. } => "expect",
            Self::Missed { .. } => Self::MISSED,
        }
    }
}
