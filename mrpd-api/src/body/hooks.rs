//! Hooks: how they stand, what they have done, and what they have given up.

use mrp_proto::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A hook and how it stands: an entry of `GET /v1/hooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// `exec`, `shell` or `notify`.
    pub action: String,
    /// What is run, or the note's title, as it is configured.
    pub command: String,
    /// Messages before it, those being run for among them.
    pub queued: u64,
    /// Runs at this moment.
    pub running: u64,
    /// Messages it has done with since it was first configured.
    pub handled: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Messages it has given up, which can be tried again by hand.
    pub dead: u64,
    /// The last `seq` that it has looked at.
    pub cursor: u64,
}

/// Numbers of all hooks together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HookCounts {
    /// Hooks that are configured and can be used.
    pub configured: u64,
    /// Hooks among them that are switched off.
    pub disabled: u64,
    /// Messages before hooks.
    pub queued: u64,
    /// Runs at this moment.
    pub running: u64,
    /// Messages that hooks have given up.
    pub dead: u64,
}

/// `POST /v1/hooks/{name}/test`: on what to try a hook.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HookTest {
    /// A message of the inbox, by the relay's name for it or by its `seq`.
    pub message_id: Option<String>,
    /// A message object, or the fields of one that matter.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::any_json))]
    pub message: Option<Box<RawValue>>,
}

/// What came of a trial.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HookTried {
    /// Whether the message is for the hook; the command was run in either case.
    pub matches: bool,
    /// Why it is not, where there is more to say than that.
    pub passed_over: Option<String>,
    /// What the end means: `handled`, `handled_alone`, `retry`, `dead` or `failed`.
    pub outcome: String,
    /// How it ended, in words.
    pub why: String,
    /// The exit status, if it ended by itself.
    pub status: Option<i32>,
    /// The beginning of its standard output.
    pub stdout: String,
    /// The beginning of its standard error.
    pub stderr: String,
    /// The body of the reply that would have been sent; nothing was.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::any_json))]
    pub reply: Option<Box<RawValue>>,
}

/// Query of `GET /v1/hooks/log`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
pub struct HookLogQuery {
    /// Only entries of this hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
    /// Only entries behind this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// `1`: go on with entries as they come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow: Option<u8>,
}

/// One entry of the hook log: a line of `GET /v1/hooks/log`. The newest 10,000 are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HookLogLine {
    /// Its number.
    pub n: u64,
    /// When.
    pub at: Timestamp,
    /// The hook.
    pub hook: String,
    /// The messages it was about.
    pub seqs: Vec<u64>,
    /// The relay's name for the first of them.
    pub message_id: String,
    /// Which attempt it was, from 1; 0 where nothing was run.
    pub attempt: u32,
    /// `handled`, `handled_alone`, `retry`, `dead` or `passed_over`.
    pub outcome: String,
    /// Why, and what is to be known besides.
    pub why: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The beginning of its standard output.
    pub stdout: String,
    /// The beginning of its standard error.
    pub stderr: String,
}

/// Query of `POST /v1/hooks/{name}/replay`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
pub struct HookReplay {
    /// Messages that were stored at or after this time.
    pub since: Timestamp,
}
