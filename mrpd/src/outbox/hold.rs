//! Until when a message is held, and from when on it is of no use any more.

use crate::store::HeldFor;
use mrp_proto::time::Timestamp;
use mrpd_api::body::Send;
use std::time::Duration;

/// The longest time that a message may be held.
const LONGEST_HOLD: Duration = Duration::from_secs(366 * 24 * 3600);

/// Why a message is not held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// Both a time and a span were given.
    #[error("at, delay_ms: give one of them")]
    Both,
    /// It is too long.
    #[error("{field}: at most 366 days ahead (given: {given})")]
    TooLong {
        /// What was given.
        field: &'static str,
        /// Its value.
        given: String,
    },
}

/// How a message waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hold {
    /// When it may be sent first; at once where absent.
    pub(super) due_at: Option<Timestamp>,
    /// By what that was said.
    pub(super) held_for: HeldFor,
    /// From when on it is of no use any more, if that was said.
    pub(super) useless_at: Option<Timestamp>,
}

/// Reads what was asked for. A time that has passed is now.
pub(super) fn hold(send: &Send, now: Timestamp) -> Result<Hold, HoldError> {
    let latest = now.after(LONGEST_HOLD);
    let due_at = match (send.at, send.delay_ms) {
        (Some(_), Some(_)) => return Err(HoldError::Both),
        (Some(at), None) if at > latest => {
            return Err(HoldError::TooLong {
                field: "at",
                given: at.to_string(),
            });
        }
        (None, Some(delay)) if Duration::from_millis(delay) > LONGEST_HOLD => {
            return Err(HoldError::TooLong {
                field: "delay_ms",
                given: delay.to_string(),
            });
        }
        (at, delay) => at.or(delay.map(|delay| now.after(Duration::from_millis(delay)))),
    };
    let due_at = due_at.filter(|due_at| *due_at > now);
    let lifetime = send
        .expires_in
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map(Duration::from_secs);
    let held_for = match send.delay_ms {
        Some(_) => HeldFor::Span,
        None => HeldFor::Time,
    };
    Ok(Hold {
        due_at,
        held_for,
        useless_at: lifetime.map(|lifetime| due_at.unwrap_or(now).after(lifetime)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_unix_millis(1_800_000_000_000)
    }

    fn seconds(seconds: u64) -> Timestamp {
        now().after(Duration::from_secs(seconds))
    }

    #[test]
    fn a_message_lives_from_when_it_may_be_sent() {
        let send = Send {
            delay_ms: Some(60_000),
            expires_in: Some(10),
            ..Send::default()
        };
        let expected = Hold {
            due_at: Some(seconds(60)),
            held_for: HeldFor::Span,
            useless_at: Some(seconds(70)),
        };
        assert_eq!(hold(&send, now()), Ok(expected));
    }

    #[test]
    fn a_time_that_has_passed_is_now_and_one_too_far_is_refused() {
        let at = |at| Send {
            at: Some(at),
            ..Send::default()
        };
        let at_once = Hold {
            due_at: None,
            held_for: HeldFor::Time,
            useless_at: None,
        };
        assert_eq!(hold(&at(Timestamp::EPOCH), now()), Ok(at_once));
        let far = at(seconds(400 * 24 * 3600));
        let error = hold(&far, now()).unwrap_err();
        assert!(error.to_string().starts_with("at: at most 366 days"));
        let both = Send {
            delay_ms: Some(1),
            ..at(seconds(5))
        };
        assert_eq!(hold(&both, now()), Err(HoldError::Both));
    }
}
