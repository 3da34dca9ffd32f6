//! What can go wrong between an agent and its relay, by who can do something about it.

use mrp_proto::code::{Code, ErrorBody};
use mrp_proto::time::Timestamp;
use serde_json::Value;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// The code of a refusal whose body names none: it came from something in front of the relay.
pub(crate) const NO_CODE: &str = "unknown";

/// The longest that a relay's wish to be left alone is believed: what it says must not stop a program for good, nor be too long to
/// be added to a clock.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Characters that are kept of a refusal's message.
const MESSAGE_LENGTH: usize = 1000;

/// Characters that are kept of a refusal's code, and of the relay's id for the request.
const NAME_LENGTH: usize = 128;

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The relay understood and said no.
    #[error("the relay refused: {0}")]
    Refused(Refusal),
    /// No connection, or it broke. A request that was on its way may or may not have been carried out.
    #[error("{origin} cannot be reached: {cause}")]
    Unreachable {
        /// The relay.
        origin: String,
        /// What failed, down to the operating system's words.
        cause: String,
        /// Whether there was a connection: only then can the request have been carried out.
        connected: bool,
    },
    /// No complete answer in time. The request may or may not have been carried out.
    #[error("the relay did not answer in time")]
    TimedOut,
    /// Something answered that does not speak as a relay does: a login page, a proxy, another service.
    #[error("the answer is not one of a relay: {what}")]
    Nonsense {
        /// What was wrong with it.
        what: String,
    },
    /// The request could not be made at all: an argument or this machine's setup is wrong.
    #[error("{what}")]
    Setup {
        /// What is wrong, and what would be right.
        what: String,
    },
}

impl Error {
    /// Whether the same call can succeed later without being changed. Sends are safe to repeat under the same idempotency key.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_retryable(),
            Self::Unreachable { .. } | Self::TimedOut | Self::Nonsense { .. } => true,
            Self::Setup { .. } => false,
        }
    }

    /// Whether the request may have been carried out, although nobody said so.
    pub fn is_undecided(&self) -> bool {
        match self {
            Self::Unreachable { connected, .. } => *connected,
            Self::TimedOut | Self::Nonsense { .. } => true,
            // A relay that failed in the middle, or something in front of it that gave up waiting for it.
            Self::Refused(refusal) => refusal.status >= 500 && refusal.status != 507,
            Self::Setup { .. } => false,
        }
    }

    /// How long the relay asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    /// The refusal's code, where it is one that this version knows.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(refusal) => Code::parse(&refusal.code),
            _ => None,
        }
    }
}

/// A relay's no (protocol A2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// A [`Code`]'s text, another relay's own, or `unknown` where the answer had none.
    pub code: String,
    /// For people; at most 1,000 characters are read.
    pub message: String,
    /// Values to the message, by name.
    pub details: Option<Value>,
    /// The id that the relay's log has for the request.
    pub request_id: Option<Box<str>>,
    /// How long the relay asked to be left alone; a day at most.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// From an answer with a status of 400 or more. Anything may have written it, so nothing is required of the body.
    pub(crate) fn from_answer(status: u16, headers: &http::HeaderMap, body: &[u8]) -> Self {
        let retry_after = retry_after_in(headers);
        let request_id = headers
            .get(mrp_proto::relay_api::REQUEST_ID_HEADER)
            .and_then(|value| value.to_str().ok())
            .map(|text| cut(text, NAME_LENGTH).into());
        match serde_json::from_slice::<ErrorBody>(body) {
            Ok(ErrorBody { error }) => {
                let from_details = error.details.as_ref().and_then(seconds_in);
                Self {
                    status,
                    code: cut(&error.code, NAME_LENGTH),
                    message: cut(&error.message, MESSAGE_LENGTH),
                    request_id: error
                        .request_id
                        .map(|text| cut(&text, NAME_LENGTH).into())
                        .or(request_id),
                    retry_after: retry_after.or(from_details),
                    details: error.details,
                }
            }
            Err(_) => Self {
                status,
                code: NO_CODE.to_owned(),
                message: "the answer does not say why".to_owned(),
                details: None,
                request_id,
                retry_after,
            },
        }
    }

    /// The relay's clock, where the refusal is for this machine's.
    pub fn server_time(&self) -> Option<Timestamp> {
        if Code::parse(&self.code) != Some(Code::TimestampOutOfRange) {
            return None;
        }
        let text = self.details.as_ref()?.get("server_time")?.as_str()?;
        text.parse().ok()
    }

    /// Whether the answer names a code, as each of a relay does. One that does not came from something in front of it.
    pub fn names_a_code(&self) -> bool {
        self.code != NO_CODE
    }

    /// Whether the same request, signed afresh, can succeed later.
    pub fn is_retryable(&self) -> bool {
        match Code::parse(&self.code) {
            // The repeated signature is gone with the next attempt, which has a timestamp of its own.
            Some(Code::ReplayDetected) => true,
            Some(code) => code.is_retryable(),
            None => matches!(self.status, 408 | 425 | 429 | 500..),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            code,
            message,
            request_id,
            ..
        } = self;
        write!(formatter, "{message} ({code}, status {status}")?;
        if let Some(request_id) = request_id {
            write!(formatter, ", request {request_id}")?;
        }
        formatter.write_str(")")
    }
}

