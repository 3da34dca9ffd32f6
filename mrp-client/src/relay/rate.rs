//! What a relay says of how many sends it takes.

use http::HeaderMap;
use mrp_proto::relay_api::{RATE_LIMIT_HEADER, RATE_REMAINING_HEADER, RATE_RESET_HEADER};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest window that is believed.
const LONGEST_WINDOW: u64 = 3600;

/// How a relay counts this agent's sends, as the headers of its last answer to one say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendRate {
    /// Sends that it takes in a minute.
    pub limit: u32,
    /// How many of them are left.
    pub remaining: u32,
    /// How long after the answer its window ends.
    pub reset_in: Duration,
}

impl SendRate {
    /// From an answer's headers, if they say so. The relay's own clock judges its times, where the answer has it.
    pub(super) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let number =
            |name: &str| -> Option<u64> { headers.get(name)?.to_str().ok()?.trim().parse().ok() };
        let limit = u32::try_from(number(RATE_LIMIT_HEADER)?).ok()?;
        let remaining = u32::try_from(number(RATE_REMAINING_HEADER)?).ok()?;
        let now = headers
            .get(http::header::DATE)
            .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok())
            .unwrap_or_else(SystemTime::now);
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let reset = number(RATE_RESET_HEADER).unwrap_or(now + 60);
        let seconds = reset.saturating_sub(now).min(LONGEST_WINDOW);
        Some(Self {
            limit,
            remaining,
            reset_in: Duration::from_secs(seconds),
        })
    }
}
