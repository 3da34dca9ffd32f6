//! Times in cron's manner, by the clock on the wall of this machine.
//!
//! When the clock is put forward, a fixed time of the hour that is left out (`30 2 * * *`) is due right behind the gap; when it is
//! put back, it is due the first time only. Repeated times (`*/10 * * * *`) follow the clock as it goes.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Zoned;
use jiff::tz::TimeZone;
use mrp_proto::time::Timestamp;

/// When something is due.
#[derive(Debug, Clone)]
pub struct Times {
    source: String,
    cron: Box<Cron>,
}

/// Why these are no times.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimesError {
    /// They cannot be understood.
    #[error(
        "{written:?} cannot be understood ({cause}); expected five fields, such as \"0 9 * * 1\""
    )]
    Malformed {
        /// What was written.
        written: String,
        /// What is wrong.
        cause: String,
    },
    /// They never come.
    #[error("{written:?} never comes")]
    Never {
        /// What was written.
        written: String,
    },
}

impl Times {
    /// Reads five fields: minute, hour, day of the month, month, day of the week.
    ///
    /// # Errors
    /// A [`TimesError`].
    pub fn parse(source: &str) -> Result<Self, TimesError> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser
            .parse(source)
            .map_err(|error| TimesError::Malformed {
                written: source.to_owned(),
                cause: error.to_string(),
            })?;
        let times = Self {
            source: source.to_owned(),
            cron: Box::new(cron),
        };
        match times.next(crate::clock::now()) {
            Some(_) => Ok(times),
            None => Err(TimesError::Never {
                written: source.to_owned(),
            }),
        }
    }

    /// As they were written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The first one behind a time, where this machine is.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.next_in(after, TimeZone::system())
    }

    /// The last one up to a time, where this machine is.
    pub fn last(&self, until: Timestamp) -> Option<Timestamp> {
        let until = zoned(until, TimeZone::system())?;
        let last = self.cron.find_previous_occurrence(&until, true).ok()?;
        Some(timestamp(&last))
    }

    fn next_in(&self, after: Timestamp, zone: TimeZone) -> Option<Timestamp> {
        let after = zoned(after, zone)?;
        let next = self.cron.find_next_occurrence(&after, false).ok()?;
        Some(timestamp(&next))
    }
}

impl PartialEq for Times {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Times {}

fn zoned(time: Timestamp, zone: TimeZone) -> Option<Zoned> {
    let time = jiff::Timestamp::from_millisecond(time.unix_millis()).ok()?;
    Some(time.to_zoned(zone))
}

fn timestamp(time: &Zoned) -> Timestamp {
    Timestamp::from_unix_millis(time.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(source: &str, after: &str, zone: &TimeZone) -> String {
        let after: Timestamp = after.parse().unwrap();
        let next = Times::parse(source).unwrap().next_in(after, zone.clone());
        next.unwrap().to_string()
    }

    #[test]
    fn five_fields_are_read() {
        let utc = TimeZone::UTC;
        let monday = next("0 9 * * 1", "2026-11-21T09:00:00.000Z", &utc);
        assert_eq!(monday, "2026-11-23T09:00:00.000Z");
        let again = next("0 9 * * 1", "2026-11-23T09:00:00.000Z", &utc);
        assert_eq!(again, "2026-11-30T09:00:00.000Z");
        for bad in [
            "",
            "* * * *",
            "0 0 9 * * 1",
            "61 * * * *",
            "0 9 * * mond",
            "* * * * * * *",
        ] {
            let error = Times::parse(bad).unwrap_err();
            assert!(
                matches!(error, TimesError::Malformed { .. }),
                "{bad}: {error}"
            );
        }
        let error = Times::parse("0 0 31 2 *").unwrap_err();
        assert!(!error.to_string().is_empty());
    }

    #[test]
    fn the_clock_is_followed_when_it_is_put_forward_and_back() {
        // Central Europe, written out, so that no table of zones is needed: forward on 2026-03-29, back on 2026-10-25.
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let skipped = next("30 2 * * *", "2026-03-29T00:00:00.000Z", &zone);
        assert_eq!(skipped, "2026-03-29T01:00:00.000Z", "03:00, behind the gap");
        let first = next("30 2 * * *", "2026-10-24T23:00:00.000Z", &zone);
        assert_eq!(first, "2026-10-25T00:30:00.000Z", "02:30 in summer");
        let second = next("30 2 * * *", &first, &zone);
        assert_eq!(
            second, "2026-10-26T01:30:00.000Z",
            "not 02:30 again an hour later"
        );
    }
}