fn seconds_in(details: &Value) -> Option<Duration> {
    Some(believed(details.get("retry_after")?.as_u64()?))
}

/// How long the relay asks to be left alone, if its answer says so in whole seconds.
pub(crate) fn retry_after_in(headers: &http::HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(believed)
}

fn believed(seconds: u64) -> Duration {
    Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER)
}

/// The start of a text whose length the peer chose.
pub(crate) fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// The words of an error's first cause: what the layers above add says where in them it happened, which helps nobody.
pub(crate) fn root_cause(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Refusal {
        let headers = headers
            .iter()
            .map(|&(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    http::HeaderValue::from_static(value),
                )
            })
            .collect();
        Refusal::from_answer(status, &headers, body.as_bytes())
    }

    #[test]
    fn the_published_form_is_read_whole() {
        let refused = refusal(
            429,
            &[("retry-after", "12"), ("x-request-id", "req_header")],
            r#"{"error":{"code":"rate_limit_exceeded","message":"too many","details":{"limit":30,"retry_after":99},"request_id":"req_body"}}"#,
        );
        assert_eq!(refused.code, "rate_limit_exceeded");
        assert!(refused.names_a_code());
        assert_eq!(refused.request_id.as_deref(), Some("req_body"));
        assert_eq!(refused.retry_after, Some(Duration::from_secs(12)));
        assert_eq!(refused.details.as_ref().unwrap()["limit"], 30);
        assert!(refused.is_retryable());
        let error = Error::Refused(refused);
        assert_eq!(error.code(), Some(Code::RateLimitExceeded));
        assert_eq!(
            error.to_string(),
            "the relay refused: too many (rate_limit_exceeded, status 429, request req_body)"
        );
    }

    #[test]
    fn what_stands_in_front_of_a_relay_may_answer_anything() {
        for body in [
            "<html>Bad Gateway</html>",
            "",
            r#"{"error":"text"}"#,
            "null",
            "\u{0}",
        ] {
            let refused = refusal(502, &[("x-request-id", "req_1")], body);
            assert_eq!(refused.code, NO_CODE, "{body}");
            assert!(!refused.names_a_code());
            assert_eq!(refused.request_id.as_deref(), Some("req_1"));
            assert!(refused.is_retryable());
        }
        assert!(!refusal(413, &[], "too large").is_retryable());
        let date = [("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")];
        assert_eq!(refusal(503, &date, "").retry_after, None);
    }

    #[test]
    fn no_relay_says_more_than_there_is_room_for_or_asks_for_ever() {
        let day = Some(LONGEST_RETRY_AFTER);
        let endless = [("retry-after", "18446744073709551615")];
        assert_eq!(refusal(503, &endless, "").retry_after, day);
        let long = "ü".repeat(5000);
        let body = format!(
            r#"{{"error":{{"code":"{long}","message":"{long}","request_id":"{long}","details":{{"retry_after":18446744073709551615}}}}}}"#
        );
        let refused = refusal(429, &[], &body);
        assert_eq!(refused.retry_after, day);
        assert_eq!(refused.message.chars().count(), MESSAGE_LENGTH);
        assert_eq!(refused.code.chars().count(), NAME_LENGTH);
        let request_id = refused.request_id.unwrap();
        assert_eq!(request_id.chars().count(), NAME_LENGTH);
    }

    #[test]
    fn retrying_reads_the_code_before_the_status() {
        let coded = |status, code: &str| {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#);
            refusal(status, &[], &body).is_retryable()
        };
        assert!(coded(409, "replay_detected"));
        assert!(coded(507, "insufficient_storage"));
        assert!(coded(503, "something_new"));
        assert!(!coded(403, "acl_denied"));
        assert!(!coded(422, "idempotency_mismatch"));
        assert!(!coded(401, "timestamp_out_of_range"));
        assert!(!coded(400, "something_new"));
    }

    #[test]
    fn an_error_stays_small_enough_to_be_returned() {
        assert!(size_of::<Error>() < 128, "{}", size_of::<Error>());
    }
}
