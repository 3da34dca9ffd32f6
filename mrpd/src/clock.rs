//! The two things that plain functions are given instead of taking them: the time, and random numbers.

use mrp_proto::time::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// A uniform number. It only spreads retries, so a failing source is no reason to fail.
pub(crate) fn random_number() -> u64 {
    getrandom::u64().unwrap_or(u64::MAX / 2)
}

/// Random bytes for names.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
