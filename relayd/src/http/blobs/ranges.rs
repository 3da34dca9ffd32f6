//! Which bytes a request asks for (RFC 9110 section 14): one range of them, or all.

use http::{HeaderMap, header};
use std::ops::Range;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything: no range was given, or one that is to be ignored.
    All,
    /// From the first byte to before the last; never empty.
    Part(Range<u64>),
    /// Nothing that there is.
    Nothing,
}

/// Reads `Range` and `If-Range`. Several ranges are answered with everything, which a server may do.
pub(super) fn asked(headers: &HeaderMap, tag: &str, size: u64) -> Asked {
    let mut given = headers.get_all(header::RANGE).iter();
    let (Some(range), None) = (given.next(), given.next()) else {
        return Asked::All;
    };
    // A date stands for a state that nobody knows: then it is everything, too.
    let means_this = headers
        .get(header::IF_RANGE)
        .is_none_or(|given| given == tag);
    let range = range.to_str().ok().filter(|_| means_this);
    range
        .and_then(|range| read(range, size))
        .unwrap_or(Asked::All)
}

/// `None` for what is not to be understood, and therefore ignored.
fn read(range: &str, size: u64) -> Option<Asked> {
    let (unit, set) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    let range = match (first.is_empty(), last.is_empty()) {
        (true, true) => return None,
        (true, false) => size.saturating_sub(number(last)?)..size,
        (false, true) => number(first)?..size,
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(if range.is_empty() {
        Asked::Nothing
    } else {
        Asked::Part(range)
    })
}

/// Digits alone; more of them than fit mean a place behind every blob.
fn number(digits: &str) -> Option<u64> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";

    fn of(range: &str, size: u64) -> Asked {
        let headers = [(header::RANGE, range.parse().unwrap())];
        asked(&headers.into_iter().collect(), TAG, size)
    }

    #[test]
    fn one_range_is_a_part() {
        for (range, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-4", 2..5),
            ("Bytes=9-", 9..10),
            ("bytes=0-99", 0..10),
            ("bytes=5-99999999999999999999999", 5..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
        ] {
            assert_eq!(of(range, 10), Asked::Part(expected), "{range}");
        }
    }

    #[test]
    fn what_is_behind_the_end_is_nothing() {
        for range in [
            "bytes=10-",
            "bytes=10-11",
            "bytes=-0",
            "bytes=99999999999999999999999-",
        ] {
            assert_eq!(of(range, 10), Asked::Nothing, "{range}");
        }
        for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(of(range, 0), Asked::Nothing, "{range}");
        }
    }

    #[test]
    fn what_is_not_understood_is_ignored() {
        for range in [
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=4-2",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes=+1-2",
        ] {
            assert_eq!(of(range, 10), Asked::All, "{range}");
        }
        let mut headers: HeaderMap = [(header::RANGE, "bytes=0-1".parse().unwrap())]
            .into_iter()
            .collect();
        for (if_range, expected) in [
            (TAG, Asked::Part(0..2)),
            ("\"x\"", Asked::All),
            ("W/\"abc\"", Asked::All),
            ("Wed, 21 Oct 2026 07:28:00 GMT", Asked::All),
        ] {
            headers.insert(header::IF_RANGE, if_range.parse().unwrap());
            assert_eq!(asked(&headers, TAG, 10), expected, "{if_range}");
        }
        headers.remove(header::IF_RANGE);
        headers.append(header::RANGE, "bytes=3-4".parse().unwrap());
        assert_eq!(asked(&headers, TAG, 10), Asked::All);
    }
}
