//! Values of options: durations, times, pairs.

use crate::config::check_name;
use crate::config::relay_url::RelayUrl;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use mrp_proto::time::Timestamp;
use serde_json::value::{RawValue, to_raw_value};
use std::time::Duration;

/// The times a message can live at a relay (protocol A9).
const SHORTEST_EXPIRY: Duration = Duration::from_secs(1);
const LONGEST_EXPIRY: Duration = Duration::from_secs(30 * 24 * 3600);

/// The times that work can be claimed for, and can rest.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);
const LONGEST_LEASE: Duration = Duration::from_secs(7 * 24 * 3600);
const LONGEST_DELAY: Duration = Duration::from_secs(30 * 24 * 3600);

const DURATION_RULE: &str = "expected a duration such as 10s, 5m, 1h30m or 7d";

/// `10s`, `1h30m`, `7d`, or seconds as a bare number. A day has 24 hours.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let wrong = || DURATION_RULE.to_owned();
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let span: Span = text.parse().map_err(|_| wrong())?;
    let signed: SignedDuration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    Duration::try_from(signed).map_err(|_| "a duration cannot be negative".to_owned())
}

/// A duration from 1 second to 30 days, whole seconds.
pub(crate) fn expiry(text: &str) -> Result<Duration, String> {
    let given = duration(text)?;
    if !(SHORTEST_EXPIRY..=LONGEST_EXPIRY).contains(&given) {
        return Err("expected 1s to 30d".to_owned());
    }
    Ok(Duration::from_secs(given.as_secs()))
}

/// How long a claim holds: 1 second to 7 days, as the daemon has it.
pub(crate) fn lease(text: &str) -> Result<Duration, String> {
    let given = duration(text)?;
    if !(SHORTEST_LEASE..=LONGEST_LEASE).contains(&given) {
        return Err("expected 1s to 7d".to_owned());
    }
    Ok(given)
}

/// How long something that was given back rests: up to 30 days, as the daemon has it.
pub(crate) fn delay(text: &str) -> Result<Duration, String> {
    let given = duration(text)?;
    if given > LONGEST_DELAY {
        return Err("expected at most 30d".to_owned());
    }
    Ok(given)
}

/// A point in time (RFC 3339), or a duration before now.
pub(crate) fn since(text: &str) -> Result<Timestamp, String> {
    since_at(text, now())
}

/// The time now, by this machine's clock.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_millis(jiff::Timestamp::now().as_millisecond())
}

fn since_at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let ago = text.trim().trim_end_matches("ago");
    duration(ago)
        .map(|ago| now.before(ago))
        .map_err(|_| format!("{DURATION_RULE}, or a time such as {now}"))
}

/// A point in time: RFC 3339, or a date and time or a time of day by the clock of this machine.
pub(crate) fn at(text: &str) -> Result<Timestamp, String> {
    at_from(text, &jiff::Zoned::now())
}

fn at_from(text: &str, now: &jiff::Zoned) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let zone = now.time_zone().clone();
    let local = match text.parse::<jiff::civil::Time>() {
        Ok(time) if !text.contains('-') => {
            let today = now.date().to_datetime(time);
            if today > now.datetime() {
                Some(today)
            } else {
                now.date().tomorrow().ok().map(|day| day.to_datetime(time))
            }
        }
        _ => text.parse().ok(),
    };
    let zoned = local.and_then(|local: jiff::civil::DateTime| local.to_zoned(zone).ok());
    let instant = zoned.ok_or_else(|| {
        "expected a time such as 2026-11-21T09:00:00Z, \"2026-11-21 09:00\" or 09:00".to_owned()
    })?;
    Ok(Timestamp::from_unix_millis(
        instant.timestamp().as_millisecond(),
    ))
}

/// A member of a JSON object that is written as one word.
pub(crate) type Member = (String, Box<RawValue>);

/// `K=V`, a text, or `K:=JSON`.
pub(crate) fn member(text: &str) -> Result<Member, String> {
    const RULE: &str = "expected K=V for a text, or K:=JSON, such as n:=3";
    let (key, value) = text.split_once('=').ok_or(RULE)?;
    let (key, value) = match key.strip_suffix(':') {
        Some(key) => {
            let json = RawValue::from_string(value.trim().to_owned());
            let json = json.map_err(|error| format!("{value:?} is not JSON ({error}); {RULE}"))?;
            (key, json)
        }
        None => (key, to_raw_value(value).map_err(|error| error.to_string())?),
    };
    if key.is_empty() {
        return Err(RULE.to_owned());
    }
    Ok((key.to_owned(), value))
}

/// 0 to 100.
pub(crate) fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("expected a number from 0 to 100, such as 42.5".to_owned()),
    }
}

/// `K=V`, at the first `=`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected K=V".to_owned()),
    }
}

/// Anything but nothing: an empty variable of a script is a mistake, and no name or id.
pub(crate) fn given(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(text.to_owned())
}

/// A name for an agent or a relay.
pub(crate) fn name(text: &str) -> Result<String, String> {
    check_name(text).map(|()| text.to_owned())
}

/// A relay's URL.
pub(crate) fn relay_url(text: &str) -> Result<RelayUrl, String> {
    RelayUrl::parse(text)
}

/// A method of HTTP.
pub(crate) fn method(text: &str) -> Result<String, String> {
    const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
    let method = text.to_uppercase();
    if METHODS.contains(&method.as_str()) {
        return Ok(method);
    }
    Err(format!("expected one of {}", METHODS.join(", ")))
}

