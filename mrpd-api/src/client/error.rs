//! What can go wrong between a client and the daemon, by whose turn it is to do something about it.

use super::find::{Attempt, AttemptFailure};
use crate::error::{Code, ErrorDetail};
use std::io;
use std::time::Duration;

/// Why there is no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens where the daemon should be.
    #[error("{}", unreachable_text(tried))]
    Unreachable {
        /// Every place that was tried.
        tried: Vec<Attempt>,
    },
    /// The daemon said no.
    #[error("{}", detail.message)]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its words.
        detail: Box<ErrorDetail>,
    },
    /// Whoever listens there does not speak this version of the interface.
    #[error("{}", version_text(spoken.as_deref(), daemon.as_deref()))]
    Version {
        /// What it says it speaks.
        spoken: Option<String>,
        /// The daemon's own version, where it said.
        daemon: Option<String>,
    },
    /// The answer is not what the interface promises.
    #[error("mrpd answered with something that is not part of its interface: {what}")]
    Nonsense {
        /// What was wrong with it.
        what: String,
    },
    /// What was to be asked about has no name.
    #[error("a name or an id is empty")]
    Unnamed,
    /// What was to be asked cannot be written down.
    #[error("the request cannot be written: {source}")]
    Unwritable {
        /// Why.
        source: serde_json::Error,
    },
    /// The connection broke: whether the daemon did what was asked is unknown.
    #[error("the connection to mrpd broke: {source}")]
    Connection {
        /// How it broke.
        source: io::Error,
    },
    /// No answer in time: whether the daemon did what was asked is unknown.
    #[error("mrpd did not answer within {} s", after.as_secs())]
    TimedOut {
        /// How long it was given.
        after: Duration,
    },
}

impl ClientError {
    /// The code that programs see.
    pub fn code(&self) -> Code {
        match self {
            Self::Unreachable { tried } if tried.iter().any(Attempt::is_forbidden) => {
                Code::NotPermitted
            }
            Self::Unreachable { tried } if unusable(tried).is_some() => Code::InvalidConfig,
            Self::Unreachable { .. } | Self::Connection { .. } => Code::DaemonUnreachable,
            Self::Refused { detail, .. } => Code::parse(&detail.code).unwrap_or(Code::Internal),
            Self::Version { .. } | Self::Nonsense { .. } => Code::VersionMismatch,
            Self::Unnamed | Self::Unwritable { .. } => Code::InvalidRequest,
            Self::TimedOut { .. } => Code::TimedOut,
        }
    }

    /// The exit status of a program that ends because of it. A refusal's own is taken, so that a newer daemon's codes work.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Refused { detail, .. } if detail.exit != 0 => detail.exit,
            _ => self.code().exit(),
        }
    }

    /// As the one object that programs read. Nothing the daemon said is left out.
    pub fn detail(&self) -> ErrorDetail {
        match self {
            Self::Refused { detail, .. } => (**detail).clone(),
            _ => ErrorDetail::new(self.code(), self.to_string(), self.hint()),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { tried } if tried.iter().any(Attempt::is_forbidden) => Some(
                "the socket belongs to another user: see [api] allow_uids in that user's mrpd.toml"
                    .to_owned(),
            ),
            Self::Unreachable { tried } if unusable(tried).is_some() => {
                Some("choose another path with --socket or $MRPD_SOCKET".to_owned())
            }
            Self::Unreachable { .. } => Some("mrpctl daemon start".to_owned()),
            Self::Refused { detail, .. } => detail.hint.clone(),
            Self::Version { .. } => Some(
                "install mrpctl and mrpd of one version, then: mrpctl daemon restart".to_owned(),
            ),
            Self::Nonsense { .. } => {
                Some("see whether the socket is mrpd's: mrpctl status".to_owned())
            }
            Self::Connection { .. } => {
                Some("try again; if it stays so, read the daemon's log".to_owned())
            }
            Self::Unnamed | Self::Unwritable { .. } | Self::TimedOut { .. } => None,
        }
    }

    pub(super) fn unwritable(source: serde_json::Error) -> Self {
        Self::Unwritable { source }
    }

    pub(super) fn broken(error: impl std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self::Connection {
            source: io::Error::other(text),
        }
    }
}

/// A place that was named and can never be one, if all hangs on it.
fn unusable(tried: &[Attempt]) -> Option<&Attempt> {
    match tried {
        [only] if matches!(only.failure, AttemptFailure::Unusable(_)) => Some(only),
        _ => None,
    }
}

fn unreachable_text(tried: &[Attempt]) -> String {
    match unusable(tried) {
        Some(attempt) => format!(
            "{} cannot be a socket: {}",
            attempt.candidate.path.display(),
            attempt.failure
        ),
        None => "mrpd is not running".to_owned(),
    }
}

fn version_text(spoken: Option<&str>, daemon: Option<&str>) -> String {
    let ours = crate::route::API_VERSION;
    let who = daemon.map_or_else(
        || "the daemon".to_owned(),
        |version| format!("mrpd {version}"),
    );
    match spoken {
        Some(spoken) => format!(
            "{who} speaks version {spoken:.20} of the local interface, this program version {ours}"
        ),
        None => "what listens on the socket does not speak mrpd's interface".to_owned(),
    }
}
