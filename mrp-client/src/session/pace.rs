//! How fast to try again: not every reason passes at the same speed.

use super::DownReason;
use mrp_proto::code::Code;
use mrp_proto::frame::CloseCode;
use std::time::Duration;

/// When to try again, by why there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Nobody but this machine has changed.
    AtOnce,
    /// It may pass.
    Usual,
    /// It will hardly pass by itself, but an operator may change it.
    Slow,
    /// The relay said when.
    AsAsked(Duration),
}

/// Which of these it is.
pub(super) fn pace(reason: &DownReason) -> Pace {
    match reason {
        DownReason::ClockJumped { .. } => Pace::AtOnce,
        DownReason::GoingAway { reconnect_after } => Pace::AsAsked(*reconnect_after),
        DownReason::UpgradeRefused {
            retry_after: Some(after),
            ..
        } => Pace::AsAsked(*after),
        DownReason::Refused(refusal) => match refusal.retry_after {
            Some(after) => Pace::AsAsked(after),
            None if refusal.is_retryable() => Pace::Usual,
            None => Pace::Slow,
        },
        DownReason::AuthRefused { code, .. } => {
            let code = code.as_deref().and_then(Code::parse);
            // The repeated signature is gone with the next attempt, which has a timestamp of its own.
            if code.is_some_and(|code| code.is_retryable() || code == Code::ReplayDetected) {
                Pace::Usual
            } else {
                Pace::Slow
            }
        }
        DownReason::Closed { code, .. } if *code == Some(CloseCode::AgentGone.number()) => {
            Pace::Slow
        }
        DownReason::Setup { .. } | DownReason::PollUnsupported => Pace::Slow,
        DownReason::Unreachable { .. }
        | DownReason::TimedOut
        | DownReason::UpgradeRefused { .. }
        | DownReason::Silent
        | DownReason::Nonsense { .. }
        | DownReason::Closed { .. } => Pace::Usual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Refusal;

    fn refused(code: Option<&str>) -> DownReason {
        DownReason::AuthRefused {
            error: "no".to_owned(),
            code: code.map(str::to_owned),
        }
    }

    fn poll_refused(status: u16, retry_after: Option<Duration>) -> DownReason {
        let mut refusal = Refusal::from_answer(status, &http::HeaderMap::new(), b"");
        refusal.retry_after = retry_after;
        DownReason::Refused(Box::new(refusal))
    }

    #[test]
    fn the_pace_follows_the_reason() {
        let closed = |code| DownReason::Closed {
            code,
            reason: String::new(),
        };
        let minute = Duration::from_secs(60);
        for (reason, expected) in [
            (refused(Some("agent_suspended")), Pace::Slow),
            (refused(Some("timestamp_out_of_range")), Pace::Slow),
            (refused(None), Pace::Slow),
            (refused(Some("rate_limit_exceeded")), Pace::Usual),
            (refused(Some("replay_detected")), Pace::Usual),
            (closed(Some(4005)), Pace::Slow),
            (closed(Some(4004)), Pace::Usual),
            (closed(None), Pace::Usual),
            (DownReason::ClockJumped { by: minute }, Pace::AtOnce),
            (
                DownReason::GoingAway {
                    reconnect_after: minute,
                },
                Pace::AsAsked(minute),
            ),
            (
                DownReason::UpgradeRefused {
                    status: 503,
                    retry_after: Some(minute),
                },
                Pace::AsAsked(minute),
            ),
            (poll_refused(503, Some(minute)), Pace::AsAsked(minute)),
            (poll_refused(502, None), Pace::Usual),
            (poll_refused(403, None), Pace::Slow),
            (DownReason::PollUnsupported, Pace::Slow),
            (
                DownReason::UpgradeRefused {
                    status: 404,
                    retry_after: None,
                },
                Pace::Usual,
            ),
        ] {
            assert_eq!(pace(&reason), expected, "{reason}");
        }
    }
}
