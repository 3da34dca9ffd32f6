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
}
