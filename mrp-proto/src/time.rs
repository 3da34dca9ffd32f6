//! Points in time as the wire writes them: RFC 3339, milliseconds, UTC.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Why a text is not a point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time with an offset, such as 2026-03-05T12:00:00.123Z")]
pub struct TimeError;

/// A point in time: milliseconds since the Unix epoch. Finer fractions are cut off when read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// The last point in time that can be written in the year 9999 whatever the offset (jiff's own bound).
    pub const MAX: Self = Self(253_402_207_200_000);

    /// From milliseconds since the Unix epoch, bounded to what can be written (1970 to 9999).
    pub fn from_unix_millis(millis: i64) -> Self {
        Self(millis.clamp(0, Self::MAX.0))
    }

    /// Milliseconds since the Unix epoch.
    pub fn unix_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Later by `duration`, bounded.
    pub fn after(self, duration: Duration) -> Self {
        Self::from_unix_millis(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Earlier by `duration`, bounded.
    pub fn before(self, duration: Duration) -> Self {
        Self::from_unix_millis(
            self.0
                .saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// How far apart the two are, either way round.
    pub fn distance(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        if !has_rfc3339_shape(text.as_bytes()) {
            return Err(TimeError);
        }
        let time: jiff::Timestamp = text.parse().map_err(|_| TimeError)?;
        let millis = time.as_millisecond();
        if (0..=Self::MAX.0).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err(TimeError)
        }
    }
}

/// `dddd-dd-ddTdd:dd:dd[.d{1,9}](Z|+dd:dd|-dd:dd)`: jiff reads more forms than RFC 3339 has, and a signature's timestamp has one
/// grammar.
fn has_rfc3339_shape(text: &[u8]) -> bool {
    const DATE_TIME: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let Some((head, tail)) = text.split_at_checked(DATE_TIME.len()) else {
        return false;
    };
    if !matches_shape(head, DATE_TIME) {
        return false;
    }
    let offset = match tail.strip_prefix(b".") {
        Some(rest) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            &rest[digits..]
        }
        None => tail,
    };
    matches_shape(offset, b"Z")
        || matches_shape(offset, b"+dd:dd")
        || matches_shape(offset, b"-dd:dd")
}

fn matches_shape(text: &[u8], shape: &[u8]) -> bool {
    text.len() == shape.len()
        && text.iter().zip(shape).all(|(byte, want)| match want {
            b'd' => byte.is_ascii_digit(),
            b'T' | b'Z' => byte.eq_ignore_ascii_case(want),
            _ => byte == want,
        })
}

/// Always three digits of fraction and `Z`: the published SDK on Python 3.10 reads no other number of digits.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time =
            jiff::Timestamp::from_millisecond(self.0).expect("bounded to the years 1970 to 9999");
        write!(formatter, "{time:.3}")
    }
}

crate::serde_as_text!(Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_fractions_and_case_are_read_and_written_one_way() {
        for (given, written) in [
            ("2026-03-05T12:00:00.123Z", "2026-03-05T12:00:00.123Z"),
            ("2026-03-05T12:00:00Z", "2026-03-05T12:00:00.000Z"),
            ("2026-03-05t13:30:00.5+01:30", "2026-03-05T12:00:00.500Z"),
            ("2026-03-05T12:00:00.123999999z", "2026-03-05T12:00:00.123Z"),
        ] {
            assert_eq!(
                given.parse::<Timestamp>().unwrap().to_string(),
                written,
                "{given}"
            );
        }
    }

    #[test]
    fn arithmetic_stays_in_bounds() {
        assert_eq!(
            Timestamp::EPOCH.before(Duration::from_secs(9)),
            Timestamp::EPOCH
        );
        assert_eq!(Timestamp::MAX.after(Duration::from_secs(9)), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T22:00:00.000Z");
    }
}
