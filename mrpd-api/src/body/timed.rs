//! Dead-man switches and schedules.

use mrp_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A dead-man switch, `[[expect]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Expect {
    /// Its name.
    pub name: String,
    /// When the last message came; when it was configured, if none did yet.
    pub since: Timestamp,
    /// The `seq` of the last message.
    pub last_seq: Option<u64>,
    /// When it is told that nothing came, if nothing comes, by the clock as it goes now.
    pub due_at: Timestamp,
    /// Periods that have passed without a message and were told of; 0 where all is well.
    pub missed: u64,
    /// How the program that tells of it last ended, in words.
    pub outcome: Option<String>,
}

/// A message that is sent at certain times, `[[schedule]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// When it is due, in cron's manner.
    pub cron: String,
    /// Who gets it, as it was written.
    pub to: String,
    /// When it is due next; absent if never.
    pub next_at: Option<Timestamp>,
    /// The time for which a message was last put into the outbox.
    pub sent_for: Option<Timestamp>,
    /// The outbox's names for what was put there then, `out_…`.
    pub sent: Vec<String>,
    /// Why nothing was sent the last time, or not to everybody.
    pub error: Option<String>,
}