/// Path and query of a request.
pub(crate) fn target(text: &str) -> Result<String, String> {
    const RULE: &str = "expected a path such as /v1/status, with %20 for a space";
    let is_path = text.starts_with('/') && text.parse::<http::uri::PathAndQuery>().is_ok();
    is_path
        .then(|| text.to_owned())
        .ok_or_else(|| RULE.to_owned())
}

/// `Name: value`.
pub(crate) fn header(text: &str) -> Result<(String, String), String> {
    const RULE: &str = "expected a header such as 'Idempotency-Key: 7'";
    let (name, value) = text.split_once(':').ok_or(RULE)?;
    let (name, value) = (name.trim(), value.trim());
    let is_header =
        name.parse::<http::HeaderName>().is_ok() && value.parse::<http::HeaderValue>().is_ok();
    is_header
        .then(|| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| RULE.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("10s", 10.0),
            ("5m", 300.0),
            ("1h30m", 5400.0),
            ("1h 30m", 5400.0),
            ("7d", 604_800.0),
            ("2w", 1_209_600.0),
            ("500ms", 0.5),
            ("90", 90.0),
            ("0", 0.0),
            ("2 hours", 7200.0),
        ] {
            assert_eq!(
                duration(text).map(|read| read.as_secs_f64()),
                Ok(seconds),
                "{text}"
            );
        }
        for text in ["", "x", "-5m", "1y", "3mo", "10 parsecs", "99999999999"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_expiry_is_bounded_as_the_protocol_bounds_it() {
        assert_eq!(expiry("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(expiry("30d"), Ok(Duration::from_secs(2_592_000)));
        for text in ["0", "999ms", "2592001", "31d"] {
            assert!(expiry(text).is_err(), "{text}");
        }
    }

    #[test]
    fn leases_and_delays_are_bounded_as_the_daemon_bounds_them() {
        assert_eq!(lease("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(delay("0"), Ok(Duration::ZERO));
        for text in ["999ms", "8d"] {
            assert_eq!(lease(text), Err("expected 1s to 7d".to_owned()), "{text}");
        }
        assert!(delay("30d").is_ok() && delay("31d").is_err());
    }

    #[test]
    fn since_takes_times_and_how_long_ago() {
        let now: Timestamp = "2026-11-21T09:00:00.000Z".parse().unwrap();
        for (text, want) in [
            ("1h", "2026-11-21T08:00:00.000Z"),
            ("2 days ago", "2026-11-19T09:00:00.000Z"),
            ("2026-11-20T00:00:00Z", "2026-11-20T00:00:00.000Z"),
            ("2026-11-20T01:00:00+01:00", "2026-11-20T00:00:00.000Z"),
        ] {
            assert_eq!(
                since_at(text, now).map(|time| time.to_string()),
                Ok(want.to_owned()),
                "{text}"
            );
        }
        assert!(since_at("yesterday-ish", now).is_err());
    }

    #[test]
    fn times_ahead_are_read_by_the_clock_here() {
        let now: jiff::Zoned = "2026-11-21T10:00:00+01:00[Europe/Berlin]".parse().unwrap();
        for (text, want) in [
            ("2026-11-21T09:00:00Z", "2026-11-21T09:00:00.000Z"),
            ("2026-12-01 09:00", "2026-12-01T08:00:00.000Z"),
            ("11:30", "2026-11-21T10:30:00.000Z"),
            ("09:00", "2026-11-22T08:00:00.000Z"),
        ] {
            let read = at_from(text, &now).map(|time| time.to_string());
            assert_eq!(read, Ok(want.to_owned()), "{text}");
        }
        for text in ["noon", "25:00", "2026-13-01 09:00", ""] {
            assert!(at_from(text, &now).is_err(), "{text}");
        }
    }

    #[test]
    fn members_are_texts_or_json() {
        for (text, key, json) in [
            ("k=v", "k", "\"v\""),
            ("k=a:=b", "k", "\"a:=b\""),
            ("k=", "k", "\"\""),
            ("n:=3.0", "n", "3.0"),
            ("l:=[1, 2]", "l", "[1, 2]"),
            ("a:b=c", "a:b", "\"c\""),
        ] {
            let (read, value) = member(text).unwrap();
            assert_eq!((read.as_str(), value.get()), (key, json), "{text}");
        }
        for text in ["k", "=v", ":=1", "n:=", "n:=x"] {
            assert!(member(text).is_err(), "{text}");
        }
    }

    #[test]
    fn percentages_are_bounded() {
        assert_eq!(percent("42.5"), Ok(42.5));
        assert_eq!(percent("100%"), Ok(100.0));
        for text in ["-1", "101", "NaN", "half"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pairs_are_cut_at_the_first_equals_sign() {
        assert_eq!(pair("k=a=b"), Ok(("k".into(), "a=b".into())));
        assert_eq!(pair("k="), Ok(("k".into(), String::new())));
        assert!(pair("=v").is_err());
        assert!(pair("k").is_err());
    }

    #[test]
    fn requests_are_seen_to_be_ones_before_they_are_sent() {
        assert_eq!(method("get"), Ok("GET".to_owned()));
        assert!(method("FETCH").is_err());
        assert_eq!(target("/v1/x?a=b%20c"), Ok("/v1/x?a=b%20c".to_owned()));
        for text in ["v1/status", "/a b", "", "/\u{1}"] {
            assert!(target(text).is_err(), "{text:?}");
        }
        assert_eq!(header("A-b:  c: d "), Ok(("A-b".into(), "c: d".into())));
        for text in ["a", "a b: c", ": c", "a: b\nc: d"] {
            assert!(header(text).is_err(), "{text:?}");
        }
    }
}
